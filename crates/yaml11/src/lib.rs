//! YAML 1.1 with positions, as blueprints are read.
//!
//! [`load`] turns a text into one [`Node`], or says why not in the words that clients of the original
//! know. Nothing here knows of blueprints. The way in: [`load`] → `cursor` and `scan` (characters to
//! tokens) → `parse` (tokens to events) → `compose` (events to a `graph`; anchors) and `resolve` (what a
//! plain scalar is) → `construct` (merge keys, duplicate keys, conversions). What is accepted, each
//! position and each message follow the pure-Python reader `PyYAML` 6.0.3, to which the tests hold them.
//! Invariant: no text makes it panic, overflow the stack, outgrow [`MOST_NODES`] or take more than linear
//! time.

mod compose;
mod construct;
mod cursor;
mod error;
pub mod event;
mod graph;
mod node;
mod parse;
mod quoting;
mod resolve;
mod scan;
mod span;
mod token;

use std::sync::Arc;

pub use compose::DEEPEST;
pub use construct::MOST_NODES;
pub use error::{Context, Error, Stage};
pub use node::{Entry, Node, Value};
pub use parse::Events;
pub use span::{Mark, Span};

/// Reads the only document of a text; `None` for a text without one.
///
/// Errors: the text is not YAML 1.1, is not ASCII where strings are, holds two documents, nests deeper
/// than [`DEEPEST`] or stands for more than [`MOST_NODES`] nodes.
pub fn load(text: &str) -> Result<Option<Arc<Node>>, Error> {
    load_numbered(text, 0)
}

/// As [`load`]; every node carries `source`, so that trees of several texts can be mixed.
pub fn load_numbered(text: &str, source: u32) -> Result<Option<Arc<Node>>, Error> {
    let (graph, root) = compose::document(&mut Events::new(text)?)?;
    root.map(|root| construct::Constructor::new(text, source, graph).document(root)).transpose()
}

/// The steps of a text one by one, before anchors and tags mean anything.
///
/// Errors: a character that may not stand in YAML.
pub fn events(text: &str) -> Result<Events<'_>, Error> {
    Events::new(text)
}
