//! What functions ask for: inputs, nodes, secrets, other deployments.

use std::cell::Cell;
use std::sync::Arc;

use nephele_model::json::Value;

use super::{Lookup, Node, Stop, Storage};

/// In which part of a plan a function stands; decides what `SELF`, `SOURCE` and `TARGET` may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Properties, capabilities and operations of a node.
    Node,
    /// Operations of a relationship.
    Relationship,
    /// Outputs.
    Outputs,
    /// Anything else, by its section.
    Other(&'static str),
    /// A value without a place.
    Nowhere,
}

impl Part {
    /// The name in messages.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node_template",
            Self::Relationship => "node_template_relationship",
            Self::Outputs => "outputs",
            Self::Other(section) => section,
            Self::Nowhere => "None",
        }
    }
}

/// From where a function is seen.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    pub(crate) part: Part,
    /// The node that `SELF`, or `SOURCE` in a relationship, means before anything runs.
    pub(crate) node: Option<String>,
    /// The node that `TARGET` means before anything runs.
    pub(crate) target: Option<String>,
    /// Node instances at run time.
    pub(crate) instances: super::Context,
    /// An attribute that cannot be had becomes a text that says so.
    pub(crate) lenient: bool,
    /// Set when a function has to wait until the operation runs.
    pub(crate) waits: Option<&'a Cell<bool>>,
}

impl View<'_> {
    /// A view from a part without a node.
    pub(crate) fn of(part: Part) -> Self {
        Self { part, node: None, target: None, instances: super::Context::default(), lenient: false, waits: None }
    }
}

/// What a function can know. Everything that only a running deployment knows is refused by default.
pub(crate) trait World {
    /// Whether this function is to be evaluated now; otherwise it stays as it is.
    fn evaluates(&self, function: &str) -> bool;
    /// Whether values found in properties and attributes are evaluated on the way.
    fn evaluates_on_the_way(&self) -> bool {
        false
    }
    /// A deployment input.
    fn input(&self, name: &str) -> Lookup<Value>;
    /// Takes note of what the functions within an input have become. `asked` is the argument that named it.
    fn settle_input(&self, _asked: &Value, _value: &Value) {}
    /// A node by its name.
    fn node(&self, name: &str) -> Lookup<Arc<Node>>;
    /// The storage of a running deployment.
    fn storage(&self) -> Lookup<&dyn Storage> {
        Err(Stop::Refused)
    }
}
