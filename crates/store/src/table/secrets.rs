//! Secrets. The value is what the manager's cipher made of it; this crate never sees the plain text.

use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{
    CREATED_BY, Field, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, boolean, json, text, time,
};
use crate::json::Json;
use crate::scope::Scope;
use crate::write::{self, changes, insertable};

const PROVIDER_NAME: Field = text("provider_name").of(&[("secrets_provider_fk", "secrets_providers")], "name");

/// The records of `GET /secrets`, without values.
pub static RESOURCE: Resource = Resource {
    rules: &["key", "provider_name"],
    ..Resource::new(
        "Secret",
        "secrets",
        &[
            text("key").sql("r.id"),
            time("created_at"),
            time("updated_at"),
            RESOURCE_AVAILABILITY,
            text("visibility"),
            TENANT_NAME,
            CREATED_BY,
            boolean("is_hidden_value"),
            PROVIDER_NAME,
        ],
    )
};

/// The record of one secret, with the value as it is stored.
pub static DETAILS: Resource = Resource::new(
    "Secret",
    "secrets",
    &[
        time("created_at"),
        text("visibility"),
        text("value"),
        time("updated_at"),
        boolean("is_hidden_value"),
        json("schema"),
        text("provider_options"),
        text("key").sql("r.id"),
        PROVIDER_NAME,
        TENANT_NAME,
        CREATED_BY,
        RESOURCE_AVAILABILITY,
        PRIVATE_RESOURCE,
    ],
);

/// The record of a secret that travels to another manager, with the value as it is stored.
pub static EXPORT: Resource = Resource::new(
    "Secret",
    "secrets",
    &[
        text("key").sql("r.id"),
        text("value"),
        text("visibility"),
        TENANT_NAME,
        boolean("is_hidden_value"),
        PROVIDER_NAME,
        text("provider_options"),
        CREATED_BY,
        time("created_at"),
        time("updated_at"),
        RESOURCE_AVAILABILITY,
        PRIVATE_RESOURCE,
    ],
);

row! {
    /// A secret.
    pub struct Secret {
        /// Its row.
        storage_id: i64,
        /// Its key.
        key: String = "r.id",
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Who made it.
        creator_id: i64,
        /// The value as the manager gave it.
        value: Option<String>,
        /// Whether others may not see the value.
        is_hidden_value: bool,
        /// The JSON schema of the value.
        schema: Option<Json>,
        /// Where the value is really kept.
        secrets_provider_fk: Option<i64>,
        /// What that place needs to know, as the manager gave it.
        provider_options: Option<String>,
    }
}

insertable! {
    /// A secret to insert.
    pub struct NewSecret into "secrets" {
        /// Its key.
        key: String = "id",
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
        /// The value as the manager gives it.
        value: Option<String>,
        /// Whether others may not see the value.
        is_hidden_value: bool,
        /// The JSON schema of the value.
        schema: Option<Json>,
        /// Where the value is really kept.
        secrets_provider_fk: Option<i64>,
        /// What that place needs to know, as the manager gives it.
        provider_options: Option<String>,
    }
}

changes! {
    /// New values for a secret.
    pub struct SecretChanges {
        /// Who sees it.
        visibility: Visibility,
        /// Who made it.
        creator_id: i64,
        /// When it was changed.
        updated_at: Timestamp,
        /// The value as the manager gives it.
        value: Option<String>,
        /// Whether others may not see the value.
        is_hidden_value: bool,
        /// The JSON schema of the value.
        schema: Option<Json>,
        /// Where the value is really kept.
        secrets_provider_fk: Option<i64>,
        /// What that place needs to know, as the manager gives it.
        provider_options: Option<String>,
    }
}

/// The secret with this key that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, key: &str) -> Result<Option<Secret>> {
    let mut values = values![key];
    let visible = scope.visible(false, &mut values);
    db.first(format!("SELECT {} FROM secrets r WHERE r.id = $1 AND {visible}", Secret::COLUMNS), values).await
}

/// The secrets with these keys that the caller may see; those of the caller's tenant come last.
pub async fn visible(db: &dyn Db, scope: &Scope, keys: &[String]) -> Result<Vec<Secret>> {
    let mut values = values![Json::texts(keys), scope.tenant_id];
    let visible = scope.visible(false, &mut values);
    let text = format!(
        "SELECT {} FROM secrets r WHERE r.id IN (SELECT value FROM json_each($1)) AND {visible} \
         ORDER BY r.tenant_id = $2",
        Secret::COLUMNS
    );
    db.all(text, values).await
}

/// The secret with this key that belongs to a tenant, whoever may see it.
pub async fn of_tenant(db: &dyn Db, tenant_id: i64, key: &str) -> Result<Option<Secret>> {
    let text = format!("SELECT {} FROM secrets r WHERE r.id = $1 AND r.tenant_id = $2", Secret::COLUMNS);
    db.first(text, values![key, tenant_id]).await
}

/// Stores a secret and gives its `storage_id`. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, secret: NewSecret) -> Result<i64> {
    write::insert(db, secret).await
}

/// Changes a secret.
pub async fn update(db: &dyn Db, storage_id: i64, changes: SecretChanges) -> Result<()> {
    write::update(db, "secrets", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}

/// Deletes a secret.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    write::delete(db, "secrets", storage_id).await
}
