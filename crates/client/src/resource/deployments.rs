//! Deployments: blueprints with inputs.

use reqwest::Method;
use serde_json::{Value, json};

use crate::Result;

super::resource!(
    /// Deployments.
    Deployments,
    deployments
);
super::listed!(Deployments, "deployments", get);

impl Deployments<'_> {
    /// Creates one and waits until its environment stands. `options` are further keys of the
    /// body, such as `visibility` or `labels`.
    pub async fn create(&self, id: &str, blueprint: &str, inputs: &Value, options: &Value) -> Result<Value> {
        let mut body = json!({"blueprint_id": blueprint, "inputs": inputs});
        if let (Some(body), Some(options)) = (body.as_object_mut(), options.as_object()) {
            body.extend(options.clone());
        }
        self.0.submit(Method::PUT, &["deployments", id], &body).await
    }

    /// The outputs, evaluated: `{deployment_id, outputs}`.
    pub async fn outputs(&self, id: &str) -> Result<Value> {
        self.0.get(&["deployments", id, "outputs"], &[]).await
    }

    /// The capabilities, evaluated: `{deployment_id, capabilities}`.
    pub async fn capabilities(&self, id: &str) -> Result<Value> {
        self.0.get(&["deployments", id, "capabilities"], &[]).await
    }

    /// Starts the deletion; the deployment is gone once its workflow has ended.
    pub async fn delete(&self, id: &str, force: bool) -> Result<()> {
        let force = [("force", force.to_string())];
        self.0.send(self.0.api(Method::DELETE, &["deployments", id]).query(&force)).await.map(drop)
    }
}
