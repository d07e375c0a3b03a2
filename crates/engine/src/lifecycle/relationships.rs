//! The operations of relationships (spec workflows.md section 6.1, "Relationship subgraph").

use serde_json::Map;

use super::steps::{Arguments, OtherEnd, Steps};
use crate::error::Result;
use crate::graph::Block;
use crate::task::{OnFailure, Task};
use crate::topology::InstanceRelationship;

/// The order in which an instance's relationships are gone through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Declared,
    Reversed,
}

/// A subgraph with `operation` of every relationship of the instance: relationships to instances of
/// one node at once, one node after the other. `None` if nothing is implemented.
pub(super) fn subgraph(steps: Steps<'_>, operation: &str, direction: Direction) -> Result<Option<Block>> {
    let mut groups: Vec<Block> = Vec::new();
    for group in steps.instance().relationships.chunk_by(|one, next| one.target_name == next.target_name) {
        let mut tasks = Vec::new();
        for related in group {
            tasks.extend(both_ends(steps, related, operation)?);
        }
        if !tasks.is_empty() {
            groups.push(Block::Together(tasks));
        }
    }
    if groups.is_empty() {
        return Ok(None);
    }
    if direction == Direction::Reversed {
        groups.reverse();
    }
    let name = format!("{operation}_subgraph");
    Ok(Some(Block::Subgraph { name, on_failure: OnFailure::Relationship, steps: groups }))
}

/// The relationship's operation on the source's side and on the target's.
pub(super) fn both_ends(steps: Steps<'_>, related: &InstanceRelationship, operation: &str) -> Result<Vec<Task>> {
    let Some(declared) = steps.node().relationship(related) else { return Ok(Vec::new()) };
    let Some(position) = steps.topology.position(&related.target_id) else { return Ok(Vec::new()) };
    let target = Steps { position, ..steps };
    let none = Map::new();
    let arguments = Arguments { values: &none, replace: false };
    let mut tasks = Vec::new();
    if let Some(implemented) = declared.source_operations.get(operation).filter(|found| found.is_implemented()) {
        let other = OtherEnd { instance: target.instance(), is_target: true };
        tasks.push(steps.call(operation, implemented, arguments, Some(other))?);
    }
    if let Some(implemented) = declared.target_operations.get(operation).filter(|found| found.is_implemented()) {
        let other = OtherEnd { instance: steps.instance(), is_target: false };
        tasks.push(target.call(operation, implemented, arguments, Some(other))?);
    }
    Ok(tasks)
}
