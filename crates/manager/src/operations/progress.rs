//! `GET /executions/ID/tasks`: a run's tasks in one answer, and afterwards only what changed.
//!
//! Invariant: who merges each answer into what they have, by the tasks' ids, has the run as it is. Where that does
//! not do, because tasks were taken away or the version is none of this run's, the answer is the whole and says so.

use nephele_model::Timestamp;
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{ExecutionId, TaskId};
use nephele_model::task::{TaskKind, TaskState};
use nephele_model::{Error, Result};
use nephele_store::operations::{self, Progress};
use serde::Serialize;

use super::about::About;
use crate::rows::failed;
use crate::{Ctx, Manager};

/// The tasks of an execution.
#[derive(Debug, Serialize)]
pub struct Tasks {
    execution_id: ExecutionId,
    status: ExecutionStatus,
    /// What to ask for changes since, next time.
    version: i64,
    /// Whether these are all tasks, and others that were known are gone.
    whole: bool,
    #[serde(rename = "tasks")]
    items: Vec<Task>,
}

/// A task as those see it who follow a run.
#[derive(Debug, Serialize)]
struct Task {
    id: TaskId,
    /// The name of its graph.
    graph: String,
    name: String,
    #[serde(rename = "type")]
    kind: TaskKind,
    operation: Option<String>,
    /// `source` or `target`, of an operation of a relationship.
    relationship: Option<String>,
    node_id: Option<String>,
    node_instance_id: Option<String>,
    /// The other end of the relationship.
    related_node_instance_id: Option<String>,
    /// The task that contains it.
    subgraph: Option<String>,
    dependencies: Vec<TaskId>,
    state: TaskState,
    attempt: i64,
    /// How many attempts there may be; nothing without a limit.
    max_attempts: Option<i64>,
    /// The attempt before.
    retry_of: Option<String>,
    created_at: Timestamp,
    due_at: Option<Timestamp>,
    queued_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    error: Option<String>,
    manager_name: Option<String>,
    agent_name: Option<String>,
    version: i64,
}

impl Manager {
    /// The tasks of an execution in the order in which they were stored; with `since`, those that changed after that
    /// version.
    pub async fn follow_tasks(&self, ctx: &Ctx, id: &str, since: Option<i64>) -> Result<Tasks> {
        if since.is_some_and(|since| since < 0) {
            return Err(Error::bad_parameters("`since` must be a version, a number from 0"));
        }
        let execution = self.find_execution(ctx, id).await?;
        let versions = operations::versions(&*self.store, execution.storage_id).await.map_err(failed)?;
        let known = since.filter(|since| (versions.removed..=versions.present).contains(since));
        let after = known.unwrap_or_default();
        let tasks = operations::changed_after(&*self.store, execution.storage_id, after).await.map_err(failed)?;
        Ok(Tasks {
            execution_id: execution.id,
            status: execution.status,
            version: versions.present,
            whole: known.is_none(),
            items: tasks.into_iter().map(shown).collect::<Result<_>>()?,
        })
    }
}

fn shown(task: Progress) -> Result<Task> {
    let about = About::of(&task);
    let context = about.context();
    let (attempt, max_attempts) = about.attempt(&task);
    let mut dependencies: Vec<TaskId> = task.dependencies.parse().map_err(failed)?;
    dependencies.retain(|id| about.containing_subgraph.as_deref() != Some(id.as_str()));
    Ok(Task {
        operation: context.operation.name.clone(),
        relationship: context.operation.relationship.clone(),
        node_id: context.node_name.clone(),
        node_instance_id: about.node_instance().map(str::to_owned),
        related_node_instance_id: context.related.as_ref().and_then(|related| related.node_id.clone()),
        subgraph: about.containing_subgraph.clone(),
        dependencies,
        attempt,
        max_attempts,
        retry_of: about.retried_task,
        id: task.id,
        graph: task.graph,
        name: task.name,
        kind: task.kind,
        state: task.state,
        created_at: task.created_at,
        due_at: task.due_at,
        queued_at: task.queued_at,
        started_at: task.started_at,
        ended_at: task.ended_at,
        error: task.error,
        manager_name: task.manager_name,
        agent_name: task.agent_name,
        version: task.version,
    })
}
