//! The tree of files behind `/resources`: blueprints, archives, working folders of deployments,
//! plugins, types.
//!
//! Invariant: no path that a client names leads outside the root, neither by `..` nor through a
//! symbolic link. Layout: spec rest-api.md section 5.4. What lies here belongs to rows of the
//! database; use cases keep the two in step.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use nephele_model::id::{BlueprintId, DeploymentId, TenantName};
use nephele_model::{Error, Result};

use crate::archive::{self, Kind, Limits};

/// The name that archives of folders carry their index of times under.
const INDEX: &str = ".cloudify-index.json";

/// A folder that clients read and, in parts, write.
#[derive(Clone, Debug)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The tree in `root`, which is made if it is not there.
    pub fn open(root: &Path) -> Result<Self> {
        std::fs::create_dir_all(root.join(".uploading")).map_err(Error::internal)?;
        Ok(Self { root: root.canonicalize().map_err(Error::internal)? })
    }

    /// The root itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A folder for files that are not complete yet; on the same disk, so that a rename moves them.
    pub fn uploading(&self) -> PathBuf {
        self.root.join(".uploading")
    }

    /// Where a blueprint lies unpacked.
    pub fn blueprint(&self, tenant: &TenantName, id: &BlueprintId) -> PathBuf {
        self.root.join("blueprints").join(tenant.as_str()).join(id.as_str())
    }

    /// The folder of a blueprint's archive.
    pub fn blueprint_archive_folder(&self, tenant: &TenantName, id: &BlueprintId) -> PathBuf {
        self.root.join("uploaded-blueprints").join(tenant.as_str()).join(id.as_str())
    }

    /// A blueprint's archive of this kind.
    pub fn blueprint_archive(&self, tenant: &TenantName, id: &BlueprintId, kind: Kind) -> PathBuf {
        self.blueprint_archive_folder(tenant, id).join(format!("{id}.{}", kind.extension()))
    }

    /// A blueprint's archive, whatever its kind.
    pub fn find_blueprint_archive(&self, tenant: &TenantName, id: &BlueprintId) -> Option<PathBuf> {
        Kind::ALL.into_iter().map(|kind| self.blueprint_archive(tenant, id, kind)).find(|file| file.is_file())
    }

    /// A plugin's folder.
    pub fn plugin(&self, id: &str) -> PathBuf {
        self.root.join("plugins").join(id)
    }

    /// A deployment's working folder.
    pub fn deployment(&self, tenant: &TenantName, id: &DeploymentId) -> PathBuf {
        self.root.join("deployments").join(tenant.as_str()).join(id.as_str())
    }

    /// The place of a path that a client names, if nothing about it climbs out of the root; it need
    /// not exist. Error: `forbidden_error`.
    pub fn place(&self, path: &str) -> Result<PathBuf> {
        let refused = || Error::forbidden(format!("The path {path} leads outside of the file server"));
        let relative = Path::new(path);
        let plain = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !plain || path.contains('\0') || relative.starts_with(".uploading") {
            return Err(refused());
        }
        let place = self.root.join(relative);
        // The deepest part that exists tells where links lead.
        let mut existing = place.as_path();
        let real = loop {
            match existing.canonicalize() {
                Ok(real) => break real,
                Err(_) => existing = existing.parent().ok_or_else(refused)?,
            }
        };
        if !real.starts_with(&self.root) || existing.symlink_metadata().is_err() {
            return Err(refused());
        }
        // A dangling link would be followed by a later write.
        if place.is_symlink() && !place.exists() {
            return Err(refused());
        }
        Ok(place)
    }

    /// Every file below `folder` with the time of its last change, as ISO 8601 with an offset.
    pub fn index(folder: &Path) -> std::io::Result<BTreeMap<String, String>> {
        let mut index = BTreeMap::new();
        let mut pending = vec![folder.to_owned()];
        while let Some(current) = pending.pop() {
            for entry in std::fs::read_dir(&current)? {
                let entry = entry?;
                let (path, kind) = (entry.path(), entry.file_type()?);
                if kind.is_dir() {
                    pending.push(path);
                } else if kind.is_file() {
                    let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                    index.insert(name, iso(entry.metadata()?.modified()?));
                }
            }
        }
        Ok(index)
    }

    /// Packs every file below `folder` into a `tar.gz` at `into`, with an index of their times.
    pub fn pack(folder: &Path, into: &Path) -> Result<()> {
        let index = Self::index(folder).map_err(Error::internal)?;
        let file = std::fs::File::create(into).map_err(Error::internal)?;
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
        let listing = serde_json::to_vec(&index).map_err(Error::internal)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(listing.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, INDEX, listing.as_slice()).map_err(Error::internal)?;
        for name in index.keys() {
            tar.append_path_with_name(folder.join(name), name).map_err(Error::internal)?;
        }
        tar.into_inner().and_then(flate2::write::GzEncoder::finish).map(drop).map_err(Error::internal)
    }

    /// Packs a blueprint's files into a `tar.gz` with one folder, as uploads have.
    pub fn pack_blueprint(folder: &Path, into: &Path) -> Result<()> {
        let file = std::fs::File::create(into).map_err(Error::internal)?;
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
        tar.follow_symlinks(false);
        tar.append_dir_all("blueprint", folder).map_err(Error::internal)?;
        tar.into_inner().and_then(flate2::write::GzEncoder::finish).map(drop).map_err(Error::internal)
    }

    /// Unpacks a blueprint's archive to `place`, instead of what is there.
    pub fn publish(&self, archive: &Path, place: &Path) -> Result<()> {
        let fresh = tempfile::tempdir_in(self.uploading()).map_err(Error::internal)?;
        archive::unpack(archive, fresh.path(), Limits::default())
            .map_err(|error| Error::bad_parameters(error.to_string()))?;
        let folder = archive::single_folder(fresh.path()).map_err(Error::internal)?;
        let folder = folder.ok_or_else(|| Error::bad_parameters("archive must contain exactly 1 directory"))?;
        replace(&folder, place).map_err(Error::internal)
    }

    /// Unpacks an archive that a client sent into a folder of the tree, over what is there.
    pub fn extract(&self, sent: &Path, into: &Path) -> Result<()> {
        let fresh = tempfile::tempdir_in(self.uploading()).map_err(Error::internal)?;
        archive::unpack(sent, fresh.path(), Limits::default())
            .map_err(|error| Error::bad_parameters(error.to_string()))?;
        std::fs::create_dir_all(into).map_err(Error::internal)?;
        for name in Self::index(fresh.path()).map_err(Error::internal)?.keys().filter(|name| *name != INDEX) {
            let target = into.join(name);
            let relative = target.strip_prefix(&self.root).unwrap_or(&target);
            self.place(&relative.to_string_lossy())?;
            if let Some(parent) = target.parent() {
                std::fs::create_dir_all(parent).map_err(Error::internal)?;
            }
            std::fs::rename(fresh.path().join(name), &target).map_err(Error::internal)?;
        }
        Ok(())
    }

    /// Sets a file's time of last change from ISO 8601 text.
    pub fn set_modified(file: &Path, text: &str) -> Result<()> {
        let time = DateTime::parse_from_rfc3339(text)
            .map_err(|_| Error::bad_parameters(format!("{text} is not a legal time format")))?;
        let since = Duration::from_micros(u64::try_from(time.timestamp_micros()).unwrap_or_default());
        std::fs::File::options()
            .write(true)
            .open(file)
            .and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH + since))
            .map_err(Error::internal)
    }
}

/// Moves a folder to a place, instead of what is there.
pub(crate) fn replace(folder: &Path, place: &Path) -> std::io::Result<()> {
    if let Some(parent) = place.parent() {
        std::fs::create_dir_all(parent)?;
    }
    if place.exists() {
        std::fs::remove_dir_all(place)?;
    }
    std::fs::rename(folder, place)
}

fn iso(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Micros, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        let outside = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::open(&folder.path().join("resources")).unwrap();
        std::fs::create_dir(tree.root().join("deployments")).unwrap();
        std::os::unix::fs::symlink(outside.path(), tree.root().join("deployments/out")).unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all", tree.root().join("deployments/dangling")).unwrap();
        for bad in [
            "../x",
            "/etc/passwd",
            "a/../../x",
            "deployments/out",
            "deployments/out/x",
            "deployments/dangling",
            ".uploading/x",
        ] {
            assert!(tree.place(bad).is_err(), "{bad}");
        }
        assert!(tree.place("deployments/t/d/new file").is_ok());
    }

    #[test]
    fn folders_travel_as_archives() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::open(&folder.path().join("resources")).unwrap();
        let source = tree.root().join("deployments/t/d");
        std::fs::create_dir_all(source.join("sub")).unwrap();
        std::fs::write(source.join("sub/a"), "x").unwrap();
        Tree::set_modified(&source.join("sub/a"), "2024-05-01T10:00:00.123456+00:00").unwrap();
        let packed = folder.path().join("d.tar.gz");
        Tree::pack(&source, &packed).unwrap();
        let target = tree.root().join("deployments/t/e");
        tree.extract(&packed, &target).unwrap();
        let index = Tree::index(&target).unwrap();
        assert_eq!(index.keys().collect::<Vec<_>>(), ["sub/a"]);
        assert_eq!(Tree::index(&source).unwrap()["sub/a"], "2024-05-01T10:00:00.123456+00:00");
    }
}
