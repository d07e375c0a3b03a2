//! The rows that every installation begins with.

use nephele_model::Role;

use crate::config_defaults::DEFAULTS;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::filter_defaults;
use crate::json::Json;
use crate::table::{certificates, config, permissions, provider_context, tenants, users};

/// What only the first start of an installation knows.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The hash of the first administrator's password.
    pub admin_password_hash: String,
    /// Settings whose values depend on the machine: scope, name, value. They are set at every start.
    pub settings: Vec<(String, String, serde_json::Value)>,
    /// The certificate that clients trust this manager by, if it has one.
    pub authority: Option<String>,
}

/// The name of [`Bootstrap::authority`] among the certificates.
pub const AUTHORITY: &str = "manager-ca";

impl Bootstrap {
    /// Whether the database already has its first administrator, so that no password is needed.
    pub async fn is_done(db: &dyn Db) -> Result<bool> {
        Ok(users::by_id(db, users::ADMIN_ID).await?.is_some())
    }

    /// Makes what is missing: the default tenant, the first administrator, the provider context,
    /// the configuration, the manager's own filters. What is there stays, except [`Self::settings`].
    pub async fn ensure(&self, tx: &Tx) -> Result<()> {
        let db: &dyn Db = tx;
        tx.lock("bootstrap").await?;
        if let Some(authority) = &self.authority {
            certificates::put(db, AUTHORITY, authority).await?;
        }
        if tenants::by_id(db, tenants::DEFAULT_TENANT_ID).await?.is_none() {
            tenants::insert_default(db).await?;
        }
        if !Self::is_done(db).await? {
            users::insert_admin(db, &self.admin_password_hash).await?;
            users::join_tenant(db, users::ADMIN_ID, tenants::DEFAULT_TENANT_ID, Role::User).await?;
        }
        complete(db).await?;
        for (scope, name, value) in &self.settings {
            let value = Json::from(value);
            config::set_fixed(db, scope, name, &value).await?;
        }
        Ok(())
    }
}

/// Makes what is missing of roles, settings and filters, once the first tenant and administrator are there.
pub(crate) async fn complete(db: &dyn Db) -> Result<()> {
    if permissions::roles(db).await?.is_empty() {
        permissions::insert_built_in(db).await?;
    }
    if provider_context::get(db).await?.is_none() {
        provider_context::put(db, "provider", &Json::of(&serde_json::Map::new())).await?;
    }
    for default in DEFAULTS {
        let schema = default.schema.map(|text| Json::from_column(text.to_owned()));
        let value = Json::from_column(default.value.to_owned());
        config::add(db, default, &value, schema.as_ref()).await?;
    }
    filter_defaults::ensure(db).await
}
