//! `GET /config`: settings that clients read, and who may do what.
//!
//! Invariant: values marked for administrators are stars for everyone else.

use nephele_model::page::ListQuery;
use nephele_model::permission::CONSOLE;
use nephele_model::{Code, Error, Permission, Result, Role};
use nephele_store::config;
use serde_json::{Map, Value, json};

use crate::rows::failed;
use crate::{Ctx, Manager};

const HIDDEN: &str = "********";

impl Manager {
    /// Every setting, or those of a scope; with roles and permissions unless another scope is asked for.
    pub async fn config(&self, ctx: &Ctx, scope: Option<&str>) -> Result<Value> {
        let mut query = ListQuery { get_all: true, ..ListQuery::default() };
        if let Some(scope) = scope {
            query.filters.push(("scope".to_owned(), vec![scope.to_owned()]));
        }
        let mut items = Vec::new();
        for record in self.list_shared(ctx, &config::RESOURCE, &query).await?.items {
            items.push(veil(ctx, record.value().map_err(failed)?));
        }
        let mut answer = json!({"metadata": {}, "items": items});
        if matches!(scope, None | Some("authorization")) {
            answer["authorization"] = authorization();
        }
        Ok(answer)
    }

    /// One setting, named `NAME` or `SCOPE.NAME`.
    pub async fn config_value(&self, ctx: &Ctx, name: &str) -> Result<Value> {
        let (scope, short) = name.split_once('.').map_or((None, name), |(scope, name)| (Some(scope), name));
        let found = config::find(&*self.store, scope, short).await.map_err(failed)?;
        let [only] = found.as_slice() else {
            return Err(match found.len() {
                0 => Error::new(Code::NotFound, short),
                count => Error::new(Code::AmbiguousName, format!("Expected 1 value, but found {count}")),
            });
        };
        let key = format!("{}.{}", only.scope, only.name);
        let record = self.get_shared(ctx, &config::RESOURCE, &key, None).await?;
        let record = record.ok_or_else(|| Error::new(Code::NotFound, short))?;
        Ok(veil(ctx, record.value().map_err(failed)?))
    }
}

fn veil(ctx: &Ctx, mut setting: Value) -> Value {
    if setting["admin_only"] == true && !ctx.roles.contains(&Role::SysAdmin) {
        setting["value"] = HIDDEN.into();
    }
    setting
}

/// The roles and, by permission, who holds it.
fn authorization() -> Value {
    let roles: Vec<Value> = Role::ALL
        .iter()
        .enumerate()
        .map(|(index, role)| {
            let kind = if role.is_system() { "system_role" } else { "tenant_role" };
            json!({"id": index + 1, "name": role.as_str(), "type": kind, "description": description(*role)})
        })
        .collect();
    let names = |roles: &[Role]| -> Value { roles.iter().map(|role| role.as_str()).collect() };
    let mut permissions: Map<String, Value> =
        Permission::ALL.iter().map(|permission| (permission.as_str().to_owned(), names(permission.roles()))).collect();
    permissions.extend(CONSOLE.iter().map(|(name, roles)| ((*name).to_owned(), names(roles))));
    json!({"roles": roles, "permissions": permissions})
}

const fn description(role: Role) -> &'static str {
    match role {
        Role::SysAdmin => "User that can manage Cloudify",
        Role::Manager => "User that can manage tenants",
        Role::User => "Regular user, can perform actions on tenants resources",
        Role::Operations => "User that can deploy and execute workflows, but cannot manage blueprints or plugins.",
        Role::Viewer => "User that can only view tenant resources",
        Role::Default => "User exists, but have no permissions",
    }
}
