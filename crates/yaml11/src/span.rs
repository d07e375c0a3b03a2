//! Positions in a text, counted from 0 in lines and in characters.

/// A position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The line.
    pub line: u32,
    /// The column in characters. A byte order mark takes no column.
    pub column: u32,
}

/// From the first character to behind the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Where it begins.
    pub start: Mark,
    /// Where it ends.
    pub end: Mark,
}

/// A position that also knows its byte, so that a refusal can quote the line around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) offset: u32,
    pub(crate) mark: Mark,
}
