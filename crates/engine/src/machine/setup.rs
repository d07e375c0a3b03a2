//! How a run comes to be: entries, and the counters of what each waits for.

use std::collections::{BTreeSet, HashSet, VecDeque};

use nephele_model::id::{GraphId, TaskId};
use nephele_model::task::{StoredGraph, TaskState};

use super::Run;
use super::draft::Draft;
use super::entry::{Entry, Fate};
use crate::graph::Graph;
use crate::run_info::{Ids, RunInfo};
use crate::task::{Index, Task, Work};

/// A graph's task as an entry of the run, `offset` places further on.
pub(super) fn adopted(mut task: Task, offset: usize, info: &RunInfo, ids: &mut Ids) -> Entry {
    task.container = task.container.map(|container| container + offset);
    task.dependencies.iter_mut().for_each(|earlier| *earlier += offset);
    let id = TaskId::new(ids.fresh());
    if let Work::Operation(call) | Work::DryRun(call) = &mut task.work {
        info.fill(&mut call.context);
        id.as_str().clone_into(&mut call.context.task_id);
    }
    Entry::new(id, task)
}

impl Run {
    /// A new run of this graph. Begin it with [`crate::Event::Start`].
    pub fn new(info: RunInfo, graph: Graph, mut ids: Ids) -> Self {
        let id = GraphId::new(ids.fresh());
        let stored = StoredGraph { id, execution: info.execution_id.as_str().into(), name: graph.name };
        let entries = graph.tasks.into_iter().map(|task| adopted(task, 0, &info, &mut ids)).collect();
        Self::assemble(info, ids, stored, entries)
    }

    /// Counts what each task waits for.
    pub(crate) fn assemble(info: RunInfo, ids: Ids, graph: StoredGraph, entries: Vec<Entry>) -> Self {
        let mut run = Self {
            info,
            ids,
            index: entries.iter().enumerate().map(|(index, entry)| (entry.id.clone(), index)).collect(),
            entries,
            new_graph: Some(graph.clone()),
            graph,
            open: 0,
            ready: VecDeque::new(),
            running: BTreeSet::new(),
            delayed: BTreeSet::new(),
            failed: Vec::new(),
            unanswered: Vec::new(),
            reopened: Vec::new(),
            out_of_time: false,
            stop: None,
            begun: false,
            finished: false,
            remake: None,
            draft: Draft::default(),
        };
        (0..run.entries.len()).for_each(|index| run.count(index));
        run
    }

    pub(super) fn count(&mut self, index: Index) {
        let entry = &self.entries[index];
        if entry.fate == Fate::Complete || entry.replaced {
            return;
        }
        let container = entry.task.container;
        let mut waiting = 0;
        for position in 0..entry.task.dependencies.len() {
            let earlier = self.entries[index].task.dependencies[position];
            if self.entries[earlier].fate != Fate::Complete {
                waiting += 1;
                self.entries[earlier].dependents.push(index);
            }
        }
        if let Some(container) = container {
            let outer = &mut self.entries[container];
            outer.members.push(index);
            outer.open_members += 1;
            waiting += usize::from(outer.state == TaskState::Pending);
        } else {
            self.open += 1;
        }
        self.entries[index].waiting = waiting;
    }

    /// Waits for these operations instead of sending them once more: they have ended, and [`crate::Event::TaskFinished`]
    /// says how. Those that are not unanswered are as before. Call it before the run's first event.
    #[must_use]
    pub fn expecting(mut self, ended: &HashSet<TaskId>) -> Self {
        let unanswered = std::mem::take(&mut self.unanswered);
        let (known, unanswered): (Vec<_>, _) =
            unanswered.into_iter().partition(|&index| ended.contains(&self.entries[index].id));
        self.running.extend(known);
        self.unanswered = unanswered;
        self
    }

    /// What a resumed run finds: containers to begin again, failures to report, operations without
    /// an answer to send once more or to wait for.
    pub(crate) fn restored(&mut self, reopened: Vec<Index>, failed: Vec<Index>, send_again: bool) {
        self.reopened = reopened;
        self.failed = failed;
        self.new_graph = None;
        for (index, entry) in self.entries.iter_mut().enumerate() {
            let Work::Operation(call) = &mut entry.task.work else { continue };
            if entry.fate != Fate::Open || entry.state == TaskState::Pending {
                continue;
            }
            if send_again {
                call.context.resume = matches!(entry.state, TaskState::Started | TaskState::ResponseSent);
                self.unanswered.push(index);
            } else {
                self.running.insert(index);
            }
        }
    }
}
