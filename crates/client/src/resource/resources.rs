//! The file server: `/resources/...`.

use bytes::Bytes;
use reqwest::Method;

use crate::Result;

super::resource!(
    /// The file server.
    Resources,
    resources
);

impl Resources<'_> {
    /// A file, by its path below `/resources`, such as `blueprints/default_tenant/shop/a.sh`.
    pub async fn get(&self, path: &str) -> Result<Bytes> {
        let mut segments = vec!["resources"];
        segments.extend(path.split('/').filter(|segment| !segment.is_empty()));
        self.0.bytes(self.0.authenticated(Method::GET, &segments)).await
    }
}
