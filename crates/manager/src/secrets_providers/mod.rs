//! Where values of secrets are kept if not here: a Vault, or another manager.
//!
//! Invariant: connection parameters are encrypted at rest, and shown to those only who may make
//! providers. Source: spec rest-api.md section 2.8; the names of parameters are the original's.

mod remote;

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Permission, Result, Timestamp, id};
use nephele_store::secrets_providers::{self as rows, Provider, ProviderChanges};
use serde_json::{Map, Value};

use crate::rows::{demand_free, failed};
use crate::{Ctx, Manager, visibility};

pub(crate) use remote::Remote;

/// Parameters whose values are shown to nobody who may not make providers.
const PARAMETERS: &str = "connection_parameters";

/// A kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Here.
    Local,
    /// `HashiCorp` Vault, key-value engine of version 2.
    Vault,
    /// Another manager.
    Cloudify,
}

/// What a provider is to be; what is `None` stays, or is not given.
#[derive(Debug, Default)]
pub struct ProviderValues {
    /// `local`, `vault` or `cloudify`.
    pub kind: Option<String>,
    /// How to get there.
    pub connection_parameters: Option<Map<String, Value>>,
    /// Who sees it.
    pub visibility: Option<String>,
    /// Who made it, if that was somebody else.
    pub created_by: Option<String>,
    /// When it was made, if that was earlier.
    pub created_at: Option<Timestamp>,
}

impl Manager {
    /// One page of providers.
    pub async fn list_providers(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Value>> {
        let page = self.list(ctx, &rows::RESOURCE, query).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for record in &page.items {
            items.push(self.shown(ctx, record.value().map_err(failed)?)?);
        }
        let mut items = items.into_iter();
        Ok(page.map(|_| items.next().unwrap_or_default()))
    }

    /// One provider.
    pub async fn get_provider(&self, ctx: &Ctx, name: &str) -> Result<Value> {
        self.shown(ctx, self.get(ctx, &rows::RESOURCE, name, None).await?.value().map_err(failed)?)
    }

    /// Makes a provider.
    pub async fn create_provider(&self, ctx: &Ctx, name: &str, values: ProviderValues) -> Result<Value> {
        id::check("name", name, true)?;
        let kind = Kind::parse(values.kind.as_deref().unwrap_or_default())?;
        if values.created_at.is_some() {
            ctx.demand(Permission::SetTimestamp)?;
        }
        let creator_id = self.new_owner(ctx, values.created_by).await?.unwrap_or(ctx.user_id);
        let visibility = visibility::choose(ctx, values.visibility.as_deref(), None)?;
        let scope = self.scope(ctx, false).await?;
        demand_free(&*self.store, &rows::RESOURCE, "secrets_providers", name, &scope, visibility).await?;
        let now = self.clock.now();
        let parameters = values.connection_parameters;
        let row = rows::NewProvider {
            id: name.to_owned(),
            name: name.to_owned(),
            kind: kind.as_str().to_owned(),
            visibility,
            tenant_id: scope.tenant_id,
            creator_id,
            created_at: values.created_at.unwrap_or(now),
            updated_at: Some(now),
            connection_parameters: parameters
                .map(|parameters| self.cipher.encrypt(&Value::Object(parameters).to_string(), now)),
        };
        rows::insert(&*self.store, row).await.map_err(failed)?;
        self.get_provider(ctx, name).await
    }

    /// Changes a provider.
    pub async fn update_provider(&self, ctx: &Ctx, name: &str, values: ProviderValues) -> Result<Value> {
        let provider = self.writable_provider(ctx, name).await?;
        let kind = values.kind.as_deref().map(Kind::parse).transpose()?;
        let now = self.clock.now();
        let visibility =
            values.visibility.map(|wanted| visibility::widen(ctx, name, provider.visibility, &wanted)).transpose()?;
        let changes = ProviderChanges {
            kind: kind.map(|kind| kind.as_str().to_owned()),
            visibility,
            updated_at: Some(now),
            connection_parameters: values
                .connection_parameters
                .map(|parameters| Some(self.cipher.encrypt(&Value::Object(parameters).to_string(), now))),
        };
        rows::update(&*self.store, provider.storage_id, changes).await.map_err(failed)?;
        self.get_provider(ctx, name).await
    }

    /// Deletes a provider. Error: `dependent_exists_error` while secrets are kept there.
    pub async fn delete_provider(&self, ctx: &Ctx, name: &str) -> Result<()> {
        let provider = self.writable_provider(ctx, name).await?;
        let tx = self.begin_write().await?;
        let used = rows::secrets_of(&tx, provider.storage_id).await.map_err(failed)?;
        if !used.is_empty() {
            return Err(Error::new(
                Code::DependentExists,
                format!(
                    "Can't delete secrets provider {name} - There exist secrets of it; Secrets keys: {}",
                    used.join(",")
                ),
            ));
        }
        rows::delete(&tx, provider.storage_id).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Tries whether a place can be reached; a stored provider's kind and parameters stand in for what is
    /// left out. Error: `failed_dependency`.
    pub async fn check_provider(&self, ctx: &Ctx, name: &str, values: ProviderValues) -> Result<()> {
        let stored = match name {
            "" => None,
            name => rows::find(&*self.store, &self.scope(ctx, false).await?, name).await.map_err(failed)?,
        };
        let kind = match (values.kind.filter(|kind| !kind.is_empty()), &stored) {
            (Some(kind), _) => Kind::parse(&kind)?,
            (None, Some(stored)) => Kind::parse(&stored.kind)?,
            (None, None) => return Err(Error::not_found("SecretsProvider", name)),
        };
        let parameters = match (values.connection_parameters, stored) {
            (Some(parameters), _) => parameters,
            (None, Some(stored)) => self.parameters_of(&stored)?,
            (None, None) => Map::new(),
        };
        match kind {
            Kind::Local => Ok(()),
            Kind::Vault => Remote::vault(name, &parameters)?.check().await,
            Kind::Cloudify => Remote::manager(name, &parameters)?.check().await,
        }
    }

    /// What the provider of a secret holds under `key`.
    pub(crate) async fn value_from_provider(
        &self,
        provider_fk: i64,
        key: &str,
        options: &Map<String, Value>,
    ) -> Result<Option<Value>> {
        let provider = rows::by_storage_id(&*self.store, provider_fk).await.map_err(failed)?;
        let provider = provider.ok_or_else(|| Error::not_found("SecretsProvider", provider_fk))?;
        let parameters = self.parameters_of(&provider)?;
        let text = |name: &str| options.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        match Kind::parse(&provider.kind)? {
            Kind::Local => Ok(None),
            Kind::Vault => {
                Remote::vault(&provider.name, &parameters)?.secret_of_vault(text("path"), key).await.map(Some)
            }
            Kind::Cloudify => Remote::manager(&provider.name, &parameters)?
                .secret_of_manager(text("name").unwrap_or(key))
                .await
                .map(Some),
        }
    }

    pub(crate) async fn find_provider(&self, ctx: &Ctx, name: &str) -> Result<Provider> {
        let scope = self.scope(ctx, false).await?;
        let provider = rows::find(&*self.store, &scope, name).await.map_err(failed)?;
        provider.ok_or_else(|| Error::not_found("SecretsProvider", name))
    }

    async fn writable_provider(&self, ctx: &Ctx, name: &str) -> Result<Provider> {
        let provider = self.find_provider(ctx, name).await?;
        visibility::demand_inside(ctx, provider.visibility, provider.tenant_id, name)?;
        Ok(provider)
    }

    fn parameters_of(&self, provider: &Provider) -> Result<Map<String, Value>> {
        let Some(stored) = &provider.connection_parameters else { return Ok(Map::new()) };
        let plain = self.cipher.decrypt(stored)?;
        Ok(serde_json::from_str(plain.expose()).unwrap_or_default())
    }

    /// The record with its connection parameters, as far as the caller may see them.
    fn shown(&self, ctx: &Ctx, mut item: Value) -> Result<Value> {
        let Some(stored) = item.get_mut(PARAMETERS) else { return Ok(item) };
        *stored = match stored.as_str().filter(|_| ctx.may(Permission::SecretsProviderCredentials)) {
            Some(token) => serde_json::from_str(self.cipher.decrypt(token)?.expose()).unwrap_or_default(),
            None => Value::Null,
        };
        Ok(item)
    }
}

impl Kind {
    const ALL: [Self; 3] = [Self::Local, Self::Vault, Self::Cloudify];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Vault => "vault",
            Self::Cloudify => "cloudify",
        }
    }

    fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| {
            Error::bad_parameters(format!(
                "Secrets Provider is not supported: `{name}`. Supported types are: {}",
                Self::ALL.map(Self::as_str).join(", ")
            ))
        })
    }
}
