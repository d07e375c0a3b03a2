//! User groups: users who share roles in the system and in tenants.

use std::collections::BTreeMap;

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Result, id};
use nephele_store::Db;
use nephele_store::groups::{self, Group};
use serde_json::{Map, Value, json};

use crate::rows::failed;
use crate::users::{demand_administrator_left, fill};
use crate::{Ctx, Manager, auth};

impl Manager {
    /// Every group; with `data` their tenants and users by name.
    pub async fn list_groups(&self, ctx: &Ctx, query: &ListQuery, data: bool) -> Result<Page<Value>> {
        let mut query = query.clone();
        for (field, texts) in &mut query.filters {
            for text in texts {
                // Names are told apart whatever their case.
                let found = match field.as_str() {
                    "name" => groups::by_name(&*self.store, text).await.map_err(failed)?.map(|group| group.name),
                    "ldap_dn" => {
                        groups::by_ldap_dn(&*self.store, text).await.map_err(failed)?.and_then(|group| group.ldap_dn)
                    }
                    _ => None,
                };
                if let Some(stored) = found {
                    *text = stored;
                }
            }
        }
        let page = self.list_with(ctx, &groups::RESOURCE, &query, "name").await?;
        self.describe_groups(page, data).await
    }

    /// One group.
    pub async fn get_group(&self, ctx: &Ctx, name: &str, data: bool) -> Result<Value> {
        let group = self.find_group(&*self.store, name).await?;
        self.shown_group(ctx, &group.name, data).await
    }

    /// Makes a group.
    pub async fn create_group(&self, ctx: &Ctx, name: &str, ldap_dn: Option<&str>, role: &str) -> Result<Value> {
        let role = auth::role(role, true)?;
        id::check("group_name", name, true)?;
        if name == "users" {
            return Err(Error::bad_parameters(
                "'users' is not allowed as a user group name because it wouldn't be possible to remove it later due to \
                 a conflict with the remove users from user group endpoint",
            ));
        }
        let tx = self.begin_write().await?;
        tx.lock("groups").await.map_err(failed)?;
        let taken =
            |group: Group| Error::conflict(format!("A group already exists with this name or ldap_dn: {}", group.name));
        if let Some(group) = groups::by_name(&tx, name).await.map_err(failed)? {
            return Err(taken(group));
        }
        if let Some(ldap_dn) = ldap_dn
            && let Some(group) = groups::by_ldap_dn(&tx, ldap_dn).await.map_err(failed)?
        {
            return Err(taken(group));
        }
        groups::insert(&tx, name, ldap_dn, role).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.shown_group(ctx, name, false).await
    }

    /// Gives a group another role in the system.
    pub async fn set_group_role(&self, ctx: &Ctx, name: &str, role: &str) -> Result<Value> {
        let role = auth::role(role, true)?;
        let tx = self.begin_write().await?;
        tx.lock("users").await.map_err(failed)?;
        let group = self.find_group(&tx, name).await?;
        groups::set_role(&tx, group.id, role).await.map_err(failed)?;
        demand_administrator_left(&tx, "modify the role of").await?;
        tx.commit().await.map_err(failed)?;
        self.verified.forget();
        self.shown_group(ctx, &group.name, false).await
    }

    /// Deletes a group; its users stay.
    pub async fn delete_group(&self, name: &str) -> Result<()> {
        let tx = self.begin_write().await?;
        tx.lock("users").await.map_err(failed)?;
        let group = self.find_group(&tx, name).await?;
        groups::delete(&tx, group.id).await.map_err(failed)?;
        demand_administrator_left(&tx, "delete").await?;
        tx.commit().await.map_err(failed)?;
        self.verified.forget();
        Ok(())
    }

    /// Puts a user into a group.
    pub async fn add_user_to_group(&self, ctx: &Ctx, user: &str, group: &str) -> Result<Value> {
        if self.external().await?.replaces_passwords() {
            return Err(Error::new(
                Code::MethodNotAllowed,
                "Explicit group to user association is not permitted when using LDAP. Group association to users is done \
                 automatically according to the groups associated with the user in LDAP.",
            ));
        }
        let (group, user) = (self.find_group(&*self.store, group).await?, self.find_user(&*self.store, user).await?);
        if !groups::add_user(&*self.store, group.id, user.id).await.map_err(failed)? {
            return Err(Error::conflict(format!("The user {} is already in the group {}", user.username, group.name)));
        }
        self.verified.forget();
        self.shown_group(ctx, &group.name, false).await
    }

    /// Takes a user out of a group.
    pub async fn remove_user_from_group(&self, user: &str, group: &str) -> Result<()> {
        let tx = self.begin_write().await?;
        tx.lock("users").await.map_err(failed)?;
        let (group, user) = (self.find_group(&tx, group).await?, self.find_user(&tx, user).await?);
        if !groups::remove_user(&tx, group.id, user.id).await.map_err(failed)? {
            let message = format!("The user {} is not in the group {}", user.username, group.name);
            return Err(Error::new(Code::NotFound, message));
        }
        demand_administrator_left(&tx, "modify the role of").await?;
        tx.commit().await.map_err(failed)?;
        self.verified.forget();
        Ok(())
    }

    /// The group of this name, whatever its case. Error: `not_found_error`.
    pub(crate) async fn find_group(&self, db: &dyn Db, name: &str) -> Result<Group> {
        groups::by_name(db, name).await.map_err(failed)?.ok_or_else(|| Error::not_found("Group", name))
    }

    async fn shown_group(&self, ctx: &Ctx, name: &str, data: bool) -> Result<Value> {
        let filters = vec![("name".to_owned(), vec![name.to_owned()])];
        let query = ListQuery { filters, ..ListQuery::default() };
        let page = self.list_with(ctx, &groups::RESOURCE, &query, "name").await?;
        let shown = self.describe_groups(page, data).await?.items.pop();
        shown.ok_or_else(|| Error::not_found("Group", name))
    }

    async fn describe_groups(&self, page: Page<(String, Map<String, Value>)>, data: bool) -> Result<Page<Value>> {
        if !data {
            return Ok(page.map(|(_, record)| Value::Object(record)));
        }
        let names: Vec<String> = page.items.iter().map(|(name, _)| name.clone()).collect();
        let mut users: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (group, user) in groups::users(&*self.store, &names).await.map_err(failed)? {
            users.entry(group).or_default().push(json!(user));
        }
        let mut tenants: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for (group, tenant, role) in groups::tenants(&*self.store, &names).await.map_err(failed)? {
            tenants.entry(group).or_default().insert(tenant.to_string(), role.as_str().into());
        }
        Ok(page.map(|(name, mut record)| {
            let users = users.remove(&name).unwrap_or_default();
            let tenants = tenants.remove(&name).unwrap_or_default();
            fill(&mut record, &json!({"users": users, "tenants": tenants}));
            Value::Object(record)
        }))
    }
}
