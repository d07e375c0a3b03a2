//! Users, their passwords (hashed by the manager) and their roles.

use nephele_model::id::{TenantName, Username};
use nephele_model::{Role, Timestamp};

use crate::backend::Sql;
use crate::column::{Column as _, row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{Resource, Tenancy, boolean, int, json, text, time};
use crate::write::{self, changes};

/// The name of the first administrator.
pub const ADMIN: &str = "admin";
/// The first administrator's key; this user may do everything.
pub const ADMIN_ID: i64 = 0;

const IN_TENANTS: &str = "(SELECT count(*) FROM users_tenants m WHERE m.user_id = r.id)";

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
            int("groups").sql("0").shown(),
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
        /// The tenant's key.
        tenant_id: i64,
        /// The tenant's name.
        tenant_name: TenantName = "t.name",
        /// The role there.
        role: Role,
    }
}

changes! {
    /// New values for a user.
    pub struct UserChanges {
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

/// The tenants that the user is in, with the role in each.
pub async fn memberships(db: &dyn Db, user_id: i64) -> Result<Vec<Membership>> {
    let text = format!(
        "SELECT {} FROM users_tenants r JOIN tenants t ON t.id = r.tenant_id WHERE r.user_id = $1 ORDER BY t.name",
        Membership::COLUMNS
    );
    db.all(text, values![user_id]).await
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
