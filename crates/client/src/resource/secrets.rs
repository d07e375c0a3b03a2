//! Secrets.

use serde_json::Value;

use crate::Result;

super::resource!(
    /// Secrets.
    Secrets,
    secrets
);

impl Secrets<'_> {
    /// One secret with its value.
    pub async fn get(&self, key: &str) -> Result<Value> {
        self.0.get(&["secrets", key], &[]).await
    }
}
