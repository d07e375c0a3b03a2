//! Schedules: when which workflow of a deployment is to be started.

use nephele_model::execution::ExecutionStatus;
use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{
    CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, boolean, int, json, text, time,
};
use crate::json::Json;
use crate::scope::Scope;
use crate::write::{self, changes, insertable};

/// The records of `GET /execution-schedules`. `all_next_occurrences` is the manager's to fill in.
pub static RESOURCE: Resource = Resource::new(
    "ExecutionSchedule",
    "execution_schedules",
    &[
        time("created_at"),
        text("id"),
        text("visibility"),
        time("next_occurrence"),
        time("since"),
        time("until"),
        json("rule"),
        int("slip"),
        text("workflow_id"),
        json("parameters"),
        json("execution_arguments"),
        boolean("stop_on_fail"),
        boolean("enabled"),
        text("deployment_id").of(&[("deployment_fk", "deployments")], "id"),
        text("latest_execution_status").of(&[("latest_execution_fk", "executions")], "status"),
        TENANT_NAME,
        CREATED_BY,
        RESOURCE_AVAILABILITY,
        PRIVATE_RESOURCE,
        json("all_next_occurrences").sql("'[]'").shown(),
    ],
);

row! {
    /// A schedule.
    pub struct ExecutionSchedule {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// The key of its tenant.
        tenant_id: i64,
        /// Who made it.
        creator_id: i64,
        /// When it is due next.
        next_occurrence: Option<Timestamp>,
        /// The first time at the earliest.
        since: Option<Timestamp>,
        /// The last time at the latest.
        until: Option<Timestamp>,
        /// How it recurs.
        rule: Json,
        /// Minutes by which a start may be late.
        slip: i64,
        /// The workflow.
        workflow_id: String,
        /// Its parameters.
        parameters: Option<Json>,
        /// How it is to be run.
        execution_arguments: Option<Json>,
        /// Whether a failure ends the schedule.
        stop_on_fail: bool,
        /// Whether it starts anything.
        enabled: bool,
        /// The row of the deployment.
        deployment_fk: i64,
        /// Where the latest execution stands.
        latest_execution_status: Option<ExecutionStatus> =
            "(SELECT e.status FROM executions e WHERE e.storage_id = r.latest_execution_fk)",
    }
}

insertable! {
    /// A schedule to insert.
    pub struct NewExecutionSchedule into "execution_schedules" {
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// The key of its tenant.
        tenant_id: i64,
        /// Who made it.
        creator_id: i64,
        /// When.
        created_at: Timestamp,
        /// When it is due next.
        next_occurrence: Option<Timestamp>,
        /// The first time at the earliest.
        since: Option<Timestamp>,
        /// The last time at the latest.
        until: Option<Timestamp>,
        /// How it recurs.
        rule: Json,
        /// Minutes by which a start may be late.
        slip: i64,
        /// The workflow.
        workflow_id: String,
        /// Its parameters.
        parameters: Option<Json>,
        /// How it is to be run.
        execution_arguments: Json,
        /// Whether a failure ends the schedule.
        stop_on_fail: bool,
        /// Whether it starts anything.
        enabled: bool,
        /// The row of the deployment.
        deployment_fk: i64,
    }
}

changes! {
    /// New values for a schedule.
    pub struct ExecutionScheduleChanges {
        /// When it is due next.
        next_occurrence: Option<Timestamp>,
        /// The first time at the earliest.
        since: Timestamp,
        /// The last time at the latest.
        until: Timestamp,
        /// How it recurs.
        rule: Json,
        /// Minutes by which a start may be late.
        slip: i64,
        /// The workflow.
        workflow_id: String,
        /// Whether a failure ends the schedule.
        stop_on_fail: bool,
        /// Whether it starts anything.
        enabled: bool,
        /// The row of the latest execution.
        latest_execution_fk: i64,
    }
}

async fn select(db: &dyn Db, condition: &str, values: Vec<sea_query::Value>) -> Result<Vec<ExecutionSchedule>> {
    let text = format!("SELECT {} FROM execution_schedules r WHERE {condition}", ExecutionSchedule::COLUMNS);
    db.all(text, values).await
}

/// The schedule with this id of a deployment, if the caller may see it.
pub async fn find(db: &dyn Db, scope: &Scope, id: &str, deployment: &str) -> Result<Option<ExecutionSchedule>> {
    let mut values = values![id, deployment];
    let visible = scope.visible(false, &mut values);
    let condition = format!(
        "r.id = $1 AND r.deployment_fk IN (SELECT d.storage_id FROM deployments d WHERE d.id = $2) AND {visible}"
    );
    Ok(select(db, &condition, values).await?.pop())
}

/// The schedule of this row.
pub async fn by_storage_id(db: &dyn Db, storage_id: i64) -> Result<Option<ExecutionSchedule>> {
    Ok(select(db, "r.storage_id = $1", values![storage_id]).await?.pop())
}

/// The rows of schedules that are due, the longest overdue first.
pub async fn due(db: &dyn Db) -> Result<Vec<i64>> {
    let text = "SELECT storage_id FROM execution_schedules \
                WHERE next_occurrence <= $1 AND enabled ORDER BY next_occurrence, storage_id";
    db.column(text, values![db.now()]).await
}

/// When the next schedule is due.
pub async fn next_due(db: &dyn Db) -> Result<Option<Timestamp>> {
    let text = "SELECT next_occurrence FROM execution_schedules \
                WHERE next_occurrence IS NOT NULL AND enabled ORDER BY next_occurrence LIMIT 1";
    Ok(db.column(text, values![]).await?.into_iter().next())
}

/// Stores a schedule and gives its `storage_id`. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, schedule: NewExecutionSchedule) -> Result<i64> {
    write::insert(db, schedule).await
}

/// Changes a schedule.
pub async fn update(db: &dyn Db, storage_id: i64, changes: ExecutionScheduleChanges) -> Result<()> {
    write::update(db, "execution_schedules", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}

/// Deletes a schedule; what it started stays.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    write::delete(db, "execution_schedules", storage_id).await
}
