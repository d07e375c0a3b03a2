//! Events and logs.

use reqwest::Method;
use serde_json::Value;

use crate::Result;

super::resource!(
    /// Events and logs.
    Events,
    events
);
super::listed!(Events, "events");

impl Events<'_> {
    /// Reports events and logs; the body is that of workflows.md section 3.3.
    pub async fn post(&self, body: &Value) -> Result<()> {
        self.0.send(self.0.api(Method::POST, &["events"]).json(body)).await.map(drop)
    }
}
