//! The manager's configuration as clients see it at `GET /config`: name, value and schema per scope.

use nephele_model::Timestamp;

use crate::column::{row, values};
use crate::config_defaults::Default;
use crate::db::Db;
use crate::error::Result;
use crate::field::{Resource, Tenancy, boolean, json, text, time};
use crate::json::Json;

/// The records of `GET /config`.
pub static RESOURCE: Resource = Resource {
    key: "concat(r.scope, '.', r.name)",
    search: None,
    tenancy: Tenancy::Everyone,
    order: &["r.scope", "r.name"],
    ..Resource::new(
        "Config",
        "config",
        &[
            text("name"),
            json("value"),
            json("schema"),
            boolean("is_editable"),
            boolean("admin_only"),
            time("updated_at"),
            text("scope"),
            text("updater_name").of(&[("updater_fk", "users")], "username"),
        ],
    )
};

row! {
    /// A setting.
    pub struct Setting {
        /// Which part of the system reads it: `rest`, `agent`, `workflow` or `mgmtworker`.
        scope: String,
        /// Its name.
        name: String,
        /// Its value.
        value: Json,
        /// The JSON schema of values.
        schema: Option<Json>,
        /// Whether it may be changed.
        is_editable: bool,
        /// Whether others see stars.
        admin_only: bool,
        /// When it was changed.
        updated_at: Option<Timestamp>,
    }
}

/// The settings of this name, in every scope or in one.
pub async fn find(db: &dyn Db, scope: Option<&str>, name: &str) -> Result<Vec<Setting>> {
    let text = format!(
        "SELECT {} FROM config r WHERE r.name = $1 AND coalesce($2, r.scope) = r.scope ORDER BY r.scope",
        Setting::COLUMNS
    );
    db.all(text, values![name, scope]).await
}

/// Every setting.
pub async fn all(db: &dyn Db) -> Result<Vec<Setting>> {
    db.all(format!("SELECT {} FROM config r ORDER BY r.scope, r.name", Setting::COLUMNS), values![]).await
}

/// Changes a setting's value. Gives whether it is there.
pub async fn update(db: &dyn Db, scope: &str, name: &str, value: &Json, user_id: i64) -> Result<bool> {
    let text = "UPDATE config SET value = $3, updated_at = $4, updater_fk = $5 WHERE scope = $1 AND name = $2";
    Ok(db.run(text, values![scope, name, value, db.now(), user_id]).await? > 0)
}

/// Adds a setting unless it is there, so that a value that was changed stays.
pub(crate) async fn add(db: &dyn Db, default: &Default, value: &Json, schema: Option<&Json>) -> Result<()> {
    let text = "INSERT INTO config (scope, name, value, schema, is_editable, admin_only) VALUES ($1, $2, $3, $4, $5, $6) \
                ON CONFLICT DO NOTHING";
    let (scope, name) = (default.scope, default.name);
    db.run(text, values![scope, name, value, schema, default.is_editable, default.admin_only]).await?;
    Ok(())
}

/// Sets a setting that users cannot change; nothing is written when it is set so already.
pub(crate) async fn set_fixed(db: &dyn Db, scope: &str, name: &str, value: &Json) -> Result<()> {
    let text = "INSERT INTO config (scope, name, value, is_editable) VALUES ($1, $2, $3, FALSE) \
                ON CONFLICT (scope, name) DO UPDATE SET value = excluded.value WHERE config.value <> excluded.value";
    db.run(text, values![scope, name, value]).await?;
    Ok(())
}
