//! YAML 1.1 with positions, as blueprints are read.
//!
//! [`load`] turns a text into one [`Node`]. Nothing here knows of blueprints. The way in: [`load`] →
//! `compose` (anchors, merge keys, duplicate keys) → `event` (the scanner behind it) and `resolve` (what
//! a plain scalar is). Invariant: no text makes it panic, overflow the stack or outgrow
//! [`MOST_NODES`].

mod compose;
mod error;
mod event;
mod node;
mod resolve;
mod span;

use std::sync::Arc;

pub use compose::{DEEPEST, MOST_NODES};
pub use error::{Error, Stage};
pub use node::{Entry, Node, Value};
pub use span::{Mark, Span};

/// Reads the only document of a text; `None` for a text without one.
///
/// Errors: the text is not YAML 1.1, holds two documents, nests deeper than [`DEEPEST`] or stands for
/// more than [`MOST_NODES`] nodes.
pub fn load(text: &str) -> Result<Option<Arc<Node>>, Error> {
    load_numbered(text, 0)
}

/// As [`load`]; every node carries `source`, so that trees of several texts can be mixed.
pub fn load_numbered(text: &str, source: u32) -> Result<Option<Arc<Node>>, Error> {
    compose::Composer::new(text, source).document()
}
