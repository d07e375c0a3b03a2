//! What an execution may wait for.

use serde::{Deserialize, Serialize};

use crate::blueprint::states;

states! {
    /// What an execution waits for.
    WaitKind {
        /// Its place in the queue.
        Queue = "queue",
        /// That fewer executions are under way.
        Slots = "slots",
        /// That fewer executions of its group are under way.
        GroupSlots = "group_slots",
        /// That its deployment is free.
        Deployment = "deployment",
        /// An execution that keeps all others waiting, or that all others end.
        SystemWorkflow = "system_workflow",
        /// The end of maintenance mode.
        Maintenance = "maintenance",
        /// Its time.
        Schedule = "schedule",
        /// That a manager takes it up.
        Pickup = "pickup",
        /// That a manager goes on with it.
        Resume = "resume",
        /// That another manager takes over from one that has fallen silent.
        Takeover = "takeover",
        /// A worker that takes an operation.
        Worker = "worker",
        /// An agent that takes an operation.
        Agent = "agent",
        /// The end of an operation.
        Operation = "operation",
        /// The time of the next attempt of an operation.
        Retry = "retry",
        /// An execution of another deployment.
        ChildExecution = "child_execution",
        /// What goes on beside an operation that failed.
        Failure = "failure",
        /// The end of what still runs after it was asked to stop.
        Cancelling = "cancelling",
        /// The process of a plugin's workflow.
        WorkflowProcess = "workflow_process",
        /// The manager's own work.
        Manager = "manager",
        /// A person.
        Person = "person",
    }
}
