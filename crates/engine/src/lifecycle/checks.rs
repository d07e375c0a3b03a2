//! `check_status` and `check_drift`: operations that find something out, which is noted in the
//! instance's system properties (spec workflows.md section 6.4).

use super::relationships::both_ends;
use super::steps::Steps;
use super::{Parameters, Selection, order};
use crate::error::Result;
use crate::graph::Graph;
use crate::phases::{Flow, Phases};
use crate::task::{Aspect, Check, Index, OnFailure, OnSuccess, Task};
use crate::topology::Topology;

/// `check_status`. Its operations are not tried again, unless they say so themselves.
pub(super) fn status(phases: &mut Phases<'_>) -> Flow {
    let parameters = Parameters { task_retries: 0, ..phases.parameters().clone() };
    let ordered = parameters.flag("run_by_dependency_order", false)?;
    let ignore = parameters.flag("ignore_failure", false)?;
    phases.run("check_status", |topology| {
        status_graph(topology, &Selection::filtered(topology, &parameters)?, ordered, ignore, &parameters)
    })
}

/// `check_drift`.
pub(super) fn drift(phases: &mut Phases<'_>) -> Flow {
    let parameters = phases.parameters();
    let ordered = parameters.flag("run_by_dependency_order", true)?;
    let ignore = parameters.flag("ignore_failure", false)?;
    phases.run("check_drift", |topology| {
        drift_graph(topology, &Selection::filtered(topology, parameters)?, ordered, ignore, parameters)
    })
}

/// A graph that looks how instances are.
pub(super) fn status_graph(
    topology: &Topology,
    selection: &Selection,
    ordered: bool,
    ignore: bool,
    parameters: &Parameters,
) -> Result<Graph> {
    let mut graph = Graph::default();
    let mut tasks = Vec::with_capacity(topology.instances().len());
    for position in 0..topology.instances().len() {
        let steps = Steps { topology, parameters, position };
        tasks.push(own(
            &mut graph,
            steps,
            selection,
            ("cloudify.interfaces.validation.check_status", Aspect::Status),
            ignore,
        )?);
    }
    if ordered {
        order::by_targets(&mut graph, topology, &tasks);
    }
    Ok(graph)
}

/// A graph that looks how instances, and after each its relationships, differ from what they should be.
pub(super) fn drift_graph(
    topology: &Topology,
    selection: &Selection,
    ordered: bool,
    ignore: bool,
    parameters: &Parameters,
) -> Result<Graph> {
    let mut graph = Graph::default();
    let mut tasks = Vec::with_capacity(topology.instances().len());
    for position in 0..topology.instances().len() {
        let steps = Steps { topology, parameters, position };
        let task =
            own(&mut graph, steps, selection, ("cloudify.interfaces.lifecycle.check_drift", Aspect::Drift), ignore)?;
        tasks.push(task);
        if selection.is_chosen(position) {
            of_relationships(&mut graph, steps, task, ignore)?;
        }
    }
    if ordered {
        order::by_targets(&mut graph, topology, &tasks);
    }
    Ok(graph)
}

/// The instance's own check; a joint in its place if there is none, or the instance is left out.
fn own(
    graph: &mut Graph,
    steps: Steps<'_>,
    selection: &Selection,
    (operation, aspect): (&str, Aspect),
    ignore: bool,
) -> Result<Index> {
    let found = if selection.is_chosen(steps.position) { steps.operation_task(operation)? } else { None };
    let Some(task) = found else {
        return Ok(graph.subgraph(&steps.instance().id, OnFailure::Decide, Vec::new()));
    };
    graph.tasks.push(checking(task, Check { instance: steps.id(), aspect }, ignore));
    Ok(graph.tasks.len() - 1)
}

fn of_relationships(graph: &mut Graph, steps: Steps<'_>, after: Index, ignore: bool) -> Result<()> {
    for related in &steps.instance().relationships {
        for task in both_ends(steps, related, "cloudify.interfaces.relationship_lifecycle.check_drift")? {
            let at_source =
                task.work.call().and_then(|call| call.context.related.as_ref()).is_some_and(|other| other.is_target);
            let check = if at_source {
                Check { instance: steps.id(), aspect: Aspect::SourceDrift(related.target_id.clone()) }
            } else {
                let aspect = Aspect::TargetDrift(steps.instance().id.clone());
                Check { instance: related.target_id.as_str().into(), aspect }
            };
            graph.tasks.push(checking(task, check, ignore));
            let index = graph.tasks.len() - 1;
            graph.depend(index, after);
        }
    }
    Ok(())
}

fn checking(task: Task, check: Check, ignore: bool) -> Task {
    let on_failure = if ignore { OnFailure::CheckIgnored } else { OnFailure::Check };
    Task { on_failure: on_failure(check.clone()), on_success: OnSuccess::Check(check), ..task }
}
