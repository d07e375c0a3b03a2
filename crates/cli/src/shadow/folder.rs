//! A mirror on the disk: a file a kind and tenant with a record a line, archives beside.
//!
//! Invariant: nothing that the other manager calls something is taken for a path. Files are readable by their owner
//! alone: secrets are in them as they are.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::kinds::Kind;

/// The file that says of whom this is a mirror.
const ABOUT: &str = "mirror.json";

pub(super) struct Mirror {
    root: PathBuf,
}

/// A record as it was found in a list, by what can be asked without holding it.
pub(super) struct Place {
    pub(super) seen: u64,
    offset: u64,
    pub(super) status: String,
}

/// The records of a kind that were there at the last look.
#[derive(Default)]
pub(super) struct Known {
    file: Option<BufReader<File>>,
    pub(super) places: HashMap<String, Place>,
}

/// A file that takes the place of another one when it is whole.
pub(super) struct Fresh {
    file: BufWriter<File>,
    draft: PathBuf,
    place: PathBuf,
}

/// Tells what was seen from what is.
pub(super) fn seen(item: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    item.to_string().hash(&mut hasher);
    hasher.finish()
}

/// A name of the other manager as the name of a file.
fn name(name: &str) -> anyhow::Result<&str> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        bail!("the manager has something called `{name}`, which cannot be kept in a file of that name");
    }
    Ok(name)
}

impl Mirror {
    /// The mirror in a folder, which is made if it is not there.
    pub(super) fn open(root: &Path, url: &str) -> anyhow::Result<Self> {
        let shown = root.display();
        make_folder(root).with_context(|| format!("the folder {shown} cannot be made"))?;
        let about = root.join(ABOUT);
        match fs::read(&about) {
            Ok(text) => {
                let known: Value = serde_json::from_slice(&text).unwrap_or_default();
                if known["from"].as_str() != Some(url) {
                    bail!("{shown} is a mirror of {}; choose another folder", known["from"]);
                }
            }
            Err(_) if fs::read_dir(root)?.next().is_some() => {
                bail!("{shown} holds something else; choose an empty folder");
            }
            Err(_) => fs::write(&about, json!({"from": url}).to_string())?,
        }
        Ok(Self { root: root.to_owned() })
    }

    /// One that must be there.
    pub(super) fn existing(root: &Path) -> anyhow::Result<Self> {
        if !root.join(ABOUT).is_file() {
            bail!("{} is no mirror; make one with `nephele migrate shadow`", root.display());
        }
        Ok(Self { root: root.to_owned() })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a tenant, or of the manager as a whole.
    pub(super) fn folder(&self, tenant: Option<&str>) -> anyhow::Result<PathBuf> {
        let folder = match tenant {
            Some(tenant) => self.root.join("tenants").join(name(tenant)?),
            None => self.root.join("mgmt"),
        };
        make_folder(&folder)?;
        Ok(folder)
    }

    /// The place of an archive.
    pub(super) fn blob(&self, tenant: &str, kind: &str, id: &str, ending: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder(Some(tenant))?.join(kind);
        make_folder(&folder)?;
        Ok(folder.join(format!("{}.{ending}", name(id)?)))
    }

    fn table(&self, tenant: Option<&str>, kind: &str) -> anyhow::Result<PathBuf> {
        Ok(self.folder(tenant)?.join(format!("{kind}.jsonl")))
    }

    /// The tenants that were seen.
    pub(super) fn tenants(&self) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        self.each(None, "tenants", |item| {
            found.extend(item["name"].as_str().map(str::to_owned));
            Ok(())
        })?;
        found.sort();
        Ok(found)
    }

    /// Removes what belongs to tenants that are gone.
    pub(super) fn forget_other_tenants(&self, present: &[String]) -> anyhow::Result<()> {
        for entry in fs::read_dir(self.root.join("tenants")).into_iter().flatten() {
            let entry = entry?;
            if !present.iter().any(|tenant| entry.file_name() == tenant.as_str()) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    pub(super) fn known(&self, tenant: Option<&str>, kind: &Kind) -> anyhow::Result<Known> {
        let Ok(file) = File::open(self.table(tenant, kind.name)?) else { return Ok(Known::default()) };
        let mut file = BufReader::new(file);
        let (mut places, mut offset, mut line) = (HashMap::new(), 0, String::new());
        loop {
            line.clear();
            let read = file.read_line(&mut line)?;
            if read == 0 {
                break;
            }
            let held: Value = serde_json::from_str(&line)?;
            let status = held["item"]["status"].as_str().unwrap_or_default().to_owned();
            let place = Place { seen: held["seen"].as_u64().unwrap_or_default(), offset, status };
            places.insert(kind.key_of(&held["item"]), place);
            offset += read as u64;
        }
        Ok(Known { file: Some(file), places })
    }

    pub(super) fn replace(&self, tenant: Option<&str>, kind: &str) -> anyhow::Result<Fresh> {
        let place = self.table(tenant, kind)?;
        let draft = place.with_extension("new");
        let file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&draft)?;
        Ok(Fresh { file: BufWriter::new(file), draft, place })
    }

    /// Does something with each record of a kind.
    pub(super) fn each(
        &self,
        tenant: Option<&str>,
        kind: &str,
        mut act: impl FnMut(Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Ok(file) = File::open(self.table(tenant, kind)?) else { return Ok(()) };
        for line in BufReader::new(file).lines() {
            let mut held: Value = serde_json::from_str(&line?)?;
            act(held["item"].take())?;
        }
        Ok(())
    }

    /// The records of a kind by what a field of theirs holds.
    pub(super) fn grouped(&self, tenant: &str, kind: &str, field: &str) -> anyhow::Result<BTreeMap<String, Vec<u64>>> {
        let mut groups: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let Ok(file) = File::open(self.table(Some(tenant), kind)?) else { return Ok(groups) };
        let (mut file, mut offset, mut line) = (BufReader::new(file), 0, String::new());
        loop {
            line.clear();
            let read = file.read_line(&mut line)?;
            if read == 0 {
                return Ok(groups);
            }
            let held: Value = serde_json::from_str(&line)?;
            let group = held["item"][field].as_str().unwrap_or_default();
            groups.entry(group.to_owned()).or_default().push(offset);
            offset += read as u64;
        }
    }

    /// One record, where [`Self::grouped`] found it.
    pub(super) fn at(&self, tenant: &str, kind: &str, offset: u64) -> anyhow::Result<Value> {
        let mut file = BufReader::new(File::open(self.table(Some(tenant), kind)?)?);
        held_at(&mut file, offset)
    }
}

impl Known {
    /// The record as it was kept.
    pub(super) fn item(&mut self, key: &str) -> anyhow::Result<Option<Value>> {
        match (self.places.get(key), &mut self.file) {
            (Some(place), Some(file)) => held_at(file, place.offset).map(Some),
            _ => Ok(None),
        }
    }
}

impl Fresh {
    pub(super) fn put(&mut self, seen: u64, item: &Value) -> anyhow::Result<()> {
        Ok(writeln!(self.file, "{}", json!({"seen": seen, "item": item}))?)
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok(fs::rename(self.draft, self.place)?)
    }
}

fn held_at(file: &mut BufReader<File>, offset: u64) -> anyhow::Result<Value> {
    file.seek(SeekFrom::Start(offset))?;
    let mut line = String::new();
    file.read_line(&mut line)?;
    let mut held: Value = serde_json::from_str(&line)?;
    Ok(held["item"].take())
}

pub(super) fn make_folder(folder: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
