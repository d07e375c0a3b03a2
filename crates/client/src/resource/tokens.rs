//! API tokens.

use reqwest::Method;
use serde_json::{Value, json};

use crate::Result;

super::resource!(
    /// API tokens of users.
    Tokens,
    tokens
);
super::listed!(Tokens, "tokens");

impl Tokens<'_> {
    /// Makes a token for the caller. Its value is shown this once.
    pub async fn create(&self, description: &str) -> Result<Value> {
        self.0.submit(Method::POST, &["tokens"], &json!({"description": description})).await
    }

    /// Revokes a token.
    pub async fn delete(&self, id: &str) -> Result<()> {
        self.0.send(self.0.api(Method::DELETE, &["tokens", id])).await.map(drop)
    }
}
