//! Tasks as those see them who follow a run: what changed after a version, and what an execution waits for.
//!
//! Invariant: whoever writes tasks takes the next version of their execution first ([`next_version`]), and holds
//! the execution's row until the transaction ends. So versions become visible in their order, and nobody who asks
//! for what came after one misses anything.

use nephele_model::Timestamp;
use nephele_model::id::TaskId;
use nephele_model::task::{TaskKind, TaskState};

use super::FROM;
use crate::backend::Sql;
use crate::column::{Column as _, row, values};
use crate::db::Db;
use crate::error::Result;
use crate::json::Json;

row! {
    /// A task of an execution.
    pub struct Progress {
        /// Its id.
        id: TaskId,
        /// The name of its graph.
        graph: String = "g.name",
        /// What tools show.
        name: String,
        /// What it does.
        kind: TaskKind = "r.type",
        /// Where it stands.
        state: TaskState,
        /// Tasks that must end before it, its container among them.
        dependencies: Json,
        /// The description of the task.
        parameters: Json,
        /// 1 for the first attempt.
        attempt: i64,
        /// The version that it changed with last.
        version: i64,
        /// When it was stored.
        created_at: Timestamp,
        /// When it may begin, for an attempt that waits for its time.
        due_at: Option<Timestamp>,
        /// When it was handed over.
        queued_at: Option<Timestamp>,
        /// When a worker began.
        started_at: Option<Timestamp>,
        /// When it ended.
        ended_at: Option<Timestamp>,
        /// Why it failed.
        error: Option<String>,
        /// The manager whose worker has it.
        manager_name: Option<String>,
        /// The agent that has it.
        agent_name: Option<String>,
    }
}

row! {
    /// How far the versions of an execution's tasks have come.
    pub struct Versions {
        /// The last one.
        present: i64 = "r.tasks_version",
        /// The last one that took tasks away.
        removed: i64 = "r.tasks_removed",
    }
}

/// The versions of an execution's tasks. Read them before the tasks: what changes in between is told twice.
pub async fn versions(db: &dyn Db, execution_fk: i64) -> Result<Versions> {
    let text = format!("SELECT {} FROM executions r WHERE r.storage_id = $1", Versions::COLUMNS);
    let found = db.first(text, values![execution_fk]).await?;
    Ok(found.unwrap_or(Versions { present: 0, removed: 0 }))
}

/// The tasks of an execution that changed after a version, in the order in which they were stored.
pub async fn changed_after(db: &dyn Db, execution_fk: i64, version: i64) -> Result<Vec<Progress>> {
    let condition = "g.execution_fk = $1 AND r.version > $2";
    select(db, condition, values![execution_fk, version]).await
}

/// The tasks of an execution that somebody has in hand, that wait for their time, or that failed.
pub async fn awaited(db: &dyn Db, execution_fk: i64) -> Result<Vec<Progress>> {
    let condition = "g.execution_fk = $1 AND (r.state IN ('sending', 'sent', 'started', 'response-sent', 'failed') \
                     OR r.state = 'pending' AND r.due_at IS NOT NULL)";
    select(db, condition, values![execution_fk]).await
}

async fn select(db: &dyn Db, condition: &str, values: Vec<sea_query::Value>) -> Result<Vec<Progress>> {
    db.all(format!("SELECT {} {FROM} WHERE {condition} ORDER BY r.storage_id", Progress::COLUMNS), values).await
}

row! {
    /// An operation of a run, as far as its outcome is concerned.
    pub struct Outcome {
        /// The row of its execution.
        execution_fk: i64 = "g.execution_fk",
        /// Its id.
        id: TaskId,
        /// Where it stands.
        state: TaskState,
        /// The description of the task.
        parameters: Json,
    }
}

/// The operations of some executions, in the order in which they were stored.
pub async fn outcomes(db: &dyn Db, executions: &[i64]) -> Result<Vec<Outcome>> {
    let text = format!(
        "SELECT {} {FROM} WHERE g.execution_fk IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) \
         AND r.type IN ($2, $3) ORDER BY r.storage_id",
        Outcome::COLUMNS
    );
    db.all(text, values![Json::of(executions), TaskKind::Operation, TaskKind::DryRun]).await
}

/// Takes the next version of an execution's tasks for what this transaction writes.
pub(super) async fn next_version(db: &dyn Db, execution_fk: i64) -> Result<i64> {
    let text = "UPDATE executions SET tasks_version = tasks_version + 1 WHERE storage_id = $1 RETURNING tasks_version";
    let rows = db.write(Sql::new(text, values![execution_fk])).await?;
    rows.first().map_or(Ok(0), |row| i64::read(row, 0))
}

/// Says that a task goes.
pub(super) async fn note_removal(db: &dyn Db, id: &TaskId) -> Result<()> {
    let text = "UPDATE executions SET tasks_version = tasks_version + 1, tasks_removed = tasks_version + 1 \
                WHERE storage_id = (SELECT g.execution_fk FROM operations o \
                JOIN tasks_graphs g ON g.storage_id = o.tasks_graph_fk WHERE o.id = $1)";
    db.run(text, values![id]).await?;
    Ok(())
}
