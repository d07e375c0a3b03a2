//! Secrets: encrypted at rest, shown to those who may see them; `share.rs` takes them from manager to manager.
//!
//! Invariant: plain text is in memory only while a request needs it; rows hold what the manager's
//! cipher made of it.

mod schema;
mod share;

use nephele_model::{Error, Permission, Result, Secret, id};
use nephele_store::{Json, secrets};
use serde_json::{Map, Value};

use crate::rows::{demand_free, failed};
use crate::{Ctx, Manager, visibility};

pub use share::{Export, Import};

/// What a secret is to become; what is `None` stays as it is, or at its default.
#[derive(Debug, Default)]
pub struct SecretValues {
    /// Its value: text, or anything that its schema allows.
    pub value: Option<Value>,
    /// The JSON schema of values that are not text.
    pub schema: Option<Map<String, Value>>,
    /// Where the value is really kept.
    pub provider_name: Option<String>,
    /// What that place needs to know.
    pub provider_options: Option<Map<String, Value>>,
    /// The new owner's name.
    pub creator: Option<String>,
    /// Whether others may not see the value.
    pub is_hidden_value: Option<bool>,
    /// Who sees the secret.
    pub visibility: Option<String>,
}

impl Manager {
    /// A secret with its value, as far as the caller may see it.
    pub async fn get_secret(&self, ctx: &Ctx, key: &str, skip_value: bool) -> Result<Value> {
        let secret = self.find_secret(ctx, key).await?;
        let mut record = self.secret_record(ctx, key).await?;
        let permitted = !secret.is_hidden_value || may_see(ctx, &secret);
        record["value"] = if skip_value || !permitted { "".into() } else { self.secret_value(&secret).await? };
        record["provider_options"] = match secret.provider_options.as_deref().filter(|_| may_see(ctx, &secret)) {
            Some(stored) => self.cipher.decrypt(stored)?.expose().clone().into(),
            None => Value::Null,
        };
        Ok(record)
    }

    /// The text of a secret as functions see it. A hidden value is for operations, its owner and
    /// administrators; to others it is as empty as when they ask for the secret itself.
    pub(crate) async fn secret_for_functions(&self, ctx: &Ctx, secret: &secrets::Secret) -> Result<Secret> {
        let is_shown = !secret.is_hidden_value || ctx.execution.is_some() || may_see(ctx, secret);
        if !is_shown {
            return Ok(Secret::new(String::new()));
        }
        Ok(Secret::new(match self.kept_value(secret).await? {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        }))
    }

    /// Makes a secret, or changes it where `update_if_exists` allows that. The record holds the
    /// encrypted value.
    pub async fn put_secret(
        &self,
        ctx: &Ctx,
        key: &str,
        values: SecretValues,
        update_if_exists: bool,
    ) -> Result<Value> {
        id::check("key", key, true)?;
        let scope = self.scope(ctx, false).await?;
        if update_if_exists && secrets::find(&*self.store, &scope, key).await.map_err(failed)?.is_some() {
            return self.update_secret(ctx, key, values).await;
        }
        let visibility = visibility::choose(ctx, values.visibility.as_deref(), None)?;
        demand_free(&*self.store, &secrets::RESOURCE, "secrets", key, &scope, visibility).await?;
        let provider = match values.provider_name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => Some(self.find_provider(ctx, name).await?.storage_id),
            None => None,
        };
        let plain = match &values.value {
            // The place that keeps it has it already.
            None | Some(Value::Null) if provider.is_some() => None,
            value => Some(plain_text(value.as_ref(), values.schema.as_ref())?),
        };
        let now = self.clock.now();
        let row = secrets::NewSecret {
            key: key.to_owned(),
            visibility,
            tenant_id: scope.tenant_id,
            creator_id: ctx.user_id,
            created_at: now,
            updated_at: Some(now),
            value: plain.map(|plain| self.cipher.encrypt(plain.expose(), now)),
            is_hidden_value: values.is_hidden_value.unwrap_or(false),
            schema: values.schema.map(|schema| Json::of(&schema)),
            secrets_provider_fk: provider,
            provider_options: self.options(values.provider_options),
        };
        secrets::insert(&*self.store, row).await.map_err(failed)?;
        self.secret_record(ctx, key).await
    }

    /// Changes a secret.
    pub async fn update_secret(&self, ctx: &Ctx, key: &str, values: SecretValues) -> Result<Value> {
        let secret = self.writable_secret(ctx, key).await?;
        if values.is_hidden_value.is_some() && !may_see(ctx, &secret) {
            return Err(Error::forbidden(format!(
                "User `{}` is not permitted to modify the secret `{key}` to be hidden value",
                ctx.username
            )));
        }
        let provider = match values.provider_name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => Some(Some(self.find_provider(ctx, name).await?.storage_id)),
            None => None,
        };
        let schema = match &values.schema {
            Some(schema) => Some(schema.clone()),
            None => secret.schema.as_ref().and_then(|schema| schema.parse().ok()),
        };
        let now = self.clock.now();
        let value = match &values.value {
            Some(value) => Some(Some(self.cipher.encrypt(plain_text(Some(value), schema.as_ref())?.expose(), now))),
            None => None,
        };
        let visibility =
            values.visibility.map(|wanted| visibility::widen(ctx, key, secret.visibility, &wanted)).transpose()?;
        let changes = secrets::SecretChanges {
            visibility,
            updated_at: Some(now),
            value,
            is_hidden_value: values.is_hidden_value,
            schema: values.schema.map(|schema| Some(Json::of(&schema))),
            creator_id: self.new_owner(ctx, values.creator).await?,
            secrets_provider_fk: provider,
            provider_options: self.options(values.provider_options).map(Some),
        };
        secrets::update(&*self.store, secret.storage_id, changes).await.map_err(failed)?;
        self.secret_record(ctx, key).await
    }

    /// Deletes a secret.
    pub async fn delete_secret(&self, ctx: &Ctx, key: &str) -> Result<()> {
        let secret = self.writable_secret(ctx, key).await?;
        secrets::delete(&*self.store, secret.storage_id).await.map(drop).map_err(failed)
    }

    async fn secret_record(&self, ctx: &Ctx, key: &str) -> Result<Value> {
        self.get(ctx, &secrets::DETAILS, key, None).await?.value().map_err(failed)
    }

    pub(crate) async fn find_secret(&self, ctx: &Ctx, key: &str) -> Result<secrets::Secret> {
        let scope = self.scope(ctx, false).await?;
        let secret = secrets::find(&*self.store, &scope, key).await.map_err(failed)?;
        secret.ok_or_else(|| Error::not_found("Secret", key))
    }

    async fn writable_secret(&self, ctx: &Ctx, key: &str) -> Result<secrets::Secret> {
        let secret = self.find_secret(ctx, key).await?;
        if secret.is_hidden_value && !may_see(ctx, &secret) {
            return Err(Error::forbidden(format!(
                "User `{}` is not permitted to modify the hidden secret `{key}`",
                ctx.username
            )));
        }
        visibility::demand_inside(ctx, secret.visibility, secret.tenant_id, key)?;
        Ok(secret)
    }

    /// The value in the type that its schema gives it.
    async fn secret_value(&self, secret: &secrets::Secret) -> Result<Value> {
        let kept = self.kept_value(secret).await?;
        match (&secret.schema, &kept) {
            (Some(_), Value::String(text)) => Ok(serde_json::from_str(text).unwrap_or(kept)),
            _ => Ok(kept),
        }
    }

    /// The value as it is kept, here or elsewhere.
    async fn kept_value(&self, secret: &secrets::Secret) -> Result<Value> {
        if let Some(provider) = secret.secrets_provider_fk {
            let options = secret.provider_options.as_deref().map(|stored| self.cipher.decrypt(stored)).transpose()?;
            let options = options.and_then(|text| serde_json::from_str(text.expose()).ok()).unwrap_or_default();
            if let Some(value) = self.value_from_provider(provider, &secret.key, &options).await? {
                return Ok(value);
            }
        }
        let Some(stored) = &secret.value else { return Ok(Value::Null) };
        Ok(self.cipher.decrypt(stored)?.expose().as_str().into())
    }

    fn options(&self, options: Option<Map<String, Value>>) -> Option<String> {
        let options = options.filter(|options| !options.is_empty())?;
        Some(self.cipher.encrypt(&Value::Object(options).to_string(), self.clock.now()))
    }
}

fn may_see(ctx: &Ctx, secret: &secrets::Secret) -> bool {
    secret.creator_id == ctx.user_id || may_see_all(ctx)
}

/// Whether the caller sees hidden values of others.
fn may_see_all(ctx: &Ctx) -> bool {
    ctx.may(Permission::Administrators)
}

/// The text that is stored: the value itself, or its JSON when a schema says that it is more.
fn plain_text(value: Option<&Value>, schema: Option<&Map<String, Value>>) -> Result<Secret> {
    let value = value.filter(|value| !value.is_null());
    let value = value.ok_or_else(|| Error::bad_parameters("Missing value in json request body"))?;
    if let Some(schema) = schema {
        schema::check(value, schema)?;
        return Ok(Secret::new(value.to_string()));
    }
    match value {
        Value::String(text) if text.is_empty() => Err(Error::bad_parameters("The value of a secret must not be empty")),
        Value::String(text) => Ok(Secret::new(text.clone())),
        _ => Err(Error::bad_parameters("The value of a secret must be text, unless a schema says otherwise")),
    }
}
