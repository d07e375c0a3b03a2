//! `execute_operation`, and `start`, `stop` and `restart`, which are made of it: one operation on
//! every chosen instance, without a change of states (spec workflows.md section 6.4).

use nephele_model::python_text;
use serde_json::{Map, Value};

use super::steps::{Arguments, Steps};
use super::{Parameters, Selection, order};
use crate::error::{Error, Result};
use crate::graph::{Block, Graph};
use crate::phases::{Flow, Phases};
use crate::task::OnFailure;
use crate::topology::Topology;

/// What is to be run, and whether targets come first.
pub(super) struct Order {
    operation: String,
    values: Map<String, Value>,
    /// Whether values may replace inputs.
    replace: bool,
    ordered: bool,
}

impl Order {
    /// The operation that the parameters name.
    pub(super) fn wanted(parameters: &Parameters) -> Result<Self> {
        let missing = Error::Parameter { name: "operation", expected: "the name of an operation" };
        Ok(Self {
            operation: parameters.given("operation").and_then(Value::as_str).ok_or(missing)?.to_owned(),
            values: parameters.map("operation_kwargs")?,
            replace: parameters.flag("allow_kwargs_override", false)?,
            ordered: parameters.flag("run_by_dependency_order", false)?,
        })
    }

    /// A fixed operation, with values from the parameter `arguments`.
    pub(super) fn fixed(operation: &str, arguments: &'static str, parameters: &Parameters) -> Result<Self> {
        Ok(Self {
            operation: operation.to_owned(),
            values: parameters.map(arguments)?,
            replace: true,
            ordered: parameters.flag("run_by_dependency_order", true)?,
        })
    }
}

/// Runs the operation.
pub(super) fn run(phases: &mut Phases<'_>, order: &Order) -> Flow {
    let parameters = phases.parameters();
    let name = format!("execute_operation_{}", order.operation);
    phases.run(&name, |topology| graph(topology, &Selection::filtered(topology, parameters)?, parameters, order))
}

fn graph(topology: &Topology, selection: &Selection, parameters: &Parameters, order: &Order) -> Result<Graph> {
    let mut graph = Graph::default();
    let mut subgraphs = Vec::with_capacity(topology.instances().len());
    for (position, instance) in topology.instances().iter().enumerate() {
        let steps = Steps { topology, parameters, position };
        let blocks = if selection.is_chosen(position) { sequence(steps, order)? } else { Vec::new() };
        subgraphs.push(graph.subgraph(&instance.id, OnFailure::Decide, blocks));
    }
    if order.ordered {
        order::by_targets(&mut graph, topology, &subgraphs);
    }
    Ok(graph)
}

fn sequence(steps: Steps<'_>, order: &Order) -> Result<Vec<Block>> {
    let arguments = Arguments { values: &order.values, replace: order.replace };
    let Some(task) = steps.operation_with(&order.operation, arguments)? else { return Ok(Vec::new()) };
    let values = if order.values.is_empty() {
        String::new()
    } else {
        format!(" (Operation parameters: {})", python_text::repr(&Value::Object(order.values.clone())))
    };
    let starting = format!("Starting operation {}{values}", order.operation);
    let finished = format!("Finished operation {}", order.operation);
    Ok(vec![steps.event(starting), Block::Task(task), steps.event(finished)])
}
