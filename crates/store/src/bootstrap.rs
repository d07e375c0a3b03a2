//! The rows that every installation begins with.

use nephele_model::Role;

use crate::column::values;
use crate::config_defaults::DEFAULTS;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::filter_defaults;
use crate::json::Json;
use crate::table::{config, provider_context, tenants, users};

/// What only the first start of an installation knows.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The hash of the first administrator's password.
    pub admin_password_hash: String,
    /// Settings whose values depend on the machine: scope, name, value. They are set at every start.
    pub settings: Vec<(String, String, serde_json::Value)>,
}

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
        if tenants::by_id(db, tenants::DEFAULT_TENANT_ID).await?.is_none() {
            tenants::insert_default(db).await?;
        }
        if !Self::is_done(db).await? {
            users::insert_admin(db, &self.admin_password_hash).await?;
            users::join_tenant(db, users::ADMIN_ID, tenants::DEFAULT_TENANT_ID, Role::User).await?;
        }
        if provider_context::get(db).await?.is_none() {
            provider_context::put(db, "provider", &Json::of(&serde_json::Map::new())).await?;
        }
        for default in DEFAULTS {
            let schema = default.schema.map(|text| Json::from_column(text.to_owned()));
            let value = Json::from_column(default.value.to_owned());
            config::add(db, default.scope, default.name, &value, schema.as_ref(), default.is_editable).await?;
        }
        filter_defaults::ensure(db).await?;
        for (scope, name, value) in &self.settings {
            let value = Json::from(value);
            config::add(db, scope, name, &value, None, false).await?;
            db.run("UPDATE config SET value = $3 WHERE scope = $1 AND name = $2", values![scope, name, value]).await?;
        }
        Ok(())
    }
}
