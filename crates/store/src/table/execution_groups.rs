//! Groups of executions: one workflow over the members of a group of deployments.

use nephele_model::execution::ExecutionStatus;
use nephele_model::id::ExecutionId;
use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, int, json, text, time};
use crate::json::Json;
use crate::scope::Scope;
use crate::table::executions::ACTIVE;
use crate::write::{self, changes, insertable};

const EXECUTIONS: &str = "concat('[', (SELECT string_agg(json_quote(e.id), ',' ORDER BY m.id) \
    FROM execution_groups_executions m JOIN executions e ON e.storage_id = m.execution_fk \
    WHERE m.execution_group_fk = r.storage_id), ']')";
/// Pending or queued until something began, started until everything ended (spec rest-api.md 2.4).
const STATUS: &str = "(SELECT CASE \
    WHEN count(*) = 0 THEN NULL \
    WHEN sum(CASE WHEN e.status <> 'pending' THEN 1 ELSE 0 END) = 0 THEN 'pending' \
    WHEN sum(CASE WHEN e.status NOT IN ('pending', 'queued', 'scheduled') THEN 1 ELSE 0 END) = 0 THEN 'queued' \
    WHEN sum(CASE WHEN e.status NOT IN ('terminated', 'failed', 'cancelled') THEN 1 ELSE 0 END) > 0 THEN 'started' \
    WHEN sum(CASE WHEN e.status = 'failed' THEN 1 ELSE 0 END) > 0 THEN 'failed' \
    ELSE 'terminated' END \
    FROM execution_groups_executions m JOIN executions e ON e.storage_id = m.execution_fk \
    WHERE m.execution_group_fk = r.storage_id)";

/// The records of `GET /execution-groups`.
pub static RESOURCE: Resource = Resource::new(
    "ExecutionGroup",
    "execution_groups",
    &[
        time("created_at"),
        text("id"),
        text("visibility"),
        text("workflow_id"),
        int("concurrency"),
        text("deployment_group_id").of(&[("deployment_group_fk", "deployment_groups")], "id"),
        TENANT_NAME,
        CREATED_BY,
        RESOURCE_AVAILABILITY,
        PRIVATE_RESOURCE,
        json("execution_ids").sql(EXECUTIONS).shown(),
        text("status").sql(STATUS).shown(),
    ],
);

row! {
    /// A group.
    pub struct ExecutionGroup {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// How many of its executions may run at a time.
        concurrency: i64,
        /// Where deployments go whose execution ended well.
        success_group_fk: Option<i64>,
        /// Where deployments go whose execution failed.
        failed_group_fk: Option<i64>,
    }
}

insertable! {
    /// A group to insert.
    pub struct NewExecutionGroup into "execution_groups" {
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Who made it.
        creator_id: i64,
        /// When.
        created_at: Timestamp,
        /// The workflow.
        workflow_id: String,
        /// How many of its executions may run at a time.
        concurrency: i64,
        /// The row of the group of deployments that it works on.
        deployment_group_fk: Option<i64>,
    }
}

changes! {
    /// New values for a group.
    pub struct ExecutionGroupChanges {
        /// How many of its executions may run at a time.
        concurrency: i64,
        /// Where deployments go whose execution ended well.
        success_group_fk: i64,
        /// Where deployments go whose execution failed.
        failed_group_fk: i64,
    }
}

async fn select(db: &dyn Db, condition: &str, values: Vec<sea_query::Value>) -> Result<Vec<ExecutionGroup>> {
    let text = format!("SELECT {} FROM execution_groups r WHERE {condition}", ExecutionGroup::COLUMNS);
    db.all(text, values).await
}

/// The group with this id that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, id: &str) -> Result<Option<ExecutionGroup>> {
    let mut values = values![id];
    let visible = scope.visible(false, &mut values);
    Ok(select(db, &format!("r.id = $1 AND {visible}"), values).await?.pop())
}

/// The groups that an execution belongs to.
pub async fn of_execution(db: &dyn Db, execution_fk: i64) -> Result<Vec<ExecutionGroup>> {
    let condition = "r.storage_id IN \
                     (SELECT m.execution_group_fk FROM execution_groups_executions m WHERE m.execution_fk = $1)";
    select(db, condition, values![execution_fk]).await
}

/// The rows of groups that let nothing begin.
pub async fn paused(db: &dyn Db) -> Result<Vec<i64>> {
    db.column("SELECT storage_id FROM execution_groups WHERE concurrency = 0", values![]).await
}

/// Each group with executions under way: its row, how many it allows and how many there are.
pub async fn under_way(db: &dyn Db) -> Result<Vec<(i64, i64, i64)>> {
    let text = format!(
        "SELECT g.storage_id, g.concurrency, count(*) FROM executions r \
         JOIN execution_groups_executions m ON m.execution_fk = r.storage_id \
         JOIN execution_groups g ON g.storage_id = m.execution_group_fk WHERE {ACTIVE} \
         GROUP BY g.storage_id, g.concurrency"
    );
    db.all(text, values![]).await
}

/// The executions of a group, in the order in which they came.
pub async fn executions(db: &dyn Db, storage_id: i64) -> Result<Vec<(i64, ExecutionId, ExecutionStatus)>> {
    let text = "SELECT e.storage_id, e.id, e.status FROM execution_groups_executions m \
                JOIN executions e ON e.storage_id = m.execution_fk WHERE m.execution_group_fk = $1 ORDER BY m.id";
    db.all(text.to_owned(), values![storage_id]).await
}

/// Stores a group and gives its `storage_id`. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, group: NewExecutionGroup) -> Result<i64> {
    write::insert(db, group).await
}

/// Changes a group.
pub async fn update(db: &dyn Db, storage_id: i64, changes: ExecutionGroupChanges) -> Result<()> {
    write::update(db, "execution_groups", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}

/// Adds executions.
pub async fn add(db: &dyn Db, storage_id: i64, executions: &[i64]) -> Result<()> {
    let text = "INSERT INTO execution_groups_executions (execution_group_fk, execution_fk) \
                SELECT $1, CAST(value AS BIGINT) FROM json_each($2) WHERE TRUE ON CONFLICT DO NOTHING";
    db.run(text, values![storage_id, Json::of(executions)]).await?;
    Ok(())
}

/// The rows of deployments whose execution in the group is in `status`.
pub async fn deployments_in(db: &dyn Db, storage_id: i64, status: ExecutionStatus) -> Result<Vec<i64>> {
    let text = "SELECT e.deployment_fk FROM execution_groups_executions m \
                JOIN executions e ON e.storage_id = m.execution_fk \
                WHERE m.execution_group_fk = $1 AND e.status = $2 AND e.deployment_fk IS NOT NULL ORDER BY m.id";
    db.column(text, values![storage_id, status]).await
}
