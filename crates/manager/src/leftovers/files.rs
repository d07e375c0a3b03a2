//! Files that belong to nothing: uploads that were never finished, folders of what is not there.
//!
//! Invariant: what may still be on its way is none of it. An upload has a day for that; a folder has an hour, since it
//! is made before its row is there.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nephele_model::leftover::LeftoverKind;
use nephele_model::{Error, Result};
use nephele_store::leftovers::{Owner, owners};

use super::Leftover;
use crate::Manager;
use crate::rows::failed;

const UPLOAD: Duration = Duration::from_hours(24);
const FOLDER: Duration = Duration::from_hours(1);

/// Folders with one folder for each owner, below one for each tenant if it has one.
const OWNED: [(&str, Owner); 4] = [
    ("blueprints", Owner::Blueprints),
    ("uploaded-blueprints", Owner::Blueprints),
    ("deployments", Owner::Deployments),
    ("plugins", Owner::Plugins),
];

impl Manager {
    pub(super) async fn lost_files(&self) -> Result<Vec<Leftover>> {
        let mut found = Vec::new();
        let now = SystemTime::UNIX_EPOCH + Duration::from_micros(self.clock.now().micros().unsigned_abs());
        let older = |folder, age| older(folder, now.checked_sub(age).unwrap_or(now));
        for path in older(self.files.uploading(), UPLOAD).await? {
            found.push(self.lost(LeftoverKind::Temporary, &path, "it is of an upload that was never finished"));
        }
        for (name, owner) in OWNED {
            let root = self.files.root().join(name);
            // First the folders, then the rows: what comes in between has both.
            let tenants = if owner == Owner::Plugins { vec![root] } else { older(root, Duration::ZERO).await? };
            let mut folders = Vec::new();
            for tenant in tenants {
                folders.extend(older(tenant, FOLDER).await?);
            }
            if folders.is_empty() {
                continue;
            }
            let known: HashSet<(String, String)> =
                owners(&*self.store, owner).await.map_err(failed)?.into_iter().collect();
            for folder in folders {
                let tenant = if owner == Owner::Plugins { String::new() } else { last(folder.parent()) };
                if !known.contains(&(tenant, last(Some(&folder)))) {
                    found.push(self.lost(LeftoverKind::Folder, &folder, "it belongs to nothing that is there"));
                }
            }
        }
        Ok(found)
    }

    fn lost(&self, kind: LeftoverKind, path: &Path, problem: &str) -> Leftover {
        let below = path.strip_prefix(self.files.root()).unwrap_or(path);
        Leftover::file(kind, below.to_string_lossy().into_owned(), problem)
    }

    /// Removes what [`Self::lost_files`] has found.
    pub(super) async fn remove_lost(&self, path: &str) -> Result<()> {
        let place = self.files.root().join(path);
        let kind = tokio::fs::symlink_metadata(&place).await.map_err(Error::internal)?;
        let removed =
            if kind.is_dir() { tokio::fs::remove_dir_all(place).await } else { tokio::fs::remove_file(place).await };
        removed.map_err(Error::internal)
    }
}

/// What lies in a folder and was last changed before this time; nothing, if there is no such folder.
async fn older(folder: PathBuf, before: SystemTime) -> Result<Vec<PathBuf>> {
    let look = move || {
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            // What has gone since is none of it.
            let changed = entry.metadata().and_then(|about| about.modified());
            if changed.is_ok_and(|changed| changed <= before) {
                found.push(entry.path());
            }
        }
        found.sort();
        std::io::Result::Ok(found)
    };
    tokio::task::spawn_blocking(look).await.map_err(Error::internal)?.map_err(Error::internal)
}

fn last(path: Option<&Path>) -> String {
    path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
