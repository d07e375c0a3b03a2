//! Which deployment needs which other one.

use nephele_model::deployment::InstallationStatus;
use nephele_model::id::DeploymentId;
use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::field::{CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, json, text, time};
use crate::json::Json;
use crate::write::{self, insertable};

/// The records of `GET /deployments/inter-deployment-dependencies`.
pub static RESOURCE: Resource = Resource::new(
    "InterDeploymentDependencies",
    "inter_deployment_dependencies",
    &[
        time("created_at"),
        text("visibility"),
        text("id"),
        text("dependency_creator"),
        json("target_deployment_func"),
        json("external_source"),
        json("external_target"),
        TENANT_NAME,
        CREATED_BY,
        text("source_deployment_id").of(&[("source_deployment_fk", "deployments")], "id"),
        text("target_deployment_id").of(&[("target_deployment_fk", "deployments")], "id"),
        RESOURCE_AVAILABILITY,
        PRIVATE_RESOURCE,
    ],
);

row! {
    /// A dependency.
    pub struct Dependency {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// The part of the source that needs the target, such as `component.db`.
        dependency_creator: String,
        /// The row of the deployment that needs.
        source_deployment_fk: Option<i64>,
        /// The deployment that needs.
        source_deployment_id: Option<DeploymentId> = "s.id",
        /// Whether that one is installed.
        source_installation_status: Option<InstallationStatus> = "s.installation_status",
        /// The row of the deployment that is needed.
        target_deployment_fk: Option<i64>,
        /// The deployment that is needed.
        target_deployment_id: Option<DeploymentId> = "d.id",
        /// The function that gives the target.
        target_deployment_func: Option<Json>,
    }
}

insertable! {
    /// A dependency to insert.
    pub struct NewDependency into "inter_deployment_dependencies" {
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
        /// The part of the source that needs the target, such as `component.db`.
        dependency_creator: String,
        /// The row of the deployment that needs.
        source_deployment_fk: Option<i64>,
        /// The row of the deployment that is needed.
        target_deployment_fk: Option<i64>,
        /// The function that gives the target.
        target_deployment_func: Option<Json>,
        /// A source on another manager.
        external_source: Option<Json>,
        /// A target on another manager.
        external_target: Option<Json>,
    }
}

const FROM: &str = "FROM inter_deployment_dependencies r \
                    LEFT JOIN deployments s ON s.storage_id = r.source_deployment_fk \
                    LEFT JOIN deployments d ON d.storage_id = r.target_deployment_fk";

/// What a deployment needs.
pub async fn of_source(db: &dyn Db, deployment_fk: i64) -> Result<Vec<Dependency>> {
    let text = format!("SELECT {} {FROM} WHERE r.source_deployment_fk = $1 ORDER BY r.storage_id", Dependency::COLUMNS);
    db.all(text, values![deployment_fk]).await
}

/// Everything that a deployment needs, and all that those need.
pub async fn needed_by(db: &dyn Db, deployment_fk: i64) -> Result<Vec<(i64, DeploymentId)>> {
    let text = "WITH RECURSIVE needed(fk) AS ( \
                SELECT target_deployment_fk FROM inter_deployment_dependencies WHERE source_deployment_fk = $1 \
                UNION SELECT d.target_deployment_fk FROM inter_deployment_dependencies d \
                JOIN needed ON d.source_deployment_fk = needed.fk) \
                SELECT r.storage_id, r.id FROM deployments r JOIN needed ON needed.fk = r.storage_id ORDER BY r.storage_id";
    db.all(text.to_owned(), values![deployment_fk]).await
}

/// What needs a deployment.
pub async fn of_target(db: &dyn Db, deployment_fk: i64) -> Result<Vec<Dependency>> {
    let text = format!("SELECT {} {FROM} WHERE r.target_deployment_fk = $1 ORDER BY r.storage_id", Dependency::COLUMNS);
    db.all(text, values![deployment_fk]).await
}

/// Adds dependencies.
pub async fn insert(db: &dyn Db, dependencies: Vec<NewDependency>) -> Result<()> {
    write::insert_all(db, dependencies).await
}

/// Makes `dependencies` all that a deployment needs.
pub async fn replace(tx: &Tx, deployment_fk: i64, dependencies: Vec<NewDependency>) -> Result<()> {
    let db: &dyn Db = tx;
    let text = "DELETE FROM inter_deployment_dependencies WHERE source_deployment_fk = $1";
    db.run(text, values![deployment_fk]).await?;
    insert(db, dependencies).await
}

/// Says which deployment is needed.
pub async fn set_target(db: &dyn Db, storage_id: i64, target_fk: i64) -> Result<()> {
    let text = "UPDATE inter_deployment_dependencies SET target_deployment_fk = $2 WHERE storage_id = $1";
    db.run(text, values![storage_id, target_fk]).await?;
    Ok(())
}

/// Deletes a dependency.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    write::delete(db, "inter_deployment_dependencies", storage_id).await
}
