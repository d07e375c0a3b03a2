//! Plugins: rows only; their archives are the manager's files. Where each is installed stands in
//! `plugins_states`.

use nephele_model::plugin::InstallationState;
use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::field::{CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, json, text, time};
use crate::json::Json;
use crate::scope::Scope;
use crate::write::{self, changes, insertable};

const YAML_URL: &str = "CASE WHEN coalesce(r.yaml_files_paths, '[]') = '[]' THEN '' ELSE \
    concat('plugin:', r.package_name, '?version=', r.package_version, '&distribution=', \
    coalesce(r.distribution, 'None')) END";
const STATES: &str = "concat('[', (SELECT string_agg(concat('{\"state\":', json_quote(s.state), \
    ',\"error\":', json_quote(s.error), ',\"manager\":', json_quote(s.manager_name), \
    ',\"agent\":', json_quote(a.name), '}'), ',' ORDER BY s.storage_id) \
    FROM plugins_states s LEFT JOIN agents a ON a.storage_id = s.agent_fk \
    WHERE s.plugin_fk = r.storage_id), ']')";

/// The records of `GET /plugins`.
pub static RESOURCE: Resource = Resource {
    search: Some("r.package_name"),
    order: &["r.uploaded_at", "r.storage_id"],
    ..Resource::new(
        "Plugin",
        "plugins",
        &[
            text("id"),
            text("visibility"),
            text("archive_name"),
            text("distribution"),
            text("distribution_release"),
            text("distribution_version"),
            json("excluded_wheels").twin(),
            text("package_name"),
            text("package_source"),
            text("package_version"),
            json("supported_platform").twin(),
            json("supported_py_versions").twin(),
            time("uploaded_at"),
            json("wheels").twin(),
            text("title"),
            json("blueprint_labels"),
            json("labels"),
            json("resource_tags"),
            TENANT_NAME,
            CREATED_BY,
            RESOURCE_AVAILABILITY,
            PRIVATE_RESOURCE,
            json("installation_state").sql(STATES).shown(),
            json("yaml_files_paths").sql("coalesce(r.yaml_files_paths, '[]')").shown(),
            text("yaml_url_path").sql(YAML_URL).shown(),
        ],
    )
};

row! {
    /// A plugin.
    pub struct Plugin {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Whose it is.
        tenant_name: String = "(SELECT t.name FROM tenants t WHERE t.id = r.tenant_id)",
        /// Its package.
        package_name: String,
        /// Its version.
        package_version: Option<String>,
        /// The system that its wheels are for.
        distribution: Option<String>,
        /// That system's version.
        distribution_version: Option<String>,
        /// That system's release.
        distribution_release: Option<String>,
        /// The platform that its wheels are for.
        supported_platform: Option<Json>,
        /// Its archive's file name.
        archive_name: String,
        /// The YAML files that describe it, as paths in the file tree.
        yaml_files_paths: Option<Json>,
        /// Labels for blueprints that use it.
        blueprint_labels: Option<Json>,
        /// Labels for deployments that use it.
        labels: Option<Json>,
        /// Tags for what deployments that use it make.
        resource_tags: Option<Json>,
    }
}

insertable! {
    /// A plugin to insert.
    pub struct NewPlugin into "plugins" {
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Who uploaded it.
        creator_id: i64,
        /// When.
        uploaded_at: Timestamp,
        /// Its name for people.
        title: Option<String>,
        /// Its package.
        package_name: String,
        /// Its version.
        package_version: Option<String>,
        /// Where its package came from.
        package_source: Option<String>,
        /// Its archive's file name.
        archive_name: String,
        /// The system that its wheels are for.
        distribution: Option<String>,
        /// That system's version.
        distribution_version: Option<String>,
        /// That system's release.
        distribution_release: Option<String>,
        /// The platform that its wheels are for.
        supported_platform: Option<Json>,
        /// The Pythons that it runs with.
        supported_py_versions: Option<Json>,
        /// Its wheels.
        wheels: Json,
        /// Wheels that were left out.
        excluded_wheels: Option<Json>,
        /// Labels for blueprints that use it.
        blueprint_labels: Option<Json>,
        /// Labels for deployments that use it.
        labels: Option<Json>,
        /// Tags for what deployments that use it make.
        resource_tags: Option<Json>,
        /// The YAML files that describe it, as paths in the file tree.
        yaml_files_paths: Json,
    }
}

changes! {
    /// New values for a plugin.
    pub struct PluginChanges {
        /// Who sees it.
        visibility: Visibility,
        /// Who uploaded it.
        creator_id: i64,
        /// Labels for blueprints that use it.
        blueprint_labels: Json,
        /// Labels for deployments that use it.
        labels: Json,
        /// Tags for what deployments that use it make.
        resource_tags: Json,
    }
}

/// Where a plugin is, or is to be, installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a manager, by its host's name.
    Manager(String),
    /// On an agent, by its row.
    Agent(i64),
}

row! {
    /// A place that a plugin is, or is to be, installed at.
    pub struct Installation {
        /// Its row.
        storage_id: i64,
        /// The manager's host.
        manager_name: Option<String>,
        /// The agent.
        agent_name: Option<String> = "(SELECT a.name FROM agents a WHERE a.storage_id = r.agent_fk)",
        /// The agent's tenant.
        agent_tenant: Option<String> =
            "(SELECT t.name FROM agents a JOIN tenants t ON t.id = a.tenant_id WHERE a.storage_id = r.agent_fk)",
        /// How far it is.
        state: InstallationState,
    }
}

async fn select(db: &dyn Db, condition: &str, values: Vec<sea_query::Value>) -> Result<Vec<Plugin>> {
    db.all(format!("SELECT {} FROM plugins r WHERE {condition}", Plugin::COLUMNS), values).await
}

/// The plugin with this id that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, id: &str) -> Result<Option<Plugin>> {
    let mut values = values![id];
    let visible = scope.visible(false, &mut values);
    Ok(select(db, &format!("r.id = $1 AND {visible}"), values).await?.pop())
}

/// Whether any tenant has a plugin with this id: its folder is named by it.
pub async fn exists(db: &dyn Db, id: &str) -> Result<bool> {
    Ok(!select(db, "r.id = $1", values![id]).await?.is_empty())
}

/// The plugins of this package that the caller may see, the newest upload first.
pub async fn of_package(db: &dyn Db, scope: &Scope, package_name: &str) -> Result<Vec<Plugin>> {
    let mut values = values![package_name];
    let visible = scope.visible(false, &mut values);
    let condition = format!("r.package_name = $1 AND {visible} ORDER BY r.uploaded_at DESC, r.storage_id DESC");
    select(db, &condition, values).await
}

/// The tenant that already has this archive of this package where a new one would collide with it.
pub async fn taken(
    db: &dyn Db,
    package_name: &str,
    archive_name: &str,
    tenant_id: i64,
    visibility: Visibility,
) -> Result<Option<String>> {
    let condition = "r.package_name = $1 AND r.archive_name = $2 \
                     AND (r.tenant_id = $3 OR r.visibility = 'global' OR $4) ORDER BY r.storage_id";
    let is_global = visibility == Visibility::Global;
    let found = select(db, condition, values![package_name, archive_name, tenant_id, is_global]).await?;
    Ok(found.into_iter().next().map(|plugin| plugin.tenant_name))
}

/// Stores a plugin and gives its `storage_id`. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, plugin: NewPlugin) -> Result<i64> {
    write::insert(db, plugin).await
}

/// Changes a plugin.
pub async fn update(db: &dyn Db, storage_id: i64, changes: PluginChanges) -> Result<()> {
    write::update(db, "plugins", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}

/// Deletes a plugin.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    write::delete(db, "plugins", storage_id).await
}

/// Notes how far the installation of a plugin is at a place.
pub async fn set_state(
    tx: &Tx,
    plugin_fk: i64,
    place: &Place,
    state: InstallationState,
    error: Option<&str>,
) -> Result<()> {
    let db: &dyn Db = tx;
    let (manager, agent) = match place {
        Place::Manager(name) => (Some(name.as_str()), None),
        Place::Agent(key) => (None, Some(*key)),
    };
    let text = "UPDATE plugins_states SET state = $4, error = $5 \
                WHERE plugin_fk = $1 AND (manager_name = $2 OR agent_fk = $3)";
    if db.run(text, values![plugin_fk, manager, agent, state, error]).await? == 0 {
        let text = "INSERT INTO plugins_states (plugin_fk, manager_name, agent_fk, state, error) \
                    VALUES ($1, $2, $3, $4, $5)";
        db.run(text, values![plugin_fk, manager, agent, state, error]).await?;
    }
    Ok(())
}

/// The places that a plugin is, or is to be, installed at.
pub async fn installations(db: &dyn Db, plugin_fk: i64) -> Result<Vec<Installation>> {
    let text =
        format!("SELECT {} FROM plugins_states r WHERE r.plugin_fk = $1 ORDER BY r.storage_id", Installation::COLUMNS);
    db.all(text, values![plugin_fk]).await
}
