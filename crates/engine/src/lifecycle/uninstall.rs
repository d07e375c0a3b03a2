//! `uninstall`: one subgraph `<id>` for each instance, before those of its targets (spec
//! workflows.md section 6.2).

use nephele_model::instance::InstanceState as State;
use serde_json::Value;

use super::relationships::{self, Direction};
use super::steps::{Steps, around};
use super::{Parameters, Selection, host, order};
use crate::error::Result;
use crate::graph::{Block, Graph};
use crate::phases::{Act, Flow, Phases};
use crate::task::OnFailure;
use crate::topology::Topology;

/// The workflow.
pub(super) fn run(phases: &mut Phases<'_>) -> Flow {
    let parameters = phases.parameters();
    let ignore_failure = parameters.flag("ignore_failure", false)?;
    if parameters.flag("recursive", false)? {
        phases.log("info", "Uninstalling service deployments recursively");
        phases.act::<Value>(Act::UninstallServices)?;
        phases.log("info", "Service deployments uninstalled");
    }
    phases.run("uninstall", |topology| {
        graph(topology, &Selection::filtered(topology, parameters)?, ignore_failure, parameters)
    })
}

/// A graph that takes instances down.
pub(super) fn graph(
    topology: &Topology,
    selection: &Selection,
    ignore_failure: bool,
    parameters: &Parameters,
) -> Result<Graph> {
    let subgraph = |graph: &mut Graph, steps: Steps<'_>| {
        let mut blocks = sequence(steps)?;
        let mut on_failure = OnFailure::Lifecycle { instance: steps.id(), on_retry: "uninstall".to_owned() };
        if ignore_failure {
            for block in &mut blocks {
                block.ignore_failures(&steps.id());
            }
            on_failure = OnFailure::Decide;
        }
        Ok(graph.subgraph(&steps.instance().id, on_failure, blocks))
    };
    order::joined(topology, selection, parameters, order::UNINSTALL, subgraph)
}

/// What is done to one instance, first to last.
pub(super) fn sequence(steps: Steps<'_>) -> Result<Vec<Block>> {
    let mut sequence = stop(steps)?;
    if !steps.is_in(&[State::STOPPED, State::DELETING, State::DELETED]) {
        sequence.extend(steps.state(State::STOPPED));
    }
    sequence.extend(delete(steps)?);
    if !steps.is_in(&[State::DELETED]) {
        sequence.push(steps.event_and_state("Deleted node instance", State::DELETED));
    }
    Ok(sequence)
}

fn stop(steps: Steps<'_>) -> Result<Vec<Block>> {
    if steps.is_in(&[State::STOPPED, State::DELETING, State::DELETED, State::UNINITIALIZED, State::CONFIGURED]) {
        let already = steps.event(format!("Stop: instance already {}", steps.instance().state));
        return Ok(vec![nothing_to_validate(steps), already]);
    }
    stop_operations(steps)
}

pub(super) fn nothing_to_validate(steps: Steps<'_>) -> Block {
    steps.event("Validating node instance after deletion: nothing to do")
}

/// Stops an instance, whatever its state.
pub(super) fn stop_operations(steps: Steps<'_>) -> Result<Vec<Block>> {
    let mut blocks = vec![steps.event_and_state("Stopping node instance", State::STOPPING)];
    let validate = around(
        vec![steps.event("Validating node instance before deletion")],
        steps.operation("cloudify.interfaces.validation.delete")?,
        vec![steps.event("Node instance validated before deletion")],
    );
    blocks.extend(if validate.is_empty() { vec![nothing_to_validate(steps)] } else { validate });
    blocks.extend(steps.operation("cloudify.interfaces.monitoring.stop")?);
    blocks.extend(around(
        vec![steps.event("Prestopping node instance")],
        steps.operation("cloudify.interfaces.lifecycle.prestop")?,
        vec![steps.event("Node instance prestopped")],
    ));
    if steps.node().is_host() {
        blocks.extend(host::pre_stop(steps)?);
    }
    match steps.operation("cloudify.interfaces.lifecycle.stop")? {
        Some(stop) => blocks.extend([stop, steps.event("Stopped node instance")]),
        None => blocks.push(steps.event("Stopped node instance: nothing to do")),
    }
    Ok(blocks)
}

fn delete(steps: Steps<'_>) -> Result<Vec<Block>> {
    if steps.is_in(&[State::DELETED, State::UNINITIALIZED]) {
        return Ok(vec![steps.event(format!("Delete: instance already {}", steps.instance().state))]);
    }
    delete_operations(steps)
}

/// Deletes an instance, whatever its state.
pub(super) fn delete_operations(steps: Steps<'_>) -> Result<Vec<Block>> {
    let unlink = "cloudify.interfaces.relationship_lifecycle.unlink";
    let mut blocks = around(
        vec![steps.event("Unlinking relationships")],
        relationships::subgraph(steps, unlink, Direction::Reversed)?,
        vec![steps.event("Relationships unlinked")],
    );
    match steps.operation("cloudify.interfaces.lifecycle.delete")? {
        Some(delete) => {
            blocks.extend([steps.event_and_state("Deleting node instance", State::DELETING), delete]);
        }
        None => blocks.push(steps.event("Deleting node instance: nothing to do")),
    }
    blocks.extend(around(
        vec![steps.event("Postdeleting node instance")],
        steps.operation("cloudify.interfaces.lifecycle.postdelete")?,
        vec![steps.event("Node instance postdeleted")],
    ));
    Ok(blocks)
}
