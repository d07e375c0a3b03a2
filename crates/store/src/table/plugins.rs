//! Plugins: rows only; their archives are the manager's files.

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, json, text, time};
use crate::scope::Scope;
use crate::write;

const YAML_URL: &str = "concat('plugin:', r.package_name, '?version=', r.package_version, '&distribution=', \
                        coalesce(r.distribution, 'None'))";

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
            json("installation_state").sql("'[]'").shown(),
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
        /// Its package.
        package_name: String,
        /// Its version.
        package_version: Option<String>,
        /// Its archive's file name.
        archive_name: String,
    }
}

/// The plugins of this package that the caller may see, the newest upload first.
pub async fn of_package(db: &dyn Db, scope: &Scope, package_name: &str) -> Result<Vec<Plugin>> {
    let mut values = values![package_name];
    let visible = scope.visible(false, &mut values);
    let text = format!(
        "SELECT {} FROM plugins r WHERE r.package_name = $1 AND {visible} ORDER BY r.uploaded_at DESC, r.storage_id DESC",
        Plugin::COLUMNS
    );
    db.all(text, values).await
}

/// Deletes a plugin.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    write::delete(db, "plugins", storage_id).await
}
