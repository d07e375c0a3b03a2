//! Rows that a crash, or damage from outside, left in a state that nothing would bring them out of.
//!
//! Invariant: what an execution under way may still see to is none of it. What is to be done about each is the
//! manager's business.

use nephele_model::Timestamp;
use nephele_model::archive::ArchiveStatus;
use nephele_model::deployment::InstallationStatus;
use nephele_model::instance::InstanceState;
use nephele_model::update::UpdateState;

use super::executions::{ACTIVE, Execution, select};
use super::exports::Kind;
use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::json::Json;

row! {
    /// A row that is not as it should be.
    pub struct Row {
        /// Its key.
        storage_id: i64,
        /// Its id.
        id: String,
        /// Whose it is.
        tenant_id: i64,
    }
}

/// Executions that have ended, and what they were to bring about does not say so: the upload of a blueprint, the update
/// of a deployment or of plugins.
pub async fn unsettled(db: &dyn Db) -> Result<Vec<Execution>> {
    let open = [UpdateState::Updating, UpdateState::ExecutingWorkflow, UpdateState::Finalizing];
    let condition = "r.status IN ('terminated', 'failed', 'cancelled') AND (\
         EXISTS (SELECT 1 FROM blueprints b WHERE b.upload_execution_fk = r.storage_id \
         AND b.state IN ('pending', 'validating', 'uploading', 'extracting', 'parsing')) \
         OR EXISTS (SELECT 1 FROM deployment_updates u WHERE u.execution_fk = r.storage_id \
         AND u.state IN (SELECT value FROM json_each($1))) \
         OR r.status <> 'terminated' AND EXISTS (SELECT 1 FROM plugins_updates p WHERE p.execution_fk = r.storage_id \
         AND p.state IN (SELECT value FROM json_each($1)))) ORDER BY r.storage_id";
    select(db, condition, values![Json::texts(open.iter().map(|state| state.as_str()))]).await
}

/// Archives of the manager's own that are being made by no execution.
pub async fn archives(db: &dyn Db, kind: Kind, workflow: &str) -> Result<Vec<Row>> {
    let text = format!(
        "SELECT {} FROM {} r WHERE r.status = $1 AND NOT EXISTS (SELECT 1 FROM executions e \
         WHERE e.workflow_id = $2 AND e.tenant_id = r.tenant_id \
         AND e.status NOT IN ('terminated', 'failed', 'cancelled')) ORDER BY r.storage_id",
        Row::COLUMNS,
        kind.table()
    );
    db.all(text, values![ArchiveStatus::Creating, workflow]).await
}

/// Deployments in which nothing is under way, and whose statuses are not what their node instances and their latest
/// execution say. Of those with others below them only the first is looked at.
pub async fn deployments(db: &dyn Db) -> Result<Vec<Row>> {
    let under_way = ACTIVE.replace("r.", "e.");
    let text = format!(
        "SELECT {} FROM deployments r LEFT JOIN executions l ON l.storage_id = r.latest_execution_fk \
         WHERE r.installation_status IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM executions e WHERE e.deployment_fk = r.storage_id AND {under_way}) \
         AND (r.installation_status <> (CASE WHEN EXISTS (SELECT 1 FROM node_instances i \
         JOIN nodes n ON n.storage_id = i.node_fk WHERE n.deployment_fk = r.storage_id AND i.state <> $1) \
         THEN $2 ELSE $3 END) \
         OR r.sub_services_count + r.sub_environments_count = 0 AND coalesce(r.deployment_status, '') <> \
         (CASE WHEN l.status = 'queued' OR l.status = 'scheduled' THEN 'in_progress' \
         WHEN l.status = 'failed' OR r.installation_status = $2 THEN 'requires_attention' ELSE 'good' END)) \
         ORDER BY r.storage_id",
        Row::COLUMNS
    );
    db.all(text, values![InstanceState::STARTED, InstallationStatus::Inactive, InstallationStatus::Active]).await
}

/// Messages that wait for the bus of a process that is gone.
pub async fn messages(db: &dyn Db) -> Result<Vec<i64>> {
    let text = "SELECT o.id FROM outbox o WHERE o.process IS NOT NULL \
                AND NOT EXISTS (SELECT 1 FROM processes p WHERE p.id = o.process) ORDER BY o.id";
    db.column(text, values![]).await
}

/// Lets any process send a message.
pub async fn free_message(db: &dyn Db, id: i64) -> Result<()> {
    db.run("UPDATE outbox SET process = NULL, claimed_until = 0 WHERE id = $1", values![id]).await?;
    Ok(())
}

/// How many messages have been waiting since before this time.
pub async fn late_messages(db: &dyn Db, before: Timestamp) -> Result<i64> {
    db.number("SELECT count(*) FROM outbox WHERE created_at < $1", values![before]).await
}

/// Executions that were cancelled before this time and whose tokens still count, since operations of theirs never came to
/// an end.
pub async fn tokens(db: &dyn Db, before: Timestamp) -> Result<Vec<Row>> {
    let text = format!(
        "SELECT {} FROM executions r WHERE r.status = 'cancelled' AND r.token IS NOT NULL AND r.ended_at < $1 \
         ORDER BY r.storage_id",
        Row::COLUMNS
    );
    db.all(text, values![before]).await
}

/// Whose rows files belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Blueprints, by tenant.
    Blueprints,
    /// Deployments, by tenant.
    Deployments,
    /// Plugins, of no tenant.
    Plugins,
}

/// The tenant's name, empty where there is none, and the id of each owner of files.
pub async fn owners(db: &dyn Db, owner: Owner) -> Result<Vec<(String, String)>> {
    let text = match owner {
        Owner::Blueprints => "SELECT t.name, r.id FROM blueprints r JOIN tenants t ON t.id = r.tenant_id",
        Owner::Deployments => "SELECT t.name, r.id FROM deployments r JOIN tenants t ON t.id = r.tenant_id",
        Owner::Plugins => "SELECT '', r.id FROM plugins r",
    };
    db.all(text.to_owned(), values![]).await
}
