//! The file tree of a restored snapshot takes the place of the one before.
//!
//! Invariant: the transaction of the restore decides. It leaves a note of the folder whose files belong to the new rows;
//! from then on each part of the tree is moved once, now or at the next start, and a folder without a note is waste.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nephele_model::{Error, Result};
use nephele_store::{Db, settings};

use super::AREAS;
use crate::rows::failed;

/// The note of the folder that is to be moved in.
const NOTE: &str = "restored_files";

fn folders(data_dir: &Path) -> PathBuf {
    data_dir.join("restoring")
}

/// An empty folder to unpack into, on the tree's disk.
pub(super) fn prepare(data_dir: &Path) -> Result<tempfile::TempDir> {
    let folder = folders(data_dir);
    fs::create_dir_all(&folder).map_err(Error::internal)?;
    let fresh = tempfile::tempdir_in(folder).map_err(Error::internal)?;
    // A part that is not there any more has been moved.
    for area in AREAS {
        fs::create_dir_all(fresh.path().join("resources").join(area)).map_err(Error::internal)?;
    }
    Ok(fresh)
}

/// Decides that a folder's files are the tree's, in the transaction that brings their rows.
pub(super) async fn decide(db: &dyn Db, folder: &Path) -> Result<()> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    settings::put(db, NOTE, &name).await.map_err(failed)
}

/// Moves in what was decided upon, and removes what was not.
pub(crate) async fn complete(db: &dyn Db, data_dir: &Path) -> Result<()> {
    let waiting = folders(data_dir);
    if !waiting.exists() {
        return Ok(());
    }
    let decided = settings::get(db, NOTE).await.map_err(failed)?.unwrap_or_default();
    let (from, root) = (waiting.join(&decided), data_dir.join("resources"));
    if !decided.is_empty() && from.is_dir() {
        move_in(&from, &root).map_err(Error::internal)?;
    }
    if !decided.is_empty() {
        settings::put(db, NOTE, "").await.map_err(failed)?;
    }
    fs::remove_dir_all(waiting).map_err(Error::internal)
}

fn move_in(from: &Path, root: &Path) -> io::Result<()> {
    for area in AREAS {
        let (new, old) = (from.join("resources").join(area), from.join("before").join(area));
        if !new.exists() {
            continue;
        }
        let place = root.join(area);
        if place.exists() {
            fs::create_dir_all(from.join("before"))?;
            if old.exists() {
                // Something came up in the place between two attempts.
                fs::remove_dir_all(&old)?;
            }
            fs::rename(&place, &old)?;
        }
        fs::rename(&new, &place)?;
    }
    Ok(())
}
