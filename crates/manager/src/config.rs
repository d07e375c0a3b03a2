//! `GET /config`: settings that clients read, and who may do what.
//!
//! Invariant: values marked for administrators are stars for everyone else.

use nephele_model::page::ListQuery;
use nephele_model::permission::CONSOLE;
use nephele_model::{Code, Error, Permission, Result, Role};
use nephele_store::Json;
use nephele_store::config::{self, Setting};
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
        let setting = self.find_setting(name).await?;
        let key = format!("{}.{}", setting.scope, setting.name);
        let record = self.get_shared(ctx, &config::RESOURCE, &key, None).await?;
        let record = record.ok_or_else(|| Error::new(Code::NotFound, name))?;
        Ok(veil(ctx, record.value().map_err(failed)?))
    }

    /// Changes a setting. Errors: `conflict_error` for one that is fixed, or a value against its
    /// schema; `force` overrides both.
    pub async fn put_config(&self, ctx: &Ctx, name: &str, value: &Value, force: bool) -> Result<Value> {
        let setting = self.find_setting(name).await?;
        if setting.admin_only && !ctx.roles.contains(&Role::SysAdmin) {
            return Err(Error::unauthorized(format!("{name} can only be changed by an administrator")));
        }
        if !setting.is_editable && !force {
            return Err(Error::conflict(format!("{} is not editable", setting.name)));
        }
        let schema = setting.schema.as_ref().map(Json::value).transpose().map_err(failed)?.unwrap_or_default();
        if let Some(problem) = mismatch(value, &schema).filter(|_| !force) {
            return Err(Error::conflict(format!("Error validating {}: {problem}", setting.name)));
        }
        config::update(&*self.store, &setting.scope, &setting.name, &Json::from(value), ctx.user_id)
            .await
            .map_err(failed)?;
        self.config_value(ctx, &format!("{}.{}", setting.scope, setting.name)).await
    }

    async fn find_setting(&self, name: &str) -> Result<Setting> {
        let (scope, short) = name.split_once('.').map_or((None, name), |(scope, name)| (Some(scope), name));
        let mut found = config::find(&*self.store, scope, short).await.map_err(failed)?;
        match (found.pop(), found.len()) {
            (Some(only), 0) => Ok(only),
            (None, _) => Err(Error::new(Code::NotFound, short)),
            (Some(_), rest) => {
                Err(Error::new(Code::AmbiguousName, format!("Expected 1 value, but found {}", rest + 1)))
            }
        }
    }
}

/// What is wrong with a value, by the words that the settings' schemas use.
fn mismatch(value: &Value, schema: &Value) -> Option<String> {
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match schema["type"].as_str() {
        Some("integer") if !value.is_i64() => return Some(format!("{shown} is not an integer")),
        Some("boolean") if !value.is_boolean() => return Some(format!("{shown} is not a boolean")),
        Some("string") if !value.is_string() => return Some(format!("{shown} is not a string")),
        _ => {}
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_i64(), value.as_i64())
        && number < least
    {
        return Some(format!("{number} is less than the minimum of {least}"));
    }
    let allowed = schema["enum"].as_array()?;
    (!allowed.contains(value)).then(|| format!("{shown} is not one of {}", schema["enum"]))
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
