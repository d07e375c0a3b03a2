//! `GET /executions/ID/why`: what an execution waits for now; of one that has ended, how it ended and why.
//!
//! Invariant: every status has an answer, made from rows and from what this process carries. Executions that the caller
//! may not see are counted and not named. What keeps a queued one is looked at in the order in which `queue.rs` does;
//! `owner.rs` looks at who runs it, `tasks.rs` at what a run has in hand, `ended.rs` at what stopped it.

mod ended;
mod owner;
mod queue;
mod tasks;

use nephele_model::execution::ExecutionStatus;
use nephele_model::id::ExecutionId;
use nephele_model::wait::WaitKind;
use nephele_model::{Result, Timestamp};
use nephele_store::Scope;
use nephele_store::executions::Execution;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{Ctx, Manager};

/// Waits that are listed; of more there is the number.
const LISTED: usize = 100;
/// Characters of an error that a reason repeats.
const QUOTED: usize = 500;

/// Why an execution stands where it does.
#[derive(Debug, Serialize)]
pub struct Explanation {
    execution_id: ExecutionId,
    status: ExecutionStatus,
    /// One sentence for people.
    summary: String,
    waits: Vec<Wait>,
    /// How many more waits there are.
    more: usize,
}

/// One thing that is waited for.
#[derive(Debug, Serialize)]
pub struct Wait {
    kind: WaitKind,
    task_id: Option<String>,
    node_instance_id: Option<String>,
    /// A sentence for people.
    reason: String,
    since: Option<Timestamp>,
    /// When it ends at the latest.
    deadline: Option<Timestamp>,
    /// What programs may want to know.
    details: Map<String, Value>,
}

impl Wait {
    fn new(kind: WaitKind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            task_id: None,
            node_instance_id: None,
            reason: reason.into(),
            since: None,
            deadline: None,
            details: Map::new(),
        }
    }

    fn since(mut self, since: impl Into<Option<Timestamp>>) -> Self {
        self.since = since.into();
        self
    }

    fn until(mut self, deadline: impl Into<Option<Timestamp>>) -> Self {
        self.deadline = deadline.into();
        self
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }
}

/// Looks at one execution on behalf of a caller.
struct Look<'a> {
    manager: &'a Manager,
    scope: Scope,
    execution: &'a Execution,
}

impl Manager {
    /// What an execution waits for now, or how it ended.
    pub async fn explain_execution(&self, ctx: &Ctx, id: &str) -> Result<Explanation> {
        let execution = self.find_execution(ctx, id).await?;
        let look = Look { manager: self, scope: self.scope(ctx, false).await?, execution: &execution };
        let mut waits = look.waits().await?;
        let summary = look.summary(&waits);
        let more = waits.len().saturating_sub(LISTED);
        waits.truncate(LISTED);
        Ok(Explanation { execution_id: execution.id.clone(), status: execution.status, summary, waits, more })
    }
}

impl Look<'_> {
    async fn waits(&self) -> Result<Vec<Wait>> {
        let execution = self.execution;
        Ok(match execution.status {
            ExecutionStatus::Scheduled => vec![self.schedule()],
            ExecutionStatus::Queued => self.in_queue().await?,
            ExecutionStatus::Pending => vec![self.silent_owner().await?.unwrap_or_else(|| self.pickup())],
            ExecutionStatus::Failed => self.failure().await?,
            ExecutionStatus::Terminated | ExecutionStatus::Cancelled => Vec::new(),
            ExecutionStatus::Started
            | ExecutionStatus::Cancelling
            | ExecutionStatus::ForceCancelling
            | ExecutionStatus::KillCancelling => self.at_work().await?,
        })
    }

    fn schedule(&self) -> Wait {
        let at = self.execution.scheduled_for;
        let when = at.map_or_else(|| "its time".to_owned(), |at| at.to_string());
        Wait::new(WaitKind::Schedule, format!("it begins at {when}")).since(self.execution.created_at).until(at)
    }

    fn pickup(&self) -> Wait {
        let (kind, reason) = if self.execution.resume {
            (WaitKind::Resume, "it is to go on from where it was, as soon as a manager takes it up")
        } else {
            (WaitKind::Pickup, "it was accepted, and begins as soon as a manager takes it up")
        };
        Wait::new(kind, reason).since(self.execution.created_at)
    }

    /// One sentence: how it ended, or what is waited for.
    fn summary(&self, waits: &[Wait]) -> String {
        let execution = self.execution;
        let (workflow, status) = (&execution.workflow_id, execution.status.display());
        let when = execution.ended_at.map_or_else(String::new, |at| format!(" at {at}"));
        let done = format!("{} of {} tasks done", execution.finished_operations, execution.total_operations);
        let first = waits.first().map_or("nothing that is known", |wait| wait.reason.as_str());
        let others = if waits.len() > 1 { format!(" (and {} more)", waits.len() - 1) } else { String::new() };
        match execution.status {
            ExecutionStatus::Terminated => format!("`{workflow}` {status}{when}"),
            ExecutionStatus::Cancelled if self.may_resume() => {
                format!("`{workflow}` was cancelled{when} with {done}; `resume` goes on from there")
            }
            ExecutionStatus::Cancelled => format!("`{workflow}` was cancelled{when}"),
            ExecutionStatus::Failed => format!("`{workflow}` failed{when}: {first}{others}"),
            ExecutionStatus::Queued | ExecutionStatus::Scheduled | ExecutionStatus::Pending => {
                format!("`{workflow}` is {status}: {first}{others}")
            }
            ExecutionStatus::Started => format!("`{workflow}` runs, {done}: {first}{others}"),
            ExecutionStatus::Cancelling | ExecutionStatus::ForceCancelling | ExecutionStatus::KillCancelling => {
                format!("`{workflow}` is being cancelled: {first}{others}")
            }
        }
    }

    /// Whether it could go on once it has ended.
    fn may_resume(&self) -> bool {
        let of_environment = ["create_deployment_environment", "delete_deployment_environment"];
        let execution = self.execution;
        let workflow = execution.workflow_id.as_str();
        execution.deployment_fk.is_some() && !execution.is_dry_run && !of_environment.contains(&workflow)
    }

    /// These executions for programs: those that the caller may see, and the number of others.
    fn named(&self, executions: &[Execution]) -> (Vec<Value>, usize) {
        let sees = |other: &&Execution| self.scope.sees(other.visibility, other.tenant_id, other.creator_id);
        let seen: Vec<Value> = executions
            .iter()
            .filter(sees)
            .map(|other| {
                json!({
                    "id": other.id, "workflow_id": other.workflow_id, "deployment_id": other.deployment_id,
                    "status": other.status, "started_at": other.started_at,
                })
            })
            .collect();
        let hidden = executions.len() - seen.len();
        (seen, hidden)
    }
}

/// The beginning of a text that may be long.
fn quoted(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
