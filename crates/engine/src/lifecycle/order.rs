//! Joins the subgraphs of instances by their relationships (spec workflows.md section 6.1,
//! "Between instances").
//!
//! Instances that the filters leave out get an empty subgraph `stub_<id>`, so that order holds
//! through them, and so that those related to a chosen instance can run one operation after it.

use std::collections::{BTreeMap, HashSet};

use super::relationships::both_ends;
use super::steps::Steps;
use super::{Parameters, Selection};
use crate::error::Result;
use crate::graph::{Block, Graph};
use crate::task::{Index, OnFailure};
use crate::topology::{InstanceRelationship, Topology};

/// How a workflow goes along relationships.
#[derive(Clone, Copy)]
pub(super) struct Order {
    /// Whether targets come before sources.
    targets_first: bool,
    /// What instances that are left out run for a relationship to a chosen one.
    left_out: &'static str,
}

pub(super) const INSTALL: Order =
    Order { targets_first: true, left_out: "cloudify.interfaces.relationship_lifecycle.establish" };
pub(super) const UNINSTALL: Order =
    Order { targets_first: false, left_out: "cloudify.interfaces.relationship_lifecycle.unlink" };

/// A graph with a subgraph for each chosen instance, in order.
pub(super) fn joined(
    topology: &Topology,
    selection: &Selection,
    parameters: &Parameters,
    order: Order,
    mut subgraph: impl FnMut(&mut Graph, Steps<'_>) -> Result<Index>,
) -> Result<Graph> {
    let mut graph = Graph::default();
    let mut ranges = vec![0..0; topology.instances().len()];
    for position in selection.chosen() {
        let index = subgraph(&mut graph, Steps { topology, parameters, position })?;
        ranges[position] = index..graph.tasks.len();
    }
    for position in selection.intact() {
        let steps = Steps { topology, parameters, position };
        let operations = left_out(steps, selection, order)?;
        let index = graph.subgraph(format!("stub_{}", steps.instance().id), OnFailure::Decide, operations);
        ranges[position] = index..graph.tasks.len();
    }
    for source in (0..ranges.len()).filter(|&position| selection.is_inside(position)) {
        for related in &topology.instances()[source].relationships {
            let target = topology.position(&related.target_id);
            let Some(target) = target.filter(|&target| selection.is_inside(target)) else { continue };
            let (earlier, later) = if order.targets_first { (target, source) } else { (source, target) };
            let earlier_id = &topology.instances()[earlier].id;
            let waits_for = match relaxed(topology, source, related) {
                Some(operation) => following(&graph, ranges[earlier].clone(), earlier_id, operation),
                None => Vec::new(),
            };
            if waits_for.is_empty() {
                graph.depend(ranges[later].start, ranges[earlier].start);
            }
            for task in waits_for {
                graph.depend(ranges[later].start, task);
            }
        }
    }
    Ok(graph)
}

/// Makes each instance's task wait for those of its targets.
pub(super) fn by_targets(graph: &mut Graph, topology: &Topology, tasks: &[Index]) {
    for (source, instance) in topology.instances().iter().enumerate() {
        let targets = instance.relationships.iter().filter_map(|related| topology.position(&related.target_id));
        targets.for_each(|target| graph.depend(tasks[source], tasks[target]));
    }
}

/// A graph that runs the operation of these relationships, from source to target, and nothing else.
pub(super) fn linked(
    topology: &Topology,
    pairs: &[(String, String)],
    parameters: &Parameters,
    order: Order,
) -> Result<Graph> {
    let wanted: HashSet<(&str, &str)> =
        pairs.iter().map(|(source, target)| (source.as_str(), target.as_str())).collect();
    let mut graph = Graph::default();
    let mut subgraphs = BTreeMap::new();
    for (position, instance) in topology.instances().iter().enumerate() {
        let is_wanted = |related: &InstanceRelationship| wanted.contains(&(instance.id.as_str(), &*related.target_id));
        let blocks = of_relationships(Steps { topology, parameters, position }, order, is_wanted)?;
        if !blocks.is_empty() {
            subgraphs.insert(position, graph.subgraph(format!("stub_{}", instance.id), OnFailure::Decide, blocks));
        }
    }
    for (&source, &index) in &subgraphs {
        for related in &topology.instances()[source].relationships {
            let target = topology.position(&related.target_id).and_then(|target| subgraphs.get(&target));
            if let Some(&target) = target {
                let (earlier, later) = if order.targets_first { (target, index) } else { (index, target) };
                graph.depend(later, earlier);
            }
        }
    }
    Ok(graph)
}

/// The operations of an instance that is left out, for its relationships to chosen ones.
fn left_out(steps: Steps<'_>, selection: &Selection, order: Order) -> Result<Vec<Block>> {
    of_relationships(steps, order, |related| {
        steps.topology.position(&related.target_id).is_some_and(|target| selection.is_chosen(target))
    })
}

/// The operations of those of an instance's relationships that are wanted.
fn of_relationships(
    steps: Steps<'_>,
    order: Order,
    is_wanted: impl Fn(&InstanceRelationship) -> bool,
) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut add = |related: &InstanceRelationship| -> Result<()> {
        if is_wanted(related) {
            blocks.extend(both_ends(steps, related, order.left_out)?.into_iter().map(Block::Task));
        }
        Ok(())
    };
    let relationships = &steps.instance().relationships;
    if order.targets_first {
        relationships.iter().try_for_each(&mut add)?;
    } else {
        relationships.iter().rev().try_for_each(&mut add)?;
        for block in &mut blocks {
            block.ignore_failures(&steps.id());
        }
    }
    Ok(blocks)
}

/// A relationship may say after which operation of its target the source can begin.
fn relaxed<'a>(topology: &'a Topology, source: usize, related: &InstanceRelationship) -> Option<&'a str> {
    topology.node(source).relationship(related)?.properties.get("operation")?.as_str()
}

/// The tasks that come directly after a lifecycle operation of the instance.
fn following(graph: &Graph, range: std::ops::Range<Index>, instance: &str, operation: &str) -> Vec<Index> {
    let is_it = |index: &Index| {
        graph.tasks[*index].work.call().is_some_and(|call| {
            let name = call.context.operation.name.strip_prefix("cloudify.interfaces.lifecycle.");
            name == Some(operation) && call.context.node_id.as_deref() == Some(instance)
        })
    };
    let Some(found) = range.clone().find(is_it) else { return Vec::new() };
    range.filter(|&index| graph.tasks[index].dependencies.contains(&found)).collect()
}
