//! What keeps a queued execution waiting, as far as rows tell.

use super::{ACTIVE, Execution, select};
use crate::column::values;
use crate::db::Db;
use crate::error::Result;

/// How many queued executions come before this one.
pub async fn queued_before(db: &dyn Db, execution: &Execution) -> Result<i64> {
    let text = "SELECT count(*) FROM executions WHERE status = 'queued' \
                AND (storage_id < $1 AND is_system_workflow = $2 OR is_system_workflow AND NOT $2)";
    db.number(text, values![execution.storage_id, execution.is_system_workflow]).await
}

/// The executions of the same deployment that are under way or come before this one.
pub async fn before_in_deployment(db: &dyn Db, execution: &Execution) -> Result<Vec<Execution>> {
    let condition = format!(
        "r.deployment_fk = $1 AND r.storage_id <> $2 AND ({ACTIVE} OR (r.status = 'queued' AND r.storage_id < $2)) \
         ORDER BY r.storage_id"
    );
    select(db, &condition, values![execution.deployment_fk, execution.storage_id]).await
}

/// The executions that keep all others waiting, under way or queued, but for this one.
pub async fn system_wide_beside(db: &dyn Db, execution: &Execution) -> Result<Vec<Execution>> {
    let condition = format!(
        "r.is_system_workflow AND r.storage_id <> $1 AND ({ACTIVE} OR r.status = 'queued') ORDER BY r.storage_id"
    );
    select(db, &condition, values![execution.storage_id]).await
}

/// Executions that are under way, the oldest first, not more than `most`.
pub async fn under_way(db: &dyn Db, most: i64) -> Result<Vec<Execution>> {
    select(db, &format!("{ACTIVE} ORDER BY r.storage_id LIMIT $1"), values![most]).await
}
