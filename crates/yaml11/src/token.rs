//! What the scanner finds in a text.

use std::borrow::Cow;

use crate::span::Point;

/// A token with its place.
#[derive(Debug)]
pub(crate) struct Token<'text> {
    pub(crate) kind: Kind<'text>,
    pub(crate) start: Point,
    pub(crate) end: Point,
}

#[derive(Debug)]
pub(crate) enum Kind<'text> {
    StreamEnd,
    Directive(Directive<'text>),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    Key,
    Value,
    BlockEntry,
    FlowEntry,
    Alias(&'text str),
    Anchor(&'text str),
    Tag(Tag<'text>),
    Scalar(Cow<'text, str>, Style),
}

/// `%NAME value` at the beginning of a document.
#[derive(Debug)]
pub(crate) enum Directive<'text> {
    /// The language's version; whether this is a reader for it.
    Yaml { supported: bool },
    /// What a handle stands for.
    Tag { handle: &'text str, prefix: Cow<'text, str> },
    /// Any other one means nothing.
    Unknown,
}

/// `!handle!suffix`; the suffix is the whole tag if there is no handle.
#[derive(Debug)]
pub(crate) struct Tag<'text> {
    pub(crate) handle: Option<&'text str>,
    pub(crate) suffix: Cow<'text, str>,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes; only such a scalar can be a number, a date, a truth value or nothing.
    Plain,
    /// In single quotes.
    SingleQuoted,
    /// In double quotes.
    DoubleQuoted,
    /// After `|`.
    Literal,
    /// After `>`.
    Folded,
}

impl Kind<'_> {
    /// How refusals call it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::StreamEnd => "<stream end>",
            Self::Directive(_) => "<directive>",
            Self::DocumentStart => "<document start>",
            Self::DocumentEnd => "<document end>",
            Self::BlockSequenceStart => "<block sequence start>",
            Self::BlockMappingStart => "<block mapping start>",
            Self::BlockEnd => "<block end>",
            Self::FlowSequenceStart => "[",
            Self::FlowSequenceEnd => "]",
            Self::FlowMappingStart => "{",
            Self::FlowMappingEnd => "}",
            Self::Key => "?",
            Self::Value => ":",
            Self::BlockEntry => "-",
            Self::FlowEntry => ",",
            Self::Alias(_) => "<alias>",
            Self::Anchor(_) => "<anchor>",
            Self::Tag(_) => "<tag>",
            Self::Scalar(..) => "<scalar>",
        }
    }
}
