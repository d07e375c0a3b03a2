//! Places where values of secrets are kept. Connection parameters are what the manager's cipher made of
//! them.

use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, text, time};
use crate::scope::Scope;
use crate::write::{self, changes, insertable};

/// The records of `GET /secrets-providers`, with connection parameters as they are stored.
pub static RESOURCE: Resource = Resource {
    key: "r.name",
    search: Some("r.name"),
    ..Resource::new(
        "SecretsProvider",
        "secrets_providers",
        &[
            time("created_at"),
            text("id"),
            text("visibility"),
            text("name"),
            text("type"),
            text("connection_parameters").shown(),
            time("updated_at"),
            TENANT_NAME,
            CREATED_BY,
            RESOURCE_AVAILABILITY,
            PRIVATE_RESOURCE,
        ],
    )
};

row! {
    /// A provider.
    pub struct Provider {
        /// Its row.
        storage_id: i64,
        /// Its name.
        name: String,
        /// What kind of place it is.
        kind: String = "r.type",
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// How to get there, as the manager gave it.
        connection_parameters: Option<String>,
    }
}

insertable! {
    /// A provider to insert.
    pub struct NewProvider into "secrets_providers" {
        /// Its name, once more.
        id: String,
        /// Its name.
        name: String,
        /// What kind of place it is.
        kind: String = "type",
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
        /// How to get there, as the manager gives it.
        connection_parameters: Option<String>,
    }
}

changes! {
    /// New values for a provider.
    pub struct ProviderChanges {
        /// What kind of place it is.
        kind: String = "type",
        /// Who sees it.
        visibility: Visibility,
        /// When it was changed.
        updated_at: Timestamp,
        /// How to get there, as the manager gives it.
        connection_parameters: Option<String>,
    }
}

async fn select(db: &dyn Db, condition: &str, values: Vec<sea_query::Value>) -> Result<Option<Provider>> {
    db.first(format!("SELECT {} FROM secrets_providers r WHERE {condition}", Provider::COLUMNS), values).await
}

/// The provider of this name that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, name: &str) -> Result<Option<Provider>> {
    let mut values = values![name];
    let visible = scope.visible(false, &mut values);
    select(db, &format!("r.name = $1 AND {visible}"), values).await
}

/// The provider of this row.
pub async fn by_storage_id(db: &dyn Db, storage_id: i64) -> Result<Option<Provider>> {
    select(db, "r.storage_id = $1", values![storage_id]).await
}

/// The keys of the secrets whose values a provider keeps.
pub async fn secrets_of(db: &dyn Db, storage_id: i64) -> Result<Vec<String>> {
    db.column("SELECT id FROM secrets WHERE secrets_provider_fk = $1 ORDER BY id", values![storage_id]).await
}

/// Stores a provider and gives its `storage_id`. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, provider: NewProvider) -> Result<i64> {
    write::insert(db, provider).await
}

/// Changes a provider.
pub async fn update(db: &dyn Db, storage_id: i64, changes: ProviderChanges) -> Result<()> {
    write::update(db, "secrets_providers", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}

/// Deletes a provider.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    write::delete(db, "secrets_providers", storage_id).await
}
