//! The built-in workflows as graphs. Nothing in here runs anything: a workflow is a function from
//! the topology and its parameters to graphs that are run one after the other.
//!
//! `steps` makes the tasks of one node instance, `relationships` those between instances,
//! `order` joins the instances. The steps, their texts and their order are those of spec
//! workflows.md sections 6.1 to 6.4.

mod execute_operation;
mod host;
mod install;
mod order;
mod relationships;
mod steps;
mod uninstall;

use nephele_model::instance::InstanceState;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::topology::Topology;
pub use install::cleanup_before_resume;

/// The prefix of the built-in workflows' operations.
const MAPPING: &str = "cloudify.plugins.workflows.";
const START: &str = "cloudify.interfaces.lifecycle.start";
const STOP: &str = "cloudify.interfaces.lifecycle.stop";

/// A workflow that the engine runs itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workflow {
    /// Brings instances up.
    Install,
    /// Takes instances down.
    Uninstall,
    /// Takes instances down and up again.
    Reinstall,
    /// Runs the `start` operation.
    Start,
    /// Runs the `stop` operation.
    Stop,
    /// Runs `stop`, then `start`.
    Restart,
    /// Runs an operation of the user's choice.
    ExecuteOperation,
}

impl Workflow {
    /// The workflow behind an operation of a plan, such as `cloudify.plugins.workflows.install`.
    pub fn of_operation(mapping: &str) -> Option<Self> {
        Some(match mapping.strip_prefix(MAPPING)? {
            "install" => Self::Install,
            "uninstall" => Self::Uninstall,
            "reinstall" => Self::Reinstall,
            "start" => Self::Start,
            "stop" => Self::Stop,
            "restart" => Self::Restart,
            "execute_operation" => Self::ExecuteOperation,
            _ => return None,
        })
    }

    /// The graphs of the workflow, to be run one after the other.
    ///
    /// Errors: a parameter of the wrong kind, an operation of a plugin that its node does not use,
    /// an argument that would replace an input.
    pub fn graphs(self, topology: &Topology, parameters: &Parameters) -> Result<Vec<Graph>> {
        let chosen = parameters.chosen(topology)?;
        let ignore = || parameters.flag("ignore_failure", false);
        let graphs = match self {
            Self::Install => vec![install::graph("install", topology, &chosen, parameters)?],
            Self::Uninstall => vec![uninstall::graph("uninstall", topology, &chosen, ignore()?, parameters)?],
            Self::Reinstall => {
                let gone = topology.with_state(&positions(&chosen), &InstanceState::DELETED);
                vec![
                    uninstall::graph("reinstall-uninstall", topology, &chosen, ignore()?, parameters)?,
                    install::graph("reinstall-install", &gone, &chosen, parameters)?,
                ]
            }
            Self::Start => vec![execute_operation::run(START, "operation_parms", topology, &chosen, parameters)?],
            Self::Stop => vec![execute_operation::run(STOP, "operation_parms", topology, &chosen, parameters)?],
            Self::Restart => vec![
                execute_operation::run(STOP, "stop_parms", topology, &chosen, parameters)?,
                execute_operation::run(START, "start_parms", topology, &chosen, parameters)?,
            ],
            Self::ExecuteOperation => vec![execute_operation::any(topology, &chosen, parameters)?],
        };
        Ok(graphs.into_iter().map(Graph::optimise).collect())
    }
}

/// The parameters of an execution and what else a builder must know.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// The workflow's parameters by name.
    pub values: Map<String, Value>,
    /// Retries of operations that do not say (`task_retries`); -1 means no limit.
    pub task_retries: i64,
    /// Seconds between retries of operations that do not say (`task_retry_interval`).
    pub task_retry_interval: f64,
    /// Show what would happen.
    pub dry_run: bool,
}

impl Default for Parameters {
    /// No parameters; retries as the reference's installer sets them.
    fn default() -> Self {
        Self { values: Map::new(), task_retries: 60, task_retry_interval: 15.0, dry_run: false }
    }
}

impl Parameters {
    fn given(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    fn flag(&self, name: &'static str, default: bool) -> Result<bool> {
        let Some(value) = self.given(name) else { return Ok(default) };
        value.as_bool().ok_or(Error::Parameter { name, expected: "a boolean" })
    }

    fn map(&self, name: &'static str) -> Result<Map<String, Value>> {
        let Some(value) = self.given(name) else { return Ok(Map::new()) };
        value.as_object().cloned().ok_or(Error::Parameter { name, expected: "a dictionary" })
    }

    fn names(&self, name: &'static str) -> Result<Vec<&str>> {
        let wrong = || Error::Parameter { name, expected: "a list of strings" };
        let Some(value) = self.given(name) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(wrong)?;
        items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect()
    }

    /// Which instances the filters let through: all three must match, an empty one always does.
    fn chosen(&self, topology: &Topology) -> Result<Vec<bool>> {
        let sorted = |name| {
            let mut names = self.names(name)?;
            names.sort_unstable();
            Ok::<_, Error>(names)
        };
        let (nodes, types, instances) = (sorted("node_ids")?, sorted("type_names")?, sorted("node_instance_ids")?);
        let has = |names: &[&str], name: &str| names.is_empty() || names.binary_search(&name).is_ok();
        let passes = |(position, instance): (usize, &crate::topology::Instance)| {
            let node = topology.node(position);
            let of_type = types.is_empty() || node.type_hierarchy.iter().any(|name| has(&types, name));
            of_type && has(&nodes, &node.id) && has(&instances, &instance.id)
        };
        Ok(topology.instances().iter().enumerate().map(passes).collect())
    }
}

fn positions(chosen: &[bool]) -> Vec<usize> {
    (0..chosen.len()).filter(|&position| chosen[position]).collect()
}
