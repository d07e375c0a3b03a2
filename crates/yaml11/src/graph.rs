//! The nodes of a document before they become values: what stands where, and what an alias names.
//!
//! An alias is an edge to the node it names, so this is a graph, and it may have cycles. Nodes are
//! numbered in the order in which they begin.

use std::borrow::Cow;

use crate::resolve::Tag;
use crate::span::{Mark, Point};

/// The number of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id(u32);

/// A key and its value.
pub(crate) type Pair = (Id, Id);

/// A node as it is written.
pub(crate) struct Raw<'text> {
    pub(crate) start: Point,
    pub(crate) end: Mark,
    pub(crate) tag: Tag,
    pub(crate) content: Content<'text>,
}

pub(crate) enum Content<'text> {
    Scalar(Cow<'text, str>),
    Sequence(Vec<Id>),
    Mapping(Vec<Pair>),
}

impl Content<'_> {
    /// How refusals call it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Scalar(_) => "scalar",
            Self::Sequence(_) => "sequence",
            Self::Mapping(_) => "mapping",
        }
    }
}

#[derive(Default)]
pub(crate) struct Graph<'text> {
    nodes: Vec<Raw<'text>>,
}

impl<'text> Graph<'text> {
    #[expect(clippy::cast_possible_truncation, reason = "a text of 4 GiB has fewer nodes than characters")]
    pub(crate) fn add(&mut self, node: Raw<'text>) -> Id {
        self.nodes.push(node);
        Id(self.nodes.len() as u32 - 1)
    }

    /// The entries of a mapping; none of anything else.
    pub(crate) fn pairs(&self, id: Id) -> &[Pair] {
        match &self[id].content {
            Content::Mapping(pairs) => pairs,
            _ => &[],
        }
    }

    /// As [`Self::pairs`], to be changed in place.
    pub(crate) fn pairs_mut(&mut self, id: Id) -> &mut [Pair] {
        match &mut self[id].content {
            Content::Mapping(pairs) => pairs,
            _ => &mut [],
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.nodes.len()
    }
}

impl Id {
    /// The number of no node.
    pub(crate) const NONE: Self = Self(u32::MAX);

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl<'text> std::ops::Index<Id> for Graph<'text> {
    type Output = Raw<'text>;

    fn index(&self, id: Id) -> &Raw<'text> {
        &self.nodes[id.index()]
    }
}

impl std::ops::IndexMut<Id> for Graph<'_> {
    fn index_mut(&mut self, id: Id) -> &mut Self::Output {
        &mut self.nodes[id.index()]
    }
}
