//! New work before old in a run that is about to be resumed (spec workflows.md section 5.6).

use nephele_model::id::TaskId;
use nephele_model::task::{TaskChange, TaskState};

use super::Run;
use super::entry::Entry;
use crate::graph::{Block, Graph};
use crate::task::{Index, OnFailure, Work};

impl Run {
    /// Whether the container has the operation among its members and has yet to send it.
    pub(crate) fn has_pending_operation(&self, container: &str, operation: &str) -> bool {
        let Some(container) = self.container(container) else { return false };
        self.entries[container].members.iter().any(|&member| {
            let entry = &self.entries[member];
            let is_it = entry.task.work.call().is_some_and(|call| call.context.operation.name == operation);
            is_it && entry.is_open() && entry.state == TaskState::Pending
        })
    }

    /// Puts a container with these steps before another one, whatever its failures. Members that
    /// are ready wait for it.
    pub(crate) fn insert_before(&mut self, container: &str, name: String, steps: Vec<Block>) {
        let Some(after) = self.container(container) else { return };
        let mut graph = Graph::new("");
        graph.subgraph(name, OnFailure::Ignore, steps);
        let offset = self.entries.len();
        for mut task in graph.tasks {
            task.container = task.container.map(|container| container + offset);
            task.dependencies.iter_mut().for_each(|earlier| *earlier += offset);
            task.on_failure = OnFailure::Ignore;
            let id = TaskId::new(self.ids.fresh());
            if let Work::Operation(call) | Work::DryRun(call) = &mut task.work {
                self.info.fill(&mut call.context);
                id.as_str().clone_into(&mut call.context.task_id);
            }
            let index = self.entries.len();
            self.index.insert(id.clone(), index);
            self.entries.push(Entry::new(id, self.entries[after].stage, task));
            self.count(index);
        }
        self.wait_for(after, offset);
    }

    fn container(&self, name: &str) -> Option<Index> {
        let found = |entry: &Entry| entry.is_open() && entry.task.work.is_subgraph() && entry.task.name() == name;
        self.entries.iter().position(found)
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
