//! The manager itself.

use serde_json::Value;

use crate::Result;
use reqwest::Method;

super::resource!(
    /// The manager itself: version, health, settings.
    Manager,
    manager
);

impl Manager<'_> {
    /// Version and edition; needs no rights beyond being known.
    pub async fn version(&self) -> Result<Value> {
        self.0.json(self.0.authenticated(Method::GET, &["api", "version"])).await
    }

    /// The health of the manager and its services.
    pub async fn status(&self) -> Result<Value> {
        self.0.get(&["status"], &[]).await
    }

    /// What crashes left behind.
    pub async fn leftovers(&self) -> Result<Value> {
        self.0.get(&["leftovers"], &[]).await
    }

    /// Puts in order what crashes left behind, and tells what that was.
    pub async fn repair(&self) -> Result<Value> {
        self.0.json(self.0.api(Method::POST, &["leftovers"])).await
    }

    /// The stored settings of a scope such as `workflow`, or all of them.
    pub async fn config(&self, scope: Option<&str>) -> Result<Value> {
        let query = scope.map(|scope| ("scope", scope));
        self.0.get(&["config"], query.as_slice()).await
    }

    /// The provider context: `{name, context}`.
    pub async fn provider_context(&self) -> Result<Value> {
        self.0.get(&["provider", "context"], &[]).await
    }

    /// One tenant.
    pub async fn tenant(&self, name: &str) -> Result<Value> {
        self.0.get(&["tenants", name], &[]).await
    }
}
