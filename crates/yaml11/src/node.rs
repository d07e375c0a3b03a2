//! The tree that a text becomes. Aliased nodes are shared, never copied.

use std::sync::Arc;

use crate::span::Span;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// The number of the text it came from, as given to [`crate::load_numbered`].
    pub source: u32,
    /// What it is.
    pub value: Value,
}

/// What a node is after its tag was resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `~`, `null` or nothing at all.
    Null,
    /// `yes`, `off`, `true` and the like.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number beyond 64 bits, in decimal digits.
    BigInt(Box<str>),
    /// A number with a dot.
    Float(f64),
    /// Text.
    String(Arc<str>),
    /// A date, or a date with a time, as it was written.
    Timestamp(Box<str>),
    /// `!!binary`, as it was written (base64).
    Binary(Box<str>),
    /// A list.
    Sequence(Box<[Arc<Node>]>),
    /// Keys and values in order; each key once.
    Mapping(Box<[Entry]>),
    /// `!!set`: the keys of a mapping whose values count for nothing.
    Set(Box<[Arc<Node>]>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key, at the place where it was written first.
    pub key: Arc<Node>,
    /// The value that was written last.
    pub value: Arc<Node>,
}

impl Node {
    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The entries, if it is a mapping.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn items(&self) -> Option<&[Arc<Self>]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The entry with this key; looks through them one by one.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().find(|entry| entry.key.as_str() == Some(key))
    }

    /// Whether it is nothing.
    pub const fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }
}
