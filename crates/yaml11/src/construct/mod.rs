//! A graph of nodes to values, in the order in which the original makes them, which decides the error
//! that a text with several gets.
//!
//! A node that is named by aliases is made once and shared. Three limits keep a small text from becoming
//! a huge tree: how deep it may nest, how many nodes it may stand for once every alias is written out,
//! and how many entries `<<` may bring. `scalar` and its parts convert texts, `merge` does `<<`, `key`
//! knows which keys are the same.

mod base64;
mod collection;
mod key;
mod merge;
mod number;
mod scalar;
pub(crate) mod time;

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use crate::compose::{DEEPEST, too_deep};
use crate::error::{Error, Stage};
use crate::graph::{Content, Graph, Id};
use crate::node::{Node, Value};
use crate::quoting::quoted;
use crate::resolve::Tag;
use crate::span::{Point, Span};
pub(crate) use number::too_many_digits;

/// How many nodes a text may stand for; a long scalar counts as one for each `COUNTED_AS_ONE` bytes of it.
pub const MOST_NODES: u32 = 5_000_000;
const COUNTED_AS_ONE: usize = 64;

/// A value with what the limits need: its height and its size with aliases written out.
#[derive(Clone)]
struct Made {
    node: Arc<Node>,
    height: u32,
    size: u32,
}

/// Makes the values of a document.
pub(crate) struct Constructor<'text> {
    text: &'text str,
    source: u32,
    graph: Graph<'text>,
    made: Vec<Option<Made>>,
    /// The nodes that are being made.
    open: Vec<bool>,
    /// How many entries `<<` brought.
    merged: u32,
    /// Texts that may come again.
    texts: RefCell<HashSet<Arc<str>>>,
}

/// A value, its height and its size.
type Shape = (Value, u32, u32);

impl<'text> Constructor<'text> {
    pub(crate) fn new(text: &'text str, source: u32, graph: Graph<'text>) -> Self {
        let (made, open) = (vec![None; graph.len()], vec![false; graph.len()]);
        Self { text, source, graph, made, open, merged: 0, texts: RefCell::default() }
    }

    /// The value of a document.
    pub(crate) fn document(mut self, root: Id) -> Result<Arc<Node>, Error> {
        Ok(self.make(root, 0)?.node)
    }

    /// The value of a node below so many others.
    fn make(&mut self, id: Id, depth: usize) -> Result<Made, Error> {
        if let Some(made) = &self.made[id.index()] {
            return Ok(made.clone());
        }
        let start = self.graph[id].start;
        if self.open[id.index()] {
            return Err(self.refuse("found unconstructable recursive node", start));
        }
        // Merge keys can lead far away from what is written below a node.
        if depth > DEEPEST {
            return Err(too_deep(self.text, start));
        }
        self.open[id.index()] = true;
        let (value, height, size) = self.value(id, depth)?;
        if height as usize > DEEPEST {
            return Err(too_deep(self.text, start));
        }
        if size > MOST_NODES {
            return Err(too_large(self.text, start));
        }
        self.open[id.index()] = false;
        let span = Span { start: start.mark, end: self.graph[id].end };
        let made = Made { node: Arc::new(Node { span, source: self.source, value }), height, size };
        self.made[id.index()] = Some(made.clone());
        Ok(made)
    }

    fn value(&mut self, id: Id, depth: usize) -> Result<Shape, Error> {
        let raw = &self.graph[id];
        match &raw.tag {
            Tag::Str => Ok((self.string(id)?, 0, self.size(id))),
            Tag::Seq => self.sequence(id, depth),
            Tag::Map => self.mapping(id, depth),
            Tag::Set => self.set(id, depth),
            Tag::OrderedMap => self.pairs(id, "while constructing an ordered map", depth),
            Tag::Pairs => self.pairs(id, "while constructing pairs", depth),
            tag => match tag.without_values() {
                Some(tag) => {
                    let problem = format!("could not determine a constructor for the tag {}", quoted(tag));
                    Err(self.refuse(problem, raw.start))
                }
                None => Ok((self.scalar(id)?, 0, self.size(id))),
            },
        }
    }

    /// How much a scalar counts.
    fn size(&self, id: Id) -> u32 {
        let Content::Scalar(text) = &self.graph[id].content else { return 1 };
        u32::try_from(text.len() / COUNTED_AS_ONE).unwrap_or(u32::MAX - 1) + 1
    }

    #[cold]
    fn refuse(&self, problem: impl Into<String>, place: Point) -> Error {
        Error::new(Stage::Constructor, problem, self.text, place)
    }

    /// A refusal of the kind of a node.
    #[cold]
    fn refuse_kind(&self, expected: &str, id: Id) -> Error {
        let raw = &self.graph[id];
        self.refuse(format!("{expected}, but found {}", raw.content.name()), raw.start)
    }
}

#[cold]
fn too_large(text: &str, place: Point) -> Error {
    Error::new(Stage::Composer, "aliases make the document too large", text, place)
}
