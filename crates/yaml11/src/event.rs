//! The steps of a stream, as the parser finds them.

use std::borrow::Cow;

use crate::span::{Point, Span};
pub use crate::token::Style;

/// One step.
#[derive(Debug)]
pub struct Event<'text> {
    pub(crate) start: Point,
    pub(crate) end: Point,
    /// What it is.
    pub kind: Kind<'text>,
}

impl Event<'_> {
    /// Where it stands.
    pub const fn span(&self) -> Span {
        Span { start: self.start.mark, end: self.end.mark }
    }
}

/// What a step is.
#[derive(Debug)]
pub enum Kind<'text> {
    /// The beginning of the stream.
    StreamStart,
    /// The end of the stream; nothing follows.
    StreamEnd,
    /// The beginning of a document; explicit if `---` says so.
    DocumentStart {
        /// Whether `---` is written.
        explicit: bool,
    },
    /// The end of a document; explicit if `...` says so.
    DocumentEnd {
        /// Whether `...` is written.
        explicit: bool,
    },
    /// `*name`.
    Alias(&'text str),
    /// A scalar; empty where nothing is written.
    Scalar {
        /// Its anchor and tag.
        properties: Properties<'text>,
        /// Its text after unfolding.
        text: Cow<'text, str>,
        /// How it is written.
        style: Style,
    },
    /// The beginning of a list.
    SequenceStart {
        /// Its anchor and tag.
        properties: Properties<'text>,
        /// Whether it is written in brackets.
        flow: bool,
    },
    /// The end of a list.
    SequenceEnd,
    /// The beginning of a mapping.
    MappingStart {
        /// Its anchor and tag.
        properties: Properties<'text>,
        /// Whether it is written in braces.
        flow: bool,
    },
    /// The end of a mapping.
    MappingEnd,
}

/// What may stand before a node.
#[derive(Debug, Default)]
pub struct Properties<'text> {
    /// The name of `&name`.
    pub anchor: Option<&'text str>,
    /// The tag, with its handle replaced; `!` alone leaves the tag open.
    pub tag: Option<Cow<'text, str>>,
}
