//! `<<`: the entries of other mappings come first, so that the mapping's own can override them.

use super::{Constructor, MOST_NODES, too_large};
use crate::compose::{DEEPEST, too_deep};
use crate::error::Error;
use crate::graph::{Content, Id};
use crate::resolve::Tag;

impl Constructor<'_> {
    /// Replaces the merge keys of a mapping by the entries that they bring. Of several mappings in a list
    /// the first one wins. A mapping that merges itself gains nothing. `=` becomes an ordinary key.
    pub(super) fn flatten(&mut self, id: Id, depth: usize) -> Result<(), Error> {
        let Content::Mapping(pairs) = &self.graph[id].content else { return Ok(()) };
        if !pairs.iter().any(|(key, _)| matches!(self.graph[*key].tag, Tag::Merge | Tag::Default)) {
            return Ok(());
        }
        let start = self.graph[id].start;
        if depth > DEEPEST {
            return Err(too_deep(self.text, start));
        }
        let (mut own, mut sources) = (Vec::with_capacity(pairs.len()), Vec::new());
        for (key, value) in pairs.clone() {
            match self.graph[key].tag {
                Tag::Merge => sources.push(value),
                Tag::Default => {
                    self.graph[key].tag = Tag::Str;
                    own.push((key, value));
                }
                _ => own.push((key, value)),
            }
        }
        self.graph[id].content = Content::Mapping(own);
        let mut merged = Vec::new();
        for source in sources {
            match &self.graph[source].content {
                Content::Mapping(_) => self.merge(source, &mut merged, depth)?,
                Content::Sequence(items) => {
                    let mut brought = Vec::new();
                    for item in items.clone() {
                        if !matches!(self.graph[item].content, Content::Mapping(_)) {
                            let error = self.refuse_kind("expected a mapping for merging", item);
                            return Err(error.within("while constructing a mapping", self.text, start));
                        }
                        let mut of_item = Vec::new();
                        self.merge(item, &mut of_item, depth)?;
                        brought.push(of_item);
                    }
                    merged.extend(brought.into_iter().rev().flatten());
                }
                Content::Scalar(_) => {
                    let error = self.refuse_kind("expected a mapping or list of mappings for merging", source);
                    return Err(error.within("while constructing a mapping", self.text, start));
                }
            }
        }
        if let Content::Mapping(own) = &mut self.graph[id].content {
            merged.append(own);
            *own = merged;
        }
        Ok(())
    }

    /// Adds the entries of one mapping.
    fn merge(&mut self, source: Id, into: &mut Vec<(Id, Id)>, depth: usize) -> Result<(), Error> {
        self.flatten(source, depth + 1)?;
        let raw = &self.graph[source];
        if let Content::Mapping(pairs) = &raw.content {
            self.merged += pairs.len() as u64;
            if self.merged > MOST_NODES {
                return Err(too_large(self.text, raw.start));
            }
            into.extend(pairs);
        }
        Ok(())
    }
}
