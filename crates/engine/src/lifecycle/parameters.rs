//! What a workflow is given: its parameters and the manager's settings.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::topology::{Instance, Topology};

/// The parameters of an execution and what else a builder must know.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// The execution.
    pub execution: String,
    /// Its deployment.
    pub deployment: String,
    /// The workflow's parameters by name.
    pub values: Map<String, Value>,
    /// Retries of operations that do not say (`task_retries`); -1 means no limit.
    pub task_retries: i64,
    /// Seconds between retries of operations that do not say (`task_retry_interval`).
    pub task_retry_interval: f64,
    /// Retries of what is done to an instance as a whole (`subgraph_retries`).
    pub subgraph_retries: i64,
    /// Show what would happen.
    pub dry_run: bool,
}

impl Default for Parameters {
    /// No parameters; retries as the reference's installer sets them.
    fn default() -> Self {
        Self {
            execution: String::new(),
            deployment: String::new(),
            values: Map::new(),
            task_retries: 60,
            task_retry_interval: 15.0,
            subgraph_retries: 0,
            dry_run: false,
        }
    }
}

impl Parameters {
    pub(super) fn given(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn flag(&self, name: &'static str, default: bool) -> Result<bool> {
        let Some(value) = self.given(name) else { return Ok(default) };
        value.as_bool().ok_or(Error::Parameter { name, expected: "a boolean" })
    }

    pub(super) fn map(&self, name: &'static str) -> Result<Map<String, Value>> {
        let Some(value) = self.given(name) else { return Ok(Map::new()) };
        value.as_object().cloned().ok_or(Error::Parameter { name, expected: "a dictionary" })
    }

    /// A text; an empty one counts as not given.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>> {
        let Some(value) = self.given(name) else { return Ok(None) };
        let text = value.as_str().ok_or(Error::Parameter { name, expected: "a string" })?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    pub(super) fn names(&self, name: &'static str) -> Result<Vec<&str>> {
        let wrong = || Error::Parameter { name, expected: "a list of strings" };
        let Some(value) = self.given(name) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(wrong)?;
        items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect()
    }

    /// Which instances the filters let through: all three must match, an empty one always does.
    pub(super) fn chosen(&self, topology: &Topology) -> Result<Vec<bool>> {
        let sorted = |name| {
            let mut names = self.names(name)?;
            names.sort_unstable();
            Ok::<_, Error>(names)
        };
        let (nodes, types, instances) = (sorted("node_ids")?, sorted("type_names")?, sorted("node_instance_ids")?);
        let has = |names: &[&str], name: &str| names.is_empty() || names.binary_search(&name).is_ok();
        let passes = |(position, instance): (usize, &Instance)| {
            let node = topology.node(position);
            let of_type = types.is_empty() || node.type_hierarchy.iter().any(|name| has(&types, name));
            of_type && has(&nodes, &node.id) && has(&instances, &instance.id)
        };
        Ok(topology.instances().iter().enumerate().map(passes).collect())
    }
}
