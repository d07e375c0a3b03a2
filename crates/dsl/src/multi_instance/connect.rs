//! Connections between node instances: all to all, all to one, and within one instance of a group.

use std::collections::{BTreeSet, HashMap};

use nephele_model::json::Value;

use super::forest::{Edge, Forest};
use super::{Instance, MOST};
use crate::diagnostic::{Diagnostic, Fault};

/// One instance related to another, or a member to its group.
#[derive(Clone, Copy)]
pub(crate) struct Link<'p> {
    pub(crate) source: usize,
    pub(crate) target: usize,
    /// The relationship's place among those of the source, and its type; none for membership.
    pub(crate) relationship: Option<(usize, &'p str)>,
}

/// The instances that relationships lead to so far, by source node, target node and type.
pub(crate) type Targets<'p> = HashMap<(&'p str, &'p str, &'p str), BTreeSet<&'p str>>;

/// Every instance in its container.
pub(crate) fn contain<'p>(instances: &[Instance<'p>]) -> Vec<Link<'p>> {
    let link = |(source, instance): (usize, &Instance<'p>)| {
        let relationship = match instance.contained_by? {
            Edge::Relationship { type_name, index, .. } => Some((index, type_name)),
            Edge::Group => None,
        };
        Some(Link { source, target: instance.container?, relationship })
    };
    instances.iter().enumerate().filter_map(link).collect()
}

/// The connections of all instances, in the order of the plan.
///
/// Errors: [`Fault::ConnectionType`], [`Fault::AllToOneInGroup`], [`Fault::AllToOneState`].
pub(crate) fn connect<'p>(
    forest: &Forest<'p>,
    instances: &[Instance<'p>],
    so_far: &Targets<'_>,
) -> Result<Vec<Link<'p>>, Diagnostic> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, instance) in instances.iter().enumerate() {
        by_name.entry(instance.name).or_default().push(place);
    }
    let mut connections = Vec::new();
    for (name, target, edge) in forest.connections() {
        let Edge::Relationship { type_name, index, plan } = edge else { continue };
        let to_one = connects_to_one(plan)?;
        let (Some(sources), Some(targets)) = (by_name.get(name), by_name.get(target)) else { continue };
        let group = forest.shared_group(name, target);
        if let (true, Some(group)) = (to_one, group) {
            let message = format!(
                "'all_to_one' connection type is not supported within groups, but the source node '{name}' and target \
                 node '{target}' are both in group '{group}'"
            );
            return Err(Diagnostic::new(Fault::AllToOneInGroup, message));
        }
        let only = if to_one {
            only_target(targets, instances, so_far.get(&(name, target, type_name)), (name, target, type_name))?
        } else {
            None
        };
        let chosen: &[usize] = if to_one { only.as_slice() } else { targets };
        let targets_of = partition(chosen, group, instances);
        for source in sources {
            let near = targets_of.get(&group.and_then(|group| group_instance(*source, group, instances)));
            let near = near.map_or(&[][..], Vec::as_slice);
            if connections.len().saturating_add(near.len()) > MOST {
                let message = format!("The relationships of node '{name}' multiply to more than {MOST}");
                return Err(Diagnostic::new(Fault::Expansion, message));
            }
            let link =
                |target: &usize| Link { source: *source, target: *target, relationship: Some((index, type_name)) };
            connections.extend(near.iter().map(link));
        }
    }
    Ok(connections)
}

fn connects_to_one(relationship: &Value) -> Result<bool, Diagnostic> {
    match relationship.pointer("/properties/connection_type").and_then(Value::as_str) {
        Some("all_to_all") => Ok(false),
        Some("all_to_one") => Ok(true),
        _ => Err(Diagnostic::new(Fault::ConnectionType, "")),
    }
}

/// The target that is in use; otherwise the one whose id comes first. A target in use that goes away is
/// replaced, where the reference would connect to nothing.
fn only_target(
    targets: &[usize],
    instances: &[Instance<'_>],
    in_use: Option<&BTreeSet<&str>>,
    (source, target, type_name): (&str, &str, &str),
) -> Result<Option<usize>, Diagnostic> {
    if in_use.is_some_and(|in_use| in_use.len() != 1) {
        let message =
            format!("Expected exactly one target id for relationship {source}->{target} of type '{type_name}')");
        return Err(Diagnostic::new(Fault::AllToOneState, message));
    }
    let in_use = in_use.and_then(|in_use| in_use.first().copied());
    let kept = targets.iter().find(|place| Some(instances[**place].id.as_str()) == in_use);
    Ok(kept.or_else(|| targets.iter().min_by_key(|place| &instances[**place].id)).copied())
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
