//! Node instances and their runtime properties.

use reqwest::Method;
use serde_json::Value;

use crate::Result;

super::resource!(
    /// Node instances.
    NodeInstances,
    node_instances
);
super::listed!(NodeInstances, "node-instances", get);

impl NodeInstances<'_> {
    /// Changes one. The body carries `version`, and 409 is the answer when somebody else changed
    /// the instance after that version was read.
    pub async fn patch(&self, id: &str, body: &Value) -> Result<Value> {
        self.0.submit(Method::PATCH, &["node-instances", id], body).await
    }
}
