//! Uploaded plugins.

use std::path::Path;

use reqwest::Method;
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::{Error, Result};

super::resource!(
    /// Uploaded plugins.
    Plugins,
    plugins
);
super::listed!(Plugins, "plugins", get);

impl Plugins<'_> {
    /// Saves a plugin's wagon as a file.
    pub async fn download(&self, id: &str, file: &Path) -> Result<()> {
        let unwritable = |error: std::io::Error| Error::Settings(format!("{}: {error}", file.display()));
        let mut response = self.0.send(self.0.api(Method::GET, &["plugins", id, "archive"])).await?;
        let url = response.url().to_string();
        let mut target = tokio::fs::File::create(file).await.map_err(unwritable)?;
        while let Some(chunk) = response.chunk().await.map_err(|error| Error::from_transport(&url, &error))? {
            target.write_all(&chunk).await.map_err(unwritable)?;
        }
        target.flush().await.map_err(unwritable)
    }

    /// Notes how far an installation is: `{state, manager or agent, error}`.
    pub async fn note(&self, id: &str, body: &Value) -> Result<()> {
        self.0.send(self.0.api(Method::PUT, &["plugins", id]).json(body)).await.map(drop)
    }
}
