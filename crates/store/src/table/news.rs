//! What those are told who follow changes: the rows that the audit log names, runs at work, and new events, each
//! with whom it belongs to. Who may hear of what is the manager's business.

use nephele_model::execution::ExecutionStatus;
use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::json::Json;

row! {
    /// A deployment that changed.
    pub struct Deployment {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Who made it.
        creator_id: i64,
        /// Where it stands.
        deployment_status: Option<String>,
        /// Whether its instances are there.
        installation_status: Option<String>,
    }
}

row! {
    /// An execution that changed.
    pub struct Execution {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Who started it.
        creator_id: i64,
        /// What it runs.
        workflow_id: String,
        /// Its deployment.
        deployment_id: Option<String> = "(SELECT d.id FROM deployments d WHERE d.storage_id = r.deployment_fk)",
        /// Where it stands.
        status: ExecutionStatus,
        /// Tasks to do.
        total_operations: i64,
        /// Tasks done.
        finished_operations: i64,
        /// The version of its tasks.
        tasks_version: i64,
    }
}

row! {
    /// A node instance that changed.
    pub struct Instance {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Who made it.
        creator_id: i64,
        /// Its node.
        node_id: Option<String> = "(SELECT n.id FROM nodes n WHERE n.storage_id = r.node_fk)",
        /// Its deployment.
        deployment_id: Option<String> = "(SELECT d.id FROM deployments d WHERE d.storage_id = r.deployment_fk)",
        /// Where it stands.
        state: String,
        /// How often it changed.
        version: i64,
    }
}

row! {
    /// An event or a log.
    pub struct Event {
        /// Its row.
        storage_id: i64,
        /// Who sees it.
        visibility: Visibility = "coalesce(e.visibility, g.visibility)",
        /// Whose it is.
        tenant_id: i64 = "coalesce(e.tenant_id, g.tenant_id)",
        /// Who started what it is of.
        creator_id: i64 = "coalesce(e.creator_id, g.creator_id)",
        /// Its execution.
        execution_id: Option<String> = "e.id",
        /// Its group of executions.
        execution_group_id: Option<String> = "g.id",
        /// Its deployment.
        deployment_id: Option<String> = "d.id",
        /// Its workflow.
        workflow_id: Option<String> = "e.workflow_id",
        /// An event or a log.
        kind: String = "r.type",
        /// When it happened.
        timestamp: Timestamp = "r.\"timestamp\"",
        /// When it was told.
        reported_timestamp: Timestamp,
        /// What happened.
        message: Option<String>,
        /// What kind of event.
        event_type: Option<String>,
        /// Who logged.
        logger: Option<String>,
        /// How grave a log is.
        level: Option<String>,
        /// The operation.
        operation: Option<String>,
        /// The node instance.
        node_instance_id: Option<String> = "r.node_id",
        /// Its node.
        node_name: Option<String>,
        /// One end of a relationship.
        source_id: Option<String>,
        /// The other.
        target_id: Option<String>,
    }
}

macro_rules! by_rows {
    ($($(#[$doc:meta])* $name:ident($table:literal) -> $row:ty;)*) => {$(
        $(#[$doc])*
        pub async fn $name(db: &dyn Db, storage_ids: &[i64]) -> Result<Vec<$row>> {
            if storage_ids.is_empty() {
                return Ok(Vec::new());
            }
            let text = format!(
                "SELECT {} FROM {} r WHERE r.storage_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))",
                <$row>::COLUMNS,
                $table
            );
            db.all(text, values![Json::of(storage_ids)]).await
        }
    )*};
}

by_rows! {
    /// The deployments of these rows.
    deployments("deployments") -> Deployment;
    /// The executions of these rows.
    executions("executions") -> Execution;
    /// The node instances of these rows.
    node_instances("node_instances") -> Instance;
}

/// The executions that are under way.
pub async fn at_work(db: &dyn Db) -> Result<Vec<Execution>> {
    let text = format!(
        "SELECT {} FROM executions r WHERE r.status IN \
         ('pending', 'started', 'cancelling', 'force_cancelling', 'kill_cancelling')",
        Execution::COLUMNS
    );
    db.all(text, values![]).await
}

/// The last event's row.
pub async fn last_event(db: &dyn Db) -> Result<i64> {
    db.number("SELECT coalesce(max(storage_id), CAST(0 AS BIGINT)) FROM events", values![]).await
}

/// The events behind a row, the oldest first, not more than `most`; and those of `missing` rows that came late.
pub async fn events(db: &dyn Db, after: i64, most: i64, missing: &[i64]) -> Result<Vec<Event>> {
    let select = |condition: &str| {
        format!(
            "SELECT {} FROM events r LEFT JOIN executions e ON e.storage_id = r.execution_fk \
             LEFT JOIN execution_groups g ON g.storage_id = r.execution_group_fk \
             LEFT JOIN deployments d ON d.storage_id = e.deployment_fk WHERE {condition}",
            Event::COLUMNS
        )
    };
    let mut found = Vec::new();
    if !missing.is_empty() {
        let late = select("r.storage_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) ORDER BY r.storage_id");
        found = db.all(late, values![Json::of(missing)]).await?;
    }
    let new = select("r.storage_id > $1 ORDER BY r.storage_id LIMIT $2");
    found.extend(db.all::<Event>(new, values![after, most]).await?);
    Ok(found)
}
