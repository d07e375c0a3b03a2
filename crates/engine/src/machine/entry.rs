//! A task's place in a run.

use nephele_model::Timestamp;
use nephele_model::id::TaskId;
use nephele_model::operation::Failure;
use nephele_model::task::TaskState;

use crate::task::{Index, Task};

/// Whether more will happen to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It has yet to end.
    Open,
    /// It ended so that what waits for it may go on.
    Complete,
    /// It will never let go on what waits for it.
    Over,
}

/// A task with its counters and edges.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: TaskId,
    pub(crate) task: Task,
    pub(crate) state: TaskState,
    pub(crate) fate: Fate,
    /// Whether a retry took its place.
    pub(crate) replaced: bool,
    /// Whether it has a row.
    pub(crate) stored: bool,
    /// The task that it retries.
    pub(crate) retries: Option<TaskId>,
    /// When it may begin, if it waits for its time.
    pub(crate) due_at: Option<Timestamp>,
    /// Why it failed for good.
    pub(crate) failure: Option<Box<Failure>>,
    /// Incomplete dependencies, plus one for a container that has not begun.
    pub(crate) waiting: usize,
    /// Members that are not complete.
    pub(crate) open_members: usize,
    pub(crate) members: Vec<Index>,
    pub(crate) dependents: Vec<Index>,
}

impl Entry {
    pub(crate) const fn new(id: TaskId, task: Task) -> Self {
        Self {
            id,
            task,
            state: TaskState::Pending,
            fate: Fate::Open,
            replaced: false,
            stored: false,
            retries: None,
            due_at: None,
            failure: None,
            waiting: 0,
            open_members: 0,
            members: Vec::new(),
            dependents: Vec::new(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.fate == Fate::Open
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.state != TaskState::Pending
    }
}
