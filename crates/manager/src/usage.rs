//! What uses a secret, a plugin or a site: the blueprints that need it, and their deployments.
//!
//! Invariant: only what the caller may see is named. Who is named in a message that refuses to delete something is told
//! by the resource itself.

use nephele_model::Result;
use nephele_store::blueprints;
use nephele_store::deployments::usage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rows::failed;
use crate::{Ctx, Manager};

/// As many names are told of each kind.
const SHOWN: usize = 100;

/// What uses something.
#[derive(Debug, Serialize)]
pub struct Usage {
    blueprints: Users,
    deployments: Users,
}

/// Some of those that use something, and how many they are.
#[derive(Debug, Serialize)]
struct Users {
    items: Vec<String>,
    total: usize,
}

impl From<Vec<String>> for Users {
    fn from(mut items: Vec<String>) -> Self {
        let total = items.len();
        items.truncate(SHOWN);
        Self { items, total }
    }
}

/// What a blueprint demands of its surroundings, as far as secrets go.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Requirements {
    secrets: Vec<Value>,
}

impl Manager {
    /// Blueprints that name a secret, and their deployments.
    pub async fn usage_of_secret(&self, ctx: &Ctx, key: &str) -> Result<Usage> {
        let secret = self.find_secret(ctx, key).await?;
        let scope = self.scope(ctx, false).await?;
        let quoted = Value::from(secret.key.as_str()).to_string();
        let mut users = Vec::new();
        for (id, found) in blueprints::with_requirement(&*self.store, &scope, &quoted).await.map_err(failed)? {
            let requirements: Option<Requirements> = found.parse().map_err(failed)?;
            if requirements.unwrap_or_default().secrets.iter().any(|name| *name == secret.key.as_str()) {
                users.push(id);
            }
        }
        self.with_deployments(ctx, users).await
    }

    /// Blueprints that use a plugin, and their deployments.
    pub async fn usage_of_plugin(&self, ctx: &Ctx, id: &str) -> Result<Usage> {
        let plugin = self.find_plugin(ctx, id).await?;
        let users = self.blueprints_that_use(ctx, &plugin).await?;
        self.with_deployments(ctx, users).await
    }

    /// Deployments at a site.
    pub async fn usage_of_site(&self, ctx: &Ctx, name: &str) -> Result<Usage> {
        let site = self.find_site(ctx, name).await?;
        let scope = self.scope(ctx, false).await?;
        let there = usage::at_site(&*self.store, &scope, site.storage_id).await.map_err(failed)?;
        Ok(Usage { blueprints: Vec::new().into(), deployments: there.into() })
    }

    async fn with_deployments(&self, ctx: &Ctx, blueprints: Vec<String>) -> Result<Usage> {
        let scope = self.scope(ctx, false).await?;
        let deployments = usage::of_blueprints(&*self.store, &scope, &blueprints).await.map_err(failed)?;
        Ok(Usage { blueprints: blueprints.into(), deployments: deployments.into() })
    }
}
