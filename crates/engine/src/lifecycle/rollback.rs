//! `rollback`: brings instances that are in the middle of something back to where they can go on from
//! (spec workflows.md section 6.4).

use nephele_model::instance::InstanceState as State;

use super::steps::Steps;
use super::{Parameters, Selection, order, uninstall};
use crate::error::Result;
use crate::graph::{Block, Graph};
use crate::phases::{Flow, Phases};
use crate::task::OnFailure;
use crate::topology::Topology;

/// States in the middle of something.
const UNRESOLVED: [State; 3] = [State::CREATING, State::CONFIGURING, State::STARTING];

/// The workflow.
pub(super) fn run(phases: &mut Phases<'_>) -> Flow {
    let parameters = phases.parameters();
    phases.run("rollback", |topology| {
        let unresolved = Selection::filtered(topology, parameters)?
            .only(|position| UNRESOLVED.contains(&topology.instances()[position].state));
        graph(topology, &unresolved, true, parameters)
    })?;
    if !parameters.flag("full_rollback", false)? {
        return Ok(());
    }
    phases.run("uninstall-auninstall", |topology| {
        uninstall::graph(topology, &Selection::all(topology), false, parameters)
    })
}

/// A graph that rolls instances back.
pub(super) fn graph(
    topology: &Topology,
    selection: &Selection,
    ignore_failure: bool,
    parameters: &Parameters,
) -> Result<Graph> {
    order::joined(topology, selection, parameters, order::UNINSTALL, |graph, steps: Steps<'_>| {
        let mut blocks = sequence(steps)?;
        if ignore_failure {
            for block in &mut blocks {
                block.ignore_failures(&steps.id());
            }
        }
        Ok(graph.subgraph(&steps.instance().id, OnFailure::Decide, blocks))
    })
}

fn sequence(steps: Steps<'_>) -> Result<Vec<Block>> {
    let mut blocks = stop(steps)?;
    blocks.extend(delete(steps)?);
    if steps.is_in(&UNRESOLVED) {
        blocks.push(steps.event("Rollbacked node instance"));
    }
    Ok(blocks)
}

fn stop(steps: Steps<'_>) -> Result<Vec<Block>> {
    if steps.is_in(&[State::STARTING]) {
        let mut blocks = uninstall::stop_operations(steps)?;
        blocks.extend(steps.state(State::CONFIGURED));
        return Ok(blocks);
    }
    let nothing = format!("Rollback Stop: nothing to do, instance state is {}", steps.instance().state);
    Ok(vec![uninstall::nothing_to_validate(steps), steps.event(nothing)])
}

fn delete(steps: Steps<'_>) -> Result<Vec<Block>> {
    if steps.is_in(&[State::CREATING, State::CONFIGURING]) {
        let mut blocks = uninstall::delete_operations(steps)?;
        blocks.extend(steps.state(State::UNINITIALIZED));
        return Ok(blocks);
    }
    let nothing = format!("Rollback Delete: nothing to do, instance state is {}", steps.instance().state);
    Ok(vec![steps.event(nothing)])
}
