//! `scale`: changes the number of instances of a node or a scaling group, and installs those that come
//! or uninstalls those that go (spec workflows.md section 6.4).
//!
//! A modification is begun before anything is done, and finished or rolled back after it, so that the
//! deployment's rows say at each moment what exists.

mod hints;

use nephele_model::python_text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Parameters, Selection, install, rollback, uninstall};
use crate::error::{Error, Result};
use crate::phases::{Act, End, Ended, Flow, Modification, Next, Phases, failed};
use crate::topology::Topology;
use hints::Hints;

/// What is to be scaled, and how.
struct Wanted<'a> {
    entity: &'a str,
    delta: i64,
    scale_compute: bool,
    hints: Hints,
    ignore_failure: bool,
    rollback_if_failed: bool,
}

/// What the modification is asked for.
#[derive(Serialize, Deserialize)]
struct Change {
    /// The node or scaling group.
    entity: String,
    instances: i64,
}

/// The workflow. `entity` names the parameter with the node or scaling group.
pub(super) fn run(phases: &mut Phases<'_>, entity: &'static str) -> Flow {
    let parameters = phases.parameters();
    let wanted = Wanted::new(parameters, entity)?;
    if wanted.delta == 0 {
        phases.log("info", "delta parameter is 0, so no scaling will take place.");
        return Ok(());
    }
    let change: Change = phases.decide("change", |topology| wanted.change(topology))?;
    if parameters.flag("abort_started", false)? {
        abort_started(phases, wanted.ignore_failure)?;
    }
    let asked = json!({
        "instances": change.instances,
        "removed_ids_exclude_hint": wanted.hints.exclude,
        "removed_ids_include_hint": wanted.hints.include,
    });
    let asked = Map::from_iter([(change.entity, asked)]);
    let modification: Modification = phases.act(Act::StartModification { wanted: asked })?;
    phases.log("info", format!("Deployment modification started. [modification_id={}]", modification.id));
    let ended = if wanted.delta > 0 {
        out(phases, &wanted, &modification)?
    } else {
        phases.graph(&format!("{}_uninstall", wanted.entity), |topology| {
            let selection = Selection::among(topology, &modification.removed, &modification.removed_related);
            uninstall::graph(topology, &selection, wanted.ignore_failure, parameters)
        })?
    };
    if ended == Ended::Succeeded {
        return phases.act::<Value>(Act::FinishModification(modification.id)).map(drop);
    }
    if wanted.rollback_if_failed {
        let id = &modification.id;
        phases.log("warning", format!("Rolling back deployment modification. [modification_id={id}]"));
        phases.undo(Act::RollBackModification(modification.id))?;
    }
    match ended {
        Ended::Failed(reason) => failed(reason),
        _ => Err(Next::End(End::Cancelled)),
    }
}

/// Installs the instances that come; if that fails, they go again.
fn out(phases: &mut Phases<'_>, wanted: &Wanted<'_>, modification: &Modification) -> Flow<Ended> {
    let parameters = phases.parameters();
    let select = |topology: &Topology| Selection::among(topology, &modification.added, &modification.added_related);
    let installed = phases.graph(&format!("{}_install", wanted.entity), |topology| {
        install::graph(topology, &select(topology), parameters)
    })?;
    if !matches!(installed, Ended::Failed(_)) {
        return Ok(installed);
    }
    if !wanted.rollback_if_failed {
        phases.log("error", "Scale out failed.");
        return Ok(installed);
    }
    phases.log("error", "Scale out failed, scaling back in.");
    let rolled_back = phases.graph(&format!("{}_rollback", wanted.entity), |topology| {
        rollback::graph(topology, &select(topology), wanted.ignore_failure, parameters)
    })?;
    // What stopped the workflow last is what people must know of.
    Ok(if rolled_back == Ended::Succeeded { installed } else { rolled_back })
}

/// Undoes what another execution left behind.
fn abort_started(phases: &mut Phases<'_>, ignore_failure: bool) -> Flow {
    let parameters = phases.parameters();
    let Some(started) = phases.act::<Option<Modification>>(Act::FindStarted)? else { return Ok(()) };
    phases.log("info", format!("Rolling back deployment modification. [modification_id={}]", started.id));
    if !started.added.is_empty() {
        phases.run("uninstall", |topology| {
            let selection = Selection::among(topology, &started.added, &started.added_related);
            uninstall::graph(topology, &selection, ignore_failure, parameters)
        })?;
    }
    phases.act::<Value>(Act::Abort(started.id)).map(drop)
}

impl<'a> Wanted<'a> {
    fn new(parameters: &'a Parameters, entity: &'static str) -> Result<Self> {
        let missing = Error::Parameter { name: entity, expected: "the name of a node or scaling group" };
        let wanted = Self {
            entity: parameters.text(entity)?.ok_or(missing)?,
            delta: delta(parameters)?,
            scale_compute: parameters.flag("scale_compute", false)?,
            hints: Hints::new(parameters)?,
            ignore_failure: parameters.flag("ignore_failure", false)?,
            rollback_if_failed: parameters.flag("rollback_if_failed", true)?,
        };
        if wanted.delta > 0 && !wanted.hints.is_empty() {
            return Err(refused("Instances cannot be included or excluded when scaling up."));
        }
        Ok(wanted)
    }

    /// What the modification is to be asked for.
    fn change(&self, topology: &Topology) -> Result<Change> {
        let (entity, present) = match topology.group_size(self.entity) {
            Some(size) => {
                self.hints.check_group(topology, self.delta, self.scale_compute)?;
                (self.entity, size)
            }
            None => self.node(topology)?,
        };
        let instances = present + self.delta;
        if instances < 0 {
            return Err(refused(format!(
                "Provided delta: {} is illegal. current number of instances of entity {} is {present}",
                self.delta, self.entity
            )));
        }
        Ok(Change { entity: entity.to_owned(), instances })
    }

    fn node<'t>(&self, topology: &'t Topology) -> Result<(&'t str, i64)> {
        let unknown = || refused(format!("No scalable entity named {} was found", self.entity));
        let node = topology.node_named(self.entity).ok_or_else(unknown)?;
        self.hints.check_node(topology, &node.id, self.delta, self.scale_compute)?;
        let host = node.host_id.as_deref().filter(|_| self.scale_compute).and_then(|host| topology.node_named(host));
        let scaled = host.unwrap_or(node);
        Ok((&scaled.id, scaled.number_of_instances))
    }
}

fn delta(parameters: &Parameters) -> Result<i64> {
    let Some(given) = parameters.given("delta") else { return Ok(1) };
    let number = given.as_i64().or_else(|| given.as_str()?.trim().parse().ok());
    let number = number.or_else(|| given.as_bool().map(i64::from));
    number.ok_or_else(|| refused(format!("The delta parameter must be a number. Got: {}", python_text::str(given))))
}

fn refused(reason: impl Into<String>) -> Error {
    Error::Refused(reason.into())
}
