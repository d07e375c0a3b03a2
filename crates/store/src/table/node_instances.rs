//! Node instances: what exists, or is to exist, in the world.
//!
//! Every change of a row adds one to its `version`; writing what is there already is no change.

use nephele_model::Visibility;
use nephele_model::id::{DeploymentId, NodeId, NodeInstanceId};
use nephele_model::instance::InstanceState;

use crate::column::{row, values};
use crate::db::{Db, FromRow as _, Tx};
use crate::error::{Error, Result};
use crate::field::{
    CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, boolean, int, json, text,
};
use crate::json::Json;
use crate::scope::Scope;
use crate::write::{self, changes};

mod insert;
mod notes;
mod states;

pub use insert::{NewInstance, insert};
pub use notes::note;
pub use states::set_states;

/// The records of `GET /node-instances`.
pub static RESOURCE: Resource = Resource {
    order: &["r.storage_id"],
    rules: &["id"],
    ..Resource::new(
        "NodeInstance",
        "node_instances",
        &[
            text("id"),
            text("visibility"),
            text("host_id"),
            int("index"),
            json("relationships").twin(),
            json("runtime_properties").twin(),
            json("system_properties"),
            json("scaling_groups").twin(),
            text("state"),
            int("version"),
            boolean("has_configuration_drift"),
            boolean("is_status_check_ok"),
            text("node_id").of(&[("node_fk", "nodes")], "id"),
            text("deployment_id").of(&[("deployment_fk", "deployments")], "id"),
            TENANT_NAME,
            CREATED_BY,
            RESOURCE_AVAILABILITY,
            PRIVATE_RESOURCE,
        ],
    )
};

row! {
    /// A node instance.
    pub struct NodeInstance {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: NodeInstanceId,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// The row of its node.
        node_fk: i64,
        /// Its node.
        node_id: NodeId = "n.id",
        /// The row of its deployment.
        deployment_fk: i64,
        /// Its deployment.
        deployment_id: DeploymentId = "d.id",
        /// The instance that hosts it.
        host_id: Option<NodeInstanceId>,
        /// Its number among its node's instances, from 1.
        index: Option<i64> = "r.\"index\"",
        /// Its relationships.
        relationships: Option<Json>,
        /// What operations noted.
        runtime_properties: Option<Json>,
        /// What the manager noted.
        system_properties: Option<Json>,
        /// The scaling group instances that it is in.
        scaling_groups: Option<Json>,
        /// Its state.
        state: InstanceState,
        /// How often it was changed.
        version: i64,
        /// Whether it differs from what it should be.
        has_configuration_drift: bool,
        /// Whether it was well when last looked at.
        is_status_check_ok: bool,
    }
}

changes! {
    /// New values for a node instance.
    pub struct InstanceChanges {
        /// Its state.
        state: InstanceState,
        /// Its relationships.
        relationships: Json,
        /// What operations noted.
        runtime_properties: Json,
        /// What the manager noted.
        system_properties: Json,
        /// Whether it differs from what it should be.
        has_configuration_drift: bool,
        /// Whether it was well when last looked at.
        is_status_check_ok: bool,
    }
}

const FROM: &str = "FROM node_instances r JOIN nodes n ON n.storage_id = r.node_fk \
                    JOIN deployments d ON d.storage_id = r.deployment_fk";

/// The node instances of a deployment, the oldest first.
pub async fn of_deployment(db: &dyn Db, deployment_fk: i64) -> Result<Vec<NodeInstance>> {
    let text = format!("SELECT {} {FROM} WHERE r.deployment_fk = $1 ORDER BY r.storage_id", NodeInstance::COLUMNS);
    db.all(text, values![deployment_fk]).await
}

/// The node instance with this id that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, id: &NodeInstanceId) -> Result<Option<NodeInstance>> {
    let mut values = values![id];
    let visible = scope.visible(false, &mut values);
    db.first(format!("SELECT {} {FROM} WHERE r.id = $1 AND {visible}", NodeInstance::COLUMNS), values).await
}

/// The node instances with these ids that the caller may see; those of the caller's tenant come last.
pub async fn visible(db: &dyn Db, scope: &Scope, ids: &[String]) -> Result<Vec<NodeInstance>> {
    let mut values = values![Json::texts(ids), scope.tenant_id];
    let visible = scope.visible(false, &mut values);
    let text = format!(
        "SELECT {} {FROM} WHERE r.id IN (SELECT value FROM json_each($1)) AND {visible} ORDER BY r.tenant_id = $2",
        NodeInstance::COLUMNS
    );
    db.all(text, values).await
}

/// The node instances of nodes, by their rows.
pub async fn of_nodes(db: &dyn Db, nodes: &[i64]) -> Result<Vec<NodeInstance>> {
    let text = format!(
        "SELECT {} {FROM} WHERE r.node_fk IN (SELECT CAST(value AS BIGINT) FROM json_each($1))",
        NodeInstance::COLUMNS
    );
    db.all(text, values![Json::of(nodes)]).await
}

/// How many instances of a deployment are in each state.
pub async fn count_by_state(db: &dyn Db, deployment_fk: i64) -> Result<Vec<(InstanceState, i64)>> {
    let text = "SELECT state, count(*) FROM node_instances WHERE deployment_fk = $1 GROUP BY state ORDER BY state";
    db.all(text.to_owned(), values![deployment_fk]).await
}

row! {
    /// Instances of a node that are in the same state.
    pub struct Standing {
        /// The row of their node.
        node_fk: i64,
        /// Their state.
        state: InstanceState,
        /// How many they are.
        count: i64 = "count(*)",
        /// How many of them differ from what they should be.
        drifted: i64 = "CAST(sum(CASE WHEN r.has_configuration_drift THEN 1 ELSE 0 END) AS BIGINT)",
        /// How many of them were not well when last looked at.
        unavailable: i64 = "CAST(sum(CASE WHEN r.is_status_check_ok THEN 0 ELSE 1 END) AS BIGINT)",
    }
}

/// How the instances of each node of a deployment stand.
pub async fn standing(db: &dyn Db, deployment_fk: i64) -> Result<Vec<Standing>> {
    let text = format!(
        "SELECT {} FROM node_instances r WHERE r.deployment_fk = $1 GROUP BY r.node_fk, r.state \
         ORDER BY r.node_fk, r.state",
        Standing::COLUMNS
    );
    db.all(text, values![deployment_fk]).await
}

/// The runtime properties of a deployment's instances of nodes of this type, or of one derived from it.
pub async fn runtime_of_type(db: &dyn Db, deployment_fk: i64, kind: &str) -> Result<Vec<Json>> {
    let text = "SELECT i.runtime_properties FROM node_instances i JOIN nodes n ON n.storage_id = i.node_fk \
                WHERE i.deployment_fk = $1 AND i.runtime_properties IS NOT NULL \
                AND EXISTS (SELECT 1 FROM json_each(n.type_hierarchy) WHERE value = $2) ORDER BY i.storage_id";
    db.column(text, values![deployment_fk, kind]).await
}

row! {
    /// What of a node instance may be changed, as it is.
    struct Present {
        /// How often it was changed.
        version: i64,
        /// Its state.
        state: InstanceState,
        /// Its relationships.
        relationships: Option<Json>,
        /// What operations noted.
        runtime_properties: Option<Json>,
        /// What the manager noted.
        system_properties: Option<Json>,
        /// Whether it differs from what it should be.
        has_configuration_drift: bool,
        /// Whether it was well when last looked at.
        is_status_check_ok: bool,
    }
}

impl InstanceChanges {
    /// Leaves out what is so already.
    fn without(mut self, present: &Present) -> Self {
        fn drop_same<T: PartialEq>(wanted: &mut Option<T>, present: Option<&T>) {
            if wanted.as_ref() == present {
                *wanted = None;
            }
        }
        drop_same(&mut self.state, Some(&present.state));
        drop_same(&mut self.relationships, present.relationships.as_ref());
        drop_same(&mut self.runtime_properties, present.runtime_properties.as_ref());
        drop_same(&mut self.system_properties, present.system_properties.as_ref());
        drop_same(&mut self.has_configuration_drift, Some(&present.has_configuration_drift));
        drop_same(&mut self.is_status_check_ok, Some(&present.is_status_check_ok));
        self
    }
}

/// Changes a node instance that the writer read at `version`; gives its new version. What is so
/// already leaves the version as it is, as in the original.
///
/// Errors: [`Error::Conflict`] when it has a newer version and `force` is not set,
/// [`Error::NotFound`].
pub async fn update(tx: &Tx, storage_id: i64, version: i64, force: bool, changes: InstanceChanges) -> Result<i64> {
    let db: &dyn Db = tx;
    // Adding nothing takes the row's lock where rows are locked one by one.
    let columns = Present::COLUMNS.replace("r.", "");
    let lock = format!("UPDATE node_instances SET version = version WHERE storage_id = $1 RETURNING {columns}");
    let rows = db.write(crate::backend::Sql::new(lock, values![storage_id])).await?;
    let Some(row) = rows.first() else {
        return Err(Error::NotFound { kind: "NodeInstance", id: storage_id.to_string() });
    };
    let present = Present::from_row(row)?;
    let stored = present.version;
    if stored > version && !force {
        return Err(Error::Conflict { stored, sent: version });
    }
    let mut assignments = changes.without(&present).assignments();
    if assignments.is_empty() {
        return Ok(stored);
    }
    assignments.push(("version", (stored + 1).into()));
    write::update(db, "node_instances", "storage_id", storage_id.into(), assignments).await?;
    Ok(stored + 1)
}

/// Deletes a node instance.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    write::delete(db, "node_instances", storage_id).await
}
