//! The files of a blueprint as they were unpacked: which there are, and where each lies.
//!
//! Invariant: no path leads out of the blueprint's folder, neither by `..` nor through a symbolic link.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use nephele_model::id::BlueprintId;
use nephele_model::{Code, Error, Result, Timestamp};
use serde::Serialize;

use crate::files::Tree;
use crate::workflows::upload::blocking;
use crate::{Ctx, Manager};

/// The files of a blueprint.
#[derive(Debug, Serialize)]
pub struct BlueprintFiles {
    blueprint_id: BlueprintId,
    /// The one that the manager reads first.
    main_file_name: Option<String>,
    items: Vec<File>,
}

/// A file.
#[derive(Debug, Serialize)]
struct File {
    /// Its place in the blueprint's folder.
    path: String,
    /// In bytes.
    size: u64,
    modified_at: Timestamp,
}

impl Manager {
    /// The files of a blueprint by their paths; none of one whose archive was not unpacked.
    pub async fn blueprint_files(&self, ctx: &Ctx, id: &str) -> Result<BlueprintFiles> {
        let blueprint = self.find_blueprint(ctx, id).await?;
        let folder = self.files.blueprint(&blueprint.tenant_name, &blueprint.id);
        let items = blocking(move || files(&folder)).await?.map_err(Error::internal)?;
        Ok(BlueprintFiles { blueprint_id: blueprint.id, main_file_name: blueprint.main_file_name, items })
    }

    /// Where a file of a blueprint lies.
    pub async fn blueprint_file(&self, ctx: &Ctx, id: &str, path: &str) -> Result<PathBuf> {
        let blueprint = self.find_blueprint(ctx, id).await?;
        let folder = self.files.blueprint(&blueprint.tenant_name, &blueprint.id);
        let relative = folder.strip_prefix(self.files.root()).unwrap_or(&folder).join(path.trim_start_matches('/'));
        let place = self.files.place(&relative.to_string_lossy())?;
        let absent = || Error::new(Code::NotFound, format!("Blueprint `{id}` has no file {path}"));
        let inside = |place: &Path| Some(place.canonicalize().ok()?.starts_with(folder.canonicalize().ok()?));
        if place.is_file() && inside(&place) == Some(true) { Ok(place) } else { Err(absent()) }
    }
}

fn files(folder: &Path) -> std::io::Result<Vec<File>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for path in Tree::index(folder)?.into_keys() {
        let metadata = folder.join(&path).metadata()?;
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let modified_at = Timestamp::from_micros(i64::try_from(modified.as_micros()).unwrap_or(i64::MAX));
        files.push(File { path, size: metadata.len(), modified_at });
    }
    Ok(files)
}
