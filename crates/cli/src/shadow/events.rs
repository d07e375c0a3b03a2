//! Events and logs: many, and never changed, so only new ones are read.
//!
//! Invariant: an event is kept once. Those of the last instant are asked for again, as others of it may come later, and
//! are known by their text. Files are added to behind a note of their lengths: what was added without being noted as
//! done is cut off.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nephele_client::Client;
use serde_json::{Value, json};

use super::Changes;
use super::folder::{make_folder, seen};
use super::sync::{Page, Sync, page};

/// Where reading has come to.
#[derive(Default)]
struct Place {
    /// When the last event was taken in.
    last: String,
    /// Those of that instant.
    at_last: HashSet<u64>,
    total: u64,
}

impl Sync<'_> {
    pub(super) async fn events(&mut self, client: &Client, tenant: &str) -> anyhow::Result<()> {
        let folder = self.mirror.folder(Some(tenant))?.join("events");
        make_folder(&folder)?;
        undo(&folder)?;
        let mut place = Place::read(&folder)?;
        let mut added = 0;
        loop {
            let range = format!("reported_timestamp,{},", place.last);
            let mut query = vec![("_sort", "reported_timestamp")];
            if !place.last.is_empty() {
                query.push(("_range", range.as_str()));
            }
            // Instants with more events than a page has go on at an offset.
            let (mut offset, began) = (0, place.last.clone());
            let mut is_end = false;
            while place.last == began {
                let Some(Page { items, total }) = page(client, &["events"], &query, offset).await? else {
                    return Ok(());
                };
                offset += items.len();
                is_end = items.is_empty() || offset >= total;
                added += place.take(&folder, items)?;
                if is_end {
                    break;
                }
            }
            if is_end {
                break;
            }
        }
        self.report.count("events", Changes { total: place.total, added, ..Changes::default() });
        Ok(())
    }
}

impl Place {
    fn read(folder: &Path) -> anyhow::Result<Self> {
        let Ok(text) = fs::read(folder.join("place.json")) else { return Ok(Self::default()) };
        let kept: Value = serde_json::from_slice(&text)?;
        Ok(Self {
            last: kept["last"].as_str().unwrap_or_default().to_owned(),
            at_last: kept["at_last"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect(),
            total: kept["total"].as_u64().unwrap_or_default(),
        })
    }

    /// Keeps what is new of a page. Gives how many that are.
    fn take(&mut self, folder: &Path, items: Vec<Value>) -> anyhow::Result<u64> {
        let mut files: BTreeMap<PathBuf, Vec<Value>> = BTreeMap::new();
        let mut added = 0;
        for item in items {
            let (at, mark) = (item["reported_timestamp"].as_str().unwrap_or_default(), seen(&item));
            if at > self.last.as_str() {
                at.clone_into(&mut self.last);
                self.at_last.clear();
            }
            if at < self.last.as_str() || !self.at_last.insert(mark) {
                continue;
            }
            let (kind, id) = match item["execution_group_id"].as_str() {
                Some(group) if item["execution_id"].is_null() => ("execution_groups", group),
                _ => ("executions", item["execution_id"].as_str().unwrap_or_default()),
            };
            if id.is_empty() || id.contains(['/', '\0']) {
                continue;
            }
            added += 1;
            files.entry(folder.join(kind).join(format!("{id}.jsonl"))).or_default().push(item);
        }
        self.total += added;
        if added > 0 {
            self.keep(folder, &files)?;
        }
        Ok(added)
    }

    fn keep(&self, folder: &Path, files: &BTreeMap<PathBuf, Vec<Value>>) -> anyhow::Result<()> {
        let length = |file: &PathBuf| {
            let below = file.strip_prefix(folder).unwrap_or(file).display().to_string();
            json!([below, fs::metadata(file).map_or(0, |about| about.len())])
        };
        let lengths: Vec<Value> = files.keys().map(length).collect();
        let note = folder.join("under-way.json");
        fs::write(&note, json!({"total": self.total, "lengths": lengths}).to_string())?;
        for (file, items) in files {
            make_folder(file.parent().unwrap_or(folder))?;
            let mut lines = String::new();
            for item in items {
                lines.push_str(&item.to_string());
                lines.push('\n');
            }
            OpenOptions::new().create(true).append(true).mode(0o600).open(file)?.write_all(lines.as_bytes())?;
        }
        let at_last: Vec<u64> = self.at_last.iter().copied().collect();
        let draft = folder.join("place.new");
        fs::write(&draft, json!({"last": self.last, "at_last": at_last, "total": self.total}).to_string())?;
        fs::rename(draft, folder.join("place.json"))?;
        Ok(fs::remove_file(note)?)
    }
}

/// Cuts off what was added last, if it was not noted as done.
fn undo(folder: &Path) -> anyhow::Result<()> {
    let note = folder.join("under-way.json");
    let Ok(text) = fs::read(&note) else { return Ok(()) };
    let begun: Value = serde_json::from_slice(&text).unwrap_or_default();
    let is_done = begun["total"].as_u64() == Some(Place::read(folder)?.total);
    for pair in begun["lengths"].as_array().into_iter().flatten().filter(|_| !is_done) {
        let (Some(file), Some(length)) = (pair[0].as_str(), pair[1].as_u64()) else { continue };
        if let Ok(file) = OpenOptions::new().write(true).open(folder.join(file)) {
            file.set_len(length)?;
        }
    }
    Ok(fs::remove_file(note)?)
}
