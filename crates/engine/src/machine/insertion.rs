//! New work in a run: in the place of a subgraph that failed, and before old work of a run that is about to be
//! resumed (spec workflows.md sections 5.3 and 5.6).

use std::collections::HashMap;

use nephele_model::task::{TaskChange, TaskState};

use super::Run;
use super::entry::Fate;
use super::setup::adopted;
use crate::graph::{Block, Graph};
use crate::task::{Index, OnFailure, Retry};

impl Run {
    /// The containers that have not ended, by name.
    pub(crate) fn open_containers(&self) -> HashMap<String, Index> {
        let open =
            self.entries.iter().enumerate().filter(|(_, entry)| entry.is_open() && entry.task.work.is_subgraph());
        open.map(|(index, entry)| (entry.task.name().to_owned(), index)).collect()
    }

    /// Whether the container has the operation among its members and has yet to send it.
    pub(crate) fn has_pending_operation(&self, container: Index, operation: &str) -> bool {
        self.entries[container].members.iter().any(|&member| {
            let entry = &self.entries[member];
            let is_it = entry.task.work.call().is_some_and(|call| call.context.operation.name == operation);
            is_it && entry.is_open() && entry.state == TaskState::Pending
        })
    }

    /// Puts a new container in the place of one that failed, if it is to be tried again.
    pub(super) fn remade(&mut self, container: Index) -> bool {
        let old = &self.entries[container];
        let OnFailure::Lifecycle { instance, on_retry } = &old.task.on_failure else { return false };
        if old.task.container.is_some() || !old.task.retry.may_retry() || self.stop.is_some() {
            return false;
        }
        let made = self.remake.as_ref().and_then(|remake| (remake.0)(instance, on_retry));
        let Some(graph) = made.filter(|graph| !graph.tasks.is_empty()) else { return false };
        let offset = self.adopt(graph);
        // The old one was counted, and now stands for nothing.
        self.open -= 1;
        let old = &mut self.entries[container];
        old.fate = Fate::Over;
        old.replaced = true;
        let (id, retry) = (old.id.clone(), old.task.retry);
        let dependents = std::mem::take(&mut old.dependents);
        let new = &mut self.entries[offset];
        new.retries = Some(id);
        new.dependents = dependents;
        new.task.retry = Retry { current: retry.current + 1, ..retry };
        self.draft.fresh.extend(offset..self.entries.len());
        self.ready.push_back(offset);
        true
    }

    /// Adds the tasks of a graph. Gives the place of the first one.
    fn adopt(&mut self, graph: Graph) -> Index {
        let offset = self.entries.len();
        for task in graph.tasks {
            let index = self.entries.len();
            let entry = adopted(task, offset, &self.info, &mut self.ids);
            self.index.insert(entry.id.clone(), index);
            self.entries.push(entry);
            self.count(index);
        }
        offset
    }

    /// Puts a container with these steps, whose failures are ignored, before the container `after`.
    pub(crate) fn insert_before(&mut self, after: Index, name: String, steps: Vec<Block>) {
        let mut graph = Graph::new("");
        graph.subgraph(name, OnFailure::Ignore, steps);
        for task in &mut graph.tasks {
            task.on_failure = OnFailure::Ignore;
        }
        let offset = self.adopt(graph);
        self.wait_for(after, offset);
    }

    /// Makes the container, or the members of one that has begun, wait for `earlier`.
    fn wait_for(&mut self, container: Index, earlier: Index) {
        let begun = self.entries[container].has_begun();
        let waiting = if begun { self.entries[container].members.clone() } else { vec![container] };
        for index in waiting {
            let entry = &mut self.entries[index];
            if entry.is_open() && entry.state == TaskState::Pending {
                entry.waiting += 1;
                entry.task.dependencies.push(earlier);
                self.entries[earlier].dependents.push(index);
                self.moved_dependencies(index);
            }
        }
    }

    /// Stores what the task waits for now.
    fn moved_dependencies(&mut self, index: Index) {
        let entry = &self.entries[index];
        let id = |index: &Index| self.entries[*index].id.clone();
        let dependencies = entry.task.container.iter().chain(&entry.task.dependencies).map(id).collect();
        let change =
            TaskChange { dependencies: Some(dependencies), ..TaskChange::new(entry.id.clone(), TaskState::Pending) };
        self.draft.batch.changes.push(change);
    }
}
