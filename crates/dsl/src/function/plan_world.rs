//! The world before anything runs: a plan. Run-time functions stay as they are.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use nephele_model::json::{Map, Text, Value};

use super::property;
use super::world::World;
use super::{Lookup, Node, is_for_plans};
use crate::diagnostic::{Diagnostic, Fault, suggestion};

/// Inputs and nodes of a plan, by name.
pub(crate) struct PlanWorld {
    inputs: RefCell<Map>,
    nodes: RefCell<HashMap<String, Arc<Node>>>,
    runtime_only: bool,
}

impl PlanWorld {
    /// `inputs` are values by name; nodes are copied as far as functions can see them.
    pub(crate) fn new(inputs: Map, nodes: &[Value], runtime_only: bool) -> Self {
        let nodes = nodes
            .iter()
            .filter_map(|node| {
                let name = node.get("name")?.as_str()?;
                let properties = node.get("properties").cloned().unwrap_or_default();
                let seen = Node { id: name.to_owned(), properties, relationships: Vec::new() };
                Some((name.to_owned(), Arc::new(seen)))
            })
            .collect();
        Self { inputs: RefCell::new(inputs), nodes: RefCell::new(nodes), runtime_only }
    }

    /// Whether a node exists.
    pub(crate) fn has_node(&self, name: &str) -> bool {
        self.nodes.borrow().contains_key(name)
    }

    /// Whether an input is declared.
    pub(crate) fn has_input(&self, name: &str) -> bool {
        self.inputs.borrow().contains_key(name)
    }

    /// The names of all nodes.
    pub(crate) fn node_names(&self) -> Vec<String> {
        self.nodes.borrow().keys().cloned().collect()
    }

    /// A property has been evaluated: who asks for it from now on gets what it is now.
    pub(crate) fn settle_property(&self, node: &str, property: &str, value: &Value) {
        let mut nodes = self.nodes.borrow_mut();
        let Some(node) = nodes.get_mut(node).map(Arc::make_mut) else { return };
        if let Some(slot) = node.properties.get_mut(property) {
            slot.clone_from(value);
        }
    }

    /// The names of all inputs.
    pub(crate) fn input_names(&self) -> Vec<Text> {
        self.inputs.borrow().keys().cloned().collect()
    }

    /// The refusal of an input that is not declared.
    pub(crate) fn unknown_input(&self, name: &str) -> Diagnostic {
        unknown_input(name, self.input_names().iter().map(Text::as_str))
    }

    /// The inputs again. The functions within those that were asked for are evaluated.
    pub(crate) fn into_inputs(self) -> Map {
        self.inputs.into_inner()
    }
}

/// The refusal of an input that is not declared.
pub(crate) fn unknown_input<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
    Diagnostic::new(Fault::UnknownInput, format!("get_input function references an unknown input '{name}'."))
        .with_hint(suggestion(name, known))
}

impl World for PlanWorld {
    fn evaluates(&self, function: &str) -> bool {
        !self.runtime_only && is_for_plans(function)
    }

    fn input(&self, name: &str) -> Lookup<Value> {
        let found = self.inputs.borrow().get(name).cloned();
        found.ok_or_else(|| self.unknown_input(name).into())
    }

    fn settle_input(&self, asked: &Value, value: &Value) {
        let mut inputs = self.inputs.borrow_mut();
        let (name, steps) = match asked {
            Value::Array(path) => path.split_first().unwrap_or((asked, &[])),
            name => (name, &[][..]),
        };
        let input = name.as_str().and_then(|name| inputs.get_mut(name));
        if let Some(place) = input.and_then(|input| property::place(input, steps)) {
            *place = value.clone();
        }
    }

    fn node(&self, name: &str) -> Lookup<Arc<Node>> {
        self.nodes.borrow().get(name).cloned().ok_or_else(|| {
            Diagnostic::new(Fault::UnknownNode, format!("'Node {name} does not exist'"))
                .with_brief(format!("There is no node '{name}'"))
                .with_hint(suggestion(name, self.node_names().iter().map(String::as_str)))
                .into()
        })
    }
}
