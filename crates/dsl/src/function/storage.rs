//! What a running deployment knows, for the evaluation of functions at run time.
//!
//! Evaluation is synchronous and a [`Storage`] holds what was read before. What it does not hold it
//! notes, and answers [`Stop::Later`]: evaluation then goes on as far as it can, so that everything
//! which can be read at once is noted at once, and is tried again when that has been read.

use std::sync::Arc;

use nephele_model::json::Value;
use serde::{Deserialize, Deserializer};

use crate::diagnostic::{Diagnostic, Fault};

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The storage has to read something first, and knows what.
    Later,
    /// The storage refuses, and keeps the reason to itself.
    Refused,
    /// A function cannot be evaluated.
    Failed(Diagnostic),
}

impl From<Diagnostic> for Stop {
    fn from(problem: Diagnostic) -> Self {
        Self::Failed(problem)
    }
}

impl Stop {
    /// The problem, for storages that hold everything and give their reasons as [`Stop::Failed`].
    pub fn into_diagnostic(self) -> Diagnostic {
        match self {
            Self::Failed(problem) => problem,
            Self::Later | Self::Refused => Diagnostic::new(
                Fault::FunctionEvaluation,
                "the function needs something that is known at run time only",
            ),
        }
    }
}

/// What a storage answers.
pub type Lookup<T> = Result<T, Stop>;

/// Every value, unless one has to wait; that one keeps no other from being looked at.
pub fn all<T>(values: impl IntoIterator<Item = Lookup<T>>) -> Lookup<Vec<T>> {
    let (mut found, mut wait) = (Vec::new(), false);
    for value in values {
        match value {
            Err(Stop::Later) => wait = true,
            value => found.push(value?),
        }
    }
    if wait { Err(Stop::Later) } else { Ok(found) }
}

/// A node, as functions see it. Deserialises from the plan and from REST.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "NodeRow")]
pub struct Node {
    /// Its name.
    pub id: String,
    /// Its properties, functions not evaluated.
    pub properties: Value,
    /// Its relationships.
    pub relationships: Vec<Relationship>,
}

/// Plans say `name`, REST says `id`, some say both.
#[derive(Deserialize)]
struct NodeRow {
    id: Option<String>,
    name: Option<String>,
    #[serde(default)]
    properties: Value,
    #[serde(default, deserialize_with = "nothing_for_null")]
    relationships: Vec<Relationship>,
}

impl From<NodeRow> for Node {
    fn from(row: NodeRow) -> Self {
        Self {
            id: row.id.or(row.name).unwrap_or_default(),
            properties: row.properties,
            relationships: row.relationships,
        }
    }
}

/// A relationship that a node declares.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Relationship {
    /// The node that it leads to.
    pub target_id: String,
    /// Its type and all that this derives from.
    #[serde(default)]
    pub type_hierarchy: Vec<String>,
}

/// A node instance, as functions see it. Deserialises from REST.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Its node.
    pub node_id: String,
    /// Its number among its node's instances, from 1.
    #[serde(default)]
    pub index: Option<i64>,
    /// What operations noted.
    #[serde(default)]
    pub runtime_properties: Value,
    /// The instances that it is related to.
    #[serde(default, deserialize_with = "nothing_for_null")]
    pub relationships: Vec<Related>,
    /// The scaling group instances that it is in itself.
    #[serde(default, deserialize_with = "nothing_for_null")]
    pub scaling_groups: Vec<ScalingGroup>,
}

/// The other end of an instance's relationship.
#[derive(Clone, Debug, Deserialize)]
pub struct Related {
    /// The instance there.
    pub target_id: String,
    /// Its node.
    pub target_name: String,
}

/// An instance of a scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ScalingGroup {
    /// The group.
    pub name: String,
    /// The instance of it.
    pub id: String,
}

fn nothing_for_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The state that functions read. What is not there is refused by the storage, in its own words.
pub trait Storage {
    /// The node with this name.
    fn node(&self, id: &str) -> Lookup<Arc<Node>>;
    /// The instances of a node, in a fixed order; none if there is no such node.
    fn node_instances(&self, node_id: &str) -> Lookup<Arc<[Arc<Instance>]>>;
    /// The instance with this id.
    fn node_instance(&self, id: &str) -> Lookup<Arc<Instance>>;
    /// The instance with this id, if there is one.
    fn find_node_instance(&self, id: &str) -> Lookup<Option<Arc<Instance>>>;
    /// The value of a deployment input, if there is such an input.
    fn input(&self, name: &str) -> Lookup<Option<Value>>;
    /// Whether there is a secret of this name.
    fn has_secret(&self, name: &str) -> Lookup<bool>;
    /// The text of a secret.
    fn secret(&self, name: &str) -> Lookup<String>;
    /// A capability of another deployment: `[deployment, capability, key or index, ...]`. `depth` is for
    /// [`evaluate_capability`](super::evaluate_capability).
    fn capability(&self, path: &[Value], depth: usize) -> Lookup<Value>;
    /// Capabilities of the deployments of a group: `[group, capability or capabilities, key or index, ...]`.
    fn group_capability(&self, path: &[Value], depth: usize) -> Lookup<Value>;
    /// The values of a label of this deployment, the oldest first, or the one at an index.
    fn label(&self, key: &str, index: Option<i64>) -> Lookup<Value>;
    /// `get_sys`: entity `tenant` or `deployment`, and its property.
    fn system(&self, entity: &str, property: &str) -> Lookup<Value>;
    /// The ids of the deployments that consume this one.
    fn consumers(&self) -> Lookup<Vec<String>>;
    /// The names for people of the deployments that consume this one.
    fn consumer_names(&self) -> Lookup<Vec<String>>;
}

/// What stands at `[deployment, capability, key or index, ...]` below the value of that capability.
///
/// Errors: [`Fault::FunctionEvaluation`] for a key or an index that is not there.
pub fn capability_part(value: &Value, path: &[Value]) -> Result<Value, Diagnostic> {
    super::property::of_capability(value, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_they_come() {
        let node = serde_json::json!({"name": "n", "relationships": null});
        let node: Node = serde_json::from_value(node).unwrap();
        assert_eq!((node.id.as_str(), node.relationships.len()), ("n", 0));
        let instance = serde_json::json!({"id": "n_1", "node_id": "n", "index": null, "relationships": [
            {"target_id": "m_1", "target_name": "m", "type": "t", "type_hierarchy": ["t"]}]});
        let instance: Instance = serde_json::from_value(instance).unwrap();
        assert_eq!(instance.relationships[0].target_name, "m");
    }
}
