//! Snapshots: everything that the manager keeps, in one archive.
//!
//! `metadata.json` names the format; `tables/NAME.jsonl` has one row a line, as JSON objects of columns, all
//! of the same instant; `resources/` is the file tree; `logs/` the manager's logs. Secrets stay encrypted; the
//! key is among the tables, which is why a snapshot is as secret as the manager itself.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use nephele_model::{Code, Error, Result};
use nephele_store::dump::Dump;
use serde_json::{Map, Value, json};
use tempfile::{NamedTempFile, TempDir, TempPath};

use super::{Kind, add_file, add_folder, demand_sound};
use crate::rows::failed;
use crate::workflows::upload::blocking;
use crate::{Ctx, Manager};

/// Tables of what happened, which can be left out.
const EVENTS: [&str; 2] = ["events", "logs"];

/// How a snapshot is to be restored.
#[derive(Clone, Copy, Debug, Default)]
pub struct Restoration {
    /// With its certificates.
    pub restore_certificates: bool,
    /// Without starting the machine again afterwards.
    pub no_reboot: bool,
}

impl Manager {
    /// Refuses to restore a snapshot, before anything is begun: archives of other managers are in a format
    /// of their database, and those made here are read by hand.
    pub async fn restore_snapshot(&self, ctx: &Ctx, id: &str, wish: Restoration) -> Result<Value> {
        if wish.no_reboot && !wish.restore_certificates {
            return Err(Error::bad_parameters("`no_reboot` is only relevant when `restore_certificates` is activated"));
        }
        let export = self.find_export(ctx, Kind::Snapshot, id).await?;
        demand_sound(Kind::Snapshot, &export, "restored")?;
        Err(Error::new(
            Code::SnapshotAction,
            format!(
                "Snapshot `{id}` cannot be restored into a running manager. To go back to an earlier state, stop the \
                 manager and put back a copy of its data directory and database"
            ),
        ))
    }

    /// Writes a snapshot into a file.
    pub(super) async fn write_snapshot(&self, parameters: &Map<String, Value>) -> Result<TempPath> {
        let with = |name: &str| parameters.get(name).and_then(Value::as_bool).unwrap_or(true);
        let uploading = self.files.uploading();
        let tables = tempfile::tempdir_in(&uploading).map_err(Error::internal)?;
        self.dump_tables(&tables, with("include_events")).await?;
        let metadata = json!({
            "format": "nephele", "version": env!("CARGO_PKG_VERSION"), "created_at": self.clock.now(),
        });
        let resources = self.files.root().to_owned();
        let logs = with("include_logs").then(|| self.settings.data_dir.join("logs"));
        blocking(move || pack(&metadata, tables.path(), &resources, logs.as_deref(), &uploading))
            .await?
            .map_err(Error::internal)
    }

    async fn dump_tables(&self, folder: &TempDir, with_events: bool) -> Result<()> {
        let dump = Dump::begin(&self.store).await.map_err(failed)?;
        for table in dump.tables().await.map_err(failed)? {
            if !with_events && EVENTS.contains(&table.as_str()) {
                continue;
            }
            let file = File::create(folder.path().join(format!("{table}.jsonl"))).map_err(Error::internal)?;
            let mut file = BufWriter::new(file);
            let mut place = None;
            loop {
                let (rows, next) = dump.rows(&table, place.as_ref()).await.map_err(failed)?;
                if rows.is_empty() {
                    break;
                }
                for row in rows {
                    writeln!(file, "{row}").map_err(Error::internal)?;
                }
                place = next;
            }
            file.flush().map_err(Error::internal)?;
        }
        Ok(())
    }
}

fn pack(
    metadata: &Value,
    tables: &Path,
    resources: &Path,
    logs: Option<&Path>,
    uploading: &Path,
) -> std::io::Result<TempPath> {
    let target = NamedTempFile::new_in(uploading)?;
    let mut zip = zip::ZipWriter::new(target.as_file().try_clone()?);
    zip.start_file("metadata.json", zip::write::SimpleFileOptions::default())?;
    zip.write_all(&serde_json::to_vec_pretty(metadata)?)?;
    add_folder(&mut zip, tables, "tables")?;
    for entry in std::fs::read_dir(resources)? {
        let entry = entry?;
        let name = format!("resources/{}", entry.file_name().to_string_lossy());
        if entry.path() == *uploading {
            continue;
        }
        match entry.file_type()? {
            kind if kind.is_dir() => add_folder(&mut zip, &entry.path(), &name)?,
            kind if kind.is_file() => add_file(&mut zip, &name, File::open(entry.path())?)?,
            _ => {}
        }
    }
    if let Some(logs) = logs {
        add_folder(&mut zip, logs, "logs")?;
    }
    zip.finish()?;
    Ok(target.into_temp_path())
}
