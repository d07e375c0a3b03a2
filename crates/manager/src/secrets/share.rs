//! Secrets that travel between managers: read out, and taken in, encrypted with a passphrase if one is
//! given.
//!
//! Invariant: what a caller may not see is not read out, and what a caller may not make is not taken in,
//! tenant by tenant. Source: spec rest-api.md section 2.8; the format of encrypted values is the original's.

use std::collections::HashSet;

use nephele_model::id::TenantName;
use nephele_model::page::ListQuery;
use nephele_model::{Error, Permission, Result, Timestamp, Visibility};
use nephele_store::secrets::{self as rows, SecretChanges};
use nephele_store::{Scope, secrets_providers, tenants};
use serde_json::{Map, Value, json};

use super::may_see_all;
use crate::crypto::Cipher;
use crate::rows::failed;
use crate::workflows::upload::blocking;
use crate::{Ctx, Manager};

/// How secrets are read out.
#[derive(Debug, Default)]
pub struct Export {
    /// Encrypts the values.
    pub passphrase: Option<String>,
    /// Whether to tell who made them and when.
    pub include_metadata: bool,
}

/// Secrets that a client brings.
#[derive(Debug, Default)]
pub struct Import {
    /// The secrets, as they were read out.
    pub secrets: Vec<Value>,
    /// Other tenants for those that they were in.
    pub tenant_map: Map<String, Value>,
    /// Decrypts the values.
    pub passphrase: Option<String>,
    /// Whether they take the place of secrets with the same keys.
    pub override_collisions: bool,
}

/// A secret that was found to be in order.
struct Checked {
    ctx: Ctx,
    key: String,
    value: Option<String>,
    visibility: Visibility,
    is_hidden_value: bool,
    schema: Option<Map<String, Value>>,
    provider_fk: Option<i64>,
    provider_options: Option<Value>,
    creator_id: Option<i64>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

impl Manager {
    /// The secrets that `query` asks for, with their values.
    pub async fn export_secrets(&self, ctx: &Ctx, query: &ListQuery, how: Export) -> Result<Vec<Value>> {
        let mut query = query.clone();
        let include = query.include.take();
        query.get_all = true;
        let page = self.list(ctx, &rows::EXPORT, &query).await?;
        let cipher = match how.passphrase {
            Some(passphrase) => Some(blocking(move || Cipher::of_passphrase(&passphrase)).await?),
            None => None,
        };
        let now = self.clock.now();
        let mut exported = Vec::new();
        for record in &page.items {
            let mut secret = record.value().map_err(failed)?;
            let hidden = secret["is_hidden_value"] == true;
            if hidden && !may_see_all(ctx) && secret["created_by"] != ctx.username.as_str() {
                continue;
            }
            let plain = |stored: &Value| stored.as_str().map(|token| self.cipher.decrypt(token)).transpose();
            let value = plain(&secret["value"])?;
            let options = plain(&secret["provider_options"])?;
            secret["value"] = match (&value, &cipher) {
                (Some(value), Some(cipher)) => cipher.encrypt(value.expose(), now).into(),
                (Some(value), None) => value.expose().clone().into(),
                (None, _) => Value::Null,
            };
            secret["provider_options"] =
                options.and_then(|text| serde_json::from_str(text.expose()).ok()).unwrap_or_default();
            secret["encrypted"] = cipher.is_some().into();
            exported.push(shape(secret, how.include_metadata, include.as_deref()));
        }
        Ok(exported)
    }

    /// Takes in secrets. Tells which keys were taken already, by tenant, and what was wrong with which.
    pub async fn import_secrets(&self, ctx: &Ctx, import: Import) -> Result<Value> {
        let known = tenants::all(&*self.store).await.map_err(failed)?;
        let known: HashSet<String> = known.into_iter().map(|tenant| tenant.name.to_string()).collect();
        let missing: Vec<String> = import
            .tenant_map
            .values()
            .map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned))
            .filter(|name| !known.contains(name))
            .map(|name| format!("'{name}'"))
            .collect();
        if !missing.is_empty() {
            return Err(Error::bad_parameters(format!(
                "The following destination tenants do not exist on the Manager: [{}]",
                missing.join(", ")
            )));
        }
        let cipher = match import.passphrase {
            Some(passphrase) => Some(blocking(move || Cipher::of_passphrase(&passphrase)).await?),
            None => None,
        };
        let (mut colliding, mut errors) = (Map::new(), Map::new());
        for (index, secret) in import.secrets.iter().enumerate() {
            let mut problems = Map::new();
            let checked =
                self.check_import(ctx, secret, &import.tenant_map, &known, cipher.as_ref(), &mut problems).await?;
            match checked {
                Some(checked) if problems.is_empty() => {
                    let (tenant, key) = (checked.ctx.tenant.clone(), checked.key.clone());
                    if self.store_imported(checked, import.override_collisions).await? {
                        let tenant = tenant.map(|tenant| tenant.to_string()).unwrap_or_default();
                        let keys = colliding.entry(tenant).or_insert_with(|| json!([]));
                        if let Some(keys) = keys.as_array_mut() {
                            keys.push(key.into());
                        }
                    }
                }
                _ => drop(errors.insert(index.to_string(), problems.into())),
            }
        }
        Ok(json!({"colliding_secrets": colliding, "secrets_errors": errors}))
    }

    /// Checks one secret; notes in `problems` what is wrong with it.
    async fn check_import(
        &self,
        ctx: &Ctx,
        secret: &Value,
        tenant_map: &Map<String, Value>,
        known: &HashSet<String>,
        cipher: Option<&Cipher>,
        problems: &mut Map<String, Value>,
    ) -> Result<Option<Checked>> {
        let mut missing = Vec::new();
        let mut needed = |name: &'static str| {
            let value = &secret[name];
            let absent = value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
            if absent {
                missing.push(name);
            }
            (!absent).then_some(value)
        };
        let mut note = |name: &str, problem: String| drop(problems.insert(name.to_owned(), problem.into()));
        let key = needed("key").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Err(error) = nephele_model::id::check("key", &key, true)
            && !key.is_empty()
        {
            note("key", error.to_string());
        }
        let flag = |value: &Value| match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.to_lowercase().parse().ok(),
            _ => None,
        };
        let is_hidden_value = needed("is_hidden_value").map(flag);
        if is_hidden_value == Some(None) {
            note("is_hidden_value", "Not boolean".to_owned());
        }
        let visibility = needed("visibility").map(|name| name.as_str().and_then(Visibility::parse));
        match visibility {
            Some(None) => note("visibility", "Not a valid visibility".to_owned()),
            Some(Some(Visibility::Global)) if !ctx.may(Permission::CreateGlobalResource) => note(
                "visibility",
                format!("User `{}` is not permitted to set or create a global resource", ctx.username),
            ),
            _ => {}
        }
        let tenant = needed("tenant_name")
            .and_then(Value::as_str)
            .map(|name| tenant_map.get(name).and_then(Value::as_str).unwrap_or(name).to_owned());
        let mut own = None;
        if let Some(tenant) = tenant {
            if known.contains(&tenant) {
                let entered = self.enter(ctx, &TenantName::new(tenant.as_str())).await?;
                match entered.demand(Permission::SecretCreate) {
                    Ok(()) => own = Some(entered),
                    Err(error) => note("tenant_name", error.to_string()),
                }
            } else {
                note("tenant_name", format!("The tenant `{tenant}` was not found"));
            }
        }
        let own_ctx = own.as_ref().unwrap_or(ctx);
        let time = |name: &str| secret[name].as_str().and_then(Timestamp::parse);
        let (created_at, updated_at) = (time("created_at"), time("updated_at"));
        if (created_at.is_some() || updated_at.is_some())
            && let Err(error) = own_ctx.demand(Permission::SetTimestamp)
        {
            note("timestamp", error.to_string());
        }
        let creator_id = match self.new_owner(own_ctx, secret["creator"].as_str().map(str::to_owned)).await {
            Ok(creator) => creator,
            Err(error) => {
                note("creator", error.to_string());
                None
            }
        };
        let mut provider_fk = None;
        if let Some(name) = secret["provider"].as_str() {
            let scope = self.scope(own_ctx, false).await?;
            match secrets_providers::find(&*self.store, &scope, name).await.map_err(failed)? {
                Some(provider) => provider_fk = Some(provider.storage_id),
                None => note("provider", Error::not_found("SecretsProvider", name).to_string()),
            }
        }
        let mut value = secret["value"].as_str().map(str::to_owned);
        if provider_fk.is_none() {
            let present = needed("value").is_some();
            match needed("encrypted").map(flag) {
                Some(None) => note("encrypted", "Not boolean".to_owned()),
                Some(Some(true)) if present => match (cipher, &value) {
                    (None, _) => {
                        note("No passphrase", "The secret is encrypted but no passphrase was given".to_owned());
                    }
                    (Some(cipher), Some(token)) => match cipher.decrypt(token) {
                        Ok(plain) => value = Some(plain.expose().clone()),
                        Err(_) => note("value", "It cannot be decrypted with this passphrase".to_owned()),
                    },
                    (Some(_), None) => note("value", "Not text".to_owned()),
                },
                _ => {}
            }
        }
        if !missing.is_empty() {
            problems.insert("missing secret fields".to_owned(), json!(missing));
        }
        Ok(own.zip(visibility.flatten()).map(|(ctx, visibility)| Checked {
            ctx,
            key,
            value,
            visibility,
            is_hidden_value: is_hidden_value.flatten().unwrap_or(false),
            schema: secret["schema"].as_object().cloned(),
            provider_fk,
            provider_options: Some(secret["provider_options"].clone()).filter(Value::is_object),
            creator_id,
            created_at,
            updated_at,
        }))
    }

    /// Stores a secret, unless its key is taken. Gives whether it is.
    async fn store_imported(&self, secret: Checked, override_collisions: bool) -> Result<bool> {
        let scope: Scope = self.scope(&secret.ctx, false).await?;
        let now = self.clock.now();
        let encrypted = |text: &str| self.cipher.encrypt(text, now);
        let value = secret.value.as_deref().map(encrypted);
        let provider_options = secret.provider_options.as_ref().map(|options| encrypted(&options.to_string()));
        let tx = self.begin_write().await?;
        tx.lock(&format!("secret {}", secret.key)).await.map_err(failed)?;
        let taken = nephele_store::scope::taken(&tx, "secrets", &secret.key, scope.tenant_id, secret.visibility).await;
        if taken.map_err(failed)?.is_some() {
            let own = rows::of_tenant(&tx, scope.tenant_id, &secret.key).await.map_err(failed)?;
            if let (true, Some(own)) = (override_collisions, own) {
                let changes = SecretChanges {
                    visibility: Some(secret.visibility),
                    updated_at: Some(now),
                    value: Some(value),
                    is_hidden_value: Some(secret.is_hidden_value),
                    provider_options: provider_options.map(Some),
                    ..SecretChanges::default()
                };
                rows::update(&tx, own.storage_id, changes).await.map_err(failed)?;
                tx.commit().await.map_err(failed)?;
            }
            return Ok(true);
        }
        let row = rows::NewSecret {
            key: secret.key,
            visibility: secret.visibility,
            tenant_id: scope.tenant_id,
            creator_id: secret.creator_id.unwrap_or(secret.ctx.user_id),
            created_at: secret.created_at.unwrap_or(now),
            updated_at: Some(secret.updated_at.unwrap_or(now)),
            value,
            is_hidden_value: secret.is_hidden_value,
            schema: secret.schema.map(|schema| nephele_store::Json::of(&schema)),
            secrets_provider_fk: secret.provider_fk,
            provider_options,
        };
        rows::insert(&tx, row).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(false)
    }
}

/// The keys that are asked for, under the names that they travel by.
fn shape(mut secret: Value, metadata: bool, include: Option<&[String]>) -> Value {
    let mut shaped = Map::new();
    let named =
        ["key", "value", "visibility", "tenant_name", "is_hidden_value", "encrypted", "provider", "provider_options"];
    let more: &[&str] = if metadata { &["creator", "created_at", "updated_at"] } else { &[] };
    for name in named.iter().chain(more) {
        let source = match *name {
            "provider" => "provider_name",
            "creator" => "created_by",
            other => other,
        };
        if include.is_none_or(|include| include.iter().any(|wanted| wanted == name)) {
            shaped.insert((*name).to_owned(), secret[source].take());
        }
    }
    Value::Object(shaped)
}
