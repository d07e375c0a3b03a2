//! Lists, mappings, sets, and mappings that are written as lists.

use std::sync::Arc;

use super::{Constructor, Shape, key};
use crate::error::{Error, Stage};
use crate::graph::{Content, Id};
use crate::node::{Entry, Node, Value};
use crate::span::Span;

impl Constructor<'_> {
    pub(super) fn sequence(&mut self, id: Id, depth: usize) -> Result<Shape, Error> {
        let Content::Sequence(items) = &self.graph[id].content else {
            return Err(self.refuse_kind("expected a sequence node", id));
        };
        let items = items.clone();
        let (mut values, mut height, mut size) = (Vec::with_capacity(items.len()), 0, 1_u32);
        for item in items {
            let made = self.make(item, depth + 1)?;
            height = height.max(made.height);
            size = size.saturating_add(made.size);
            values.push(made.node);
        }
        Ok((Value::Sequence(values.into()), height + 1, size))
    }

    pub(super) fn mapping(&mut self, id: Id, depth: usize) -> Result<Shape, Error> {
        let (entries, height, size) = self.entries(id, depth)?;
        Ok((Value::Mapping(entries.into()), height, size))
    }

    pub(super) fn set(&mut self, id: Id, depth: usize) -> Result<Shape, Error> {
        let (entries, height, size) = self.entries(id, depth)?;
        Ok((Value::Set(entries.into_iter().map(|entry| entry.key).collect()), height, size))
    }

    /// The entries of a mapping, merged ones first, each key once.
    fn entries(&mut self, id: Id, depth: usize) -> Result<(Vec<Entry>, u32, u32), Error> {
        if !matches!(self.graph[id].content, Content::Mapping(_)) {
            return Err(self.refuse_kind("expected a mapping node", id));
        }
        self.flatten(id, 0)?;
        let pairs = self.graph.pairs(id).to_vec();
        let (mut entries, mut height, mut size) = (Vec::with_capacity(pairs.len()), 0, 1_u32);
        for (key, value) in pairs {
            let (key, value) = (self.make(key, depth + 1)?, self.make(value, depth + 1)?);
            if let Some(kind) = key::unhashable(&key.node.value) {
                let problem = format!("unhashable type: '{kind}'");
                return Err(Error::unplaced(Stage::Type, problem, key.node.span.start));
            }
            height = height.max(key.height).max(value.height);
            size = size.saturating_add(key.size).saturating_add(value.size);
            entries.push(Entry { key: key.node, value: value.node });
        }
        Ok((key::unique(entries), height + 1, size))
    }

    /// `!!omap` and `!!pairs`: a list of mappings with one entry each, which becomes a list of lists of
    /// two.
    pub(super) fn pairs(&mut self, id: Id, context: &str, depth: usize) -> Result<Shape, Error> {
        let begin = self.graph[id].start;
        let Content::Sequence(items) = &self.graph[id].content else {
            return Err(self.refuse_kind("expected a sequence", id).within(context, self.text, begin));
        };
        let items = items.clone();
        let (mut values, mut height, mut size) = (Vec::with_capacity(items.len()), 0, 1_u32);
        for item in items {
            let raw = &self.graph[item];
            let Content::Mapping(pairs) = &raw.content else {
                let error = self.refuse_kind("expected a mapping of length 1", item);
                return Err(error.within(context, self.text, begin));
            };
            let &[(key, value)] = pairs.as_slice() else {
                let problem = format!("expected a single mapping item, but found {} items", pairs.len());
                return Err(self.refuse(problem, raw.start).within(context, self.text, begin));
            };
            let span = Span { start: raw.start.mark, end: raw.end };
            let (key, value) = (self.make(key, depth + 2)?, self.make(value, depth + 2)?);
            height = height.max(key.height + 1).max(value.height + 1);
            size = size.saturating_add(key.size).saturating_add(value.size).saturating_add(1);
            let pair = Value::Sequence([key.node, value.node].into());
            values.push(Arc::new(Node { span, source: self.source, value: pair }));
        }
        Ok((Value::Sequence(values.into()), height + 1, size))
    }
}
