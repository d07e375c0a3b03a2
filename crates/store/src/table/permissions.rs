//! Roles and what they hold; the names of permissions are free text, consoles bring their own.

use nephele_model::{Grants, Role};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{Resource, Tenancy, text};
use crate::write::{self, insertable};

/// The records of `GET /permissions`.
pub static RESOURCE: Resource = Resource {
    search: None,
    tenancy: Tenancy::Everyone,
    order: &["r.id"],
    ..Resource::new(
        "Permission",
        "permissions",
        &[text("role").of(&[("role_id", "roles")], "name"), text("permission").sql("r.name")],
    )
};

row! {
    /// A role.
    pub struct StoredRole {
        /// Its key.
        id: i64,
        /// Its name.
        name: String,
        /// `system_role`, `tenant_role` or `any`.
        kind: String = "r.type",
        /// What it is for.
        description: String,
    }
}

insertable! {
    struct NewRole into "roles" {
        name: Role,
        kind: &'static str = "type",
        description: &'static str,
    }
}

insertable! {
    struct NewPermission into "permissions" {
        role_id: i64,
        name: String,
    }
}

/// Every role, in the order of keys.
pub async fn roles(db: &dyn Db) -> Result<Vec<StoredRole>> {
    db.all(format!("SELECT {} FROM roles r ORDER BY r.id", StoredRole::COLUMNS), values![]).await
}

/// Who holds what.
pub async fn grants(db: &dyn Db) -> Result<Grants> {
    let text = "SELECT o.name, r.name FROM permissions r JOIN roles o ON o.id = r.role_id ORDER BY r.id";
    let pairs = db.all::<(Role, String)>(text.to_owned(), values![]).await?;
    Ok(pairs.into_iter().collect())
}

/// When a grant was last changed, in microseconds since 1970; 0 when never.
pub async fn changed_at(db: &dyn Db) -> Result<i64> {
    db.number("SELECT coalesce(max(updated_at), 0) FROM roles", values![]).await
}

/// Gives a role a permission. Error: [`crate::Error::Unique`] when it holds it.
pub async fn allow(db: &dyn Db, role_id: i64, permission: &str) -> Result<()> {
    db.run("INSERT INTO permissions (role_id, name) VALUES ($1, $2)", values![role_id, permission]).await?;
    note_change(db, role_id).await
}

/// Takes a permission from a role. Gives whether the role held it.
pub async fn disallow(db: &dyn Db, role_id: i64, permission: &str) -> Result<bool> {
    let text = "DELETE FROM permissions WHERE role_id = $1 AND name = $2";
    let held = db.run(text, values![role_id, permission]).await? > 0;
    note_change(db, role_id).await?;
    Ok(held)
}

async fn note_change(db: &dyn Db, role_id: i64) -> Result<()> {
    db.run("UPDATE roles SET updated_at = $2 WHERE id = $1", values![role_id, db.now()]).await?;
    Ok(())
}

/// The built-in roles with what they hold at the beginning.
pub(crate) async fn insert_built_in(db: &dyn Db) -> Result<()> {
    let role = |role: &Role| NewRole { name: *role, kind: role.kind(), description: role.description() };
    write::insert_all(db, Role::ALL.iter().map(role).collect()).await?;
    let mut rows = Vec::new();
    let stored = roles(db).await?;
    for (name, holders) in Grants::built_in().iter() {
        for role in stored.iter().filter(|role| holders.iter().any(|holder| holder.as_str() == role.name)) {
            rows.push(NewPermission { role_id: role.id, name: name.to_owned() });
        }
    }
    write::insert_all(db, rows).await
}
