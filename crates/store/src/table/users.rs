//! Users, their passwords (hashed by the manager) and their roles.

use nephele_model::id::{TenantName, Username};
use nephele_model::{Role, Timestamp};

use crate::audit;
use crate::backend::Sql;
use crate::column::{Column as _, row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{Resource, Tenancy, boolean, int, json, text, time};
use crate::json::Json;
use crate::write::{self, changes};

/// The name of the first administrator.
pub const ADMIN: &str = "admin";
/// The first administrator's key; this user may do everything.
pub const ADMIN_ID: i64 = 0;

/// Directly or through groups.
const IN_TENANTS: &str = "(SELECT count(*) FROM (SELECT m.tenant_id FROM users_tenants m WHERE m.user_id = r.id UNION \
    SELECT g.tenant_id FROM groups_tenants g JOIN users_groups u ON u.group_id = g.group_id WHERE u.user_id = r.id) own)";
const IN_GROUPS: &str = "(SELECT count(*) FROM users_groups m WHERE m.user_id = r.id)";

/// The records of `GET /users`.
pub static RESOURCE: Resource = Resource {
    key: "r.username",
    search: Some("r.username"),
    tenancy: Tenancy::Everyone,
    order: &["r.created_at", "r.id"],
    ..Resource::new(
        "User",
        "users",
        &[
            text("username"),
            int("tenants").sql(IN_TENANTS).shown(),
            json("tenant_roles").sql("NULL").shown(),
            int("groups").sql(IN_GROUPS).shown(),
            text("role").sql("r.system_role"),
            json("group_system_roles").sql("'{}'").shown(),
            boolean("active"),
            time("created_at"),
            time("first_login_at"),
            time("last_login_at"),
            boolean("is_locked").sql("FALSE").shown(),
            boolean("show_getting_started"),
            text("password_hash").sql("NULL").shown(),
        ],
    )
};

row! {
    /// A user.
    pub struct User {
        /// The user's key.
        id: i64,
        /// The user's name.
        username: Username,
        /// The password's hash.
        password: String,
        /// The role in the system.
        system_role: Role,
        /// Whether the user may log in.
        active: bool,
        /// When the user was made.
        created_at: Timestamp,
        /// The first good login.
        first_login_at: Option<Timestamp>,
        /// The latest good login.
        last_login_at: Option<Timestamp>,
        /// The latest failed login.
        last_failed_login_at: Option<Timestamp>,
        /// Failed logins since the last good one.
        failed_logins_counter: i64,
        /// Whether the console greets the user.
        show_getting_started: bool,
    }
}

row! {
    /// A role in a tenant.
    pub struct Membership {
        /// Whose.
        user_id: i64,
        /// The tenant's key.
        tenant_id: i64,
        /// The tenant's name.
        tenant_name: TenantName = "t.name",
        /// The role there.
        role: Role,
        /// The group that gives it; `None` when the user has it directly.
        group_name: Option<String>,
    }
}

row! {
    /// A group that a user is in.
    pub struct Belonging {
        /// Whose.
        user_id: i64,
        /// The group's name.
        group_name: String = "g.name",
        /// The role in the system that it gives.
        role: Role = "g.role",
    }
}

changes! {
    /// New values for a user.
    pub struct UserChanges {
        /// When the user was made.
        created_at: Timestamp,
        /// The address for mail.
        email: Option<String>,
        /// The given name.
        first_name: Option<String>,
        /// The family name.
        last_name: Option<String>,
        /// The password's hash.
        password: String,
        /// The role in the system.
        system_role: Role,
        /// Whether the user may log in.
        active: bool,
        /// The first good login.
        first_login_at: Option<Timestamp>,
        /// The latest good login.
        last_login_at: Option<Timestamp>,
        /// The latest failed login.
        last_failed_login_at: Option<Timestamp>,
        /// Failed logins since the last good one.
        failed_logins_counter: i64,
        /// Whether the console greets the user.
        show_getting_started: bool,
    }
}

/// The user of this name, whatever its case.
pub async fn by_name(db: &dyn Db, name: &Username) -> Result<Option<User>> {
    let text = format!(
        "SELECT {} FROM users r WHERE r.username = $1 OR lower(r.username) = lower($1) ORDER BY r.username = $1 DESC",
        User::COLUMNS
    );
    db.first(text, values![name]).await
}

/// The user with this key.
pub async fn by_id(db: &dyn Db, id: i64) -> Result<Option<User>> {
    db.first(format!("SELECT {} FROM users r WHERE r.id = $1", User::COLUMNS), values![id]).await
}

/// The users of these names.
pub async fn by_names(db: &dyn Db, names: &[String]) -> Result<Vec<User>> {
    let text = format!(
        "SELECT {} FROM users r WHERE r.username IN (SELECT value FROM json_each($1)) ORDER BY r.username",
        User::COLUMNS
    );
    db.all(text, values![Json::texts(names)]).await
}

/// The tenants that these users are in, directly first, then through groups, in the order of names.
pub async fn memberships(db: &dyn Db, user_ids: &[i64]) -> Result<Vec<Membership>> {
    let text = format!(
        "SELECT {} FROM (SELECT m.user_id, m.tenant_id, m.role, NULL AS group_name FROM users_tenants m UNION ALL \
         SELECT u.user_id, m.tenant_id, m.role, g.name FROM users_groups u JOIN groups g ON g.id = u.group_id \
         JOIN groups_tenants m ON m.group_id = g.id) r JOIN tenants t ON t.id = r.tenant_id \
         WHERE r.user_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) \
         ORDER BY r.group_name IS NOT NULL, t.name, r.group_name",
        Membership::COLUMNS
    );
    db.all(text, values![Json::of(user_ids)]).await
}

/// The groups that these users are in.
pub async fn belongings(db: &dyn Db, user_ids: &[i64]) -> Result<Vec<Belonging>> {
    let text = format!(
        "SELECT {} FROM users_groups r JOIN groups g ON g.id = r.group_id \
         WHERE r.user_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) ORDER BY g.name",
        Belonging::COLUMNS
    );
    db.all(text, values![Json::of(user_ids)]).await
}

/// How many active users are administrators of the system, by themselves or through a group.
pub async fn count_administrators(db: &dyn Db) -> Result<i64> {
    let text = "SELECT count(*) FROM users r WHERE r.active AND (r.system_role = $1 OR EXISTS (SELECT 1 FROM users_groups m \
                JOIN groups g ON g.id = m.group_id WHERE m.user_id = r.id AND g.role = $1))";
    db.number(text, values![Role::SysAdmin]).await
}

/// The table of something that would go with the user, if there is any: a resource, or an execution
/// that has not ended.
pub async fn owns_in(db: &dyn Db, user_id: i64) -> Result<Option<&'static str>> {
    audit::first_held(db, "creator_id", user_id).await
}

/// Deletes a user.
pub async fn delete(db: &dyn Db, id: i64) -> Result<()> {
    db.run("DELETE FROM users WHERE id = $1", values![id]).await?;
    Ok(())
}

/// Makes a user and gives its key. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, username: &Username, password_hash: &str, role: Role) -> Result<i64> {
    let text = "INSERT INTO users (username, password, system_role, created_at) VALUES ($1, $2, $3, $4) RETURNING id";
    let rows = db.write(Sql::new(text, values![username, password_hash, role, db.now()])).await?;
    rows.first().map_or(Ok(0), |row| i64::read(row, 0))
}

pub(crate) async fn insert_admin(db: &dyn Db, password_hash: &str) -> Result<()> {
    let text = "INSERT INTO users (id, username, password, system_role, created_at) VALUES ($1, $2, $3, $4, $5)";
    db.run(text, values![ADMIN_ID, ADMIN, password_hash, Role::SysAdmin, db.now()]).await?;
    Ok(())
}

/// Changes a user.
pub async fn update(db: &dyn Db, id: i64, changes: UserChanges) -> Result<()> {
    write::update(db, "users", "id", id.into(), changes.assignments()).await?;
    Ok(())
}

/// Notes a login that succeeded: the counter of failures starts anew.
pub async fn login_succeeded(db: &dyn Db, id: i64) -> Result<()> {
    let text = "UPDATE users SET failed_logins_counter = 0, last_login_at = $2, \
                first_login_at = coalesce(first_login_at, $2) WHERE id = $1";
    db.run(text, values![id, db.now()]).await?;
    Ok(())
}

/// Notes a login that failed.
pub async fn login_failed(db: &dyn Db, id: i64) -> Result<()> {
    let text =
        "UPDATE users SET failed_logins_counter = failed_logins_counter + 1, last_failed_login_at = $2 WHERE id = $1";
    db.run(text, values![id, db.now()]).await?;
    Ok(())
}

/// Gives a user a role in a tenant, in place of one that the user had there.
pub async fn join_tenant(db: &dyn Db, user_id: i64, tenant_id: i64, role: Role) -> Result<()> {
    let text = "INSERT INTO users_tenants (user_id, tenant_id, role) VALUES ($1, $2, $3) \
                ON CONFLICT (user_id, tenant_id) DO UPDATE SET role = excluded.role";
    db.run(text, values![user_id, tenant_id, role]).await?;
    Ok(())
}

/// Takes a user out of a tenant. Gives whether the user was directly in it.
pub async fn leave_tenant(db: &dyn Db, user_id: i64, tenant_id: i64) -> Result<bool> {
    let text = "DELETE FROM users_tenants WHERE user_id = $1 AND tenant_id = $2";
    Ok(db.run(text, values![user_id, tenant_id]).await? > 0)
}
