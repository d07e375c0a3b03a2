//! User groups: users who share roles in the system and in tenants.

use nephele_model::Role;
use nephele_model::id::{TenantName, Username};

use crate::backend::Sql;
use crate::column::{Column as _, row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{Resource, Tenancy, int, text};
use crate::json::Json;

/// The records of `GET /user-groups`.
pub static RESOURCE: Resource = Resource {
    key: "r.name",
    search: Some("r.name"),
    tenancy: Tenancy::Everyone,
    order: &["r.created_at", "r.id"],
    ..Resource::new(
        "Group",
        "groups",
        &[
            text("name"),
            int("tenants").sql("(SELECT count(*) FROM groups_tenants m WHERE m.group_id = r.id)").shown(),
            int("users").sql("(SELECT count(*) FROM users_groups m WHERE m.group_id = r.id)").shown(),
            text("role"),
            text("ldap_dn"),
        ],
    )
};

row! {
    /// A user group.
    pub struct Group {
        /// Its key.
        id: i64,
        /// Its name.
        name: String,
        /// The group of the directory that it stands for.
        ldap_dn: Option<String>,
        /// The role in the system that its users get.
        role: Role,
    }
}

/// The group of this name, whatever its case.
pub async fn by_name(db: &dyn Db, name: &str) -> Result<Option<Group>> {
    let text = format!(
        "SELECT {} FROM groups r WHERE r.name = $1 OR lower(r.name) = lower($1) ORDER BY r.name = $1 DESC",
        Group::COLUMNS
    );
    db.first(text, values![name]).await
}

/// The group that stands for this group of the directory, whatever its case.
pub async fn by_ldap_dn(db: &dyn Db, ldap_dn: &str) -> Result<Option<Group>> {
    let text = format!("SELECT {} FROM groups r WHERE lower(r.ldap_dn) = lower($1)", Group::COLUMNS);
    db.first(text, values![ldap_dn]).await
}

/// Makes a group and gives its key.
pub async fn insert(db: &dyn Db, name: &str, ldap_dn: Option<&str>, role: Role) -> Result<i64> {
    let text = "INSERT INTO groups (name, ldap_dn, role, created_at) VALUES ($1, $2, $3, $4) RETURNING id";
    let rows = db.write(Sql::new(text, values![name, ldap_dn, role, db.now()])).await?;
    rows.first().map_or(Ok(0), |row| i64::read(row, 0))
}

/// Changes the role in the system.
pub async fn set_role(db: &dyn Db, id: i64, role: Role) -> Result<()> {
    db.run("UPDATE groups SET role = $2 WHERE id = $1", values![id, role]).await?;
    Ok(())
}

/// Deletes a group; its users stay, without what they had through it.
pub async fn delete(db: &dyn Db, id: i64) -> Result<()> {
    db.run("DELETE FROM groups WHERE id = $1", values![id]).await?;
    Ok(())
}

/// Puts a user into a group. Gives whether the user was not in it.
pub async fn add_user(db: &dyn Db, group_id: i64, user_id: i64) -> Result<bool> {
    let text = "INSERT INTO users_groups (user_id, group_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(db.run(text, values![user_id, group_id]).await? > 0)
}

/// Takes a user out of a group. Gives whether the user was in it.
pub async fn remove_user(db: &dyn Db, group_id: i64, user_id: i64) -> Result<bool> {
    let text = "DELETE FROM users_groups WHERE user_id = $1 AND group_id = $2";
    Ok(db.run(text, values![user_id, group_id]).await? > 0)
}

/// Gives a group a role in a tenant, in place of one that it had there.
pub async fn join_tenant(db: &dyn Db, group_id: i64, tenant_id: i64, role: Role) -> Result<()> {
    let text = "INSERT INTO groups_tenants (group_id, tenant_id, role) VALUES ($1, $2, $3) \
                ON CONFLICT (group_id, tenant_id) DO UPDATE SET role = excluded.role";
    db.run(text, values![group_id, tenant_id, role]).await?;
    Ok(())
}

/// Takes a group out of a tenant. Gives whether it was in it.
pub async fn leave_tenant(db: &dyn Db, group_id: i64, tenant_id: i64) -> Result<bool> {
    let text = "DELETE FROM groups_tenants WHERE group_id = $1 AND tenant_id = $2";
    Ok(db.run(text, values![group_id, tenant_id]).await? > 0)
}

/// Whether a group is in a tenant.
pub async fn is_in_tenant(db: &dyn Db, group_id: i64, tenant_id: i64) -> Result<bool> {
    let text = "SELECT count(*) FROM groups_tenants WHERE group_id = $1 AND tenant_id = $2";
    Ok(db.number(text, values![group_id, tenant_id]).await? > 0)
}

/// The users of the named groups: group and user, in the order of users.
pub async fn users(db: &dyn Db, names: &[String]) -> Result<Vec<(String, Username)>> {
    let text = "SELECT r.name, u.username FROM groups r JOIN users_groups m ON m.group_id = r.id \
                JOIN users u ON u.id = m.user_id WHERE r.name IN (SELECT value FROM json_each($1)) ORDER BY u.username";
    db.all(text.to_owned(), values![Json::texts(names)]).await
}

/// The tenants of the named groups, with the role there.
pub async fn tenants(db: &dyn Db, names: &[String]) -> Result<Vec<(String, TenantName, Role)>> {
    let text = "SELECT r.name, t.name, m.role FROM groups r JOIN groups_tenants m ON m.group_id = r.id \
                JOIN tenants t ON t.id = m.tenant_id WHERE r.name IN (SELECT value FROM json_each($1)) ORDER BY t.name";
    db.all(text.to_owned(), values![Json::texts(names)]).await
}
