//! Updates of the plugins of a blueprint and of the deployments made from it.

use nephele_model::update::UpdateState;
use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{
    CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, boolean, json, text, time,
};
use crate::json::Json;
use crate::scope::Scope;
use crate::write::{self, changes, insertable};

/// The records of `GET /plugins-updates`.
pub static RESOURCE: Resource = Resource::new(
    "PluginsUpdate",
    "plugins_updates",
    &[
        time("created_at"),
        text("id"),
        text("visibility"),
        text("state"),
        json("deployments_to_update").twin(),
        json("deployments_per_tenant"),
        boolean("forced"),
        boolean("all_tenants"),
        text("blueprint_id").of(&[("blueprint_fk", "blueprints")], "id"),
        text("temp_blueprint_id").of(&[("temp_blueprint_fk", "blueprints")], "id"),
        text("execution_id").of(&[("execution_fk", "executions")], "id"),
        TENANT_NAME,
        CREATED_BY,
        RESOURCE_AVAILABILITY,
        PRIVATE_RESOURCE,
    ],
);

row! {
    /// An update.
    pub struct PluginsUpdate {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// Where it stands.
        state: UpdateState,
        /// Whether deployments of other tenants are updated as well.
        all_tenants: bool,
        /// The row of the blueprint.
        blueprint_fk: i64,
        /// The row of its copy with the new plugins.
        temp_blueprint_fk: Option<i64>,
        /// The row of the execution that carries it out.
        execution_fk: Option<i64>,
    }
}

insertable! {
    /// An update to insert.
    pub struct NewPluginsUpdate into "plugins_updates" {
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
        state: UpdateState,
        /// The ids of the deployments, as older managers noted them.
        deployments_to_update: Option<Json>,
        /// The ids of the deployments, by tenant.
        deployments_per_tenant: Option<Json>,
        /// Whether it is made whatever stands against it.
        forced: bool,
        /// Whether deployments of other tenants are updated as well.
        all_tenants: bool,
        /// The row of the blueprint.
        blueprint_fk: i64,
        /// The row of its copy with the new plugins.
        temp_blueprint_fk: Option<i64>,
        /// The row of the execution that carries it out.
        execution_fk: Option<i64>,
    }
}

changes! {
    /// New values for an update.
    pub struct PluginsUpdateChanges {
        /// Where it stands.
        state: UpdateState,
        /// The row of its copy with the new plugins.
        temp_blueprint_fk: Option<i64>,
        /// The row of the execution that carries it out.
        execution_fk: Option<i64>,
    }
}

async fn select(db: &dyn Db, condition: &str, values: Vec<sea_query::Value>) -> Result<Vec<PluginsUpdate>> {
    db.all(format!("SELECT {} FROM plugins_updates r WHERE {condition}", PluginsUpdate::COLUMNS), values).await
}

/// The update with this id that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, id: &str) -> Result<Option<PluginsUpdate>> {
    let mut values = values![id];
    let visible = scope.visible(false, &mut values);
    Ok(select(db, &format!("r.id = $1 AND {visible}"), values).await?.pop())
}

/// The update that an execution carries out.
pub async fn of_execution(db: &dyn Db, execution_fk: i64) -> Result<Option<PluginsUpdate>> {
    Ok(select(db, "r.execution_fk = $1", values![execution_fk]).await?.pop())
}

/// The updates of a blueprint that have not ended.
pub async fn active(db: &dyn Db, blueprint_fk: i64) -> Result<Vec<PluginsUpdate>> {
    let condition = "r.blueprint_fk = $1 AND r.state IN ('updating', 'executing_workflow', 'finalizing') \
                     ORDER BY r.storage_id";
    select(db, condition, values![blueprint_fk]).await
}

/// Stores an update and gives its `storage_id`. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, update: NewPluginsUpdate) -> Result<i64> {
    write::insert(db, update).await
}

/// Changes an update.
pub async fn update(db: &dyn Db, storage_id: i64, changes: PluginsUpdateChanges) -> Result<()> {
    write::update(db, "plugins_updates", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}
