//! `<<`: the entries of other mappings come first, so that the mapping's own can override them.

use super::{Constructor, MOST_NODES, too_large};
use crate::compose::{DEEPEST, too_deep};
use crate::error::Error;
use crate::graph::{Content, Id, Pair};
use crate::resolve::Tag;

/// The key of an entry that was taken out of a mapping in which others still wait.
const GONE: Id = Id::NONE;

impl Constructor<'_> {
    /// Replaces the merge keys of a mapping by the entries that they bring. Of several mappings in a list
    /// the first one wins. `=` becomes an ordinary key.
    ///
    /// A mapping may merge itself, by way of others or not: it then brings what it has at that moment.
    pub(super) fn flatten(&mut self, id: Id, depth: usize) -> Result<(), Error> {
        let is_special = |key: Id| key != GONE && matches!(self.graph[key].tag, Tag::Merge | Tag::Default);
        if !self.graph.pairs(id).iter().any(|(key, _)| is_special(*key)) {
            return Ok(());
        }
        if depth > DEEPEST {
            return Err(too_deep(self.text, self.graph[id].start));
        }
        let mut merged = Vec::new();
        let mut place = 0;
        while let Some(&(key, value)) = self.graph.pairs(id).get(place) {
            if key != GONE && self.graph[key].tag == Tag::Merge {
                self.graph.pairs_mut(id)[place].0 = GONE;
                self.bring(value, id, &mut merged, depth)?;
            } else if key != GONE && self.graph[key].tag == Tag::Default {
                self.graph[key].tag = Tag::Str;
            }
            place += 1;
        }
        merged.extend(self.graph.pairs(id).iter().filter(|(key, _)| *key != GONE));
        self.graph[id].content = Content::Mapping(merged);
        Ok(())
    }

    /// Adds the entries that a value of `<<` stands for.
    fn bring(&mut self, value: Id, id: Id, merged: &mut Vec<Pair>, depth: usize) -> Result<(), Error> {
        let refuse = |this: &Self, expected: &str, found: Id| {
            let start = this.graph[id].start;
            Err(this.refuse_kind(expected, found).within("while constructing a mapping", this.text, start))
        };
        match &self.graph[value].content {
            Content::Mapping(_) => self.bring_entries(value, merged, depth),
            Content::Sequence(items) => {
                let mut brought = Vec::new();
                for item in items.clone() {
                    if !matches!(self.graph[item].content, Content::Mapping(_)) {
                        return refuse(self, "expected a mapping for merging", item);
                    }
                    let mut entries = Vec::new();
                    self.bring_entries(item, &mut entries, depth)?;
                    brought.push(entries);
                }
                merged.extend(brought.into_iter().rev().flatten());
                Ok(())
            }
            Content::Scalar(_) => refuse(self, "expected a mapping or list of mappings for merging", value),
        }
    }

    fn bring_entries(&mut self, source: Id, merged: &mut Vec<Pair>, depth: usize) -> Result<(), Error> {
        self.flatten(source, depth + 1)?;
        let brought = u32::try_from(self.graph.pairs(source).len()).unwrap_or(u32::MAX);
        self.merged = self.merged.saturating_add(brought);
        if self.merged > MOST_NODES {
            return Err(too_large(self.text, self.graph[source].start));
        }
        merged.extend(self.graph.pairs(source).iter().filter(|(key, _)| *key != GONE));
        Ok(())
    }
}
