//! Evaluation of intrinsic functions.

use reqwest::Method;
use serde_json::{Value, json};

use crate::Result;

super::resource!(
    /// Evaluation of intrinsic functions in a deployment.
    Evaluate,
    evaluate
);

impl Evaluate<'_> {
    /// The payload with its functions evaluated. `context` says what `SELF`, `SOURCE` and
    /// `TARGET` are.
    pub async fn functions(&self, deployment: &str, context: &Value, payload: &Value) -> Result<Value> {
        let body = json!({"deployment_id": deployment, "context": context, "payload": payload});
        let mut answer = self.0.submit(Method::POST, &["evaluate", "functions"], &body).await?;
        Ok(answer["payload"].take())
    }
}
