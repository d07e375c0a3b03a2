//! `GET /config`: settings that clients read, and who may do what.
//!
//! Invariant: values marked for administrators are stars for everyone else.

use nephele_model::page::ListQuery;
use nephele_model::{Code, Error, Permission, Result};
use nephele_store::Json;
use nephele_store::config::{self, Setting};
use serde_json::{Value, json};

use crate::execution_schedules::Rule;
use crate::executions::MOST_RUNNING;
use crate::exports::SCHEDULE;
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
            answer["authorization"] = self.authorization(ctx).await?;
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
    /// schema; `force` overrides the first.
    pub async fn put_config(&self, ctx: &Ctx, name: &str, value: &Value, force: bool) -> Result<Value> {
        let setting = self.find_setting(name).await?;
        if !setting.is_editable && !force {
            return Err(Error::conflict(format!("{} is not editable", setting.name)));
        }
        if setting.admin_only && !ctx.may_in_system(Permission::Administrators) {
            return Err(Error::unauthorized(format!("{} can only be edited by administrators", setting.name)));
        }
        let schema = setting.schema.as_ref().map(Json::value).transpose().map_err(failed)?.unwrap_or_default();
        let value =
            fit(value, &schema).map_err(|problem| Error::conflict(format!("Error validating {name}: {problem}")))?;
        if setting.name == SCHEDULE
            && let Some(schedule) = value.as_str().map(str::trim).filter(|schedule| !schedule.is_empty())
        {
            Rule::of_text(schedule)
                .map_err(|error| Error::conflict(format!("Error validating {name}: {}", error.message())))?;
        }
        config::update(&*self.store, &setting.scope, &setting.name, &Json::from(&value), ctx.user_id)
            .await
            .map_err(failed)?;
        // Locks and logins read settings.
        self.verified.forget();
        self.schedules_changed.notify_waiters();
        if setting.name == MOST_RUNNING {
            self.begin_queued().await?;
        }
        self.config_value(ctx, &format!("{}.{}", setting.scope, setting.name)).await
    }

    /// A setting of the scope `rest`; null when there is none.
    pub(crate) async fn rest_setting(&self, name: &str) -> Result<Value> {
        let found = config::find(&*self.store, Some("rest"), name).await.map_err(failed)?;
        found.first().map_or(Ok(Value::Null), |setting| setting.value.value().map_err(failed))
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

/// The value as its schema wants it: numbers and truth values may come as text. Else what is wrong
/// with it, by the words that the settings' schemas use.
fn fit(value: &Value, schema: &Value) -> Result<Value, String> {
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let fitted = match (schema["type"].as_str(), value) {
        (Some("integer"), Value::String(text)) => text.trim().parse::<i64>().ok().map(Value::from),
        (Some("integer"), Value::Number(number)) => {
            // A fraction is cut, as ever.
            number.as_i64().or_else(|| number.as_f64().map(whole)).map(Value::from)
        }
        (Some("number"), Value::String(text)) => text.trim().parse::<f64>().ok().map(Value::from),
        (Some("boolean"), Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => return Err(format!("must be <true/false>, got {shown}")),
        },
        (Some("boolean"), Value::Bool(_)) | (Some("string"), Value::String(_)) | (Some("number"), Value::Number(_)) => {
            Some(value.clone())
        }
        (Some("boolean" | "string" | "number" | "integer"), _) => None,
        _ => Some(value.clone()),
    };
    let kind = schema["type"].as_str().unwrap_or_default();
    let article = if kind == "integer" { "an" } else { "a" };
    let fitted = fitted.ok_or_else(|| format!("{shown} is not {article} {kind}"))?;
    if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), fitted.as_f64())
        && number < least
    {
        return Err(format!("{fitted} is less than the minimum of {least}"));
    }
    match schema["enum"].as_array() {
        Some(allowed) if !allowed.contains(&fitted) => Err(format!("{shown} is not one of {}", schema["enum"])),
        _ => Ok(fitted),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "what does not fit becomes the nearest number that does")]
const fn whole(number: f64) -> i64 {
    number as i64
}

fn veil(ctx: &Ctx, mut setting: Value) -> Value {
    if setting["admin_only"] == true && !ctx.may_in_system(Permission::Administrators) {
        setting["value"] = HIDDEN.into();
    }
    setting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_fitted_to_their_schema() {
        let schema = json!({"type": "integer", "minimum": 1});
        assert_eq!(fit(&json!("7"), &schema), Ok(json!(7)));
        assert_eq!(fit(&json!(0), &schema), Err("0 is less than the minimum of 1".to_owned()));
        assert_eq!(fit(&json!("x"), &schema), Err("x is not an integer".to_owned()));
        assert_eq!(fit(&json!("True"), &json!({"type": "boolean"})), Ok(json!(true)));
        assert_eq!(
            fit(&json!("maybe"), &json!({"type": "boolean"})),
            Err("must be <true/false>, got maybe".to_owned())
        );
        assert_eq!(fit(&json!(5), &json!({"type": "string"})), Err("5 is not a string".to_owned()));
        assert_eq!(fit(&json!([1]), &json!(null)), Ok(json!([1])));
    }
}
