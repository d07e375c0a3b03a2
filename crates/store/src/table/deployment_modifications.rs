//! Modifications: changes of the numbers of a deployment's node instances.

use nephele_model::update::ModificationStatus;
use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, json, text, time};
use crate::json::Json;
use crate::scope::Scope;
use crate::write::{self, changes, insertable};

/// The records of `GET /deployment-modifications`.
pub static RESOURCE: Resource = Resource::new(
    "DeploymentModification",
    "deployment_modifications",
    &[
        time("created_at"),
        text("id"),
        text("visibility"),
        json("context").twin(),
        time("ended_at"),
        json("modified_nodes").twin(),
        json("node_instances").twin(),
        text("status"),
        text("deployment_id").of(&[("deployment_fk", "deployments")], "id"),
        TENANT_NAME,
        CREATED_BY,
        RESOURCE_AVAILABILITY,
        PRIVATE_RESOURCE,
    ],
);

row! {
    /// A modification.
    pub struct Modification {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// Where it stands.
        status: ModificationStatus,
        /// What was asked for, by node or scaling group.
        modified_nodes: Option<Json>,
        /// The instances that come and go, and all as they were before.
        node_instances: Option<Json>,
        /// What the client wants to remember.
        context: Option<Json>,
        /// The row of the deployment.
        deployment_fk: i64,
    }
}

insertable! {
    /// A modification to insert.
    pub struct NewModification into "deployment_modifications" {
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// The key of its tenant.
        tenant_id: i64,
        /// Who asked for it.
        creator_id: i64,
        /// When.
        created_at: Timestamp,
        /// Where it stands.
        status: ModificationStatus,
        /// What the client wants to remember.
        context: Json,
        /// What was asked for, by node or scaling group.
        modified_nodes: Json,
        /// The instances that come and go, and all as they were before.
        node_instances: Json,
        /// The row of the deployment.
        deployment_fk: i64,
    }
}

changes! {
    /// New values for a modification.
    pub struct ModificationChanges {
        /// Where it stands.
        status: ModificationStatus,
        /// When it ended.
        ended_at: Option<Timestamp>,
        /// The instances that come and go, and all as they were before.
        node_instances: Json,
    }
}

async fn select(db: &dyn Db, condition: &str, values: Vec<sea_query::Value>) -> Result<Vec<Modification>> {
    db.all(format!("SELECT {} FROM deployment_modifications r WHERE {condition}", Modification::COLUMNS), values).await
}

/// The modification with this id that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, id: &str) -> Result<Option<Modification>> {
    let mut values = values![id];
    let visible = scope.visible(false, &mut values);
    Ok(select(db, &format!("r.id = $1 AND {visible}"), values).await?.pop())
}

/// The modifications of a deployment, the newest first.
pub async fn of_deployment(db: &dyn Db, deployment_fk: i64) -> Result<Vec<Modification>> {
    select(db, "r.deployment_fk = $1 ORDER BY r.storage_id DESC", values![deployment_fk]).await
}

/// The ids of the modifications of a deployment that have not ended.
pub async fn started(db: &dyn Db, deployment_fk: i64) -> Result<Vec<String>> {
    let text = "SELECT id FROM deployment_modifications WHERE deployment_fk = $1 AND status = 'started' ORDER BY id";
    db.column(text, values![deployment_fk]).await
}

/// Stores a modification and gives its `storage_id`.
pub async fn insert(db: &dyn Db, modification: NewModification) -> Result<i64> {
    write::insert(db, modification).await
}

/// Changes a modification.
pub async fn update(db: &dyn Db, storage_id: i64, changes: ModificationChanges) -> Result<()> {
    write::update(db, "deployment_modifications", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}
