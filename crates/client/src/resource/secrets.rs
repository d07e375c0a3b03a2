//! Secrets.

use reqwest::Method;
use serde_json::{Value, json};

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

    /// Stores a value, in place of an earlier one.
    pub async fn put(&self, key: &str, value: &str) -> Result<()> {
        let body = json!({"value": value, "update_if_exists": true});
        self.0.submit(Method::PUT, &["secrets", key], &body).await.map(drop)
    }

    /// Removes one.
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.0.send(self.0.api(Method::DELETE, &["secrets", key])).await.map(drop)
    }
}
