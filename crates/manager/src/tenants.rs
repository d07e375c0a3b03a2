//! Tenants: making, describing and deleting them, and who is in them.
//!
//! Invariant: a tenant that holds something stays, since the rows would go with it. The password of a
//! tenant's messages is shown to whoever may use it, and to nobody else.

use std::collections::BTreeMap;

use nephele_bus::Vhost;
use nephele_model::id::{ExecutionId, TenantName};
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Permission, Result, Role, id};
use nephele_store::tenants::{self, Member, Messaging, Tenant};
use nephele_store::{groups, users};
use serde_json::{Map, Value, json};

use crate::rows::failed;
use crate::users::{fill, member};
use crate::{Ctx, Manager, auth, crypto};

const CREDENTIALS: [&str; 3] = ["rabbitmq_username", "rabbitmq_password", "rabbitmq_vhost"];

/// Who gets a role in a tenant.
#[derive(Clone, Copy, Debug)]
pub enum Joining<'a> {
    /// A user.
    User(&'a str),
    /// A user group.
    Group(&'a str),
}

impl Manager {
    /// The tenants that the caller may see: all, or the caller's own; with `data` who is in them.
    pub async fn list_tenants(&self, ctx: &Ctx, query: &ListQuery, data: bool) -> Result<Page<Value>> {
        if data {
            ctx.demand(Permission::TenantListGetData)?;
        }
        let mut query = query.clone();
        if !ctx.may(Permission::AllTenants) {
            let own = ctx.own_tenants.iter().map(|(name, ..)| name.to_string()).collect();
            query.filters.push(("name".to_owned(), own));
        }
        let asked = query.include.iter().flatten().any(|field| CREDENTIALS.contains(&field.as_str()));
        let page = self.list_with(ctx, &tenants::RESOURCE, &query, "name").await?;
        self.describe_tenants(ctx, page, data, asked).await
    }

    /// One tenant.
    pub async fn get_tenant(&self, ctx: &Ctx, name: &str, include: Option<&[String]>, data: bool) -> Result<Value> {
        let filters = vec![("name".to_owned(), vec![name.to_owned()])];
        let query = ListQuery { include: include.map(<[_]>::to_vec), filters, ..ListQuery::default() };
        let page = self.list_with(ctx, &tenants::RESOURCE, &query, "name").await?;
        let found = self.describe_tenants(ctx, page, data, true).await?.items.pop();
        found.ok_or_else(|| Error::not_found("Tenant", name))
    }

    /// Makes a tenant.
    pub async fn create_tenant(&self, ctx: &Ctx, name: &str, password: Option<String>) -> Result<Value> {
        id::check("tenant_name", name, true)?;
        if matches!(name, "users" | "user-groups") {
            return Err(Error::bad_parameters(format!(
                "'{name}' is not allowed as a tenant name because it wouldn't be possible to remove it later due to a \
                 conflict with the remove {name} from tenant endpoint"
            )));
        }
        let messaging = self.messaging(name, password);
        tenants::insert(&*self.store, &TenantName::new(name), Some(&messaging)).await.map_err(|error| match error {
            nephele_store::Error::Unique { .. } => Error::conflict(format!("<Tenant name=`{name}`> already exists")),
            other => failed(other),
        })?;
        self.verified.forget();
        self.get_tenant(ctx, name, None, false).await
    }

    /// Deletes a tenant. Errors: `illegal_action_error` for the first one, `dependent_exists_error` for
    /// one that holds something.
    pub async fn delete_tenant(&self, name: &str) -> Result<()> {
        let tx = self.begin_write().await?;
        tx.lock("tenants").await.map_err(failed)?;
        let tenant = find(&tx, name).await?;
        if tenant.id == tenants::DEFAULT_TENANT_ID {
            return Err(Error::new(
                Code::IllegalAction,
                format!("Cannot delete the tenant {name}: it is the default one"),
            ));
        }
        if let Some(table) = tenants::holds_in(&tx, tenant.id).await.map_err(failed)? {
            let message = format!("Cannot delete the tenant {name}: there are {table} in it");
            return Err(Error::new(Code::DependentExists, message));
        }
        tenants::delete(&tx, tenant.id).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.verified.forget();
        Ok(())
    }

    /// Gives a user or a group a role in a tenant; `replace` when it has one there already.
    pub async fn join_tenant(
        &self,
        ctx: &Ctx,
        tenant: &str,
        who: Joining<'_>,
        role: &str,
        replace: bool,
    ) -> Result<Value> {
        if let Joining::User(_) = who {
            let action = if replace { "update user in tenant" } else { "add user to tenant" };
            self.demand_own_passwords(action).await?;
        }
        let role = auth::role(role, false)?;
        let tx = self.begin_write().await?;
        tx.lock("tenants").await.map_err(failed)?;
        let row = find(&tx, tenant).await?;
        let (present, key, name) = self.presence(&tx, &row, who).await?;
        match (present, replace) {
            (true, false) => {
                return Err(Error::conflict(format!("The {name} is already in the tenant {tenant}")));
            }
            (false, true) => return Err(absent(&name, tenant)),
            _ => {}
        }
        match who {
            Joining::User(_) => users::join_tenant(&tx, key, row.id, role).await.map_err(failed)?,
            Joining::Group(_) => groups::join_tenant(&tx, key, row.id, role).await.map_err(failed)?,
        }
        tx.commit().await.map_err(failed)?;
        self.verified.forget();
        self.get_tenant(ctx, tenant, None, false).await
    }

    /// Takes a user or a group out of a tenant.
    pub async fn leave_tenant(&self, tenant: &str, who: Joining<'_>) -> Result<()> {
        if let Joining::User(_) = who {
            self.demand_own_passwords("remove user from tenant").await?;
        }
        let row = find(&*self.store, tenant).await?;
        let (_, key, name) = self.presence(&*self.store, &row, who).await?;
        let left = match who {
            Joining::User(_) => users::leave_tenant(&*self.store, key, row.id).await.map_err(failed)?,
            Joining::Group(_) => groups::leave_tenant(&*self.store, key, row.id).await.map_err(failed)?,
        };
        self.verified.forget();
        if left { Ok(()) } else { Err(absent(&name, tenant)) }
    }

    /// Whether it is directly in the tenant, its key, and its name for messages.
    async fn presence(
        &self,
        db: &dyn nephele_store::Db,
        tenant: &Tenant,
        who: Joining<'_>,
    ) -> Result<(bool, i64, String)> {
        match who {
            Joining::User(name) => {
                let user = self.find_user(db, name).await?;
                let all = users::memberships(db, &[user.id]).await.map_err(failed)?;
                let present = all.iter().any(|own| own.group_name.is_none() && own.tenant_id == tenant.id);
                Ok((present, user.id, format!("user {}", user.username)))
            }
            Joining::Group(name) => {
                let group = self.find_group(db, name).await?;
                let present = groups::is_in_tenant(db, group.id, tenant.id).await.map_err(failed)?;
                Ok((present, group.id, format!("user group {}", group.name)))
            }
        }
    }

    /// How a tenant's messages go through a broker; a password is made up unless one is given.
    pub(crate) fn messaging(&self, tenant: &str, password: Option<String>) -> Messaging {
        let password = password.filter(|password| !password.is_empty()).unwrap_or_else(|| crypto::random_text(32));
        Messaging {
            vhost: format!("rabbitmq_vhost_{tenant}"),
            username: format!("rabbitmq_user_{tenant}"),
            password: self.cipher.encrypt(&password, self.clock.now()),
        }
    }

    async fn describe_tenants(
        &self,
        ctx: &Ctx,
        page: Page<(String, Map<String, Value>)>,
        data: bool,
        credentials: bool,
    ) -> Result<Page<Value>> {
        let names: Vec<String> = page.items.iter().map(|(name, _)| name.clone()).collect();
        let members = if data { tenants::members(&*self.store, &names).await.map_err(failed)? } else { Vec::new() };
        let mut items = Vec::with_capacity(page.items.len());
        for (name, mut record) in page.items {
            if data {
                let members: Vec<&Member> = members.iter().filter(|one| one.tenant_name.as_str() == name).collect();
                fill(&mut record, &details(&members));
            }
            let place = ctx.own_tenants.iter().find(|(own, ..)| own.as_str() == name).map_or(-1, |(_, id, _)| *id);
            let permitted = credentials && ctx.may_in(place, Permission::TenantRabbitmqCredentials);
            self.show_credentials(&mut record, permitted)?;
            if let Some(execution) = ctx.execution.as_ref().filter(|execution| execution.tenant.as_str() == name) {
                self.show_own_credentials(&mut record, &execution.id).await?;
            }
            items.push(Value::Object(record));
        }
        Ok(Page { items, total: page.total, size: page.size, offset: page.offset, filtered: page.filtered })
    }

    fn show_credentials(&self, record: &mut Map<String, Value>, permitted: bool) -> Result<()> {
        for key in CREDENTIALS.iter().filter(|_| !permitted) {
            fill(record, &json!({*key: null}));
        }
        if let Some(Value::String(stored)) = record.get("rabbitmq_password") {
            let plain = self.cipher.decrypt(stored)?;
            record.insert("rabbitmq_password".to_owned(), plain.expose().as_str().into());
        }
        Ok(())
    }
}

impl Manager {
    /// An execution is shown its own login for messages in the place of its tenant's.
    async fn show_own_credentials(&self, record: &mut Map<String, Value>, id: &ExecutionId) -> Result<()> {
        let password = self.messages_password(id).await?;
        let vhost = record.get("name").and_then(Value::as_str).map(|name| Vhost::Tenant(name.into()).name());
        let own = json!({"rabbitmq_username": id, "rabbitmq_password": password, "rabbitmq_vhost": vhost});
        fill(record, &own);
        Ok(())
    }
}

async fn find(db: &dyn nephele_store::Db, name: &str) -> Result<Tenant> {
    let found = tenants::by_name(db, &TenantName::new(name)).await.map_err(failed)?;
    found.ok_or_else(|| Error::not_found("Tenant", name))
}

fn absent(name: &str, tenant: &str) -> Error {
    Error::new(Code::NotFound, format!("The {name} is not in the tenant {tenant}"))
}

fn details(members: &[&Member]) -> Value {
    let mut users: BTreeMap<&str, (Option<Role>, Vec<&str>)> = BTreeMap::new();
    let mut direct = Map::new();
    let mut groups: BTreeMap<&str, (Role, Vec<&str>)> = BTreeMap::new();
    for one in members {
        let name = one.username.as_ref().map(nephele_model::id::Username::as_str);
        if let Some(group) = &one.group_name {
            groups.entry(group).or_insert_with(|| (one.role, Vec::new())).1.extend(name);
        } else if let Some(name) = name {
            direct.insert(name.to_owned(), one.role.as_str().into());
        }
        if let Some(name) = name {
            let (own, roles) = users.entry(name).or_default();
            *own = own.or_else(|| one.group_name.is_none().then_some(one.role));
            roles.push(one.role.as_str());
        }
    }
    let users: Map<String, Value> =
        users.into_iter().map(|(name, (direct, roles))| (name.to_owned(), member(direct, roles))).collect();
    let roles: Map<String, Value> =
        groups.iter().map(|(name, (role, _))| ((*name).to_owned(), role.as_str().into())).collect();
    let by_group: Map<String, Value> = groups
        .into_iter()
        .map(|(name, (role, users))| (name.to_owned(), json!({"role": role.as_str(), "users": users})))
        .collect();
    json!({"users": users, "groups": roles, "user_roles": {"direct": direct, "groups": by_group}})
}
