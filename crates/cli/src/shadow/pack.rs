//! The mirror as an archive of the layout that the original's snapshots have: what `nephele migrate` reads.
//!
//! Invariant: memory holds where records are, not the records. The archive takes the place of the one before when it is
//! whole. Source of the layout: spec snapshots.md section 4.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::folder::Mirror;
use super::kinds::{Detail, EXECUTIONS, GRAPHS, Kind, OF_TENANTS, SECRETS, SYSTEM, TENANTS};

/// Records of a file.
const ROWS: usize = 500;

/// An archive on its way.
struct Pack<'a> {
    mirror: &'a Mirror,
    zip: ZipWriter<File>,
    /// The folder inside, and the number of its last file.
    inside: String,
    number: u32,
}

/// Writes the archive and gives its place.
pub(super) fn pack(mirror: &Mirror, version: &str, tenants: &[String]) -> anyhow::Result<PathBuf> {
    let place = mirror.root().join("shadow.zip");
    let draft = mirror.root().join("shadow.new");
    let file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&draft)?;
    let mut pack = Pack { mirror, zip: ZipWriter::new(file), inside: String::new(), number: 0 };
    pack.whole(version, tenants).with_context(|| format!("{} cannot be written", draft.display()))?;
    pack.zip.finish()?.sync_all()?;
    fs::rename(draft, &place)?;
    Ok(place)
}

impl Pack<'_> {
    fn whole(&mut self, version: &str, tenants: &[String]) -> anyhow::Result<()> {
        let plain = version.split(|letter: char| !letter.is_ascii_digit()).filter(|part| !part.is_empty());
        let plain: Vec<&str> = plain.take(3).collect();
        self.zip.start_file("metadata.json", SimpleFileOptions::default())?;
        write!(self.zip, "{}", json!({"snapshot_version": plain.join(".")}))?;
        "mgmt".clone_into(&mut self.inside);
        for kind in std::iter::once(&TENANTS).chain(&SYSTEM) {
            self.table(None, kind)?;
        }
        for tenant in tenants {
            self.inside = format!("tenants/{tenant}");
            self.number = 0;
            self.zip.add_directory(self.inside.as_str(), SimpleFileOptions::default())?;
            for kind in std::iter::once(&SECRETS).chain(&OF_TENANTS).chain([&EXECUTIONS, &GRAPHS]) {
                if kind.is_part {
                    self.parts(tenant, kind)?;
                } else {
                    self.table(Some(tenant), kind)?;
                }
                self.blobs(tenant, kind)?;
            }
            self.events(tenant)?;
        }
        Ok(())
    }

    fn begin(&mut self, about: &Value) -> anyhow::Result<()> {
        self.number += 1;
        let name = format!("{}/{:08}.json", self.inside, self.number);
        self.zip.start_file(name, SimpleFileOptions::default().large_file(true))?;
        let mut text = about.to_string();
        // The object is left open for its records.
        text.pop();
        Ok(write!(self.zip, "{text},\"items\":[")?)
    }

    fn item(&mut self, is_first: bool, text: &str) -> anyhow::Result<()> {
        let comma = if is_first { "" } else { "," };
        Ok(write!(self.zip, "{comma}{text}")?)
    }

    fn end(&mut self) -> anyhow::Result<()> {
        Ok(write!(self.zip, "]}}")?)
    }

    /// A kind whose records say all of themselves. Each has a file even if there are none, so that there is one.
    fn table(&mut self, tenant: Option<&str>, kind: &Kind) -> anyhow::Result<()> {
        let about = json!({"type": kind.name});
        let mut written = 0;
        self.begin(&about)?;
        let mirror = self.mirror;
        mirror.each(tenant, kind.name, |item| {
            if written == ROWS {
                self.end()?;
                self.begin(&about)?;
                written = 0;
            }
            self.item(written == 0, &item.to_string())?;
            written += 1;
            Ok(())
        })?;
        self.end()
    }

    /// A kind whose records belong to deployments.
    fn parts(&mut self, tenant: &str, kind: &Kind) -> anyhow::Result<()> {
        for (deployment, places) in self.mirror.grouped(tenant, kind.name, "deployment_id")? {
            for places in places.chunks(ROWS) {
                self.begin(&json!({"type": kind.name, "source": "deployments", "source_id": deployment}))?;
                for (number, place) in places.iter().enumerate() {
                    let item = self.mirror.at(tenant, kind.name, *place)?;
                    self.item(number == 0, &item.to_string())?;
                }
                self.end()?;
            }
        }
        Ok(())
    }

    fn events(&mut self, tenant: &str) -> anyhow::Result<()> {
        let folder = self.mirror.folder(Some(tenant))?.join("events");
        for source in ["executions", "execution_groups"] {
            for file in files(&folder.join(source))? {
                let id = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let about = json!({"type": "events", "source": source, "source_id": id});
                let mut written = 0;
                self.begin(&about)?;
                for line in BufReader::new(File::open(&file)?).lines() {
                    if written == ROWS {
                        self.end()?;
                        self.begin(&about)?;
                        written = 0;
                    }
                    self.item(written == 0, &line?)?;
                    written += 1;
                }
                self.end()?;
            }
        }
        Ok(())
    }

    /// Archives of what is still there.
    fn blobs(&mut self, tenant: &str, kind: &Kind) -> anyhow::Result<()> {
        let (folder, ending) = match kind.detail {
            Detail::Nothing => return Ok(()),
            Detail::Blueprint => ("blueprints", "tar.gz"),
            Detail::Deployment => ("deployments", "b64zip"),
            Detail::Plugin => ("plugins", "zip"),
        };
        let mirror = self.mirror;
        mirror.each(Some(tenant), kind.name, |item| {
            let id = item["id"].as_str().unwrap_or_default();
            if let Ok(mut file) = File::open(mirror.blob(tenant, folder, id, ending)?) {
                let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
                let name = format!("{}/{folder}/{id}.{ending}", self.inside);
                self.zip.start_file(name, options.large_file(true))?;
                std::io::copy(&mut file, &mut self.zip)?;
            }
            Ok(())
        })
    }
}

/// The files of a folder, in the order of their names.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut found = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    found.sort();
    Ok(found)
}
