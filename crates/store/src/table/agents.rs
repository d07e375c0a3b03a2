//! Host agents. The password is what the manager's cipher made of it.

use nephele_model::agent::AgentState;
use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{CREATED_BY, Hop, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, text, time};
use crate::json::Json;
use crate::scope::Scope;
use crate::write::{self, changes, insertable};

const INSTANCE: &[Hop] = &[("node_instance_fk", "node_instances")];
const NODE: &[Hop] = &[("node_instance_fk", "node_instances"), ("node_fk", "nodes")];
const DEPLOYMENT: &[Hop] = &[("node_instance_fk", "node_instances"), ("deployment_fk", "deployments")];

/// The records of one agent. The password is as it is stored.
pub static RESOURCE: Resource = Resource {
    key: "r.name",
    search: Some("r.name"),
    ..Resource::new(
        "Agent",
        "agents",
        &[
            time("created_at"),
            text("id"),
            text("visibility"),
            text("ip"),
            text("name"),
            text("install_method"),
            text("system"),
            text("version"),
            text("state"),
            text("rabbitmq_username"),
            text("rabbitmq_password").shown(),
            text("rabbitmq_exchange"),
            time("updated_at"),
            text("node_instance_id").of(INSTANCE, "id"),
            text("host_id").of(INSTANCE, "id"),
            text("node_id").of(NODE, "id"),
            text("deployment_id").of(DEPLOYMENT, "id"),
            text("node").of(NODE, "id"),
            text("deployment").of(DEPLOYMENT, "id"),
            text("node_ids").of(NODE, "id"),
            text("node_instance_ids").of(INSTANCE, "id"),
            text("install_methods").sql("r.install_method"),
            TENANT_NAME,
            CREATED_BY,
            RESOURCE_AVAILABILITY,
            PRIVATE_RESOURCE,
        ],
    )
};

row! {
    /// An agent.
    pub struct Agent {
        /// Its row.
        storage_id: i64,
        /// Its name.
        name: String,
        /// Who sees it.
        visibility: Visibility,
        /// The key of its tenant.
        tenant_id: i64,
        /// Its tenant.
        tenant_name: String = "(SELECT t.name FROM tenants t WHERE t.id = r.tenant_id)",
        /// The name of its exchange on the bus.
        rabbitmq_exchange: String,
    }
}

insertable! {
    /// An agent to insert.
    pub struct NewAgent into "agents" {
        /// Its name, once more.
        id: String,
        /// Its name.
        name: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Who made it.
        creator_id: i64,
        /// When.
        created_at: Timestamp,
        /// When it was changed.
        updated_at: Option<Timestamp>,
        /// Its host's address.
        ip: Option<String>,
        /// How it gets onto its host.
        install_method: String,
        /// Its host's system.
        system: Option<String>,
        /// Its version.
        version: String,
        /// Where it stands.
        state: AgentState,
        /// Its name on the bus.
        rabbitmq_username: Option<String>,
        /// Its password on the bus, encrypted.
        rabbitmq_password: Option<String>,
        /// The name of its exchange on the bus.
        rabbitmq_exchange: String,
        /// The row of the node instance that is its host.
        node_instance_fk: i64,
    }
}

changes! {
    /// New values for an agent.
    pub struct AgentChanges {
        /// When it was changed.
        updated_at: Timestamp,
        /// Its host's system.
        system: String,
        /// Its version.
        version: String,
        /// Where it stands.
        state: AgentState,
        /// Its name on the bus.
        rabbitmq_username: String,
        /// Its password on the bus, encrypted.
        rabbitmq_password: String,
    }
}

async fn select(db: &dyn Db, condition: &str, values: Vec<sea_query::Value>) -> Result<Vec<Agent>> {
    db.all(format!("SELECT {} FROM agents r WHERE {condition} ORDER BY r.storage_id", Agent::COLUMNS), values).await
}

/// The agent of this name that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, name: &str) -> Result<Option<Agent>> {
    Ok(by_names(db, scope, &[name.to_owned()]).await?.pop())
}

/// The agents of these names that the caller may see.
pub async fn by_names(db: &dyn Db, scope: &Scope, names: &[String]) -> Result<Vec<Agent>> {
    let mut values = values![Json::texts(names)];
    let visible = scope.visible(false, &mut values);
    select(db, &format!("r.name IN (SELECT value FROM json_each($1)) AND {visible}"), values).await
}

/// Every agent of every tenant.
pub async fn all(db: &dyn Db) -> Result<Vec<Agent>> {
    select(db, "TRUE", values![]).await
}

/// Stores an agent and gives its `storage_id`. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, agent: NewAgent) -> Result<i64> {
    write::insert(db, agent).await
}

/// Changes an agent.
pub async fn update(db: &dyn Db, storage_id: i64, changes: AgentChanges) -> Result<()> {
    write::update(db, "agents", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}
