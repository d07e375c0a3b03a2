//! Stored tasks, which the API calls operations.

use reqwest::Method;
use serde_json::Value;

use crate::Result;

super::resource!(
    /// Stored tasks of executions.
    Operations,
    operations
);
super::listed!(Operations, "operations", get);

impl Operations<'_> {
    /// Moves one to another state, perhaps with its result.
    pub async fn patch(&self, id: &str, body: &Value) -> Result<()> {
        self.0.send(self.0.api(Method::PATCH, &["operations", id]).json(body)).await.map(drop)
    }
}
