//! What an update does with the instances that stay: leave them, update them, or install them again. Pure.
//!
//! An update touches no instance that is not started. What differs from what it should be is updated if its node can do
//! that, and else installed again together with what is contained in it.

use std::collections::HashSet;

use nephele_model::instance::InstanceState;
use nephele_model::python_text::is_truthy;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Wish;
use crate::phases::Touched;
use crate::topology::{Instance, Topology};

const CHECK_DRIFT: &str = "cloudify.interfaces.lifecycle.check_drift";
/// Operations of which one suffices to update an instance.
const UPDATES: [&str; 3] = [
    "cloudify.interfaces.lifecycle.update",
    "cloudify.interfaces.lifecycle.update_config",
    "cloudify.interfaces.lifecycle.update_apply",
];
/// Where differences are noted: of the instance, and of its relationships from either end.
const DRIFT: &str = "configuration_drift";
pub(super) const SOURCE_DRIFTS: &str = "source_relationships_configuration_drift";
pub(super) const TARGET_DRIFTS: &str = "target_relationships_configuration_drift";

/// What is to be done with instances that stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Choice {
    /// Instances whose nodes changed and that cannot find out what that means for them: taken for different.
    pub(super) presumed: Vec<String>,
    /// To be updated.
    pub(super) update: Vec<String>,
    /// To be installed again.
    pub(super) reinstall: Vec<String>,
}

impl Choice {
    /// `present` are the instances to choose from.
    pub(super) fn of(topology: &Topology, touched: &Touched, wish: &Wish, present: &[String]) -> Self {
        let changed: HashSet<&str> = touched.changed_nodes.iter().map(String::as_str).collect();
        let (mut presumed, mut drifted, mut roots) = (Vec::new(), Vec::new(), Vec::new());
        let mut forced = vec![false; topology.instances().len()];
        for position in present.iter().filter_map(|id| topology.position(id)) {
            let (instance, node) = (&topology.instances()[position], topology.node(position));
            forced[position] = wish.reinstall.contains(&instance.id);
            let is_checked = !forced[position] && !wish.skip_drift_check;
            let is_presumed =
                changed.contains(node.id.as_str()) && !(is_checked && node.operation(CHECK_DRIFT).is_some());
            if is_presumed {
                presumed.push(position);
            }
            if is_checked && noted(instance).any(|drift| drift["ok"] != true) {
                roots.push(position);
            } else if is_presumed || (is_checked && noted(instance).any(|drift| is_truthy(&drift["result"]))) {
                let own = is_presumed || has_own_drift(instance);
                let can_be_updated = !own || UPDATES.iter().any(|name| node.operation(name).is_some());
                if can_be_updated { drifted.push(position) } else { roots.push(position) }
            }
        }
        let mut reinstall = topology.within(roots);
        if wish.force_reinstall {
            for &position in &drifted {
                reinstall[position] = true;
            }
        }
        reinstall.iter_mut().zip(&forced).for_each(|(one, forced)| *one |= forced);
        drifted.retain(|&position| !reinstall[position]);
        let ids = |positions: Vec<usize>| positions.into_iter().map(|at| topology.instances()[at].id.clone()).collect();
        let all = present.iter().filter(|id| topology.position(id).is_some_and(|position| reinstall[position]));
        Self { presumed: ids(presumed), update: ids(drifted), reinstall: all.cloned().collect() }
    }

    /// Instances could not be healed or updated: they are installed again.
    pub(super) fn give_up(&mut self, lost: &[String]) {
        self.update.retain(|id| !lost.contains(id));
        self.reinstall.extend(lost.iter().filter(|id| !self.reinstall.contains(id)).cloned().collect::<Vec<_>>());
    }
}

/// What is noted of differences of an instance and of its relationships.
fn noted(instance: &Instance) -> impl Iterator<Item = &Value> {
    let notes = &instance.system_properties;
    let of_relationships = [TARGET_DRIFTS, SOURCE_DRIFTS].into_iter().filter_map(|key| notes.get(key)?.as_object());
    let all = notes.get(DRIFT).into_iter().chain(of_relationships.flat_map(serde_json::Map::values));
    all.filter(|drift| is_truthy(*drift))
}

/// Whether the instance itself differs, not only one of its relationships.
pub(super) fn has_own_drift(instance: &Instance) -> bool {
    instance.system_properties.get(DRIFT).is_some_and(|drift| is_truthy(&drift["result"]))
}

/// The started instances that neither come nor go.
pub(super) fn present(topology: &Topology, touched: &Touched) -> Vec<String> {
    let apart: HashSet<&str> = touched.added.iter().chain(&touched.removed).map(String::as_str).collect();
    let instances = topology.instances().iter();
    let stays = instances.filter(|one| one.state == InstanceState::STARTED && !apart.contains(one.id.as_str()));
    stays.map(|one| one.id.clone()).collect()
}

/// The topology as it is to be installed again: without relationships that go, which are unlinked already, and without
/// those that come, which are established once what they lead to is there.
pub(super) fn without_news(topology: &Topology, touched: &Touched) -> Topology {
    let apart: HashSet<&str> = touched.added.iter().chain(&touched.removed).map(String::as_str).collect();
    let pairs = touched.extended.iter().chain(&touched.reduced);
    let pairs: HashSet<(&str, &str)> = pairs.map(|(source, target)| (source.as_str(), target.as_str())).collect();
    topology.with_relationships(|source, related| {
        !apart.contains(&*related.target_id) && !pairs.contains(&(source.id.as_str(), &*related.target_id))
    })
}
