//! Unpacks the archives that users bring, without trusting them.
//!
//! Invariant: nothing is written outside the target folder, and neither the number of entries nor
//! the bytes written exceed the [`Limits`], whatever the archive says of itself. Links are made
//! after all files are written and only when they point inside the folder, so no write ever goes
//! through one. Everything here blocks: call it on a blocking thread.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use bzip2::read::BzDecoder;
use flate2::read::GzDecoder;

/// Bytes that are copied at once.
const BLOCK: usize = 64 << 10;

/// The kinds of archive that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `.zip`
    Zip,
    /// `.tar`
    Tar,
    /// `.tar.gz`
    TarGz,
    /// `.tar.bz2`
    TarBz2,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Zip, Self::Tar, Self::TarGz, Self::TarBz2];

    /// Tells the kind by the first bytes; `None` when it is none of them.
    pub fn detect(archive: &Path) -> io::Result<Option<Self>> {
        let mut head = Vec::with_capacity(512);
        File::open(archive)?.take(512).read_to_end(&mut head)?;
        Ok(match head.as_slice() {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            [0x1f, 0x8b, ..] => Some(Self::TarGz),
            [b'B', b'Z', b'h', ..] => Some(Self::TarBz2),
            head if head.get(257..262) == Some(b"ustar") => Some(Self::Tar),
            _ => None,
        })
    }

    /// The file name's ending, without the first dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::TarGz => "tar.gz",
            Self::TarBz2 => "tar.bz2",
        }
    }
}

/// How much an archive may unfold to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Files and folders.
    pub entries: u64,
    /// Bytes of all files together.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 200_000, bytes: 8 << 30 }
    }
}

/// Why an archive was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first bytes are those of no known kind.
    #[error("the archive is of an unrecognized format; use one of zip, tar, tar.gz, tar.bz2")]
    UnknownKind,
    /// An entry would be written outside the folder.
    #[error("the archive holds the path `{0}`, which leads outside of its folder")]
    Outside(String),
    /// It unfolds to more than is allowed.
    #[error("the archive unfolds to more than {0}")]
    TooLarge(String),
    /// It is cut off or damaged.
    #[error("the archive is damaged or incomplete: {0}")]
    Damaged(String),
    /// The folder cannot be written.
    #[error("the archive cannot be unpacked: {0}")]
    Write(#[source] io::Error),
}

/// Unpacks `archive` into the existing folder `into`.
pub fn unpack(archive: &Path, into: &Path, limits: Limits) -> Result<(), Error> {
    let kind = Kind::detect(archive).map_err(Error::Write)?.ok_or(Error::UnknownKind)?;
    let file = io::BufReader::new(File::open(archive).map_err(Error::Write)?);
    let mut sink = Sink::new(into, limits);
    match kind {
        Kind::Zip => unpack_zip(file, &mut sink)?,
        Kind::Tar => unpack_tar(file, &mut sink)?,
        Kind::TarGz => unpack_tar(GzDecoder::new(file), &mut sink)?,
        Kind::TarBz2 => unpack_tar(BzDecoder::new(file), &mut sink)?,
    }
    sink.make_links()
}

/// The content of the first file whose path is `wanted`, `None` when there is none.
///
/// Errors: it has more than `most` bytes, or the archive is none or damaged.
pub fn read_file(archive: &Path, wanted: impl Fn(&Path) -> bool, most: u64) -> Result<Option<Vec<u8>>, Error> {
    let damaged = |error: &dyn std::fmt::Display| Error::Damaged(error.to_string());
    let content = |reader: &mut dyn Read| {
        let mut bytes = Vec::new();
        reader.take(most + 1).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
        if bytes.len() as u64 > most {
            return Err(Error::TooLarge(format!("{most} bytes in one description")));
        }
        Ok(Some(bytes))
    };
    let kind = Kind::detect(archive).map_err(Error::Write)?.ok_or(Error::UnknownKind)?;
    let file = io::BufReader::new(File::open(archive).map_err(Error::Write)?);
    let stream: Box<dyn Read> = match kind {
        Kind::Zip => {
            let mut archive = zip::ZipArchive::new(file).map_err(|error| damaged(&error))?;
            for index in 0..archive.len() {
                let mut entry = archive.by_index(index).map_err(|error| damaged(&error))?;
                let name = PathBuf::from(entry.name().map_err(|error| damaged(&error))?.as_ref());
                if entry.is_file() && wanted(&name) {
                    return content(&mut entry);
                }
            }
            return Ok(None);
        }
        Kind::Tar => Box::new(file),
        Kind::TarGz => Box::new(GzDecoder::new(file)),
        Kind::TarBz2 => Box::new(BzDecoder::new(file)),
    };
    // What is skipped on the way is unfolded all the same.
    let mut archive = tar::Archive::new(stream.take(Limits::default().bytes));
    for entry in archive.entries().map_err(|error| damaged(&error))? {
        let mut entry = entry.map_err(|error| damaged(&error))?;
        let name = entry.path().map_err(|error| damaged(&error))?.into_owned();
        if entry.header().entry_type().is_file() && wanted(&name) {
            return content(&mut entry);
        }
    }
    Ok(None)
}

/// The only folder of `unpacked`, as a blueprint archive must have. `None` when there is not
/// exactly one.
pub fn single_folder(unpacked: &Path) -> io::Result<Option<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(unpacked)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(if folders.len() == 1 { folders.pop() } else { None })
}

fn unpack_tar(reader: impl Read, sink: &mut Sink<'_>) -> Result<(), Error> {
    let damaged = |error: io::Error| Error::Damaged(error.to_string());
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.into_owned();
        let header = entry.header();
        let mode = header.mode().unwrap_or(0o644);
        match header.entry_type() {
            tar::EntryType::Directory => sink.folder(&name)?,
            tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => {
                let size = entry.size();
                sink.file(&name, mode, Some(size), &mut entry)?;
            }
            link @ (tar::EntryType::Symlink | tar::EntryType::Link) => {
                let Some(target) = entry.link_name().map_err(damaged)? else { continue };
                sink.link(&name, &target, link == tar::EntryType::Link)?;
            }
            // Devices, pipes and the global headers of `git archive` have no place in a blueprint.
            _ => {}
        }
    }
    Ok(())
}

fn unpack_zip(reader: impl Read + Seek, sink: &mut Sink<'_>) -> Result<(), Error> {
    let damaged = |error: zip::result::ZipError| Error::Damaged(error.to_string());
    let mut archive = zip::ZipArchive::new(reader).map_err(damaged)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(damaged)?;
        let name = PathBuf::from(entry.name().map_err(damaged)?.as_ref());
        let mode = entry.unix_mode().unwrap_or(0o644);
        if entry.is_dir() {
            sink.folder(&name)?;
        } else if mode & 0o170_000 == 0o120_000 {
            let mut target = String::new();
            entry.by_ref().take(4096).read_to_string(&mut target).map_err(|error| Error::Damaged(error.to_string()))?;
            sink.link(&name, Path::new(&target), false)?;
        } else {
            sink.file(&name, mode, None, &mut entry)?;
        }
    }
    Ok(())
}

struct Link {
    at: PathBuf,
    to: PathBuf,
    hard: bool,
}

/// Writes entries below one folder and keeps count.
pub(crate) struct Sink<'a> {
    root: &'a Path,
    left: Limits,
    limits: Limits,
    links: Vec<Link>,
}

impl<'a> Sink<'a> {
    /// Nothing is written yet.
    pub(crate) const fn new(root: &'a Path, limits: Limits) -> Self {
        Self { root, left: limits, limits, links: Vec::new() }
    }

    /// The place of an entry, or a refusal. `.` is allowed, everything that climbs is not.
    fn place(&mut self, name: &Path) -> Result<Option<PathBuf>, Error> {
        self.left.entries = self
            .left
            .entries
            .checked_sub(1)
            .ok_or_else(|| Error::TooLarge(format!("{} files and folders", self.limits.entries)))?;
        let inside = inside(Path::new(""), name).ok_or_else(|| Error::Outside(name.display().to_string()))?;
        Ok((!inside.as_os_str().is_empty()).then(|| self.root.join(inside)))
    }

    pub(crate) fn folder(&mut self, name: &Path) -> Result<(), Error> {
        let Some(place) = self.place(name)? else { return Ok(()) };
        fs::create_dir_all(place).map_err(Error::Write)
    }

    pub(crate) fn file(
        &mut self,
        name: &Path,
        mode: u32,
        size: Option<u64>,
        content: &mut impl Read,
    ) -> Result<(), Error> {
        let Some(place) = self.place(name)? else { return Ok(()) };
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(Error::Write)?;
        }
        let mut file = File::create(&place).map_err(Error::Write)?;
        // One byte more than is left tells "just fits" from "too large".
        let allowed = self.left.bytes.saturating_add(1);
        let written = copy(&mut content.take(allowed), &mut file)?;
        self.left.bytes = self
            .left
            .bytes
            .checked_sub(written)
            .ok_or_else(|| Error::TooLarge(format!("{} bytes", self.limits.bytes)))?;
        if size.is_some_and(|size| size != written) {
            return Err(Error::Damaged(format!("`{}` is cut off", name.display())));
        }
        let executable = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
        fs::set_permissions(&place, fs::Permissions::from_mode(executable)).map_err(Error::Write)
    }

    pub(crate) fn link(&mut self, name: &Path, target: &Path, hard: bool) -> Result<(), Error> {
        let outside = || Error::Outside(format!("{} -> {}", name.display(), target.display()));
        let Some(at) = self.place(name)? else { return Ok(()) };
        let base = if hard { Path::new("") } else { name.parent().unwrap_or_else(|| Path::new("")) };
        let resolved = inside(base, target).ok_or_else(outside)?;
        let to = if hard { self.root.join(resolved) } else { target.to_owned() };
        self.links.push(Link { at, to, hard });
        Ok(())
    }

    pub(crate) fn make_links(self) -> Result<(), Error> {
        for link in self.links {
            if let Some(parent) = link.at.parent() {
                fs::create_dir_all(parent).map_err(Error::Write)?;
                // A parent that is itself a link would make `..` mean another folder than was checked.
                let real = parent.canonicalize().map_err(Error::Write)?;
                let expected = self.root.canonicalize().map_err(Error::Write)?;
                if parent.strip_prefix(self.root).map(|below| expected.join(below)).ok() != Some(real) {
                    return Err(Error::Outside(link.at.display().to_string()));
                }
            }
            let made = if link.hard {
                fs::copy(&link.to, &link.at).map(drop)
            } else {
                std::os::unix::fs::symlink(&link.to, &link.at)
            };
            made.map_err(Error::Write)?;
        }
        Ok(())
    }
}

/// Copies and counts: what cannot be read is the archive's fault, what cannot be written the disk's.
fn copy(content: &mut impl Read, file: &mut File) -> Result<u64, Error> {
    let mut buffer = vec![0; BLOCK];
    let mut written = 0;
    loop {
        let read = match content.read(&mut buffer) {
            Ok(0) => return Ok(written),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::Damaged(error.to_string())),
        };
        file.write_all(&buffer[..read]).map_err(Error::Write)?;
        written += read as u64;
    }
}

/// Whether a path leads nowhere but into the folder that it is unpacked in.
pub(crate) fn is_inside(path: &str) -> bool {
    !path.contains('\0') && inside(Path::new(""), Path::new(path)).is_some()
}

/// `path` below `base` without `.` and `..`, or `None` when it leads outside. `..` is taken only at
/// the beginning: behind a name it could climb out of what a link points to.
fn inside(base: &Path, path: &Path) -> Option<PathBuf> {
    let mut result: PathBuf = base.components().filter(|component| matches!(component, Component::Normal(_))).collect();
    let mut named = false;
    for component in path.components() {
        match component {
            Component::Normal(part) => {
                result.push(part);
                named = true;
            }
            Component::CurDir => {}
            Component::ParentDir if !named && result.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar_with(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o755);
            // Set by hand: the builder itself refuses paths that climb.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn unpacked(bytes: &[u8], limits: Limits) -> (tempfile::TempDir, Result<(), Error>) {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        fs::write(&archive, bytes).unwrap();
        let into = folder.path().join("into");
        fs::create_dir(&into).unwrap();
        let result = unpack(&archive, &into, limits);
        (folder, result)
    }

    #[test]
    fn unpacks_files_with_their_mode() {
        let (folder, result) = unpacked(&tar_with(&[("bp/run.sh", b"echo")]), Limits::default());
        result.unwrap();
        let file = folder.path().join("into/bp/run.sh");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(single_folder(&folder.path().join("into")).unwrap(), file.parent().map(Path::to_owned));
    }

    #[test]
    fn refuses_paths_that_climb() {
        for name in ["../evil", "bp/../../evil", "/etc/evil"] {
            let (folder, result) = unpacked(&tar_with(&[(name, b"x")]), Limits::default());
            assert!(matches!(result, Err(Error::Outside(_))), "{name}: {result:?}");
            assert!(!folder.path().join("evil").exists());
        }
    }

    #[test]
    fn refuses_bombs_and_cut_off_archives() {
        let many = tar_with(&[("a/1", b"x"), ("a/2", b"x")]);
        let (_folder, result) = unpacked(&many, Limits { entries: 1, bytes: 100 });
        assert!(matches!(result, Err(Error::TooLarge(_))));
        let big = tar_with(&[("a/1", &[0; 5000])]);
        let (_folder, result) = unpacked(&big, Limits { entries: 10, bytes: 4999 });
        assert!(matches!(result, Err(Error::TooLarge(_))));
        let (_folder, result) = unpacked(&big[..3000], Limits::default());
        assert!(matches!(result, Err(Error::Damaged(_))), "{result:?}");
        let (_folder, result) = unpacked(b"no archive", Limits::default());
        assert!(matches!(result, Err(Error::UnknownKind)));
    }

    #[test]
    fn links_stay_inside() {
        assert_eq!(inside(Path::new("bp/a"), Path::new("../b")), Some(PathBuf::from("bp/b")));
        assert_eq!(inside(Path::new("bp"), Path::new("../../b")), None);
        assert_eq!(inside(Path::new("bp"), Path::new("/etc/passwd")), None);
        assert_eq!(inside(Path::new("bp"), Path::new("link/../../x")), None);
    }
}
