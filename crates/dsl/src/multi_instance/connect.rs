//! Connections between node instances: all to all, all to one, and within one instance of a group.

use std::collections::HashMap;

use serde_json::Value;

use super::forest::{Edge, Forest};
use super::{Instance, MOST};
use crate::diagnostic::{Diagnostic, Kind};

/// Adds the connections of every node to its instances.
///
/// Errors: [`Kind::IllegalConnectedToConnectionType`], [`Kind::UnsupportedAllToOneInGroup`].
pub(crate) fn connect<'p>(forest: &Forest<'p>, instances: &mut [Instance<'p>]) -> Result<(), Diagnostic> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, instance) in instances.iter().enumerate() {
        by_name.entry(instance.name).or_default().push(place);
    }
    let mut total = 0_usize;
    for name in forest.nodes.keys() {
        for (target, edge) in forest.connections(name) {
            let Edge::Relationship { type_name, index, plan } = edge else { continue };
            let to_one = connects_to_one(plan)?;
            let (Some(sources), Some(targets)) = (by_name.get(name), by_name.get(target)) else { continue };
            let group = forest.shared_group(name, target);
            if let (true, Some(group)) = (to_one, group) {
                let message = format!(
                    "'all_to_one' connection type is not supported within groups, but the source node '{name}' and \
                     target node '{target}' are both in group '{group}'"
                );
                return Err(Diagnostic::new(Kind::UnsupportedAllToOneInGroup, None, message));
            }
            let first = targets.iter().min_by_key(|place| &instances[**place].id).copied();
            let chosen: &[usize] = if to_one { first.as_slice() } else { targets };
            let targets_of = partition(chosen, group, instances);
            for source in sources {
                let near = targets_of.get(&group.and_then(|group| group_instance(*source, group, instances)));
                let near = near.map_or(&[][..], Vec::as_slice);
                total = total.saturating_add(near.len());
                if total > MOST {
                    let message = format!("The relationships of node '{name}' multiply to more than {MOST}");
                    return Err(Diagnostic::new(Kind::Runtime, None, message));
                }
                instances[*source].related.extend(near.iter().map(|target| (*target, type_name, index)));
            }
        }
    }
    Ok(())
}

fn connects_to_one(relationship: &Value) -> Result<bool, Diagnostic> {
    match relationship.pointer("/properties/connection_type").and_then(Value::as_str) {
        Some("all_to_all") => Ok(false),
        Some("all_to_one") => Ok(true),
        _ => Err(Diagnostic::new(Kind::IllegalConnectedToConnectionType, None, "")),
    }
}

/// Targets by the group instance they are in; all under nothing when there is no group.
fn partition(targets: &[usize], group: Option<&str>, instances: &[Instance<'_>]) -> HashMap<Option<usize>, Vec<usize>> {
    let mut parts: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for target in targets {
        let part = group.and_then(|group| group_instance(*target, group, instances));
        parts.entry(part).or_default().push(*target);
    }
    parts
}

/// The instance of a group around an instance.
fn group_instance(instance: usize, group: &str, instances: &[Instance<'_>]) -> Option<usize> {
    let mut at = instances[instance].container;
    while let Some(place) = at {
        if instances[place].name == group {
            return Some(place);
        }
        at = instances[place].container;
    }
    None
}
