//! Tenants: the walls between users' resources.

use nephele_model::id::TenantName;

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{Resource, Tenancy, int, json, text};
use crate::write::{self, insertable};

/// The tenant of every installation.
pub const DEFAULT_TENANT: &str = "default_tenant";
/// Its key.
pub const DEFAULT_TENANT_ID: i64 = 0;

/// The records of `GET /tenants`.
pub static RESOURCE: Resource = Resource {
    key: "r.name",
    search: Some("r.name"),
    tenancy: Tenancy::Everyone,
    order: &["r.name"],
    ..Resource::new(
        "Tenant",
        "tenants",
        &[
            text("name"),
            int("groups").sql("0").shown(),
            int("users").sql("(SELECT count(*) FROM users_tenants m WHERE m.tenant_id = r.id)").shown(),
            json("user_roles").sql("NULL").shown(),
            text("rabbitmq_username").sql("NULL").shown(),
            text("rabbitmq_password").sql("NULL").shown(),
            text("rabbitmq_vhost").sql("NULL").shown(),
        ],
    )
};

row! {
    /// A tenant.
    pub struct Tenant {
        /// Its key.
        id: i64,
        /// Its name.
        name: TenantName,
    }
}

insertable! {
    /// A tenant to insert.
    pub struct NewTenant into "tenants" {
        /// Its key.
        id: i64,
        /// Its name.
        name: TenantName,
    }
}

/// The tenant of this name.
pub async fn by_name(db: &dyn Db, name: &TenantName) -> Result<Option<Tenant>> {
    db.first(format!("SELECT {} FROM tenants r WHERE r.name = $1", Tenant::COLUMNS), values![name]).await
}

/// The tenant with this key.
pub async fn by_id(db: &dyn Db, id: i64) -> Result<Option<Tenant>> {
    db.first(format!("SELECT {} FROM tenants r WHERE r.id = $1", Tenant::COLUMNS), values![id]).await
}

/// Every tenant, in order of name.
pub async fn all(db: &dyn Db) -> Result<Vec<Tenant>> {
    db.all(format!("SELECT {} FROM tenants r ORDER BY r.name", Tenant::COLUMNS), values![]).await
}

/// Makes a tenant and gives its key. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, name: &TenantName) -> Result<i64> {
    let rows = db.write(crate::backend::Sql::new("INSERT INTO tenants (name) VALUES ($1) RETURNING id", values![name]));
    rows.await?.first().map_or(Ok(0), |row| crate::column::Column::read(row, 0))
}

pub(crate) async fn insert_default(db: &dyn Db) -> Result<()> {
    write::insert_all(db, vec![NewTenant { id: DEFAULT_TENANT_ID, name: TenantName::new(DEFAULT_TENANT) }]).await
}
