//! `heal`: looks which instances are not well, heals those that can be, and reinstalls the rest
//! (spec workflows.md section 6.4).

use nephele_model::python_text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::steps::Steps;
use super::{Parameters, Selection, checks, order, reinstall_chosen};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::phases::{Act, End, Ended, Flow, Next, Phases, failed};
use crate::task::{OnFailure, OnSuccess, Remedy};
use crate::topology::{Instance, Topology};

const HEAL: &str = "cloudify.interfaces.lifecycle.heal";
/// How many instances an error names.
const NAMED: usize = 5;

/// What is to become of instances that are not well.
#[derive(Serialize, Deserialize)]
pub(super) struct Choice {
    pub(super) heal: Vec<String>,
    pub(super) reinstall: Vec<String>,
}

/// The workflow.
pub(super) fn run(phases: &mut Phases<'_>) -> Flow {
    let parameters = phases.parameters();
    let ignore_failure = parameters.flag("ignore_failure", true)?;
    let instance = parameters.text("node_instance_id")?;
    phases.log("info", greeting(parameters, instance));
    if parameters.flag("force_reinstall", false)? {
        return reinstall_chosen(phases, ignore_failure, |topology| {
            Ok(Selection::of(topology, &concerned(topology, instance)?))
        });
    }
    if parameters.flag("check_status", true)? {
        phases.run("check_status", |topology| {
            let selection = Selection::of(topology, &concerned(topology, instance)?);
            checks::status_graph(topology, &selection, false, true, parameters)
        })?;
    }
    let mut choice: Choice = phases.decide("heal_or_reinstall", |topology| {
        Ok(choose(topology, &concerned(topology, instance)?, instance.is_some()))
    })?;
    let allowed = parameters.flag("allow_reinstall", true)?;
    demand_leave(&choice.reinstall, allowed)?;
    match phases.graph("heal", |topology| graph(topology, &choice.heal, parameters))? {
        Ended::Succeeded => {}
        Ended::Failed(reason) => phases.log("error", format!("Error running heal: {reason}")),
        Ended::Cancelled => return Err(Next::End(End::Cancelled)),
    }
    let unhealed: Vec<String> =
        phases.decide("not_healed", |topology| Ok(not_healed(topology, &choice.heal, &parameters.execution)))?;
    if !unhealed.is_empty() {
        phases.act::<Value>(Act::ForgetHeals(unhealed.clone()))?;
    }
    choice.reinstall.extend(unhealed);
    demand_leave(&choice.reinstall, allowed)?;
    if choice.reinstall.is_empty() {
        return Ok(());
    }
    reinstall_chosen(phases, ignore_failure, |topology| Ok(Selection::of(topology, &choice.reinstall)))
}

fn greeting(parameters: &Parameters, instance: Option<&str>) -> String {
    let diagnosis = parameters.given("diagnose_value").map_or_else(|| "Not provided".to_owned(), python_text::str);
    match instance {
        Some(instance) => format!("Starting 'heal' workflow on {instance}, Diagnosis: {diagnosis}"),
        None => {
            format!("Starting 'heal' workflow for '{}' deployment, Diagnosis: {diagnosis}", parameters.deployment)
        }
    }
}

/// Everything on the host of the instance, or on the instance if it has none; without one, all there is.
fn concerned(topology: &Topology, instance: Option<&str>) -> Result<Vec<String>> {
    let Some(id) = instance else { return Ok(topology.instances().iter().map(|one| one.id.clone()).collect()) };
    let position = topology.position(id).ok_or_else(|| Error::NoInstance(id.to_owned()))?;
    let host = topology.instances()[position].host_id.as_deref().and_then(|host| topology.position(host));
    Ok(ids(topology, &topology.within([host.unwrap_or(position)])))
}

/// Who is not well is healed if it has an operation for that, else reinstalled with what it contains.
/// With `proof`, only those count as well that a check found so.
pub(super) fn choose(topology: &Topology, concerned: &[String], proof: bool) -> Choice {
    let positions = concerned.iter().filter_map(|id| topology.position(id));
    let ill: Vec<usize> = positions.filter(|&position| !is_well(&topology.instances()[position], proof)).collect();
    let can_heal = |position: &usize| topology.node(*position).operation(HEAL).is_some();
    let reinstall = topology.within(ill.iter().copied().filter(|position| !can_heal(position)));
    let heal = ill.iter().filter(|position| can_heal(position) && !reinstall[**position]);
    Choice {
        heal: heal.map(|&position| topology.instances()[position].id.clone()).collect(),
        reinstall: ids(topology, &reinstall),
    }
}

fn is_well(instance: &Instance, proof: bool) -> bool {
    let none = Map::new();
    let status = instance.system_properties.get("status").and_then(Value::as_object).unwrap_or(&none);
    // A status that lacks either says nothing.
    let (ok, task) = match (status.get("ok"), status.get("task")) {
        (Some(ok), Some(task)) => (*ok == true, !task.is_null()),
        _ => (false, false),
    };
    ok || (!task && !proof)
}

pub(super) fn not_healed(topology: &Topology, tried: &[String], execution: &str) -> Vec<String> {
    let has_failed = |id: &&String| {
        let instance = topology.position(id).map(|position| &topology.instances()[position]);
        instance.and_then(|instance| instance.system_properties.get("heal_failed")?.as_str()) == Some(execution)
    };
    tried.iter().filter(has_failed).cloned().collect()
}

fn demand_leave(reinstall: &[String], allowed: bool) -> Flow {
    if allowed || reinstall.is_empty() {
        return Ok(());
    }
    let mut named = reinstall.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if reinstall.len() > NAMED {
        named = format!("{named} (and {} more)", reinstall.len() - NAMED);
    }
    failed(format!("allow_reinstall is false, but would need to reinstall instances: {named}"))
}

/// A graph that heals instances, targets before sources.
pub(super) fn graph(topology: &Topology, heal: &[String], parameters: &Parameters) -> Result<Graph> {
    let selection = Selection::among(topology, heal, &[]);
    order::joined(topology, &selection, parameters, order::INSTALL, |graph, steps: Steps<'_>| {
        let mut blocks = vec![steps.event("Healing node instance")];
        blocks.extend(steps.operations(&[
            "cloudify.interfaces.lifecycle.preheal",
            HEAL,
            "cloudify.interfaces.lifecycle.postheal",
        ])?);
        blocks.push(steps.event("Node instance healed"));
        let name = format!("heal_{}", steps.instance().id);
        let index = graph.subgraph(name, OnFailure::Remedy(Remedy::Heal, steps.id()), blocks);
        graph.tasks[index].on_success = OnSuccess::Remedy(Remedy::Heal, steps.id());
        Ok(index)
    })
}

fn ids(topology: &Topology, chosen: &[bool]) -> Vec<String> {
    let chosen = topology.instances().iter().zip(chosen).filter(|(_, chosen)| **chosen);
    chosen.map(|(instance, _)| instance.id.clone()).collect()
}
