//! Tenants.

use serde_json::Value;

use crate::Result;

super::resource!(
    /// Tenants.
    Tenants,
    tenants
);

impl Tenants<'_> {
    /// One tenant, with the login for messages that the caller may use.
    pub async fn get(&self, name: &str) -> Result<Value> {
        self.0.get(&["tenants", name], &[]).await
    }
}
