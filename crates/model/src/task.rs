//! Stored tasks: the rows that let a run go on after a crash, and that tools read through
//! `/tasks_graphs` and `/operations`.
//!
//! The engine decides on these values and the store writes them; neither knows the other. The
//! shape of `parameters` is the reference's (spec workflows.md section 5.2).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::blueprint::states;
use crate::clock::Timestamp;
use crate::event::NewEvent;
use crate::finding::Note;
use crate::id::{ExecutionId, GraphId, NodeInstanceId, TaskId};
use crate::instance::InstanceState;
use crate::operation::Request;

states! {
    /// Where a task stands.
    TaskState {
        /// Waits for its dependencies.
        Pending = "pending",
        /// Is being handed over.
        Sending = "sending",
        /// Was handed over to a worker.
        Sent = "sent",
        /// A worker has begun.
        Started = "started",
        /// A worker has ended; its answer is on the way.
        ResponseSent = "response-sent",
        /// Failed and was replaced by a new attempt.
        Rescheduled = "rescheduled",
        /// Ended well.
        Succeeded = "succeeded",
        /// Ended with an error, for good.
        Failed = "failed",
        /// Left out because a person decided so: what waits for it goes on.
        Skipped = "skipped",
    }
}

impl TaskState {
    /// Whether nothing more will happen to the task.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Rescheduled | Self::Succeeded | Self::Failed | Self::Skipped)
    }
}

states! {
    /// How operations ended, or go on; the worst first.
    TaskOutcome {
        /// One failed for good.
        Failed = "failed",
        /// A worker has one.
        Running = "running",
        /// One waits for its turn.
        Waiting = "waiting",
        /// One was left out because a person decided so.
        Skipped = "skipped",
        /// All ended well.
        Succeeded = "succeeded",
    }
}

impl TaskOutcome {
    /// The worse of two.
    #[must_use]
    pub const fn or_worse(self, other: Self) -> Self {
        if (self as u8) < (other as u8) { self } else { other }
    }
}

states! {
    /// What a person may have done about a task that failed.
    TaskAction {
        /// It is run again.
        Retry = "retry",
        /// It is left out.
        Skip = "skip",
    }
}

/// What a person decided about a task; stored as `parameters.decision` of its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDecision {
    /// What is to be done.
    pub action: TaskAction,
    /// Why.
    pub reason: String,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

states! {
    /// What a task does; the names are the reference's class names.
    TaskKind {
        /// An operation on a worker.
        Operation = "RemoteWorkflowTask",
        /// Code inside a Python workflow process.
        Local = "LocalWorkflowTask",
        /// Nothing: a joint in the graph.
        Nop = "NOPLocalWorkflowTask",
        /// A container of tasks.
        Subgraph = "SubgraphTask",
        /// Sets a node instance's state.
        SetState = "SetNodeInstanceStateTask",
        /// Reads a node instance's state.
        GetState = "GetNodeInstanceStateTask",
        /// Writes an event about a node instance.
        NodeEvent = "SendNodeEventTask",
        /// Writes an event about the workflow.
        WorkflowEvent = "SendWorkflowEventTask",
        /// Moves the execution to a status.
        ExecutionStatus = "UpdateExecutionStatusTask",
        /// An operation that is only shown.
        DryRun = "DryRunLocalWorkflowTask",
    }
}

/// A task as it stands in the table `operations`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredTask {
    /// Its id.
    pub id: TaskId,
    /// The graph it belongs to.
    pub graph: GraphId,
    /// What tools show.
    pub name: String,
    /// What it does.
    pub kind: TaskKind,
    /// Where it stands.
    pub state: TaskState,
    /// Tasks that must end before it.
    pub dependencies: Vec<TaskId>,
    /// The reference's description of the task, see the module's comment.
    pub parameters: Value,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// When it may begin, for an attempt that waits for its time.
    pub due_at: Option<Timestamp>,
    /// When it was handed over.
    pub queued_at: Option<Timestamp>,
    /// When a worker began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A task's move to another state. The store stamps `queued_at` on `Sent`, `started_at` on
/// `Started` and `ended_at` on final states with the batch's instant.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskChange {
    /// The task.
    pub id: TaskId,
    /// Its new state.
    pub state: TaskState,
    /// Its new dependencies, where a retry took the place of one.
    pub dependencies: Option<Vec<TaskId>>,
    /// Why it failed for good, if it did; stored as `parameters.error`, so that a run that goes on
    /// after a crash still knows what to report.
    pub error: Option<Value>,
    /// Why it failed this time, for people; stored whether or not it is tried again.
    pub reason: Option<String>,
    /// What a person decided about it, if that is why it moves.
    pub decision: Option<TaskDecision>,
}

impl TaskChange {
    /// A move that changes nothing but the state.
    pub const fn new(id: TaskId, state: TaskState) -> Self {
        Self { id, state, dependencies: None, error: None, reason: None, decision: None }
    }
}

/// Everything that one step of a run changes; written in one transaction, before it is acted on.
#[derive(Clone, Debug, Default)]
pub struct JournalBatch {
    /// Graphs that are new; their tasks are in `new_tasks` of the same batch.
    pub new_graphs: Vec<StoredGraph>,
    /// Tasks that are new: retries, and the graph itself at the start.
    pub new_tasks: Vec<StoredTask>,
    /// Tasks that move. A task may move more than once in a batch, along the order of [`TaskState`].
    pub changes: Vec<TaskChange>,
    /// Node instances that move, in order: each move is a new version of its instance.
    pub instance_states: Vec<(NodeInstanceId, InstanceState)>,
    /// Notes about node instances, in order.
    pub notes: Vec<(NodeInstanceId, Note)>,
    /// Events to show.
    pub events: Vec<NewEvent>,
    /// Operations to hand to workers once the batch is written (through the outbox).
    pub dispatches: Vec<Request>,
}

impl JournalBatch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.new_graphs.is_empty()
            && self.new_tasks.is_empty()
            && self.changes.is_empty()
            && self.instance_states.is_empty()
            && self.notes.is_empty()
            && self.events.is_empty()
            && self.dispatches.is_empty()
    }
}

/// A named graph of an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredGraph {
    /// Its id.
    pub id: GraphId,
    /// The execution it belongs to.
    pub execution: ExecutionId,
    /// Its name, such as `install`.
    pub name: String,
}
