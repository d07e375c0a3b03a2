//! The grammar as data: which keys exist where, of which types, since which version, and which texts
//! are references that namespaces prefix. [`grammar`] is the data, [`check`] applies it, [`recovery`] goes on after it was
//! violated.

pub(crate) mod check;
pub(crate) mod grammar;
pub(crate) mod precedence;
pub(crate) mod recovery;

use crate::version::Version;

/// The types of plain values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    String,
    Boolean,
    Integer,
    /// Any number.
    Number,
    Float,
    Dict,
    List,
}

/// What a value may look like.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A plain value of one of these types.
    Leaf(&'static [Leaf]),
    /// A mapping with free keys.
    Dict(&'static Rule),
    /// A list.
    List(&'static Rule),
    /// A mapping with these keys.
    Fields(&'static [Field]),
    /// Text, or a mapping with these keys.
    TextOr(&'static [Field]),
}

/// What a value must be.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    pub(crate) since: Version,
    /// Whether an imported blueprint's namespace is put before its keys (of a free mapping) or before
    /// its text.
    pub(crate) namespaced: bool,
}

/// A key with what its value must be.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) rule: Rule,
}

impl Rule {
    const fn new(shape: Shape) -> Self {
        Self { shape, required: false, since: Version::V1_0, namespaced: true }
    }

    /// Must be there.
    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Did not exist before.
    const fn since(mut self, version: Version) -> Self {
        self.since = version;
        self
    }

    /// Is never prefixed by a namespace.
    const fn plain(mut self) -> Self {
        self.namespaced = false;
        self
    }
}

const fn field(name: &'static str, rule: Rule) -> Field {
    Field { name, rule }
}
