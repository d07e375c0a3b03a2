//! Packs the folder of a blueprint into a tar.gz below one top folder, as the manager wants it.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

/// The whole folder that `blueprint` lies in, and the blueprint's name inside it.
pub(crate) fn folder_of(blueprint: &Path) -> anyhow::Result<(NamedTempFile, String)> {
    let shown = blueprint.display();
    File::open(blueprint).with_context(|| format!("the blueprint {shown} cannot be read"))?;
    let file = blueprint.canonicalize().with_context(|| shown.to_string())?;
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        anyhow::bail!("{shown} is not a file");
    };
    Ok((self::folder(folder)?, name.to_string_lossy().into_owned()))
}

/// The same with a picture for the console in it.
pub(crate) fn folder_with(blueprint: &Path, icon: &Path) -> anyhow::Result<(NamedTempFile, String)> {
    let shown = blueprint.display();
    let file = blueprint.canonicalize().with_context(|| format!("the blueprint {shown} cannot be read"))?;
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        anyhow::bail!("{shown} is not a file");
    };
    Ok((packed(folder, Some(icon))?, name.to_string_lossy().into_owned()))
}

/// A whole folder below one top folder.
pub(crate) fn folder(folder: &Path) -> anyhow::Result<NamedTempFile> {
    packed(folder, None)
}

fn packed(folder: &Path, icon: Option<&Path>) -> anyhow::Result<NamedTempFile> {
    let top = folder.file_name().map_or_else(|| "blueprint".to_owned(), |name| name.to_string_lossy().into_owned());
    let packed = NamedTempFile::new().context("a temporary file for the archive")?;
    let mut archive = tar::Builder::new(GzEncoder::new(packed, Compression::default()));
    archive.append_dir_all(&top, folder).with_context(|| format!("packing {}", folder.display()))?;
    if let Some(icon) = icon {
        let place = Path::new(&top).join("icon.png");
        archive
            .append_path_with_name(icon, place)
            .with_context(|| format!("the icon {} cannot be read", icon.display()))?;
    }
    let mut packed = archive.into_inner()?.finish()?;
    packed.flush()?;
    Ok(packed)
}

/// Whether this file is an archive already, by its name.
pub(crate) fn is_archive(path: &Path) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"].iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_come_along_below_one_folder() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("shop");
        std::fs::create_dir_all(folder.join("scripts")).unwrap();
        std::fs::write(folder.join("blueprint.yaml"), "").unwrap();
        std::fs::write(folder.join("scripts/start.sh"), "exit 0").unwrap();
        let (packed, name) = folder_of(&folder.join("blueprint.yaml")).unwrap();
        assert_eq!(name, "blueprint.yaml");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed.reopen().unwrap()));
        let names: Vec<_> =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        assert!(names.contains(&"shop/scripts/start.sh".to_owned()), "{names:?}");
        assert!(folder_of(&folder.join("other.yaml")).is_err());
    }
}
