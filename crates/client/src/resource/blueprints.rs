//! Blueprints: archives in, plans out.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde::Serialize;
use serde_json::Value;

use crate::{Error, Result};

super::resource!(
    /// Uploaded blueprints.
    Blueprints,
    blueprints
);
super::listed!(Blueprints, "blueprints", get);

/// What goes with an archive.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Upload {
    /// Where the archive lies: a zip or a tar, plain or compressed.
    #[serde(skip)]
    pub archive: PathBuf,
    /// The blueprint's file inside the archive's folder; `None` means `blueprint.yaml`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_file_name: Option<String>,
    /// `private`, `tenant` or `global`; `None` means `tenant`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// Labels as `{key, value}`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Value>,
    /// Return before the blueprint is parsed.
    pub async_upload: bool,
}

impl Blueprints<'_> {
    /// Uploads an archive and gives the blueprint as it stands then.
    pub async fn upload(&self, id: &str, upload: &Upload) -> Result<Value> {
        let cannot =
            |what: &Path, error: &dyn std::fmt::Display| Error::Settings(format!("{}: {error}", what.display()));
        let archive = tokio::fs::read(&upload.archive).await.map_err(|error| cannot(&upload.archive, &error))?;
        let params = serde_json::to_string(upload).map_err(|error| cannot(&upload.archive, &error))?;
        let form = Form::new()
            .part("params", Part::text(params))
            .part("blueprint_archive", Part::bytes(archive).file_name("filename"));
        self.0.json(self.0.api(Method::PUT, &["blueprints", id]).multipart(form)).await
    }

    /// The archive as it was uploaded.
    pub async fn download(&self, id: &str) -> Result<Bytes> {
        self.0.bytes(self.0.api(Method::GET, &["blueprints", id, "archive"])).await
    }

    /// Deletes one; `force` also when deployments use it.
    pub async fn delete(&self, id: &str, force: bool) -> Result<()> {
        let force = [("force", force.to_string())];
        self.0.send(self.0.api(Method::DELETE, &["blueprints", id]).query(&force)).await.map(drop)
    }
}
