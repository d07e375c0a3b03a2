//! Users: making, changing and describing them.
//!
//! Invariant: an active administrator of the system always remains. A user who owns something stays,
//! since the rows would go with the user.

use std::collections::BTreeMap;

use nephele_model::id::Username;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Permission, Result, Role, Secret, Timestamp, id};
use nephele_store::Db;
use nephele_store::users::{self, Belonging, Membership, User, UserChanges};
use serde_json::{Map, Value, json};

use crate::auth::password::{self, LockRule};
use crate::rows::failed;
use crate::{Ctx, Manager, auth};

/// What a new user is made of.
#[derive(Debug)]
pub struct NewUser {
    /// The user's name.
    pub username: String,
    /// The password, or its hash.
    pub password: Secret,
    /// Whether [`Self::password`] is a hash.
    pub is_prehashed: bool,
    /// The role in the system.
    pub role: String,
    /// When the user was made, first and last logged in, for one that is brought along.
    pub times: [Option<String>; 3],
}

/// How much of users is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserDetails {
    /// Tenants and groups by name, not just how many.
    pub data: bool,
    /// The password's hash.
    pub hash: bool,
}

/// What is changed of a user; one of these.
#[derive(Debug)]
pub enum UserUpdate {
    /// A new password.
    Password(Secret),
    /// A new role in the system.
    Role(String),
    /// Whether the console greets.
    ShowGettingStarted(bool),
}

impl Manager {
    /// Every user.
    pub async fn list_users(&self, ctx: &Ctx, query: &ListQuery, shown: UserDetails) -> Result<Page<Value>> {
        demand_hash(ctx, shown)?;
        let mut query = query.clone();
        for (_, names) in query.filters.iter_mut().filter(|(field, _)| field == "username") {
            for name in names {
                // Names are told apart whatever their case.
                let found = users::by_name(&*self.store, &Username::new(name.as_str())).await.map_err(failed)?;
                if let Some(user) = found {
                    *name = user.username.to_string();
                }
            }
        }
        let page = self.list_with(ctx, &users::RESOURCE, &query, "username").await?;
        self.describe_users(page, shown).await
    }

    /// A user; oneself needs no permission.
    pub async fn get_user(
        &self,
        ctx: &Ctx,
        name: &str,
        include: Option<&[String]>,
        shown: UserDetails,
    ) -> Result<Value> {
        if !ctx.username.as_str().eq_ignore_ascii_case(name) {
            ctx.demand(Permission::UserGet)?;
        }
        demand_hash(ctx, shown)?;
        let user = self.find_user(&*self.store, name).await?;
        let filters = vec![("username".to_owned(), vec![user.username.to_string()])];
        let query = ListQuery { include: include.map(<[_]>::to_vec), filters, ..ListQuery::default() };
        let page = self.list_with(ctx, &users::RESOURCE, &query, "username").await?;
        self.describe_users(page, shown).await?.items.pop().ok_or_else(|| Error::not_found("User", name))
    }

    /// Makes a user.
    pub async fn create_user(&self, ctx: &Ctx, new: NewUser) -> Result<Value> {
        self.demand_own_passwords("create user").await?;
        id::check("username", &new.username, true)?;
        let role = auth::role(&new.role, true)?;
        let times =
            new.times.iter().map(|text| text.as_deref().map(instant).transpose()).collect::<Result<Vec<_>>>()?;
        if times.iter().any(Option::is_some) {
            ctx.demand(Permission::SetTimestamp)?;
        }
        let hash = if new.is_prehashed { new.password.expose().clone() } else { password::hash(new.password).await? };
        let tx = self.begin_write().await?;
        tx.lock("users").await.map_err(failed)?;
        let username = Username::new(new.username.as_str());
        if let Some(present) = users::by_name(&tx, &username).await.map_err(failed)? {
            return Err(Error::conflict(format!("<User username=`{}`> already exists", present.username)));
        }
        let key = users::insert(&tx, &username, &hash, role).await.map_err(failed)?;
        if let [created_at, first_login_at, last_login_at] = times[..] {
            let (first_login_at, last_login_at) = (first_login_at.map(Some), last_login_at.map(Some));
            let changes = UserChanges { created_at, first_login_at, last_login_at, ..UserChanges::default() };
            users::update(&tx, key, changes).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        self.shown_user(ctx, &username).await
    }

    /// Changes a user; one's own password needs no permission.
    pub async fn update_user(&self, ctx: &Ctx, name: &str, update: UserUpdate) -> Result<Value> {
        let own_password = matches!(update, UserUpdate::Password(_)) && ctx.username.as_str() == name;
        if !own_password {
            ctx.demand(Permission::UserUpdate)?;
        }
        let user = self.find_user(&*self.store, name).await?;
        let mut changes = UserChanges::default();
        match update {
            UserUpdate::Password(new) => changes.password = Some(password::hash(new).await?),
            UserUpdate::Role(name) => changes.system_role = Some(auth::role(&name, true)?),
            UserUpdate::ShowGettingStarted(shown) => changes.show_getting_started = Some(shown),
        }
        self.change_user(user.id, changes, "modify the role of").await?;
        self.shown_user(ctx, &user.username).await
    }

    /// Lets a user log in, or not any more. Error: `conflict_error` when it is so already.
    pub async fn set_active(&self, ctx: &Ctx, name: &str, active: bool) -> Result<Value> {
        let user = self.find_user(&*self.store, name).await?;
        if user.active == active {
            let state = if active { "activated" } else { "deactivated" };
            return Err(Error::conflict(format!("The user {} is already {state}", user.username)));
        }
        self.change_user(user.id, UserChanges { active: Some(active), ..UserChanges::default() }, "deactivate").await?;
        self.shown_user(ctx, &user.username).await
    }

    /// Ends the lock of a user. Error: `conflict_error` when there is none.
    pub async fn unlock_user(&self, ctx: &Ctx, name: &str) -> Result<Value> {
        let user = self.find_user(&*self.store, name).await?;
        if !self.lock_rule().await?.locks(&user, self.clock.now()) {
            return Err(Error::conflict(format!("The user {} is not locked", user.username)));
        }
        let changes = UserChanges { failed_logins_counter: Some(0), ..UserChanges::default() };
        self.change_user(user.id, changes, "unlock").await?;
        self.shown_user(ctx, &user.username).await
    }

    /// Deletes a user. Errors: `illegal_action_error` for oneself, the first administrator and the
    /// last one, `dependent_exists_error` for a user who owns something.
    pub async fn delete_user(&self, ctx: &Ctx, name: &str) -> Result<()> {
        let tx = self.begin_write().await?;
        tx.lock("users").await.map_err(failed)?;
        let user = self.find_user(&tx, name).await?;
        if user.id == users::ADMIN_ID || user.id == ctx.user_id {
            let reason = if user.id == ctx.user_id { "users cannot delete themselves" } else { "it is the first user" };
            return Err(Error::new(Code::IllegalAction, format!("Cannot delete the user {}: {reason}", user.username)));
        }
        if let Some(table) = users::owns_in(&tx, user.id).await.map_err(failed)? {
            return Err(Error::new(
                Code::DependentExists,
                format!("Cannot delete the user {}: there are {table} that belong to this user", user.username),
            ));
        }
        users::delete(&tx, user.id).await.map_err(failed)?;
        demand_administrator_left(&tx, "delete").await?;
        tx.commit().await.map_err(failed)?;
        self.verified.forget();
        Ok(())
    }

    /// The user of this name, whatever its case. Error: `not_found_error`.
    pub(crate) async fn find_user(&self, db: &dyn Db, name: &str) -> Result<User> {
        let found = users::by_name(db, &Username::new(name)).await.map_err(failed)?;
        found.ok_or_else(|| Error::not_found("User", name))
    }

    async fn change_user(&self, id: i64, changes: UserChanges, verb: &str) -> Result<()> {
        let tx = self.begin_write().await?;
        tx.lock("users").await.map_err(failed)?;
        users::update(&tx, id, changes).await.map_err(failed)?;
        demand_administrator_left(&tx, verb).await?;
        tx.commit().await.map_err(failed)?;
        self.verified.forget();
        Ok(())
    }

    async fn shown_user(&self, ctx: &Ctx, name: &Username) -> Result<Value> {
        let filters = vec![("username".to_owned(), vec![name.to_string()])];
        let query = ListQuery { filters, ..ListQuery::default() };
        let page = self.list_with(ctx, &users::RESOURCE, &query, "username").await?;
        let shown = self.describe_users(page, UserDetails::default()).await?.items.pop();
        shown.ok_or_else(|| Error::not_found("User", name))
    }

    /// Adds what one statement cannot tell: locks, roles by group, names in place of numbers.
    async fn describe_users(
        &self,
        page: Page<(String, Map<String, Value>)>,
        shown: UserDetails,
    ) -> Result<Page<Value>> {
        let names: Vec<String> = page.items.iter().map(|(name, _)| name.clone()).collect();
        let rows = users::by_names(&*self.store, &names).await.map_err(failed)?;
        let keys: Vec<i64> = rows.iter().map(|user| user.id).collect();
        let belongings = users::belongings(&*self.store, &keys).await.map_err(failed)?;
        let memberships =
            if shown.data { users::memberships(&*self.store, &keys).await.map_err(failed)? } else { Vec::new() };
        let (rule, now) = (self.lock_rule().await?, self.clock.now());
        Ok(page.map(|(name, mut record)| {
            let Some(user) = rows.iter().find(|user| user.username.as_str() == name) else {
                return Value::Object(record);
            };
            let belongings: Vec<&Belonging> = belongings.iter().filter(|own| own.user_id == user.id).collect();
            let memberships: Vec<&Membership> = memberships.iter().filter(|own| own.user_id == user.id).collect();
            fill(&mut record, &details(user, &belongings, &memberships, (rule, now), shown));
            Value::Object(record)
        }))
    }
}

fn details(
    user: &User,
    belongings: &[&Belonging],
    memberships: &[&Membership],
    (rule, now): (LockRule, Timestamp),
    shown: UserDetails,
) -> Value {
    let mut by_role: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for belonging in belongings {
        by_role.entry(belonging.role.as_str()).or_default().push(&belonging.group_name);
    }
    let mut details = json!({"is_locked": rule.locks(user, now), "group_system_roles": by_role});
    if shown.data {
        details["groups"] = belongings.iter().map(|own| own.group_name.as_str()).collect();
        details["tenants"] = in_tenants(memberships);
        details["tenant_roles"] = tenant_roles(memberships);
    }
    if shown.hash {
        details["password_hash"] = user.password.as_str().into();
    }
    details
}

/// By tenant the direct role and all roles.
fn in_tenants(memberships: &[&Membership]) -> Value {
    let mut tenants: BTreeMap<&str, (Option<Role>, Vec<&str>)> = BTreeMap::new();
    for own in memberships {
        let (direct, roles) = tenants.entry(own.tenant_name.as_str()).or_default();
        *direct = direct.or_else(|| own.group_name.is_none().then_some(own.role));
        roles.push(own.role.as_str());
    }
    tenants.into_iter().map(|(tenant, (direct, roles))| (tenant.to_owned(), member(direct, roles))).collect()
}

/// A member of a tenant: the direct role, if any, and all roles.
pub(crate) fn member(direct: Option<Role>, mut roles: Vec<&str>) -> Value {
    roles.sort_unstable();
    roles.dedup();
    json!({"tenant-role": direct.map(Role::as_str), "roles": roles})
}

fn tenant_roles(memberships: &[&Membership]) -> Value {
    let mut direct = Map::new();
    let mut groups: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for own in memberships {
        match &own.group_name {
            None => {
                direct.insert(own.tenant_name.to_string(), own.role.as_str().into());
            }
            Some(group) => {
                let roles = groups.entry(own.tenant_name.as_str()).or_default();
                roles.entry(own.role.as_str()).or_default().push(group);
            }
        }
    }
    json!({"direct": direct, "groups": groups})
}

/// Puts details into a record, where it has the keys.
pub(crate) fn fill(record: &mut Map<String, Value>, details: &Value) {
    for (key, value) in details.as_object().into_iter().flatten() {
        if let Some(place) = record.get_mut(key) {
            *place = value.clone();
        }
    }
}

pub(crate) async fn demand_administrator_left(db: &dyn Db, verb: &str) -> Result<()> {
    if users::count_administrators(db).await.map_err(failed)? > 0 {
        return Ok(());
    }
    Err(Error::new(Code::IllegalAction, format!("Cannot {verb} the last active sys_admin")))
}

fn demand_hash(ctx: &Ctx, shown: UserDetails) -> Result<()> {
    if shown.hash { ctx.demand(Permission::GetPasswordHash) } else { Ok(()) }
}

fn instant(text: &str) -> Result<Timestamp> {
    Timestamp::parse(text).ok_or_else(|| Error::bad_parameters(format!("{text} is not a legal time format")))
}
