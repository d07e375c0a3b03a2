//! Which role may do what, and changing it.
//!
//! Invariant: only whoever administers the system changes grants, and a change holds from the next
//! request on. Source: spec rest-api.md sections 2.10 and 4.

use std::sync::{Arc, Mutex, PoisonError};

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Grants, Permission, Result};
use nephele_store::Record;
use nephele_store::permissions::{self, StoredRole};
use serde_json::{Map, Value, json};

use crate::rows::failed;
use crate::{Ctx, Manager};

const LONGEST: usize = 256;

/// The grants as they were read last, with the instant of the change they include.
#[derive(Default)]
pub(crate) struct Granted(Mutex<Option<(i64, Arc<Grants>)>>);

impl Granted {
    pub(crate) fn find(&self, changed_at: i64) -> Option<Arc<Grants>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(at, _)| *at == changed_at).map(|(_, grants)| grants.clone())
    }

    pub(crate) fn keep(&self, changed_at: i64, grants: Arc<Grants>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((changed_at, grants));
    }

    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Manager {
    /// Refuses who does not administer the system. Grants are not a matter of a permission of their
    /// own: whoever could change them could have all.
    pub fn demand_administrator(&self, ctx: &Ctx) -> Result<()> {
        if ctx.may_in_system(Permission::Administrators) {
            return Ok(());
        }
        Err(Error::unauthorized("Only admin users are permitted to edit permissions"))
    }

    /// Every grant, or those of a role.
    pub async fn list_permissions(&self, ctx: &Ctx, role: Option<&str>, mut query: ListQuery) -> Result<Page<Record>> {
        self.demand_administrator(ctx)?;
        if let Some(role) = role {
            self.find_role(role).await?;
            query.filters.push(("role".to_owned(), vec![role.to_owned()]));
        }
        self.list_shared(ctx, &permissions::RESOURCE, &query).await
    }

    /// Gives a role a permission. Error: `conflict_error` when it holds it.
    pub async fn allow(&self, ctx: &Ctx, role: &str, permission: &str) -> Result<Value> {
        self.demand_administrator(ctx)?;
        let row = self.find_role(role).await?;
        if permission.is_empty() || permission.len() > LONGEST || permission.chars().any(char::is_control) {
            return Err(Error::bad_parameters(format!("`{permission}` is not a name that a permission can have")));
        }
        let tx = self.begin_write().await?;
        tx.lock("permissions").await.map_err(failed)?;
        permissions::allow(&tx, row.id, permission).await.map_err(|error| match error {
            nephele_store::Error::Unique { .. } => {
                Error::conflict(format!("{role} already has permission {permission}"))
            }
            other => failed(other),
        })?;
        tx.commit().await.map_err(failed)?;
        self.grants_changed();
        Ok(json!({"role": role, "permission": permission}))
    }

    /// Takes a permission from a role. Error: `not_found_error` when it does not hold it.
    pub async fn disallow(&self, ctx: &Ctx, role: &str, permission: &str) -> Result<()> {
        self.demand_administrator(ctx)?;
        let row = self.find_role(role).await?;
        let tx = self.begin_write().await?;
        tx.lock("permissions").await.map_err(failed)?;
        if !permissions::disallow(&tx, row.id, permission).await.map_err(failed)? {
            return Err(Error::new(Code::NotFound, format!("{role} does not have {permission}")));
        }
        tx.commit().await.map_err(failed)?;
        self.grants_changed();
        Ok(())
    }

    /// The roles and, by permission, who holds it, as `GET /config` publishes them.
    pub(crate) async fn authorization(&self, ctx: &Ctx) -> Result<Value> {
        let role = |role: StoredRole| json!({"id": role.id, "name": role.name, "type": role.kind, "description": role.description});
        let roles = permissions::roles(&*self.store).await.map_err(failed)?;
        let holders = |roles: &[nephele_model::Role]| -> Value { roles.iter().map(|role| role.as_str()).collect() };
        let grants = if ctx.grants.iter().next().is_some() { ctx.grants.clone() } else { self.grants().await? };
        let held: Map<String, Value> = grants.iter().map(|(name, roles)| (name.to_owned(), holders(roles))).collect();
        Ok(json!({"roles": roles.into_iter().map(role).collect::<Vec<_>>(), "permissions": held}))
    }

    async fn find_role(&self, name: &str) -> Result<StoredRole> {
        let roles = permissions::roles(&*self.store).await.map_err(failed)?;
        roles.into_iter().find(|role| role.name == name).ok_or_else(|| {
            // The original's wording of a lookup by name.
            Error::new(
                Code::NotFound,
                format!("Requested `Role` with ID `None` was not found (filters: {{'name': '{name}'}})"),
            )
        })
    }

    pub(crate) fn grants_changed(&self) {
        self.granted.forget();
        self.verified.forget();
    }
}
