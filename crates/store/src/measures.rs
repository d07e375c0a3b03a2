//! What is counted for whoever watches the installation: numbers of all tenants together, and no names.

use nephele_model::execution::ExecutionStatus;
use nephele_model::task::{TaskKind, TaskState};

use crate::column::values;
use crate::db::Db;
use crate::error::Result;
use crate::table::executions::ACTIVE;

/// The connections of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// What it is for.
    pub name: &'static str,
    /// How many there are.
    pub open: u32,
    /// How many of them do nothing.
    pub idle: usize,
    /// How many there may be.
    pub most: u32,
}

/// How many executions there are in each status.
pub async fn executions(db: &dyn Db) -> Result<Vec<(ExecutionStatus, i64)>> {
    db.all("SELECT r.status, count(*) FROM executions r GROUP BY r.status".to_owned(), values![]).await
}

/// How many operations of executions under way have not ended, in each state.
pub async fn operations(db: &dyn Db) -> Result<Vec<(TaskState, i64)>> {
    let text = format!(
        "SELECT o.state, count(*) FROM executions r JOIN tasks_graphs g ON g.execution_fk = r.storage_id \
         JOIN operations o ON o.tasks_graph_fk = g.storage_id WHERE {ACTIVE} AND o.type = $1 \
         AND o.state NOT IN ('rescheduled', 'succeeded', 'failed', 'skipped') GROUP BY o.state"
    );
    db.all(text, values![TaskKind::Operation]).await
}

/// The number of the newest event: none is given twice, so it grows with each.
pub async fn events(db: &dyn Db) -> Result<i64> {
    db.number("SELECT coalesce(max(storage_id), 0) FROM events", values![]).await
}

/// How many messages are written down and not yet on the bus.
pub async fn outbox(db: &dyn Db) -> Result<i64> {
    db.number("SELECT count(*) FROM outbox", values![]).await
}
