//! Snapshots that build on others: found by what they say of their bases, and put together.
//!
//! Invariant: a base is known by its checksums, whatever it is called and wherever it comes from. One that others build on
//! is not deleted.

use std::path::{Path, PathBuf};

use nephele_model::{Error, Result};
use nephele_store::exports::{self as rows, Export};
use tempfile::{NamedTempFile, TempPath};

use super::opened::{Checked, Opened};
use super::{Base, Kind, increment, unusable};
use crate::Manager;
use crate::rows::failed;
use crate::workflows::upload::blocking;

/// Checks an archive from the first byte to the last; one that builds on another together with it, if that is among
/// `bases`.
///
/// Error: `snapshot_action_error` with what is wrong.
pub fn verify(archive: &Path, bases: &[PathBuf]) -> Result<Checked> {
    let found = Opened::open(archive)?.check(None)?;
    if found.base.is_none() || bases.is_empty() {
        return Ok(found);
    }
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    match whole(archive, bases, folder.path())? {
        Some(whole) => Opened::open(&whole)?.check(None),
        None => Ok(found),
    }
}

/// The whole that an archive stands for; nothing if it is whole itself.
fn whole(archive: &Path, bases: &[PathBuf], folder: &Path) -> Result<Option<TempPath>> {
    let Some(wanted) = Opened::open(archive)?.metadata.base else { return Ok(None) };
    let mut found = None;
    for base in bases {
        // What is no snapshot of ours is nobody's base.
        if let Ok(mut opened) = Opened::open(base)
            && opened.identity()? == wanted.sums
        {
            opened.check(None)?;
            found = Some(base);
            break;
        }
    }
    let base = found.ok_or_else(|| {
        unusable(format!(
            "it has only what changed since a snapshot of {}, which is not here. Bring that one as well",
            wanted.created_at
        ))
    })?;
    let whole_base = whole(base, bases, folder)?;
    let target = NamedTempFile::new_in(folder).map_err(Error::internal)?;
    let file = target.as_file().try_clone().map_err(Error::internal)?;
    increment::assemble(whole_base.as_deref().unwrap_or(base), archive, file)?;
    let target = target.into_temp_path();
    increment::compare(&target, archive)?;
    Ok(Some(target))
}

impl Manager {
    /// The archives of all snapshots here.
    async fn archives(&self) -> Result<Vec<(Export, PathBuf)>> {
        let all = rows::all(&*self.store, Kind::Snapshot).await.map_err(failed)?;
        let placed = all.into_iter().map(|export| {
            let place = self.place_of(Kind::Snapshot, &export);
            (export, place)
        });
        Ok(placed.filter(|(_, place)| place.is_file()).collect())
    }

    /// The whole that an archive stands for, with the help of others that are here; nothing if it is whole itself.
    pub(super) async fn whole_of(&self, archive: PathBuf) -> Result<Option<TempPath>> {
        let bases: Vec<PathBuf> = self.archives().await?.into_iter().map(|(_, place)| place).collect();
        let folder = self.files.uploading();
        blocking(move || whole(&archive, &bases, &folder)).await?
    }

    /// What a snapshot has that another one has not.
    pub(in crate::exports) async fn reduced(&self, snapshot: TempPath, base: PathBuf) -> Result<TempPath> {
        let whole_base = self.whole_of(base.clone()).await?;
        let folder = self.files.uploading();
        blocking(move || {
            let mut opened = Opened::open(&base)?;
            let about = Base { created_at: opened.metadata.created_at, sums: opened.identity()? };
            let target = NamedTempFile::new_in(folder).map_err(Error::internal)?;
            let file = target.as_file().try_clone().map_err(Error::internal)?;
            increment::reduce(whole_base.as_deref().unwrap_or(&base), about, &snapshot, file)?;
            Ok(target.into_temp_path())
        })
        .await?
    }

    /// A snapshot that builds on this one.
    pub(in crate::exports) async fn built_on(&self, export: &Export) -> Result<Option<String>> {
        let base = self.place_of(Kind::Snapshot, export);
        let others = self.archives().await?;
        blocking(move || {
            let Ok(mut opened) = Opened::open(&base) else { return Ok(None) };
            let identity = opened.identity()?;
            let builds = |place: &PathBuf| {
                let base = Opened::open(place).ok().and_then(|opened| opened.metadata.base);
                base.is_some_and(|base| base.sums == identity)
            };
            Ok(others.into_iter().find(|(_, place)| builds(place)).map(|(export, _)| export.id))
        })
        .await?
    }
}
