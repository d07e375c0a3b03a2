//! The order of steps: removals, additions, modifications; what depends on something goes before it and
//! comes after it.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::{Action, Entity, Nodes, Part, Step, list, text};

/// Numbers the new nodes and sorts. The original only says that relationships go before nodes and new nodes
/// come before relationships, nodes that others are related to first; what it leaves open keeps its place.
pub(super) fn sort(steps: &mut [Step], nodes: &Nodes<'_>) {
    let numbers = number(steps, nodes);
    for step in steps.iter_mut() {
        if let (Action::Add, Entity::Node, Some(Part::Name(name))) = (step.action, step.entity, step.path.last()) {
            step.topology_order = numbers.get(name).copied().unwrap_or_default();
        }
    }
    steps.sort_by_key(|step| {
        let turn = match (step.action, step.entity) {
            (Action::Remove, Entity::Relationship) | (Action::Add, Entity::Node) => 0,
            (Action::Remove, Entity::Node) | (Action::Add, Entity::Relationship) => 2,
            _ => 1,
        };
        (step.action, turn, Reverse(step.topology_order))
    });
}

/// The new nodes, numbered so that relationships lead from lower to higher numbers.
fn number(steps: &[Step], nodes: &Nodes<'_>) -> HashMap<String, usize> {
    let is_new = |step: &&Step| step.action == Action::Add && step.entity == Entity::Node;
    let names = steps.iter().filter(is_new).filter_map(|step| match step.path.last() {
        Some(Part::Name(name)) => Some(name.as_str()),
        _ => None,
    });
    let mut targets: indexmap::IndexMap<&str, Vec<&str>> = names.map(|name| (name, Vec::new())).collect();
    let mut sources: HashMap<&str, usize> = HashMap::new();
    for (name, node) in nodes {
        let Some(at) = targets.get_index_of(name) else { continue };
        let mut own: Vec<&str> = list(node, "relationships").iter().map(|one| text(one, "target_id")).collect();
        own.retain(|target| targets.contains_key(target));
        let mut seen = std::collections::HashSet::new();
        own.retain(|target| seen.insert(*target));
        for target in &own {
            *sources.entry(target).or_default() += 1;
        }
        targets[at] = own;
    }
    let mut ready: Vec<&str> = targets.keys().copied().filter(|name| !sources.contains_key(name)).collect();
    let mut next = 0;
    while let Some(name) = ready.get(next).copied() {
        next += 1;
        for target in &targets[name] {
            if let Some(left) = sources.get_mut(target) {
                *left -= 1;
                if *left == 0 {
                    ready.push(target);
                }
            }
        }
    }
    ready.into_iter().enumerate().map(|(number, name)| (name.to_owned(), number)).collect()
}
