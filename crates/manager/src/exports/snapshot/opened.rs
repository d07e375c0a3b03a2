//! A snapshot's archive that is read, without trusting it.
//!
//! Invariant: nothing is taken from an entry before its size and checksum were found right, no entry is written
//! outside of its folder, and no more is unfolded than an honest archive of this size can hold.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use nephele_model::{Error, Result};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::super::advice;
use super::increment::SUMS;
use super::{CHECKSUMS, FORMAT, KEY, METADATA, Metadata, Sealed, unusable};
use crate::archive::{self, Limits, Sink};
use crate::crypto::hex;

/// Text packs well, but not better than this; what is smaller than [`FLOOR`] is never too large.
pub(crate) const RATIO: u64 = 250;
pub(crate) const FLOOR: u64 = 1 << 30;
/// Metadata, keys: small things that are read as a whole.
const SMALL: u64 = 16 << 20;

/// An archive whose checksums are known.
pub(super) struct Opened {
    zip: ZipArchive<BufReader<File>>,
    pub(super) metadata: Metadata,
    sums: HashMap<String, Sum>,
    /// Bytes that it may unfold to.
    most: u64,
}

/// What an entry must be.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Sum {
    name: String,
    size: u64,
    sha256: String,
}

/// What is in an archive that is in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The version of the manager that wrote it.
    pub version: String,
    /// When it was written.
    pub created_at: String,
    /// The entries with rows of tables.
    pub tables: u64,
    /// Their rows.
    pub rows: u64,
    /// The files beside.
    pub files: u64,
    /// Bytes of everything.
    pub bytes: u64,
    /// When the snapshot was made that this one builds on and that was not looked at.
    pub base: Option<String>,
}

/// Whether an archive looks like a snapshot.
pub(super) fn glance(archive: &Path) -> Result<()> {
    Opened::open(archive).map(drop)
}

impl Opened {
    /// Reads what the archive says of itself.
    pub(super) fn open(archive: &Path) -> Result<Self> {
        let file = File::open(archive).map_err(Error::internal)?;
        let packed = file.metadata().map_err(Error::internal)?.len();
        let mut zip = ZipArchive::new(BufReader::new(file))
            .map_err(|error| unusable(format!("the archive is damaged or incomplete: {error}")))?;
        let text = small(&mut zip, METADATA)?.ok_or_else(|| unusable("the archive has no metadata.json"))?;
        let metadata: Metadata = serde_json::from_slice(&text)
            .map_err(|error| unusable(format!("it is not one of this manager's: metadata.json: {error}")))?;
        if metadata.format != "nephele" {
            return Err(unusable(format!("the format `{}` is not known", metadata.format)));
        }
        if metadata.format_version > FORMAT || metadata.schema > nephele_store::schema() {
            return Err(unusable(format!(
                "it was made by a newer manager ({} > {}); restore it on one of that version",
                metadata.version,
                env!("CARGO_PKG_VERSION")
            )));
        }
        let most = packed.saturating_mul(RATIO).max(FLOOR);
        let sums = sums(&mut zip, CHECKSUMS, most)?;
        Ok(Self { zip, metadata, sums, most })
    }

    /// The key that its secrets are encrypted with, if it is there.
    pub(super) fn key(&mut self) -> Result<Option<String>> {
        Ok(small(&mut self.zip, KEY)?.map(|key| String::from_utf8_lossy(&key).into_owned()))
    }

    /// The tables that it has rows of.
    pub(super) fn tables(&self) -> Vec<String> {
        let table = |name: &String| Some(name.strip_prefix("tables/")?.strip_suffix(".jsonl")?.to_owned());
        let mut tables: Vec<String> = self.sums.keys().filter_map(table).collect();
        tables.sort_unstable();
        tables
    }

    /// The rows of a table, one a line.
    pub(super) fn rows(&mut self, table: &str) -> Result<impl Iterator<Item = io::Result<String>>> {
        let entry = self.zip.by_name(&format!("tables/{table}.jsonl")).map_err(damaged)?;
        Ok(BufReader::new(entry).lines())
    }

    /// What an entry must be, if there is one of this name.
    pub(super) fn sum(&self, name: &str) -> Option<&Sum> {
        self.sums.get(name)
    }

    /// The checksums of all entries, as they stand there.
    pub(super) fn sums_text(&mut self) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let entry = self.zip.by_name(CHECKSUMS).map_err(damaged)?;
        let read = entry.take(self.most).read_to_end(&mut text);
        read.map_err(|error| unusable(format!("its checksums are damaged: {error}")))?;
        Ok(text)
    }

    /// What tells this archive from all others.
    pub(super) fn identity(&mut self) -> Result<String> {
        Ok(hex(&Sha256::digest(self.sums_text()?)))
    }

    /// The checksums of the whole that an increment stands for.
    pub(super) fn whole_sums(&mut self) -> Result<HashMap<String, Sum>> {
        sums(&mut self.zip, SUMS, self.most)
    }

    /// Keys of rows that are gone since the base; nothing for tables that do not say so.
    pub(super) fn gone(&mut self, table: &str) -> Result<Option<HashSet<i64>>> {
        let entry = match self.zip.by_name(&format!("gone/{table}.jsonl")) {
            Ok(entry) => entry,
            Err(zip::result::ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(damaged(error)),
        };
        let mut keys = HashSet::new();
        for line in BufReader::new(entry).lines() {
            let line = line.map_err(|error| unusable(format!("`{table}` is damaged: {error}")))?;
            keys.extend(line.parse::<i64>().ok());
        }
        Ok(Some(keys))
    }

    /// Files that are the same in another archive, their modes included.
    pub(super) fn same_files(&mut self, other: &mut Self) -> Result<HashSet<String>> {
        let equal = |name: &&String| is_file(name) && self.sums.get(*name) == other.sums.get(*name);
        let equal: Vec<String> = self.sums.keys().filter(equal).cloned().collect();
        let mut same = HashSet::new();
        for name in equal {
            let mode = |zip: &mut ZipArchive<BufReader<File>>| -> Result<Option<u32>> {
                Ok(zip.by_name(&name).map_err(damaged)?.unix_mode())
            };
            if mode(&mut self.zip)? == mode(&mut other.zip)? {
                same.insert(name);
            }
        }
        Ok(same)
    }

    /// Copies files into another archive: those whose names are wanted.
    pub(super) fn copy_files(&mut self, wanted: impl Fn(&str) -> bool, into: &mut Sealed) -> Result<()> {
        let written = |error: io::Error| unusable(format!("it cannot be put together: {error}{}", advice(&error)));
        for index in 0..self.zip.len() {
            let mut entry = self.zip.by_index(index).map_err(damaged)?;
            let name = entry.name().map_err(damaged)?.into_owned();
            if !is_file(&name) || !wanted(&name) {
                continue;
            }
            if entry.is_dir() {
                into.add_directory(name.trim_end_matches('/')).map_err(written)?;
            } else if entry.is_symlink() {
                let target = text(&mut entry, &name)?;
                into.add_link(&name, &target).map_err(written)?;
            } else {
                into.add_stream(&name, entry.unix_mode().unwrap_or(0o644), &mut entry).map_err(written)?;
            }
        }
        Ok(())
    }

    /// Compares every entry with its checksum; the file tree is unpacked into a folder, if there is one.
    pub(super) fn check(&mut self, into: Option<&Path>) -> Result<Checked> {
        let mut found = Checked {
            version: self.metadata.version.clone(),
            created_at: self.metadata.created_at.to_string(),
            base: self.metadata.base.as_ref().map(|base| base.created_at.to_string()),
            ..Checked::default()
        };
        let limits = Limits { entries: u64::MAX, bytes: self.most };
        let mut sink = into.map(|folder| Sink::new(folder, limits));
        let mut met = 0;
        for index in 0..self.zip.len() {
            let mut entry = self.zip.by_index(index).map_err(damaged)?;
            let name = entry.name().map_err(damaged)?.into_owned();
            if name == CHECKSUMS {
                continue;
            }
            let place = PathBuf::from(&name);
            let wanted = name.starts_with("resources/");
            if entry.is_dir() {
                if let Some(sink) = sink.as_mut().filter(|_| wanted) {
                    sink.folder(&place).map_err(refused)?;
                }
                continue;
            }
            let sum = self.sums.get(&name).ok_or_else(|| unusable(format!("`{name}` has no checksum")))?;
            let (mode, is_link) = (entry.unix_mode().unwrap_or(0o644), entry.is_symlink());
            let mut hashed =
                Hashed { inner: entry.by_ref().take(sum.size + 1), hash: Sha256::new(), size: 0, lines: 0 };
            let target = if is_link { Some(text(&mut hashed, &name)?) } else { None };
            match sink.as_mut().filter(|_| wanted) {
                Some(sink) => match &target {
                    Some(target) => sink.link(&place, Path::new(target), false).map_err(refused)?,
                    None => sink.file(&place, mode, None, &mut hashed).map_err(refused)?,
                },
                None => drop(
                    io::copy(&mut hashed, &mut io::sink())
                        .map_err(|error| unusable(format!("`{name}` is damaged: {error}")))?,
                ),
            }
            let Hashed { hash, size, lines, .. } = hashed;
            if size != sum.size || hex(&hash.finalize()) != sum.sha256 {
                return Err(unusable(format!("`{name}` is not what was written: its checksum differs")));
            }
            met += 1;
            found.bytes += size;
            if name.starts_with("tables/") {
                found.tables += 1;
                found.rows += lines;
            } else {
                found.files += 1;
            }
        }
        if met != self.sums.len() {
            return Err(unusable("entries are missing that the checksums name"));
        }
        if let Some(sink) = sink {
            sink.make_links().map_err(refused)?;
        }
        Ok(found)
    }
}

/// Whether an entry is a file of the tree or a log.
fn is_file(name: &str) -> bool {
    name.starts_with("resources/") || name.starts_with("logs/")
}

/// Counts and hashes what is read.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
    size: u64,
    lines: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let bytes = &buffer[..read];
        self.hash.update(bytes);
        self.size += read as u64;
        self.lines += bytes.split(|byte| *byte == b'\n').skip(1).count() as u64;
        Ok(read)
    }
}

fn refused(error: archive::Error) -> Error {
    match &error {
        archive::Error::Write(cause) => unusable(format!("{error}{}", advice(cause))),
        _ => unusable(error),
    }
}

fn text(reader: &mut impl Read, name: &str) -> Result<String> {
    let mut text = String::new();
    let read = reader.take(4096).read_to_string(&mut text);
    read.map_err(|error| unusable(format!("`{name}` is damaged: {error}")))?;
    Ok(text)
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` gives")]
pub(crate) fn damaged(error: zip::result::ZipError) -> Error {
    unusable(format!("the archive is damaged or incomplete: {error}"))
}

/// The content of an entry that is small, if it is there.
pub(crate) fn small(zip: &mut ZipArchive<BufReader<File>>, name: &str) -> Result<Option<Vec<u8>>> {
    let entry = match zip.by_name(name) {
        Ok(entry) => entry,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(damaged(error)),
    };
    let mut content = Vec::new();
    entry.take(SMALL).read_to_end(&mut content).map_err(|error| unusable(format!("`{name}` is damaged: {error}")))?;
    Ok(Some(content))
}

fn sums(zip: &mut ZipArchive<BufReader<File>>, name: &str, most: u64) -> Result<HashMap<String, Sum>> {
    let entry = zip.by_name(name).map_err(|_| unusable("its checksums are missing: it is incomplete"))?;
    let mut sums = HashMap::new();
    let mut bytes = 0_u64;
    for line in BufReader::new(entry.take(most)).lines() {
        let line = line.map_err(|error| unusable(format!("its checksums are damaged: {error}")))?;
        let sum: Sum = serde_json::from_str(&line).map_err(|_| unusable("its checksums are damaged"))?;
        bytes = bytes.saturating_add(sum.size);
        if bytes > most {
            return Err(unusable(format!(
                "it would unfold to more than {most} bytes, which no snapshot of its size does"
            )));
        }
        sums.insert(sum.name.clone(), sum);
    }
    Ok(sums)
}
