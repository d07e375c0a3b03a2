//! Executions: runs of workflows. Which status may follow which is decided by the manager.

mod waiting;

use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{DeploymentId, ExecutionId, TenantName, Username};
use nephele_model::page::ListQuery;
use nephele_model::{Timestamp, Visibility};

use crate::backend::Sql;
use crate::column::{Bind as _, row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{
    CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, boolean, int, json, text, time,
};
use crate::filter::Conditions;
use crate::json::Json;
use crate::scope::Scope;
use crate::write::{self, changes, insertable};

pub use waiting::{before_in_deployment, queued_before, system_wide_beside, under_way};

/// The records of `GET /executions`; those of the system only when they are asked for by
/// `is_system_workflow`.
pub static RESOURCE: Resource =
    Resource { unless_filtered: Some(("is_system_workflow", "NOT r.is_system_workflow")), ..DETAILS };

/// The record of one execution, whatever its kind.
pub static DETAILS: Resource = Resource {
    // The second is what `cfy executions groups details` asks summaries for.
    filters: &[text("_group_id").within(MEMBERS, "g.id"), text("execution_group_id").within(MEMBERS, "g.id")],
    ..RECORD
};

const MEMBERS: &str = "SELECT m.execution_fk FROM execution_groups_executions m \
                       JOIN execution_groups g ON g.storage_id = m.execution_group_fk";

const RECORD: Resource = Resource::new(
    "Execution",
    "executions",
    &[
        time("created_at"),
        text("visibility"),
        text("id"),
        time("ended_at"),
        text("error"),
        boolean("is_system_workflow"),
        json("parameters").twin(),
        text("status"),
        text("workflow_id"),
        time("started_at"),
        time("scheduled_for"),
        boolean("is_dry_run"),
        boolean("resume"),
        int("total_operations"),
        int("finished_operations"),
        boolean("allow_custom_parameters"),
        text("blueprint_id"),
        // The original does not know it.
        text("rerun_of").only_if("r.rerun_of IS NOT NULL"),
        text("deployment_display_name").of(&[("deployment_fk", "deployments")], "display_name"),
        text("deployment_id").of(&[("deployment_fk", "deployments")], "id"),
        text("status_display").sql("CASE WHEN r.status = 'terminated' THEN 'completed' ELSE r.status END"),
        TENANT_NAME,
        CREATED_BY,
        RESOURCE_AVAILABILITY,
        PRIVATE_RESOURCE,
    ],
);

row! {
    /// An execution.
    pub struct Execution {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: ExecutionId,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Whose it is.
        tenant_name: TenantName = "t.name",
        /// Who started it.
        creator_id: i64,
        /// Who started it.
        created_by: Username = "u.username",
        /// When it was accepted.
        created_at: Timestamp,
        /// When it began.
        started_at: Option<Timestamp>,
        /// When it ended.
        ended_at: Option<Timestamp>,
        /// When it is to begin.
        scheduled_for: Option<Timestamp>,
        /// Where it stands.
        status: ExecutionStatus,
        /// The workflow.
        workflow_id: String,
        /// Why it failed.
        error: Option<String>,
        /// The workflow's parameters.
        parameters: Option<Json>,
        /// Whether it keeps all others waiting.
        is_system_workflow: bool,
        /// Whether it only shows what it would do.
        is_dry_run: bool,
        /// Whether it goes on from where it was.
        resume: bool,
        /// Whether undeclared parameters are taken.
        allow_custom_parameters: bool,
        /// Whether it is to begin whatever the rules say.
        is_forced: bool,
        /// Tasks to do, joints not counted.
        total_operations: i64,
        /// Tasks done, joints not counted.
        finished_operations: i64,
        /// The row of its deployment.
        deployment_fk: Option<i64>,
        /// Its deployment.
        deployment_id: Option<DeploymentId> = "d.id",
        /// Seconds after its first failure during which independent tasks still start.
        wait_after_fail: f64,
        /// Its blueprint.
        blueprint_id: Option<String>,
        /// The process that runs it.
        process: Option<i64>,
    }
}

insertable! {
    /// An execution to insert.
    pub struct NewExecution into "executions" {
        /// Its id.
        id: ExecutionId,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Who starts it.
        creator_id: i64,
        /// When it was accepted.
        created_at: Timestamp,
        /// When it is to begin.
        scheduled_for: Option<Timestamp>,
        /// Where it stands.
        status: ExecutionStatus,
        /// The workflow.
        workflow_id: String,
        /// The workflow's parameters.
        parameters: Json,
        /// Whether it keeps all others waiting.
        is_system_workflow: bool,
        /// Whether it only shows what it would do.
        is_dry_run: bool,
        /// Whether undeclared parameters are taken.
        allow_custom_parameters: bool,
        /// Whether it is to begin whatever the rules say.
        is_forced: bool,
        /// SHA-256 of its token, in hex.
        token: Option<String>,
        /// The row of its deployment.
        deployment_fk: Option<i64>,
        /// Seconds after its first failure during which independent tasks still start.
        wait_after_fail: f64,
        /// Its blueprint.
        blueprint_id: Option<String>,
        /// The execution that it does again.
        rerun_of: Option<String>,
        /// The process that runs it.
        process: Option<i64>,
    }
}

changes! {
    /// New values for an execution.
    pub struct ExecutionChanges {
        /// When it began.
        started_at: Option<Timestamp>,
        /// When it ended.
        ended_at: Option<Timestamp>,
        /// Where it stands, without stamping times: see [`set_status`].
        status: ExecutionStatus,
        /// Why it failed.
        error: Option<String>,
        /// The workflow's parameters.
        parameters: Json,
        /// Whether it goes on from where it was.
        resume: bool,
        /// SHA-256 of its token, in hex.
        token: Option<String>,
        /// The process that runs it.
        process: Option<i64>,
    }
}

const FROM: &str = "FROM executions r JOIN tenants t ON t.id = r.tenant_id JOIN users u ON u.id = r.creator_id \
                    LEFT JOIN deployments d ON d.storage_id = r.deployment_fk";
/// That an execution `r` is under way.
pub(crate) const ACTIVE: &str =
    "r.status IN ('pending', 'started', 'cancelling', 'force_cancelling', 'kill_cancelling')";
/// One list: SQLite would take two conditions as two walks, and the index of all executions that are queued for one of them.
const QUEUED_OR_ACTIVE: &str =
    "r.status IN ('queued', 'pending', 'started', 'cancelling', 'force_cancelling', 'kill_cancelling')";
const UNFINISHED: &str = "r.status NOT IN ('terminated', 'failed', 'cancelled')";

pub(crate) async fn select(db: &dyn Db, condition: &str, values: Vec<sea_query::Value>) -> Result<Vec<Execution>> {
    db.all(format!("SELECT {} {FROM} WHERE {condition}", Execution::COLUMNS), values).await
}

/// The execution with this id that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, id: &ExecutionId) -> Result<Option<Execution>> {
    let mut values = values![id];
    let visible = scope.visible(false, &mut values);
    Ok(select(db, &format!("r.id = $1 AND {visible}"), values).await?.pop())
}

/// The execution with this id, whoever asks: for the manager's own work.
pub async fn by_id(db: &dyn Db, id: &ExecutionId) -> Result<Option<Execution>> {
    Ok(select(db, "r.id = $1", values![id]).await?.pop())
}

/// The execution of this row.
pub async fn by_storage_id(db: &dyn Db, storage_id: i64) -> Result<Option<Execution>> {
    Ok(select(db, "r.storage_id = $1", values![storage_id]).await?.pop())
}

/// The execution whose token has this SHA-256, in hex, whatever its status.
pub async fn by_token(db: &dyn Db, sha256: &str) -> Result<Option<Execution>> {
    Ok(select(db, "r.token = $1", values![sha256]).await?.pop())
}

/// SHA-256 of an execution's token, in hex.
pub async fn token(db: &dyn Db, id: &ExecutionId) -> Result<Option<String>> {
    let found = db.column("SELECT token FROM executions WHERE id = $1", values![id]).await?;
    Ok(found.into_iter().next().flatten())
}

/// Executions of a deployment that a worker may be acting for, the oldest first.
pub async fn active_of_deployment(db: &dyn Db, deployment_fk: i64) -> Result<Vec<Execution>> {
    let condition = format!("r.deployment_fk = $1 AND {ACTIVE} ORDER BY r.created_at, r.storage_id");
    select(db, &condition, values![deployment_fk]).await
}

/// Executions of a deployment that have not ended, the oldest first.
pub async fn unfinished_of_deployment(db: &dyn Db, deployment_fk: i64) -> Result<Vec<Execution>> {
    let condition = format!("r.deployment_fk = $1 AND {UNFINISHED} ORDER BY r.created_at, r.storage_id");
    select(db, &condition, values![deployment_fk]).await
}

/// All executions of a deployment, the oldest first.
pub async fn of_deployment(db: &dyn Db, deployment_fk: i64) -> Result<Vec<Execution>> {
    select(db, "r.deployment_fk = $1 ORDER BY r.created_at, r.storage_id", values![deployment_fk]).await
}

/// The last executions of a deployment that had operations to run, the latest first.
pub async fn latest_of_deployment(db: &dyn Db, deployment_fk: i64, most: i64) -> Result<Vec<Execution>> {
    let condition = "r.deployment_fk = $1 AND r.total_operations > 0 AND NOT r.is_system_workflow \
                     ORDER BY r.created_at DESC, r.storage_id DESC LIMIT $2";
    select(db, condition, values![deployment_fk, most]).await
}

/// Every execution that has not ended, the oldest first.
pub async fn unfinished(db: &dyn Db) -> Result<Vec<Execution>> {
    select(db, &format!("{UNFINISHED} ORDER BY r.storage_id"), values![]).await
}

/// Whether an execution that keeps all others waiting is under way, or waits itself.
pub async fn system_wide(db: &dyn Db) -> Result<bool> {
    let text =
        format!("SELECT CAST(1 AS BIGINT) FROM executions r WHERE r.is_system_workflow AND {QUEUED_OR_ACTIVE} LIMIT 1");
    Ok(db.first::<(i64,)>(text, values![]).await?.is_some())
}

/// The execution that makes a snapshot, if one is under way or waits.
pub async fn snapshot_under_way(db: &dyn Db) -> Result<Option<ExecutionId>> {
    let text = format!(
        "SELECT r.id FROM executions r WHERE r.is_system_workflow AND r.workflow_id = 'create_snapshot' \
         AND {QUEUED_OR_ACTIVE} LIMIT 1"
    );
    let found: Option<(ExecutionId,)> = db.first(text, values![]).await?;
    Ok(found.map(|(id,)| id))
}

/// Whether any execution waits for others to end.
pub async fn any_queued(db: &dyn Db) -> Result<bool> {
    Ok(db.number("SELECT CAST(1 AS BIGINT) FROM executions WHERE status = 'queued' LIMIT 1", values![]).await? == 1)
}

/// The oldest of those that wait to keep all others waiting.
pub async fn queued_system_wide(db: &dyn Db) -> Result<Option<Execution>> {
    // The sign keeps SQLite from walking through all that are queued for the sake of their order.
    let condition = "r.is_system_workflow AND r.status = 'queued' ORDER BY +r.storage_id LIMIT 1";
    Ok(select(db, condition, values![]).await?.pop())
}

/// How many executions are under way.
pub async fn count_active(db: &dyn Db) -> Result<usize> {
    let found: Vec<(i64,)> = db.all(format!("SELECT count(*) FROM executions r WHERE {ACTIVE}"), values![]).await?;
    Ok(found.first().map_or(0, |(count,)| usize::try_from(*count).unwrap_or_default()))
}

/// The oldest queued execution whose deployment is free and that is in none of the `full` groups; of a deployment, if one is
/// given. What makes a deployment's environment waits for nothing else of it, and all else waits for that.
pub async fn next_queued(db: &dyn Db, full: &[i64], deployment_fk: Option<i64>) -> Result<Option<Execution>> {
    let mut values = values![Json::of(full)];
    let within = deployment_fk.map_or("", |deployment| {
        values.push(deployment.bind());
        " AND r.deployment_fk = $2"
    });
    let active = ACTIVE.replace("r.", "o.");
    let beside = "NOT EXISTS (SELECT 1 FROM executions o WHERE o.deployment_fk = r.deployment_fk";
    let condition = format!(
        "r.status = 'queued' AND NOT r.is_system_workflow{within} \
         AND (r.workflow_id = 'create_deployment_environment' \
         OR ({beside} AND {active} AND o.storage_id <> r.storage_id) \
         AND {beside} AND o.status = 'queued' AND o.storage_id < r.storage_id) \
         AND {beside} AND o.status = 'queued' AND o.storage_id > r.storage_id \
         AND o.workflow_id = 'create_deployment_environment'))) \
         AND NOT EXISTS (SELECT 1 FROM execution_groups_executions m WHERE m.execution_fk = r.storage_id \
         AND m.execution_group_fk IN (SELECT CAST(value AS BIGINT) FROM json_each($1))) \
         ORDER BY r.storage_id LIMIT 1"
    );
    Ok(select(db, &condition, values).await?.pop())
}

/// The executions under way in a tenant that keep all others waiting, or would.
pub async fn system_wide_under_way(db: &dyn Db, tenant_id: i64) -> Result<Vec<Execution>> {
    let condition = format!("r.is_system_workflow AND r.tenant_id = $1 AND {ACTIVE} ORDER BY r.storage_id");
    select(db, &condition, values![tenant_id]).await
}

row! {
    /// What became of an execution, whatever its tenant.
    pub struct Brief {
        /// Its id.
        id: ExecutionId,
        /// What it ran.
        workflow_id: String,
        /// Where it stands.
        status: ExecutionStatus,
        /// Its tenant.
        tenant_name: String = "(SELECT t.name FROM tenants t WHERE t.id = r.tenant_id)",
        /// When it was accepted.
        created_at: Timestamp,
        /// When it began.
        started_at: Option<Timestamp>,
        /// When it ended.
        ended_at: Option<Timestamp>,
        /// Why it failed.
        error: Option<String>,
    }
}

/// The latest executions of all tenants, the latest first.
pub async fn latest(db: &dyn Db, most: i64) -> Result<Vec<Brief>> {
    db.all(format!("SELECT {} FROM executions r ORDER BY r.storage_id DESC LIMIT $1", Brief::COLUMNS), values![most])
        .await
}

/// How many executions of all tenants stand where.
pub async fn count_by_status(db: &dyn Db) -> Result<Vec<(ExecutionStatus, i64)>> {
    db.all("SELECT status, count(*) FROM executions GROUP BY status".to_owned(), values![]).await
}

/// The ids of some executions that are under way, whatever their tenant.
pub async fn active_ids(db: &dyn Db) -> Result<Vec<ExecutionId>> {
    let text = format!("SELECT r.id FROM executions r WHERE {ACTIVE} ORDER BY r.storage_id LIMIT 100");
    let found: Vec<(ExecutionId,)> = db.all(text, values![]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// The executions of the caller's tenants that `query` asks for, the oldest first: row, when it was accepted, and whether a
/// deployment was made by it and needs it.
pub async fn deletable(db: &dyn Db, scope: &Scope, query: &ListQuery) -> Result<Vec<(i64, Timestamp, bool)>> {
    let mut conditions = Conditions::default();
    conditions.require_filters(&RESOURCE, scope, query)?;
    let inside = scope.inside(query.all_tenants, &mut conditions.values);
    conditions.require(inside);
    let text = format!(
        "SELECT r.storage_id, r.created_at, \
         EXISTS (SELECT 1 FROM deployments d WHERE d.create_execution_fk = r.storage_id) \
         FROM executions r WHERE {} ORDER BY r.created_at, r.storage_id",
        conditions.sql()
    );
    db.all(text, conditions.values).await
}

/// Deletes executions with their tasks and events.
pub async fn delete_all(db: &dyn Db, storage_ids: &[i64]) -> Result<()> {
    let text = "DELETE FROM executions WHERE storage_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
    for some in storage_ids.chunks(1000) {
        db.run(text, values![Json::of(some)]).await?;
    }
    Ok(())
}

/// Stores an execution and gives its `storage_id`.
pub async fn insert(db: &dyn Db, execution: NewExecution) -> Result<i64> {
    write::insert(db, execution).await
}

/// Changes an execution.
pub async fn update(db: &dyn Db, storage_id: i64, changes: ExecutionChanges) -> Result<()> {
    write::update(db, "executions", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}

/// Moves an execution from `from` to `to`, stamping `started_at` and `ended_at`; `error` is set if
/// given. Gives `false`, and changes nothing, when it is no longer in `from`.
pub async fn set_status(
    db: &dyn Db,
    storage_id: i64,
    from: ExecutionStatus,
    to: ExecutionStatus,
    error: Option<&str>,
) -> Result<bool> {
    let mut values = values![storage_id, from, to, error];
    let stamp = match to {
        ExecutionStatus::Started => "started_at = coalesce(started_at, $5)",
        _ if to.is_final() => "process = NULL, ended_at = $5",
        _ => "ended_at = NULL",
    };
    if stamp.contains("$5") {
        values.push(db.now().bind());
    }
    let text = format!(
        "UPDATE executions SET status = $3, error = coalesce($4, error), {stamp} WHERE storage_id = $1 AND status = $2"
    );
    Ok(db.execute(Sql::new(text, values)).await? > 0)
}

/// Makes an ended (or lost) execution pending again, with a new token.
pub async fn resume(db: &dyn Db, storage_id: i64, token_sha256: &str) -> Result<()> {
    let text = "UPDATE executions SET status = 'pending', ended_at = NULL, error = NULL, resume = TRUE, token = $2 \
                WHERE storage_id = $1";
    db.run(text, values![storage_id, token_sha256]).await?;
    Ok(())
}

/// Adds to the counts of tasks, joints not counted.
pub async fn count_operations(db: &dyn Db, storage_id: i64, total: i64, finished: i64) -> Result<()> {
    let text = "UPDATE executions SET total_operations = total_operations + $2, \
                finished_operations = finished_operations + $3 WHERE storage_id = $1";
    db.run(text, values![storage_id, total, finished]).await?;
    Ok(())
}

/// Deletes an execution with its tasks and events.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    write::delete(db, "executions", storage_id).await
}
