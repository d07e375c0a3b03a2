//! `execute_operation`, and `start`, `stop` and `restart`, which are made of it: one operation on
//! every chosen instance, without a change of states (spec workflows.md section 6.4).

use nephele_model::python_text;
use serde_json::{Map, Value};

use super::Parameters;
use super::steps::{Arguments, Steps};
use crate::error::{Error, Result};
use crate::graph::{Block, Graph};
use crate::task::OnFailure;
use crate::topology::Topology;

/// The operation that the parameters name.
pub(super) fn any(topology: &Topology, chosen: &[bool], parameters: &Parameters) -> Result<Graph> {
    let missing = Error::Parameter { name: "operation", expected: "the name of an operation" };
    let operation = parameters.given("operation").and_then(Value::as_str).ok_or(missing)?;
    let values = parameters.map("operation_kwargs")?;
    let replace = parameters.flag("allow_kwargs_override", false)?;
    let ordered = parameters.flag("run_by_dependency_order", false)?;
    build(topology, chosen, parameters, &Order { operation, values: &values, replace, ordered })
}

/// A fixed operation, with arguments from the parameter `arguments` that may replace inputs.
pub(super) fn run(
    operation: &str,
    arguments: &'static str,
    topology: &Topology,
    chosen: &[bool],
    parameters: &Parameters,
) -> Result<Graph> {
    let values = parameters.map(arguments)?;
    let ordered = parameters.flag("run_by_dependency_order", true)?;
    build(topology, chosen, parameters, &Order { operation, values: &values, replace: true, ordered })
}

/// What is to be run, and whether targets come first.
struct Order<'a> {
    operation: &'a str,
    values: &'a Map<String, Value>,
    replace: bool,
    ordered: bool,
}

fn build(topology: &Topology, chosen: &[bool], parameters: &Parameters, order: &Order<'_>) -> Result<Graph> {
    let mut graph = Graph::new(format!("execute_operation_{}", order.operation));
    let mut subgraphs = Vec::with_capacity(chosen.len());
    for (position, instance) in topology.instances().iter().enumerate() {
        let steps = Steps { topology, parameters, position };
        let blocks = if chosen[position] { sequence(steps, order)? } else { Vec::new() };
        subgraphs.push(graph.subgraph(&instance.id, OnFailure::Decide, blocks));
    }
    if order.ordered {
        for (source, instance) in topology.instances().iter().enumerate() {
            let targets = instance.relationships.iter().filter_map(|related| topology.position(&related.target_id));
            targets.for_each(|target| graph.depend(subgraphs[source], subgraphs[target]));
        }
    }
    Ok(graph)
}

fn sequence(steps: Steps<'_>, order: &Order<'_>) -> Result<Vec<Block>> {
    let arguments = Arguments { values: order.values, replace: order.replace };
    let Some(task) = steps.operation_with(order.operation, arguments)? else { return Ok(Vec::new()) };
    let values = if order.values.is_empty() {
        String::new()
    } else {
        format!(" (Operation parameters: {})", python_text::repr(&Value::Object(order.values.clone())))
    };
    let starting = format!("Starting operation {}{values}", order.operation);
    let finished = format!("Finished operation {}", order.operation);
    Ok(vec![steps.event(starting), Block::Task(task), steps.event(finished)])
}
