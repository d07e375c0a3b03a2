//! The events that people follow a run by: their types and texts (spec workflows.md section 5.4).

use nephele_model::Timestamp;
use nephele_model::event::{NewEvent, Origin};
use nephele_model::operation::{Context, Failure, Severity};
use nephele_model::python_text;
use nephele_model::task::{StoredTask, TaskAction, TaskDecision, TaskState};
use serde_json::{Value, json};

use crate::stored;
use crate::task::{Retry, Task, Work};

/// A moment in the life of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment<'a> {
    /// It begins.
    Started,
    /// It goes on after it had ended or was interrupted.
    Resumed,
    /// It ended well.
    Succeeded,
    /// It ended with this error.
    Failed(&'a str),
    /// It ended on request.
    Cancelled,
}

/// The event that belongs to a moment of an execution. The manager writes it together with the
/// execution's status.
pub fn workflow_event(moment: Moment<'_>, workflow: &str, dry_run: bool, now: Timestamp) -> NewEvent {
    let dry = dry_suffix(dry_run);
    let (event_type, message) = match moment {
        Moment::Started => ("workflow_started", format!("Starting '{workflow}' workflow execution{dry}")),
        Moment::Resumed => ("workflow_started", format!("Resuming '{workflow}' workflow execution{dry}")),
        Moment::Succeeded => ("workflow_succeeded", format!("'{workflow}' workflow execution succeeded{dry}")),
        Moment::Failed(error) => ("workflow_failed", format!("'{workflow}' workflow execution failed: {error}")),
        Moment::Cancelled => ("workflow_cancelled", format!("'{workflow}' workflow execution cancelled")),
    };
    event(event_type, message, Origin::default(), now)
}

const fn dry_suffix(dry_run: bool) -> &'static str {
    if dry_run { " (dry run)" } else { "" }
}

pub(crate) fn event(event_type: &str, message: String, origin: Origin, timestamp: Timestamp) -> NewEvent {
    NewEvent { event_type: event_type.to_owned(), message, origin, error_causes: None, timestamp, reported: None }
}

/// An event about a node instance.
pub(crate) fn node_event(instance: &str, text: &str, now: Timestamp) -> NewEvent {
    let origin = Origin { node_instance: Some(instance.to_owned()), ..Origin::default() };
    event("workflow_node_event", text.to_owned(), origin, now)
}

/// The event of an operation's or a subgraph's move to a state, if there is one.
pub(crate) fn task_event(
    task: &Task,
    state: TaskState,
    detail: Detail<'_>,
    dry_run: bool,
    now: Timestamp,
) -> Option<NewEvent> {
    let subject = if matches!(task.work, Work::Subgraph { .. }) { "Subgraph" } else { "Task" };
    let name = task.name();
    let (event_type, mut message) = match state {
        TaskState::Sent => ("sending_task", format!("Sending task '{name}'")),
        TaskState::Started => ("task_started", format!("{subject} started '{name}'")),
        TaskState::Succeeded => ("task_succeeded", format!("{subject} succeeded '{name}'")),
        TaskState::Rescheduled => ("task_rescheduled", format!("{subject} rescheduled '{name}'")),
        TaskState::Failed => ("task_failed", format!("{subject} failed '{name}'")),
        TaskState::Pending | TaskState::Sending | TaskState::ResponseSent | TaskState::Skipped => return None,
    };
    message.push_str(&detail.suffix());
    message.push_str(dry_suffix(dry_run));
    message.push_str(&retry_suffix(&task.retry));
    let origin = task.work.call().map(|call| origin(&call.context)).unwrap_or_default();
    let mut event = event(event_type, message, origin, now);
    if let Detail::Failure(failure) = detail {
        event.error_causes = Some(Value::Array(causes(failure)));
    }
    Some(event)
}

/// The event that tells what a person decided about the task of this row.
pub fn decision_event(row: &StoredTask, decision: &TaskDecision) -> NewEvent {
    let place = stored::task(row).ok().and_then(|task| task.work.call().map(|call| origin(&call.context)));
    let (event_type, what) = match decision.action {
        TaskAction::Retry => ("task_retried", "is run again"),
        TaskAction::Skip => ("task_skipped", "is skipped"),
    };
    let message = format!("Task '{}' {what}, as {} decided: {}", row.name, decision.by, decision.reason);
    event(event_type, message, place.unwrap_or_default(), decision.at)
}

/// What a task's event says beyond its state.
#[derive(Clone, Copy)]
pub(crate) enum Detail<'a> {
    Nothing,
    Result(&'a Value),
    Failure(&'a Failure),
}

impl Detail<'_> {
    fn suffix(self) -> String {
        match self {
            Self::Nothing | Self::Result(Value::Null) => String::new(),
            Self::Result(result) => format!(" - {}", python_text::str(result)),
            Self::Failure(failure) => format!(" -> {}", message(failure)),
        }
    }
}

fn retry_suffix(retry: &Retry) -> String {
    match (retry.current, retry.total) {
        (0, _) => String::new(),
        (current, total) if total < 0 => format!(" [retry {current}]"),
        (current, total) => format!(" [retry {current}/{total}]"),
    }
}

/// The failure's message with the wait that it asks for.
fn message(failure: &Failure) -> String {
    let (Severity::Recoverable { retry_after: Some(seconds) } | Severity::Retry { retry_after: Some(seconds) }) =
        failure.severity
    else {
        return failure.message.clone();
    };
    let suffix = format!("[retry_after={seconds}]");
    if failure.message.contains(&suffix) { failure.message.clone() } else { format!("{} {suffix}", failure.message) }
}

/// The failure's causes; the failure itself if it names none.
pub(crate) fn causes(failure: &Failure) -> Vec<Value> {
    if failure.causes.is_empty() {
        let itself = json!({
            "message": failure.message,
            "type": failure.exception_type,
            "traceback": failure.traceback,
        });
        return vec![itself];
    }
    failure.causes.clone()
}

/// Node operations belong to an instance, relationship operations to source and target.
fn origin(context: &Context) -> Origin {
    let operation = Some(context.operation.name.clone());
    let Some(related) = &context.related else {
        return Origin { operation, node_instance: context.node_id.clone(), ..Origin::default() };
    };
    let (this, other) = (context.node_id.clone(), Some(related.node_id.clone()));
    let (source, target) = if related.is_target { (this, other) } else { (other, this) };
    Origin { operation, source, target, ..Origin::default() }
}

/// The error of an execution in which these tasks failed.
pub(crate) fn failure_text(failures: &[(String, &Failure)]) -> String {
    let Some((first, failure)) = failures.first() else { return String::new() };
    let text = if failures.len() == 1 {
        format!("Task failed: {first}: {}", short_causes(failure))
    } else {
        let lines: Vec<String> =
            failures.iter().map(|(name, failure)| format!("{name}: {}", short_causes(failure))).collect();
        format!("{} operation errors:\n{}", failures.len(), lines.join("\n"))
    };
    let frames = traceback(failure);
    if frames.is_empty() { text } else { format!("{text}\nTraceback of {first} (most recent call last):\n{frames}") }
}

fn short_causes(failure: &Failure) -> String {
    let text = |cause: &Value, key: &str| python_text::str(&cause[key]);
    let line = |cause: &Value| format!("{} `{}`", text(cause, "type"), text(cause, "message"));
    causes(failure).iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The frames of the causes, without the lines that only say that frames follow.
fn traceback(failure: &Failure) -> String {
    let frames = |cause: &Value| {
        let text = cause["traceback"].as_str()?.trim();
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        Some(if first.starts_with("Traceback") { rest } else { text }.to_owned())
    };
    causes(failure).iter().filter_map(frames).collect::<Vec<_>>().join("\n")
}
