//! The instances that stay: what differs is looked for, healed and updated, and what cannot be is installed again.

use nephele_model::python_text::is_truthy;
use serde_json::Value;

use super::Wish;
use super::choice::{self, Choice, SOURCE_DRIFTS, TARGET_DRIFTS};
use crate::error::Result;
use crate::graph::{Block, Graph};
use crate::lifecycle::relationships::both_ends;
use crate::lifecycle::steps::Steps;
use crate::lifecycle::{Parameters, Selection, checks, heal, order, reinstall_seen};
use crate::phases::{Act, End, Ended, Flow, Next, Phases, Touched};
use crate::task::{OnFailure, OnSuccess, Remedy, Task};
use crate::topology::Topology;

/// The operations that update an instance, one after the other.
const OPERATIONS: [&str; 6] = [
    "cloudify.interfaces.lifecycle.preupdate",
    "cloudify.interfaces.lifecycle.update",
    "cloudify.interfaces.lifecycle.postupdate",
    "cloudify.interfaces.lifecycle.update_config",
    "cloudify.interfaces.lifecycle.update_apply",
    "cloudify.interfaces.lifecycle.update_postapply",
];

pub(super) fn run(phases: &mut Phases<'_>, touched: &Touched, wish: &Wish) -> Flow {
    let parameters = phases.parameters();
    let present: Vec<String> = phases.decide("present", |topology| Ok(choice::present(topology, touched)))?;
    let checked: Vec<String> = present.iter().filter(|id| !wish.reinstall.contains(id)).cloned().collect();
    if !wish.skip_drift_check && !checked.is_empty() {
        phases.run("update_check_drift", |topology| {
            checks::drift_graph(topology, &Selection::of(topology, &checked), true, true, parameters)
        })?;
    }
    let mut choice: Choice =
        phases.decide("update_or_reinstall", |topology| Ok(Choice::of(topology, touched, wish, &present)))?;
    if !choice.presumed.is_empty() {
        phases.act::<Value>(Act::MarkDrifted(choice.presumed.clone()))?;
    }
    if !choice.update.is_empty() {
        if !wish.skip_heal {
            make_well(phases, &mut choice)?;
        }
        update(phases, &mut choice)?;
    }
    choice.reinstall.retain(|id| present.contains(id) && (!wish.skip_reinstall || wish.reinstall.contains(id)));
    if !choice.reinstall.is_empty() {
        let intact: Vec<String> = present.iter().filter(|id| !choice.reinstall.contains(id)).cloned().collect();
        reinstall_seen(
            phases,
            wish.ignore_failure,
            |topology| choice::without_news(topology, touched),
            |topology| Ok(Selection::among(topology, &choice.reinstall, &intact)),
        )?;
    }
    let mut clean = choice.presumed;
    if !wish.skip_drift_check {
        clean.extend(choice.reinstall);
    }
    if clean.is_empty() { Ok(()) } else { phases.act::<Value>(Act::ForgetDrift(clean)).map(drop) }
}

/// Heals those instances that are to be updated and are not well.
fn make_well(phases: &mut Phases<'_>, choice: &mut Choice) -> Flow {
    let parameters = phases.parameters();
    phases.run("check_status", |topology| {
        checks::status_graph(topology, &Selection::of(topology, &choice.update), false, true, parameters)
    })?;
    let found: heal::Choice =
        phases.decide("heal_or_reinstall", |topology| Ok(heal::choose(topology, &choice.update, false)))?;
    choice.give_up(&found.reinstall);
    if found.heal.is_empty() {
        return Ok(());
    }
    go_on(&phases.graph("heal", |topology| heal::graph(topology, &found.heal, parameters))?)?;
    let lost: Vec<String> =
        phases.decide("not_healed", |topology| Ok(heal::not_healed(topology, &found.heal, &parameters.execution)))?;
    if !lost.is_empty() {
        phases.act::<Value>(Act::ForgetHeals(lost.clone()))?;
        choice.give_up(&lost);
    }
    Ok(())
}

/// Updates instances.
fn update(phases: &mut Phases<'_>, choice: &mut Choice) -> Flow {
    if choice.update.is_empty() {
        return Ok(());
    }
    let parameters = phases.parameters();
    go_on(&phases.graph("update", |topology| graph(topology, &choice.update, parameters))?)?;
    let lost: Vec<String> =
        phases.decide("not_updated", |topology| Ok(not_updated(topology, &choice.update, &parameters.execution)))?;
    if !lost.is_empty() {
        phases.act::<Value>(Act::ForgetUpdates(lost.clone()))?;
        choice.give_up(&lost);
    }
    Ok(())
}

/// A failure is noted in the instances that failed; only a wish to stop ends the workflow.
fn go_on(ended: &Ended) -> Flow {
    if *ended == Ended::Cancelled { Err(Next::End(End::Cancelled)) } else { Ok(()) }
}

fn not_updated(topology: &Topology, tried: &[String], execution: &str) -> Vec<String> {
    let has_failed = |id: &&String| {
        let instance = topology.position(id).map(|position| &topology.instances()[position]);
        instance.and_then(|instance| instance.system_properties.get("update_failed")?.as_str()) == Some(execution)
    };
    tried.iter().filter(has_failed).cloned().collect()
}

/// A graph that updates instances, targets before sources. Who has nothing to run has no part in it.
fn graph(topology: &Topology, update: &[String], parameters: &Parameters) -> Result<Graph> {
    let selection = Selection::among(topology, update, &[]);
    order::joined(topology, &selection, parameters, order::INSTALL, |graph, steps: Steps<'_>| {
        let mut blocks = Vec::new();
        if choice::has_own_drift(steps.instance()) {
            blocks.extend(steps.operations(&OPERATIONS)?);
        }
        blocks.extend(of_relationships(steps)?.into_iter().map(Block::Task));
        if blocks.is_empty() {
            return Ok(graph.subgraph(format!("stub_{}", steps.instance().id), OnFailure::Decide, blocks));
        }
        blocks.insert(0, steps.event("Updating node instance"));
        blocks.push(steps.event("Node instance updated"));
        let name = format!("update_{}", steps.instance().id);
        let index = graph.subgraph(name, OnFailure::Remedy(Remedy::Update, steps.id()), blocks);
        graph.tasks[index].on_success = OnSuccess::Remedy(Remedy::Update, steps.id());
        Ok(index)
    })
}

/// The operations that update relationships of which a check has noted something.
fn of_relationships(steps: Steps<'_>) -> Result<Vec<Task>> {
    let (instance, topology) = (steps.instance(), steps.topology);
    let is_noted = |position: usize, key: &str, other: &str| {
        let notes = topology.instances()[position].system_properties.get(key);
        notes.is_some_and(|notes| is_truthy(notes) && notes.get(other).is_some())
    };
    let mut tasks = Vec::new();
    for related in &instance.relationships {
        let Some(target) = topology.position(&related.target_id) else { continue };
        let at_source = is_noted(steps.position, SOURCE_DRIFTS, &related.target_id);
        let at_target = is_noted(target, TARGET_DRIFTS, &instance.id);
        for task in both_ends(steps, related, "cloudify.interfaces.relationship_lifecycle.update")? {
            let other = task.work.call().and_then(|call| call.context.related.as_ref());
            if other.is_some_and(|other| if other.is_target { at_source } else { at_target }) {
                tasks.push(task);
            }
        }
    }
    Ok(tasks)
}
