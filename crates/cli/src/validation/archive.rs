//! The archive of a blueprint, read into memory: nothing is unpacked, so no entry can lead anywhere.
//!
//! Links count as absent, and so does the content of large files: both are nothing that a blueprint is
//! written in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Component, Path};

use anyhow::{Context, bail};
use bzip2::read::BzDecoder;
use flate2::read::GzDecoder;

/// Files up to this size are read; a blueprint's text is far smaller.
const LARGEST: u64 = 16 << 20;
/// How much is read of all files together.
const MOST_BYTES: u64 = 512 << 20;
/// How many files there may be.
const MOST_FILES: usize = 200_000;

/// What an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Zip,
    Tar,
    TarGz,
    TarBz2,
}

impl Kind {
    /// Tells by the first bytes; nothing for a file that is no archive.
    pub(crate) fn detect(path: &Path) -> io::Result<Option<Self>> {
        let mut head = Vec::with_capacity(262);
        File::open(path)?.take(262).read_to_end(&mut head)?;
        Ok(match head.as_slice() {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            [0x1f, 0x8b, ..] => Some(Self::TarGz),
            [b'B', b'Z', b'h', ..] => Some(Self::TarBz2),
            head if head.ends_with(b"ustar") && head.len() == 262 => Some(Self::Tar),
            _ => None,
        })
    }
}

/// The files in the one folder of an archive, by their path in it; the text of those that are text.
pub(crate) struct Archive(BTreeMap<String, Option<String>>);

impl Archive {
    /// Errors: it is damaged or too large, or does not hold exactly one folder.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let kind = Kind::detect(path)?.context("it is no archive")?;
        let file = BufReader::new(File::open(path)?);
        let mut files = Files { found: BTreeMap::new(), left: MOST_BYTES };
        match kind {
            Kind::Zip => zip(file, &mut files),
            Kind::Tar => tar(file, &mut files),
            Kind::TarGz => tar(GzDecoder::new(file), &mut files),
            Kind::TarBz2 => tar(BzDecoder::new(file), &mut files),
        }?;
        let folders: BTreeSet<&str> = files.found.keys().filter_map(|name| Some(name.split_once('/')?.0)).collect();
        let (1, Some(folder)) = (folders.len(), folders.first()) else {
            bail!("it must hold exactly one folder with the blueprint in it");
        };
        let prefix = format!("{folder}/");
        let inside =
            files.found.into_iter().filter_map(|(name, text)| Some((name.strip_prefix(&prefix)?.to_owned(), text)));
        Ok(Self(inside.collect()))
    }

    /// The text of a file, by its path or location.
    pub(crate) fn text(&self, location: &str) -> Option<&str> {
        self.0.get(&inside(location)?)?.as_deref()
    }

    /// Whether there is a file.
    pub(crate) fn has(&self, location: &str) -> bool {
        inside(location).is_some_and(|path| self.0.contains_key(&path))
    }

    /// The names of the YAML files beside each other at the top.
    pub(crate) fn yaml_files(&self) -> String {
        let is_yaml = |name: &&String| !name.contains('/') && [".yaml", ".yml"].iter().any(|end| name.ends_with(end));
        self.0.keys().filter(is_yaml).map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// The path within the folder; nothing if it leads out.
fn inside(location: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for component in Path::new(location.strip_prefix("file:").unwrap_or(location)).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir => parts.pop().map(drop)?,
            Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

struct Files {
    found: BTreeMap<String, Option<String>>,
    left: u64,
}

impl Files {
    fn add(&mut self, name: &str, content: &mut impl Read) -> anyhow::Result<()> {
        let path = inside(name).with_context(|| format!("it holds the path {name}, which leads out of it"))?;
        if self.found.len() >= MOST_FILES {
            bail!("it holds more than {MOST_FILES} files");
        }
        let mut bytes = Vec::new();
        content.take(LARGEST + 1).read_to_end(&mut bytes).with_context(|| format!("{name} is damaged or cut off"))?;
        let length = u64::try_from(bytes.len())?;
        self.left = self.left.checked_sub(length).with_context(|| format!("it holds more than {MOST_BYTES} bytes"))?;
        let text = (length <= LARGEST).then(|| String::from_utf8(bytes).ok()).flatten();
        self.found.insert(path, text);
        Ok(())
    }
}

fn tar(reader: impl Read, files: &mut Files) -> anyhow::Result<()> {
    for entry in tar::Archive::new(reader).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let name = entry.path()?.to_string_lossy().into_owned();
            files.add(&name, &mut entry)?;
        }
    }
    Ok(())
}

fn zip(reader: impl Read + Seek, files: &mut Files) -> anyhow::Result<()> {
    let mut archive = zip::ZipArchive::new(reader)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        if entry.is_file() {
            let name = entry.name()?.into_owned();
            files.add(&name, &mut entry)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(names: &[&str]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for name in names {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(name.as_bytes()).unwrap();
        }
        file.write_all(archive.finish().unwrap().get_ref()).unwrap();
        file
    }

    #[test]
    fn files_are_known_by_their_path_in_the_folder() {
        let file = packed(&["shop/blueprint.yaml", "shop/types/a.yaml", "readme.txt"]);
        let archive = Archive::read(file.path()).unwrap();
        assert_eq!(archive.text("file:/types/../blueprint.yaml"), Some("shop/blueprint.yaml"));
        assert!(archive.has("types/a.yaml") && !archive.has("file:/../readme.txt"));
        assert_eq!(archive.yaml_files(), "blueprint.yaml");
    }

    #[test]
    fn two_folders_and_ways_out_are_refused() {
        assert!(Archive::read(packed(&["a/x.yaml", "b/y.yaml"]).path()).is_err());
        assert!(Archive::read(packed(&["a/x.yaml", "../y.yaml"]).path()).is_err());
    }
}
