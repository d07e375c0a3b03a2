//! Tenants: the walls between users' resources.

use nephele_model::Role;
use nephele_model::id::{TenantName, Username};

use crate::audit;
use crate::backend::Sql;
use crate::column::{Column as _, row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{Resource, Tenancy, int, json, text};
use crate::json::Json;

/// The tenant of every installation.
pub const DEFAULT_TENANT: &str = "default_tenant";
/// Its key.
pub const DEFAULT_TENANT_ID: i64 = 0;

/// Directly or through groups.
const USERS: &str = "(SELECT count(*) FROM (SELECT m.user_id FROM users_tenants m WHERE m.tenant_id = r.id UNION \
    SELECT u.user_id FROM groups_tenants g JOIN users_groups u ON u.group_id = g.group_id WHERE g.tenant_id = r.id) all_users)";

/// The records of `GET /tenants`. The password is as it is stored.
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
            int("groups").sql("(SELECT count(*) FROM groups_tenants m WHERE m.tenant_id = r.id)").shown(),
            int("users").sql(USERS).shown(),
            json("user_roles").sql("NULL").shown(),
            text("rabbitmq_username").shown(),
            text("rabbitmq_password").shown(),
            text("rabbitmq_vhost").shown(),
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

row! {
    /// A user in a tenant.
    pub struct Member {
        /// The tenant's name.
        tenant_name: TenantName = "t.name",
        /// The user's name; `None` in a group without users.
        username: Option<Username> = "u.username",
        /// The role.
        role: Role,
        /// The group that gives it; `None` when the user has it directly.
        group_name: Option<String>,
    }
}

/// How a tenant's messages go through a broker.
#[derive(Clone, Debug)]
pub struct Messaging {
    /// Its virtual host.
    pub vhost: String,
    /// Its user.
    pub username: String,
    /// That user's password, encrypted.
    pub password: String,
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
pub async fn insert(db: &dyn Db, name: &TenantName, messaging: Option<&Messaging>) -> Result<i64> {
    let text = "INSERT INTO tenants (name, rabbitmq_vhost, rabbitmq_username, rabbitmq_password) VALUES ($1, $2, $3, $4) \
                RETURNING id";
    let part = |part: fn(&Messaging) -> &str| messaging.map(part);
    let (vhost, username) = (part(|messaging| &messaging.vhost), part(|messaging| &messaging.username));
    let values = values![name, vhost, username, part(|messaging| &messaging.password)];
    let rows = db.write(Sql::new(text, values)).await?;
    rows.first().map_or(Ok(0), |row| i64::read(row, 0))
}

/// Sets how the messages of a tenant go, if it has no way yet.
pub async fn set_messaging(db: &dyn Db, id: i64, messaging: &Messaging) -> Result<()> {
    let text = "UPDATE tenants SET rabbitmq_vhost = $2, rabbitmq_username = $3, rabbitmq_password = $4 \
                WHERE id = $1 AND rabbitmq_vhost IS NULL";
    db.run(text, values![id, &messaging.vhost, &messaging.username, &messaging.password]).await?;
    Ok(())
}

/// The users of the named tenants: directly first, then by group, in the order of names.
pub async fn members(db: &dyn Db, names: &[String]) -> Result<Vec<Member>> {
    let text = format!(
        "SELECT {} FROM (SELECT m.tenant_id, m.user_id, m.role, NULL AS group_name FROM users_tenants m UNION ALL \
         SELECT m.tenant_id, u.user_id, m.role, g.name FROM groups_tenants m JOIN groups g ON g.id = m.group_id \
         LEFT JOIN users_groups u ON u.group_id = g.id) r JOIN tenants t ON t.id = r.tenant_id \
         LEFT JOIN users u ON u.id = r.user_id WHERE t.name IN (SELECT value FROM json_each($1)) \
         ORDER BY r.group_name IS NOT NULL, r.group_name, u.username",
        Member::COLUMNS
    );
    db.all(text, values![Json::texts(names)]).await
}

/// The table of something that would go with the tenant, if there is any: a resource, or an execution
/// that has not ended.
pub async fn holds_in(db: &dyn Db, tenant_id: i64) -> Result<Option<&'static str>> {
    audit::first_held(db, "tenant_id", tenant_id).await
}

/// Deletes a tenant and who was in it.
pub async fn delete(db: &dyn Db, id: i64) -> Result<()> {
    db.run("DELETE FROM tenants WHERE id = $1", values![id]).await?;
    Ok(())
}

pub(crate) async fn insert_default(db: &dyn Db) -> Result<()> {
    let text = "INSERT INTO tenants (id, name) VALUES ($1, $2)";
    db.run(text, values![DEFAULT_TENANT_ID, DEFAULT_TENANT]).await?;
    Ok(())
}
