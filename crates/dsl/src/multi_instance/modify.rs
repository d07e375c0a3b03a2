//! Which instances come, go, and gain or lose relationships when counts or nodes change (spec dsl.md
//! section 7.5): scaling, healing and deployment updates act on the answer.

use std::collections::HashMap;

use nephele_model::json::{Map, Value};
use serde::{Deserialize, Serialize};

use super::connect;
use super::difference::Graph;
use super::forest::Forest;
use super::history::History;
use super::populate;
use crate::diagnostic::Diagnostic;
use crate::instance_ids::InstanceIds;

/// What a node or scaling group is to have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// How many instances each container is to have afterwards.
    pub instances: usize,
    /// Ids of instances to remove first. A member of a group means its group.
    #[serde(default, rename = "removed_ids_include_hint")]
    pub include: Vec<String>,
    /// Ids of instances to remove last.
    #[serde(default, rename = "removed_ids_exclude_hint")]
    pub exclude: Vec<String>,
}

/// New counts by node or scaling group.
pub type Changes = HashMap<String, Change>;

/// What there is: the nodes that the instances were made from, and the instances, as plans and REST show
/// them.
#[derive(Clone, Copy, Debug)]
pub struct Current<'a> {
    /// `{id, capabilities | number_of_instances, host_id, relationships: [{target_id, type, type_hierarchy}]}`.
    pub nodes: &'a [Value],
    /// `{id, node_id, host_id, relationships: [{target_id, target_name, type}], scaling_groups: [{id, name}]}`.
    pub instances: &'a [Value],
}

/// The instances that a modification touches. Those that it is about are marked by a key `modification`;
/// the others are what they are related to, with the relationships between the two only.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Modified {
    /// New instances (`added`), and what they are related to.
    pub added_and_related: Vec<Value>,
    /// Instances that gain relationships (`extended`), and to what.
    pub extended_and_related: Vec<Value>,
    /// Instances that lose relationships (`reduced`), and to what.
    pub reduced_and_related: Vec<Value>,
    /// Instances that go (`removed`), and what they were related to.
    pub removed_and_related: Vec<Value>,
}

impl Modified {
    /// The instances of a list that the modification is about.
    pub fn changed(list: &[Value]) -> impl Iterator<Item = &Value> {
        list.iter().filter(|instance| instance.get("modification").is_some())
    }
}

/// Compares what there is with what `nodes` and `scaling_groups` ask for. Where `changes` give no count,
/// instances that a node lacks are added and none are removed, except those of nodes and containers that
/// are gone.
///
/// Linear in instances and relationships. New ids differ from all that are taken.
///
/// Errors: relationships that no instance can follow, counts that are no numbers, instances of unknown
/// nodes.
pub fn modify(
    nodes: &[Value],
    scaling_groups: &Map,
    current: Current<'_>,
    changes: &Changes,
    ids: &mut dyn InstanceIds,
) -> Result<Modified, Diagnostic> {
    let forest = Forest::grow(nodes, scaling_groups)?;
    let history = History::read(&Forest::grow(current.nodes, scaling_groups)?, current.instances, changes)?;
    let instances = populate(&forest, ids, &history.ids(), &history)?;
    let mut links = connect::contain(&instances);
    links.extend(connect::connect(&forest, &instances, &history.targets())?);

    let mut after = vec![None; history.instances.len()];
    for (at, instance) in instances.iter().enumerate() {
        if let Some(before) = instance.before {
            after[before] = Some(at);
        }
    }
    let new = Graph::new(&instances, &links, instances.iter().map(|instance| instance.before).collect());
    let old = Graph::new(&history.instances, &history.links, after);
    Ok(Modified {
        added_and_related: new.instances_only_here(&history.given, "added"),
        extended_and_related: new.links_only_here(&old, &history.given, "extended"),
        reduced_and_related: old.links_only_here(&new, &history.given, "reduced"),
        removed_and_related: old.instances_only_here(&history.given, "removed"),
    })
}
