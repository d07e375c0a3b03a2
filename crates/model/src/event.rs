//! Events and logs of an execution, before they have a row (spec workflows.md section 5.4).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;

/// Where an event or a log line belongs. Node operations fill `node_instance`, relationship
/// operations `source` and `target`; all hold node instance ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The operation's full name, such as `cloudify.interfaces.lifecycle.create`.
    pub operation: Option<String>,
    /// The node instance the event is about.
    pub node_instance: Option<String>,
    /// The source of the relationship.
    pub source: Option<String>,
    /// The target of the relationship.
    pub target: Option<String>,
    /// The manager that reports.
    pub manager_name: Option<String>,
    /// The agent that reports.
    pub agent_name: Option<String>,
}

/// Something that happened in an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewEvent {
    /// The kind, such as `task_started` or `workflow_node_event`.
    pub event_type: String,
    /// The text for people.
    pub message: String,
    /// Where it belongs.
    pub origin: Origin,
    /// A list of `{message, type, traceback}`, for failures.
    pub error_causes: Option<Value>,
    /// When it happened, as the reporter says.
    pub timestamp: Timestamp,
    /// When it came in; `None` means when it is stored. Pages of events stay stable because of that.
    pub reported: Option<Timestamp>,
}

/// A line that an operation or a workflow wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewLog {
    /// The logger's name, such as `ctx.<task id>`.
    pub logger: String,
    /// `debug`, `info`, `warning`, `error` or `critical`.
    pub level: String,
    /// The line.
    pub message: String,
    /// Where it belongs.
    pub origin: Origin,
    /// When it was written, as the reporter says.
    pub timestamp: Timestamp,
    /// When it came in; `None` means when it is stored.
    pub reported: Option<Timestamp>,
}
