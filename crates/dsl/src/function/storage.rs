//! What a running deployment knows, for the evaluation of functions at run time.

use std::sync::Arc;

use nephele_model::json::{Map, Value};

use super::failure;
use crate::diagnostic::{Diagnostic, Kind};

/// What a function asked for and did not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing<'a> {
    /// A node with this id.
    Node(&'a str),
    /// A node instance with this id.
    NodeInstance(&'a str),
    /// An input with this name.
    Input(&'a str),
    /// A secret with this name.
    Secret(&'a str),
}

/// The state that functions read. All answers are ready: evaluation is synchronous.
///
/// Nodes and instances have the shape of the plan and of REST: a node `{id, type, properties,
/// relationships: [{target_id, ...}], ...}`, an instance `{id, node_id, index, host_id,
/// runtime_properties, relationships: [{target_id, target_name, type}], scaling_groups: [{name, id}]}`.
pub trait Storage {
    /// The node with this id.
    fn node(&self, id: &str) -> Option<Arc<Value>>;
    /// The instances of a node, in the order of their ids.
    fn node_instances(&self, node_id: &str) -> Vec<Arc<Value>>;
    /// The instance with this id.
    fn node_instance(&self, id: &str) -> Option<Arc<Value>>;
    /// The value of a deployment input.
    fn input(&self, name: &str) -> Option<Value>;
    /// The text of a secret.
    fn secret(&self, name: &str) -> Option<String>;
    /// The evaluated value of another deployment's capability.
    fn capability(&self, deployment: &str, name: &str) -> Result<Value, String>;
    /// The capabilities of a deployment group: deployment id to capability to value.
    fn group_capabilities(&self, _group: &str) -> Result<Map, String> {
        Ok(Map::new())
    }
    /// The values of a label of this deployment, sorted by when they were made.
    fn label(&self, _key: &str) -> Vec<Value> {
        Vec::new()
    }
    /// `get_sys`: entity `tenant` or `deployment`, and its property.
    fn system(&self, _entity: &str, _property: &str) -> Option<Value> {
        None
    }
    /// The deployments that consume this one: id and display name.
    fn consumers(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    /// Answers `get_capability`, `get_group_capability`, `get_environment_capability`, `get_label`, `get_sys`
    /// or `get_consumers` as a whole; nothing lets the answer be composed of those above.
    fn answer(&self, _function: &str, _argument: &Value) -> Option<Result<Value, Diagnostic>> {
        None
    }
    /// The failure when something is missing.
    fn missing(&self, missing: Missing<'_>) -> Diagnostic {
        match missing {
            Missing::Node(id) => Diagnostic::new(Kind::Key, None, format!("'Node {id} does not exist'")),
            Missing::NodeInstance(id) => failure("get_attribute", format!("node instance '{id}' was not found")),
            Missing::Input(name) => super::plan_world::unknown_input(name, []),
            Missing::Secret(name) => failure("get_secret", format!("secret '{name}' was not found")),
        }
    }
}
