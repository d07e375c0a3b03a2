//! Stored graphs of tasks: one per execution and name.

use nephele_model::Visibility;
use nephele_model::id::{ExecutionId, GraphId};
use nephele_model::task::{StoredGraph, StoredTask};

use crate::column::{row, values};
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::field::{CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, text, time};
use crate::journal::Run;
use crate::table::operations;
use crate::write::{self, insertable};

/// The records of `GET /tasks_graphs`.
pub static RESOURCE: Resource = Resource::new(
    "TasksGraph",
    "tasks_graphs",
    &[
        time("created_at"),
        text("visibility"),
        text("id"),
        text("name"),
        text("execution_id").of(&[("execution_fk", "executions")], "id"),
        TENANT_NAME,
        CREATED_BY,
        RESOURCE_AVAILABILITY,
        PRIVATE_RESOURCE,
    ],
);

row! {
    /// A graph.
    pub struct Graph {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: GraphId,
        /// Its name.
        name: String,
        /// The row of its execution.
        execution_fk: i64,
        /// Its execution.
        execution_id: ExecutionId = "e.id",
    }
}

insertable! {
    struct NewGraph into "tasks_graphs" {
        id: GraphId,
        visibility: Visibility,
        tenant_id: i64,
        creator_id: i64,
        created_at: nephele_model::Timestamp,
        name: String,
        execution_fk: i64,
    }
}

const FROM: &str = "FROM tasks_graphs r JOIN executions e ON e.storage_id = r.execution_fk";

/// Stores a graph with its tasks, and counts them for the execution. Gives its `storage_id`.
/// Error: [`crate::Error::Unique`] when the execution has a graph of this name.
pub async fn insert(tx: &Tx, run: &Run, graph: &StoredGraph, tasks: &[StoredTask]) -> Result<i64> {
    let storage_id = write::insert(
        tx,
        NewGraph {
            id: graph.id.clone(),
            visibility: run.visibility,
            tenant_id: run.tenant_id,
            creator_id: run.creator_id,
            created_at: (tx as &dyn Db).now(),
            name: graph.name.clone(),
            execution_fk: run.execution_fk,
        },
    )
    .await?;
    operations::insert(tx, run, tasks).await?;
    Ok(storage_id)
}

/// The graph with this id.
pub async fn by_id(db: &dyn Db, id: &GraphId) -> Result<Option<Graph>> {
    db.first(format!("SELECT {} {FROM} WHERE r.id = $1", Graph::COLUMNS), values![id]).await
}

/// The graphs of an execution, the oldest first.
pub async fn of_execution(db: &dyn Db, execution_fk: i64) -> Result<Vec<Graph>> {
    let text = format!("SELECT {} {FROM} WHERE r.execution_fk = $1 ORDER BY r.storage_id", Graph::COLUMNS);
    db.all(text, values![execution_fk]).await
}

/// The graph of this name with its tasks, in the order in which they were stored.
pub async fn load(db: &dyn Db, execution_fk: i64, name: &str) -> Result<Option<(StoredGraph, Vec<StoredTask>)>> {
    let text = format!("SELECT {} {FROM} WHERE r.execution_fk = $1 AND r.name = $2", Graph::COLUMNS);
    let Some(graph) = db.first::<Graph>(text, values![execution_fk, name]).await? else {
        return Ok(None);
    };
    let tasks = operations::of_graph(db, graph.storage_id).await?;
    Ok(Some((StoredGraph { id: graph.id, execution: graph.execution_id, name: graph.name }, tasks)))
}
