//! Fetching archives that users keep elsewhere.
//!
//! Invariant: only `http` and `https` are spoken, nothing grows beyond its limit, and a server that
//! stops sending is given up.

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;
use nephele_model::{Error, Result};
use reqwest::{Client, Url, redirect};
use tempfile::{NamedTempFile, TempPath};
use tokio::io::AsyncWriteExt as _;

use crate::Manager;

const CONNECT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_mins(1);
const REDIRECTS: usize = 5;

impl Manager {
    /// What is at `url`, in a file that vanishes unless it is kept. Error: `bad_parameters_error`.
    pub async fn archive_at(&self, url: &str) -> Result<TempPath> {
        let target = NamedTempFile::new_in(self.files.uploading()).map_err(Error::internal)?.into_temp_path();
        let fetched = fetch(url, &target, self.settings.archive_limit).await;
        fetched.map_err(|why| Error::bad_parameters(format!("{url} cannot be fetched: {why}")))?;
        Ok(target)
    }
}

/// Writes what is at `url` to a file. The error is for a person.
pub(crate) async fn fetch(url: &str, target: &Path, limit: u64) -> std::result::Result<(), String> {
    let parsed = Url::parse(url).ok().filter(Url::has_host);
    let Some(parsed) = parsed else {
        return Err(format!("Invalid URL '{url}': No scheme supplied. Perhaps you meant https://{url}?"));
    };
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(format!("No connection adapters were found for '{url}'; use http or https"));
    }
    // The provider is a process-wide choice; that it is made already is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(PAUSE)
        .redirect(redirect::Policy::limited(REDIRECTS))
        .build()
        .map_err(|error| explain(&error))?;
    let answer = client.get(parsed).send().await.map_err(|error| explain(&error))?;
    if !answer.status().is_success() {
        return Err(format!("{} for url: {url}", answer.status()));
    }
    let mut file = tokio::fs::File::create(target).await.map_err(|error| error.to_string())?;
    let (mut body, mut size) = (answer.bytes_stream(), 0);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| explain(&error))?;
        size += chunk.len() as u64;
        if size > limit {
            return Err(format!("The archive at {url} is larger than {limit} bytes"));
        }
        file.write_all(&chunk).await.map_err(|error| error.to_string())?;
    }
    file.flush().await.map_err(|error| error.to_string())
}

/// The error with its causes.
fn explain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_that_cannot_be_fetched_are_explained() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        let refused = async |url: &str| fetch(url, &target, 10).await.unwrap_err();
        assert!(refused("not-a-url").await.contains("No scheme supplied"));
        assert!(refused("ftp://host/x").await.contains("No connection adapters"));
        assert!(refused("http://127.0.0.1:1/x").await.contains("127.0.0.1:1"));
        assert!(!target.exists());
    }
}
