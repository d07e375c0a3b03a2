//! The world before anything runs: a plan. Run-time functions stay as they are.

use std::collections::HashMap;
use std::sync::Arc;

use nephele_model::json::{Map, Text, Value, object};

use super::world::World;
use crate::diagnostic::{Diagnostic, Kind, nearest};

/// Inputs and nodes of a plan, by name.
pub(crate) struct PlanWorld {
    inputs: Map,
    nodes: HashMap<String, Arc<Value>>,
    runtime_only: bool,
}

impl PlanWorld {
    /// `inputs` are values by name; nodes are copied as far as functions can see them.
    pub(crate) fn new(inputs: Map, nodes: &[Value], runtime_only: bool) -> Self {
        let nodes = nodes
            .iter()
            .filter_map(|node| {
                let name = node.get("name")?.as_str()?;
                Some((name.to_owned(), Arc::new(object! {"name": name, "properties": node.get("properties")})))
            })
            .collect();
        Self { inputs, nodes, runtime_only }
    }

    /// Whether a node exists.
    pub(crate) fn has_node(&self, name: &str) -> bool {
        self.nodes.contains_key(name)
    }

    /// Whether an input is declared.
    pub(crate) fn has_input(&self, name: &str) -> bool {
        self.inputs.contains_key(name)
    }

    /// The names of all nodes.
    pub(crate) fn node_names(&self) -> impl Iterator<Item = &str> {
        self.nodes.keys().map(String::as_str)
    }

    /// The names of all inputs.
    pub(crate) fn input_names(&self) -> impl Iterator<Item = &str> {
        self.inputs.keys().map(Text::as_str)
    }

    /// The inputs again.
    pub(crate) fn into_inputs(self) -> Map {
        self.inputs
    }
}

/// The refusal of an input that is not declared.
pub(crate) fn unknown_input<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
    Diagnostic::new(Kind::UnknownInput, None, format!("get_input function references an unknown input '{name}'."))
        .with_hint(nearest(name, known))
}

impl World for PlanWorld {
    fn evaluates(&self, function: &str) -> bool {
        !self.runtime_only && super::is_for_plans(function)
    }

    fn input(&self, name: &str) -> Result<Value, Diagnostic> {
        self.inputs.get(name).cloned().ok_or_else(|| unknown_input(name, self.inputs.keys().map(Text::as_str)))
    }

    fn node(&self, name: &str) -> Result<Arc<Value>, Diagnostic> {
        self.nodes.get(name).cloned().ok_or_else(|| {
            Diagnostic::new(Kind::Key, None, format!("'Node {name} does not exist'"))
                .with_hint(nearest(name, self.nodes.keys().map(String::as_str)))
        })
    }
}
