//! The batch of a step while it is being made.

use nephele_model::Timestamp;
use nephele_model::event::NewEvent;
use nephele_model::id::TaskId;
use nephele_model::task::{JournalBatch, StoredTask, TaskState};

use super::entry::Entry;
use super::{Run, Timer};
use crate::stored;
use crate::task::{Index, Work};

/// What the next step will ask for.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) batch: JournalBatch,
    pub(super) timers: Vec<Timer>,
    /// Tasks without a row.
    pub(super) fresh: Vec<Index>,
    last_event: Option<Timestamp>,
}

impl Draft {
    /// Adds an event. Events of one instant get a microsecond between them, so that sorting by
    /// time keeps their order.
    pub(super) fn event(&mut self, mut event: NewEvent) {
        if let Some(last) = self.last_event {
            event.timestamp = event.timestamp.max(last.plus_micros(1));
        }
        self.last_event = Some(event.timestamp);
        self.batch.events.push(event);
    }
}

impl Run {
    /// The batch of this step. Tasks that are new in it are written as they stand at its end. Of a
    /// dry run only the events are real.
    pub(super) fn drafted(&mut self, now: Timestamp) -> JournalBatch {
        let fresh = std::mem::take(&mut self.draft.fresh);
        let mut batch = std::mem::take(&mut self.draft.batch);
        if self.info.dry_run {
            return JournalBatch { events: batch.events, ..JournalBatch::default() };
        }
        batch.new_tasks = fresh.iter().map(|&index| self.row(index, now)).collect();
        for index in fresh {
            self.entries[index].stored = true;
        }
        batch
    }

    pub(super) fn row(&self, index: Index, now: Timestamp) -> StoredTask {
        let entry = &self.entries[index];
        let id = |index: Index| self.entries[index].id.clone();
        let container = entry.task.container.map(id);
        let mut dependencies: Vec<TaskId> = container.iter().cloned().collect();
        dependencies.extend(entry.task.dependencies.iter().map(|&earlier| id(earlier)));
        let mut parameters = stored::parameters(&entry.task, container.as_ref(), entry.retries.as_ref());
        if let Some(failure) = &entry.failure {
            parameters["error"] = stored::error(failure);
        }
        StoredTask {
            id: entry.id.clone(),
            graph: self.graph.id.clone(),
            name: entry.task.name().to_owned(),
            kind: entry.task.work.kind(),
            state: entry.state,
            dependencies,
            parameters,
            attempt: entry.task.retry.current + 1,
            due_at: entry.due_at,
            queued_at: (entry.state == TaskState::Sent).then_some(now),
            started_at: began_here(entry).then_some(now),
            ended_at: entry.state.is_final().then_some(now),
        }
    }
}

/// A task without a row that has begun did so in this very step.
fn began_here(entry: &Entry) -> bool {
    entry.has_begun() && !matches!(entry.task.work, Work::Operation(_))
}
