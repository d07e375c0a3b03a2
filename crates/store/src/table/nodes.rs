//! Nodes: a deployment's node templates.

use nephele_model::Visibility;
use nephele_model::id::NodeId;

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, int, json, text};
use crate::json::Json;
use crate::write::{self, changes, insertable};

const INSTANCES: &str = "(SELECT count(*) FROM node_instances i WHERE i.node_fk = r.storage_id)";
const DRIFTED: &str =
    "(SELECT count(*) FROM node_instances i WHERE i.node_fk = r.storage_id AND i.has_configuration_drift)";
const UNAVAILABLE: &str =
    "(SELECT count(*) FROM node_instances i WHERE i.node_fk = r.storage_id AND NOT i.is_status_check_ok)";

/// The same records, searched by type.
pub static BY_TYPE: Resource = Resource { search: Some("r.type"), ..RESOURCE };

/// The records of `GET /nodes`.
pub static RESOURCE: Resource = Resource {
    order: &["r.storage_id"],
    rules: &["id", "type", "operation_name"],
    ..Resource::new(
        "Node",
        "nodes",
        &[
            text("id"),
            text("visibility"),
            int("deploy_number_of_instances"),
            text("host_id"),
            int("max_number_of_instances"),
            int("min_number_of_instances"),
            int("number_of_instances"),
            int("planned_number_of_instances"),
            json("plugins").twin(),
            json("plugins_to_install").twin(),
            json("properties").twin(),
            json("relationships").twin(),
            json("operations").twin(),
            text("type"),
            json("type_hierarchy").twin(),
            int("drifted_instances").sql(DRIFTED),
            int("unavailable_instances").sql(UNAVAILABLE),
            int("actual_number_of_instances").sql(INSTANCES),
            text("deployment_id").of(&[("deployment_fk", "deployments")], "id"),
            text("blueprint_id").of(&[("deployment_fk", "deployments"), ("blueprint_fk", "blueprints")], "id"),
            text("deployment_display_name").of(&[("deployment_fk", "deployments")], "display_name"),
            TENANT_NAME,
            CREATED_BY,
            RESOURCE_AVAILABILITY,
            PRIVATE_RESOURCE,
            int("actual_planned_number_of_instances").sql("r.planned_number_of_instances").shown(),
        ],
    )
};

row! {
    /// A node.
    pub struct Node {
        /// Its row.
        storage_id: i64,
        /// Its name in the deployment.
        id: NodeId,
        /// The row of its deployment.
        deployment_fk: i64,
        /// Its type.
        kind: String = "r.type",
        /// Its type and all that this derives from, the root first.
        type_hierarchy: Option<Json>,
        /// The node that hosts it.
        host_id: Option<NodeId>,
        /// How many instances there are.
        number_of_instances: i64,
        /// How many instances there are to be.
        planned_number_of_instances: i64,
        /// How many instances the blueprint wants.
        deploy_number_of_instances: i64,
        /// The fewest instances.
        min_number_of_instances: i64,
        /// The most instances; -1 for no limit.
        max_number_of_instances: i64,
        /// Its plugins.
        plugins: Option<Json>,
        /// Plugins to install on its host.
        plugins_to_install: Option<Json>,
        /// Its properties, functions not evaluated.
        properties: Option<Json>,
        /// Its relationships.
        relationships: Option<Json>,
        /// Its operations.
        operations: Option<Json>,
    }
}

insertable! {
    /// A node to insert.
    pub struct NewNode into "nodes" {
        /// Its name in the deployment.
        id: NodeId,
        /// Who sees it: as the deployment.
        visibility: Visibility,
        /// Whose it is: as the deployment.
        tenant_id: i64,
        /// Who made it: as the deployment.
        creator_id: i64,
        /// The row of its deployment.
        deployment_fk: i64,
        /// Its type.
        kind: String = "type",
        /// Its type and all that this derives from, the root first.
        type_hierarchy: Json,
        /// The node that hosts it.
        host_id: Option<NodeId>,
        /// How many instances there are.
        number_of_instances: i64,
        /// How many instances there are to be.
        planned_number_of_instances: i64,
        /// How many instances the blueprint wants.
        deploy_number_of_instances: i64,
        /// The fewest instances.
        min_number_of_instances: i64,
        /// The most instances; -1 for no limit.
        max_number_of_instances: i64,
        /// Its plugins.
        plugins: Option<Json>,
        /// Plugins to install on its host.
        plugins_to_install: Option<Json>,
        /// Its properties, functions not evaluated.
        properties: Option<Json>,
        /// Its relationships.
        relationships: Option<Json>,
        /// Its operations.
        operations: Option<Json>,
    }
}

changes! {
    /// New values for a node.
    pub struct NodeChanges {
        /// How many instances there are.
        number_of_instances: i64,
        /// How many instances there are to be.
        planned_number_of_instances: i64,
        /// How many instances the blueprint wants.
        deploy_number_of_instances: i64,
        /// The fewest instances.
        min_number_of_instances: i64,
        /// The most instances; -1 for no limit.
        max_number_of_instances: i64,
        /// Its plugins.
        plugins: Option<Json>,
        /// Its properties, functions not evaluated.
        properties: Option<Json>,
        /// Its relationships.
        relationships: Option<Json>,
        /// Its operations.
        operations: Option<Json>,
    }
}

/// The nodes of a deployment, in the order of the plan.
pub async fn of_deployment(db: &dyn Db, deployment_fk: i64) -> Result<Vec<Node>> {
    let text = format!("SELECT {} FROM nodes r WHERE r.deployment_fk = $1 ORDER BY r.storage_id", Node::COLUMNS);
    db.all(text, values![deployment_fk]).await
}

/// A node of a deployment.
pub async fn find(db: &dyn Db, deployment_fk: i64, id: &NodeId) -> Result<Option<Node>> {
    let text = format!("SELECT {} FROM nodes r WHERE r.deployment_fk = $1 AND r.id = $2", Node::COLUMNS);
    db.first(text, values![deployment_fk, id]).await
}

row! {
    /// What functions see of a node.
    pub struct Described {
        /// Its row.
        storage_id: i64,
        /// The row of its deployment.
        deployment_fk: i64,
        /// Its name in the deployment.
        id: NodeId,
        /// Its properties, functions not evaluated.
        properties: Option<Json>,
        /// Its relationships.
        relationships: Option<Json>,
    }
}

/// The nodes of these deployments that have one of these names.
pub async fn described(db: &dyn Db, deployments: &[i64], ids: &[String]) -> Result<Vec<Described>> {
    let text = format!(
        "SELECT {} FROM nodes r WHERE r.deployment_fk IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) \
         AND r.id IN (SELECT value FROM json_each($2))",
        Described::COLUMNS
    );
    db.all(text, values![Json::of(deployments), Json::texts(ids)]).await
}

row! {
    /// As much of a node as a picture of its deployment shows.
    pub struct Outline {
        /// Its row.
        storage_id: i64,
        /// Its name in the deployment.
        id: NodeId,
        /// Its type.
        kind: String = "r.type",
        /// Its type and all that this derives from, the root first.
        type_hierarchy: Option<Json>,
        /// The node that hosts it.
        host_id: Option<NodeId>,
        /// How many instances there are to be.
        planned_number_of_instances: i64,
        /// The fewest instances.
        min_number_of_instances: i64,
        /// The most instances; -1 for no limit.
        max_number_of_instances: i64,
        /// Its plugins.
        plugins: Option<Json>,
        /// Its relationships.
        relationships: Option<Json>,
    }
}

/// The nodes of a deployment in outline, in the order of the plan.
pub async fn outlines(db: &dyn Db, deployment_fk: i64) -> Result<Vec<Outline>> {
    let text = format!("SELECT {} FROM nodes r WHERE r.deployment_fk = $1 ORDER BY r.storage_id", Outline::COLUMNS);
    db.all(text, values![deployment_fk]).await
}

/// Stores nodes. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, nodes: Vec<NewNode>) -> Result<()> {
    write::insert_all(db, nodes).await
}

/// Changes a node.
pub async fn update(db: &dyn Db, storage_id: i64, changes: NodeChanges) -> Result<()> {
    write::update(db, "nodes", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}

/// Deletes a node with its instances.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    write::delete(db, "nodes", storage_id).await
}
