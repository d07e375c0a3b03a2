//! Groups of deployments: a set of members, and what new members are made with.

use nephele_model::id::{BlueprintId, DeploymentId};
use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, int, json, text, time};
use crate::json::Json;
use crate::scope::Scope;
use crate::table::deployments::labels_of;
use crate::write::{self, changes, insertable};

const MEMBERS: &str = "concat('[', (SELECT string_agg(json_quote(d.id), ',' ORDER BY m.id) \
    FROM deployment_groups_deployments m JOIN deployments d ON d.storage_id = m.deployment_fk \
    WHERE m.deployment_group_fk = r.storage_id), ']')";

/// The records of `GET /deployment-groups`.
pub static RESOURCE: Resource = Resource::new(
    "DeploymentGroup",
    "deployment_groups",
    &[
        time("created_at"),
        text("id"),
        text("visibility"),
        text("description"),
        json("default_inputs"),
        int("creation_counter"),
        text("default_blueprint_id").of(&[("default_blueprint_fk", "blueprints")], "id"),
        TENANT_NAME,
        CREATED_BY,
        RESOURCE_AVAILABILITY,
        PRIVATE_RESOURCE,
        json("deployment_ids").sql(MEMBERS).shown(),
        json("labels").sql(labels_of!("deployment_groups_labels")).shown(),
    ],
);

row! {
    /// A group.
    pub struct DeploymentGroup {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Deployments made in it so far; the `{count}` of the next one's id.
        creation_counter: i64,
        /// What new members are made of.
        default_blueprint: Option<BlueprintId> =
            "(SELECT b.id FROM blueprints b WHERE b.storage_id = r.default_blueprint_fk)",
        /// The inputs of new members.
        default_inputs: Option<Json>,
    }
}

row! {
    /// A deployment as a member of a group.
    pub struct Member {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: DeploymentId,
    }
}

insertable! {
    /// A group to insert.
    pub struct NewDeploymentGroup into "deployment_groups" {
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
    }
}

changes! {
    /// New values for a group.
    pub struct DeploymentGroupChanges {
        /// Who sees it.
        visibility: Visibility,
        /// Who made it.
        creator_id: i64,
        /// When it was made.
        created_at: Timestamp,
        /// What it is for.
        description: String,
        /// The inputs of new members.
        default_inputs: Json,
        /// Deployments made in it so far.
        creation_counter: i64,
        /// The row of the blueprint of new members.
        default_blueprint_fk: i64,
    }
}

/// The group with this id that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, id: &str) -> Result<Option<DeploymentGroup>> {
    let mut values = values![id];
    let visible = scope.visible(false, &mut values);
    let text = format!("SELECT {} FROM deployment_groups r WHERE r.id = $1 AND {visible}", DeploymentGroup::COLUMNS);
    db.first(text, values).await
}

/// Stores a group and gives its `storage_id`. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, group: NewDeploymentGroup) -> Result<i64> {
    write::insert(db, group).await
}

/// Changes a group.
pub async fn update(db: &dyn Db, storage_id: i64, changes: DeploymentGroupChanges) -> Result<()> {
    write::update(db, "deployment_groups", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}

/// Deletes a group; its members stay.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    write::delete(db, "deployment_groups", storage_id).await
}

/// The members, in the order in which they came.
pub async fn members(db: &dyn Db, storage_id: i64) -> Result<Vec<Member>> {
    let text = format!(
        "SELECT {} FROM deployment_groups_deployments m JOIN deployments r ON r.storage_id = m.deployment_fk \
         WHERE m.deployment_group_fk = $1 ORDER BY m.id",
        Member::COLUMNS
    );
    db.all(text, values![storage_id]).await
}

/// The groups with these ids that the caller may see, each with the ids of its members, in the order in which
/// they came; a group without members comes once, without one.
pub async fn members_of_all(db: &dyn Db, scope: &Scope, ids: &[String]) -> Result<Vec<(String, Option<String>)>> {
    let mut values = values![Json::texts(ids), scope.tenant_id];
    let visible = scope.visible(false, &mut values);
    let text = format!(
        "SELECT r.id, d.id FROM deployment_groups r \
         LEFT JOIN deployment_groups_deployments m ON m.deployment_group_fk = r.storage_id \
         LEFT JOIN deployments d ON d.storage_id = m.deployment_fk \
         WHERE r.id IN (SELECT value FROM json_each($1)) AND {visible} ORDER BY r.tenant_id = $2, r.storage_id, m.id"
    );
    db.all(text, values).await
}

/// Adds members; those that are in it already stay.
pub async fn add(db: &dyn Db, storage_id: i64, deployments: &[i64]) -> Result<()> {
    let text = "INSERT INTO deployment_groups_deployments (deployment_group_fk, deployment_fk) \
                SELECT $1, CAST(value AS BIGINT) FROM json_each($2) WHERE TRUE ON CONFLICT DO NOTHING";
    db.run(text, values![storage_id, Json::of(deployments)]).await?;
    Ok(())
}

/// Takes members out; the deployments stay.
pub async fn remove(db: &dyn Db, storage_id: i64, deployments: &[i64]) -> Result<()> {
    let text = "DELETE FROM deployment_groups_deployments WHERE deployment_group_fk = $1 \
                AND deployment_fk IN (SELECT CAST(value AS BIGINT) FROM json_each($2))";
    db.run(text, values![storage_id, Json::of(deployments)]).await?;
    Ok(())
}
