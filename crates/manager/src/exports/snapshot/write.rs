//! Writing a snapshot: rows of one instant straight from the database into the archive, then the files.
//!
//! Invariant: memory does not grow with what is written. A file that goes while the snapshot is made may be missing
//! from it.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use nephele_model::{Code, Error, Result};
use nephele_store::dump::Dump;
use nephele_store::executions::Execution;
use serde_json::{Map, Value};
use tempfile::{NamedTempFile, TempPath};
use tokio::sync::mpsc;

use super::super::advice;
use super::sealed::Sealed;
use super::{AREAS, EVENTS, KEY, METADATA, Metadata, WHOLE, read_key, rekey};
use crate::rows::failed;
use crate::workflows::upload::blocking;
use crate::{Manager, crypto};

/// Tables of what is on its way, and of who writes: of no use elsewhere.
const PASSING: [&str; 4] = ["audit_actor", "hooks", "outbox", "processes"];
/// Parts that wait for the one who packs them.
const WAITING: usize = 2;

/// What goes into the archive next.
enum Part {
    Table(String),
    Rows(Vec<String>),
}

/// What is packed beside the tables.
struct Beside {
    metadata: Metadata,
    key: Option<String>,
    resources: PathBuf,
    logs: Option<PathBuf>,
    uploading: PathBuf,
}

impl Manager {
    /// Writes a snapshot into a file.
    pub(in crate::exports) async fn write_snapshot(
        &self,
        execution: Option<&Execution>,
        parameters: &Map<String, Value>,
    ) -> Result<TempPath> {
        let with = |name: &str| parameters.get(name).and_then(Value::as_bool).unwrap_or(true);
        let key = read_key(&self.settings.data_dir)?;
        let beside = Beside {
            metadata: Metadata {
                format: "nephele".to_owned(),
                format_version: WHOLE,
                schema: nephele_store::schema(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                created_at: self.clock.now(),
                execution_id: execution.map(|execution| execution.id.to_string()),
                key: rekey::fingerprint(&crypto::Cipher::of_text(&key)?),
                base: None,
            },
            key: with("include_credentials").then_some(key),
            resources: self.files.root().to_owned(),
            logs: with("include_logs").then(|| self.settings.data_dir.join("logs")),
            uploading: self.files.uploading(),
        };
        let (parts, taken) = mpsc::channel(WAITING);
        let packing = blocking(move || pack(&beside, taken));
        let (dumped, packed) = tokio::join!(self.dump_tables(parts, with("include_events")), packing);
        let packed = packed?.map_err(|error| {
            let advice = advice(&error);
            Error::new(Code::SnapshotAction, format!("The snapshot cannot be written: {error}{advice}"))
        });
        // Whoever packs knows best why nothing was taken any more.
        let file = packed?;
        dumped?;
        Ok(file)
    }

    async fn dump_tables(&self, parts: mpsc::Sender<Part>, with_events: bool) -> Result<()> {
        let dump = Dump::begin(&self.store).await.map_err(failed)?;
        for table in dump.tables().await.map_err(failed)? {
            if PASSING.contains(&table.as_str()) || (!with_events && EVENTS.contains(&table.as_str())) {
                continue;
            }
            let stopped = |_| Error::internal("the snapshot is not written any more");
            parts.send(Part::Table(table.clone())).await.map_err(stopped)?;
            let mut place = None;
            loop {
                let (rows, next) = dump.rows(&table, place.as_ref()).await.map_err(failed)?;
                if rows.is_empty() {
                    break;
                }
                parts.send(Part::Rows(rows)).await.map_err(stopped)?;
                place = next;
            }
        }
        Ok(())
    }
}

fn pack(beside: &Beside, mut parts: mpsc::Receiver<Part>) -> io::Result<TempPath> {
    let target = NamedTempFile::new_in(&beside.uploading)?;
    let mut sealed = Sealed::new(target.as_file().try_clone()?);
    sealed.add(METADATA, &serde_json::to_vec_pretty(&beside.metadata)?)?;
    if let Some(key) = &beside.key {
        sealed.add(KEY, key.as_bytes())?;
    }
    while let Some(part) = parts.blocking_recv() {
        match part {
            Part::Table(name) => sealed.begin(&format!("tables/{name}.jsonl"))?,
            Part::Rows(rows) => {
                for row in rows {
                    writeln!(sealed, "{row}")?;
                }
            }
        }
    }
    for area in AREAS {
        sealed.add_folder(&beside.resources.join(area), &format!("resources/{area}"))?;
    }
    if let Some(logs) = &beside.logs {
        sealed.add_folder(logs, "logs")?;
    }
    let _: File = sealed.finish()?;
    Ok(target.into_temp_path())
}
