//! Tenants: listing, making, and who is in them.

use nephele_model::id::{TenantName, Username};
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Error, Permission, Result, id};
use nephele_store::{Record, tenants, users};

use crate::rows::failed;
use crate::{Ctx, Manager, auth};

impl Manager {
    /// The tenants that the caller may see: all, or the caller's own.
    pub async fn list_tenants(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        let mut query = query.clone();
        if !ctx.may(Permission::AllTenants) {
            query
                .filters
                .push(("name".to_owned(), ctx.own_tenants.iter().map(|(name, ..)| name.to_string()).collect()));
        }
        self.list_shared(ctx, &tenants::RESOURCE, &query).await
    }

    /// One tenant.
    pub async fn get_tenant(&self, ctx: &Ctx, name: &str, include: Option<&[String]>) -> Result<Record> {
        let record = self.get_shared(ctx, &tenants::RESOURCE, name, include).await?;
        record.ok_or_else(|| Error::not_found("Tenant", name))
    }

    /// Makes a tenant.
    pub async fn create_tenant(&self, ctx: &Ctx, name: &str) -> Result<Record> {
        id::check("tenant_name", name, true)?;
        if matches!(name, "users" | "user-groups") {
            return Err(Error::bad_parameters(format!("`{name}` is not an allowed tenant name.")));
        }
        tenants::insert(&*self.store, &TenantName::new(name)).await.map_err(|error| match error {
            nephele_store::Error::Unique { .. } => Error::conflict(format!("<Tenant name=`{name}`> already exists")),
            other => failed(other),
        })?;
        self.verified.forget();
        self.get_tenant(ctx, name, None).await
    }

    /// Puts a user into a tenant; `replace` when the user is there already and only the role changes.
    pub async fn join_tenant(&self, ctx: &Ctx, tenant: &str, user: &str, role: &str, replace: bool) -> Result<Record> {
        let role = auth::role(role, false)?;
        let (tenant, name) = (TenantName::new(tenant), Username::new(user));
        let found = tenants::by_name(&*self.store, &tenant).await.map_err(failed)?;
        let row = found.ok_or_else(|| Error::not_found("Tenant", &tenant))?;
        let found = users::by_name(&*self.store, &name).await.map_err(failed)?;
        let user = found.ok_or_else(|| Error::not_found("User", &name))?;
        let present = users::memberships(&*self.store, user.id).await.map_err(failed)?;
        match (present.iter().any(|own| own.tenant_id == row.id), replace) {
            (true, false) => {
                return Err(Error::conflict(format!("The user {name} is already in the tenant {tenant}")));
            }
            (false, true) => {
                return Err(Error::new(
                    nephele_model::Code::NotFound,
                    format!("The user {name} is not in the tenant {tenant}"),
                ));
            }
            _ => {}
        }
        users::join_tenant(&*self.store, user.id, row.id, role).await.map_err(failed)?;
        self.verified.forget();
        self.get_tenant(ctx, tenant.as_str(), None).await
    }
}
