//! Blueprints and their plans.

use nephele_model::blueprint::BlueprintState;
use nephele_model::id::{BlueprintId, TenantName, Username};
use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{
    CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, boolean, json, text, time,
};
use crate::json::Json;
use crate::scope::Scope;
use crate::table::{deployments, executions};
use crate::write::{self, changes, insertable};

const LABELS: &str = deployments::labels_of!("blueprints_labels");

/// The records of `GET /blueprints`; hidden ones only when they are asked for.
pub static RESOURCE: Resource = Resource { unless_filtered: Some(("is_hidden", "NOT r.is_hidden")), ..DETAILS };

/// The record of one blueprint, hidden or not.
pub static DETAILS: Resource = Resource {
    labels: Some("blueprints_labels"),
    rules: &["created_by", "state", "id", "tenant_name"],
    ..Resource::new(
        "Blueprint",
        "blueprints",
        &[
            time("created_at"),
            text("id"),
            text("visibility"),
            text("main_file_name"),
            json("plan").twin(),
            json("requirements"),
            time("updated_at"),
            text("description"),
            boolean("is_hidden"),
            text("state"),
            text("error"),
            text("error_traceback"),
            TENANT_NAME,
            CREATED_BY,
            RESOURCE_AVAILABILITY,
            PRIVATE_RESOURCE,
            json("labels").sql(LABELS).shown(),
            json("upload_execution").nested("upload_execution_fk", &executions::RESOURCE).shown(),
        ],
    )
};

row! {
    /// A blueprint without its plan.
    pub struct Blueprint {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: BlueprintId,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Whose it is.
        tenant_name: TenantName = "t.name",
        /// Who made it.
        creator_id: i64,
        /// Who made it.
        created_by: Username = "u.username",
        /// When.
        created_at: Timestamp,
        /// Where its upload stands.
        state: BlueprintState,
        /// The YAML file in its archive.
        main_file_name: Option<String>,
        /// What its author says of it.
        description: Option<String>,
        /// Why its upload failed.
        error: Option<String>,
        /// Whether lists leave it out.
        is_hidden: bool,
        /// What it demands of its surroundings.
        requirements: Option<Json>,
        /// The execution that reads it.
        upload_execution_fk: Option<i64>,
    }
}

insertable! {
    /// A blueprint to insert.
    pub struct NewBlueprint into "blueprints" {
        /// Its id.
        id: BlueprintId,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Who made it.
        creator_id: i64,
        /// When.
        created_at: Timestamp,
        /// Where its upload stands.
        state: BlueprintState,
        /// The YAML file in its archive.
        main_file_name: Option<String>,
        /// Whether lists leave it out.
        is_hidden: bool,
    }
}

changes! {
    /// New values for a blueprint.
    pub struct BlueprintChanges {
        /// Who sees it.
        visibility: Visibility,
        /// Who made it.
        creator_id: i64,
        /// When it was made.
        created_at: Timestamp,
        /// When it was changed.
        updated_at: Timestamp,
        /// Where its upload stands.
        state: BlueprintState,
        /// The YAML file in its archive.
        main_file_name: Option<String>,
        /// What its author says of it.
        description: Option<String>,
        /// What it describes, as data.
        plan: Option<Json>,
        /// The blueprints that it imports: a list of ids.
        imported_blueprints: Option<Json>,
        /// What it demands of its surroundings.
        requirements: Option<Json>,
        /// Why its upload failed.
        error: Option<String>,
        /// Where its upload failed.
        error_traceback: Option<String>,
        /// Whether lists leave it out.
        is_hidden: bool,
        /// The execution that reads it.
        upload_execution_fk: Option<i64>,
    }
}

const FROM: &str = "FROM blueprints r JOIN tenants t ON t.id = r.tenant_id JOIN users u ON u.id = r.creator_id";

/// The blueprint with this id that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, id: &BlueprintId) -> Result<Option<Blueprint>> {
    let mut values = values![id];
    let visible = scope.visible(false, &mut values);
    db.first(format!("SELECT {} {FROM} WHERE r.id = $1 AND {visible}", Blueprint::COLUMNS), values).await
}

/// The blueprint of this row.
pub async fn by_storage_id(db: &dyn Db, storage_id: i64) -> Result<Option<Blueprint>> {
    db.first(format!("SELECT {} {FROM} WHERE r.storage_id = $1", Blueprint::COLUMNS), values![storage_id]).await
}

/// Whether there is any, in whatever tenant.
pub async fn any(db: &dyn Db) -> Result<bool> {
    Ok(db.number("SELECT CAST(1 AS BIGINT) FROM blueprints LIMIT 1", values![]).await? == 1)
}

/// Blueprints whose upload is in this state, in every tenant.
pub async fn in_state(db: &dyn Db, state: BlueprintState) -> Result<Vec<Blueprint>> {
    db.all(format!("SELECT {} {FROM} WHERE r.state = $1", Blueprint::COLUMNS), values![state]).await
}

/// The plan of a blueprint, once there is one.
pub async fn plan(db: &dyn Db, storage_id: i64) -> Result<Option<Json>> {
    let plans = db.column("SELECT plan FROM blueprints WHERE storage_id = $1", values![storage_id]).await?;
    Ok(plans.into_iter().next().flatten())
}

/// The uploaded blueprints that the caller may see and whose plan holds this text, with their plans.
pub async fn with_plan_text(db: &dyn Db, scope: &Scope, text: &str) -> Result<Vec<(String, Json)>> {
    holding(db, scope, "plan", text).await
}

/// The uploaded blueprints that the caller may see and whose requirements hold this text, with these.
pub async fn with_requirement(db: &dyn Db, scope: &Scope, text: &str) -> Result<Vec<(String, Json)>> {
    holding(db, scope, "requirements", text).await
}

async fn holding(db: &dyn Db, scope: &Scope, column: &str, text: &str) -> Result<Vec<(String, Json)>> {
    let mut values = values![text];
    let visible = scope.visible(false, &mut values);
    let text = format!(
        "SELECT r.id, r.{column} FROM blueprints r WHERE r.state = 'uploaded' AND {visible} \
         AND replace(r.{column}, $1, '') <> r.{column} ORDER BY r.created_at, r.storage_id"
    );
    db.all(text, values).await
}

/// Stores a blueprint and gives its `storage_id`. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, blueprint: NewBlueprint) -> Result<i64> {
    write::insert(db, blueprint).await
}

/// Changes a blueprint.
pub async fn update(db: &dyn Db, storage_id: i64, changes: BlueprintChanges) -> Result<()> {
    write::update(db, "blueprints", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}

/// Deletes a blueprint with its labels and, if there are any, its deployments.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    write::delete(db, "blueprints", storage_id).await
}

/// Who sees a tenant's blueprint, whoever asks.
pub async fn visibility(db: &dyn Db, tenant: &TenantName, id: &BlueprintId) -> Result<Option<Visibility>> {
    let text = format!("SELECT r.visibility {FROM} WHERE t.name = $1 AND r.id = $2");
    let found: Option<(Visibility,)> = db.first(text, values![tenant, id]).await?;
    Ok(found.map(|(visibility,)| visibility))
}

/// The blueprints that the caller sees and that import this one; those whose upload failed do not count.
pub async fn importers(db: &dyn Db, scope: &Scope, id: &BlueprintId) -> Result<Vec<String>> {
    let mut values = values![id];
    let visible = scope.visible(false, &mut values);
    let text = format!(
        "SELECT r.id FROM blueprints r WHERE r.imported_blueprints IS NOT NULL AND r.state <> 'invalid' \
         AND r.state NOT LIKE 'failed%' AND $1 IN (SELECT value FROM json_each(r.imported_blueprints)) AND {visible}"
    );
    let found: Vec<(String,)> = db.all(text, values).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// The ids of the deployments of a blueprint.
pub async fn deployments_of(db: &dyn Db, storage_id: i64) -> Result<Vec<String>> {
    db.column("SELECT id FROM deployments WHERE blueprint_fk = $1 ORDER BY storage_id", values![storage_id]).await
}
