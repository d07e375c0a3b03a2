//! Archives that the manager makes of itself: snapshots and log bundles. What is in them is in
//! `snapshot/` and `log_bundle.rs`; `scheduled.rs` makes snapshots by itself. `moving.rs` copies a whole database into another one.
//!
//! Invariant: a row comes with the execution that makes its archive or not at all, and goes with its
//! archive. Archives lie beside the file tree and not in it: they hold what not everyone who reads files
//! may see. Source: spec rest-api.md section 2.9.

pub(crate) mod cloudify;
mod log_bundle;
mod moving;
mod scheduled;
pub(crate) mod snapshot;

use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use nephele_model::archive::ArchiveStatus;
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::ExecutionId;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Result, Visibility, id};
use nephele_store::executions::{self, Execution};
use nephele_store::exports::{self as rows, Export, NewExport};
use nephele_store::{Db, Record, Tx};
use serde_json::{Map, Value};
use tempfile::TempPath;

use crate::executions::{NewRun, others_run};
use crate::rows::{demand_free, failed};
use crate::workflows::upload::{internal_scope, parameters};
use crate::{Ctx, Manager};

pub use cloudify::{Layout as CloudifyLayout, Report as MigrationReport, inspect, salt};
pub use moving::{MovedTable, move_database};
pub use nephele_store::exports::Kind;
pub(crate) use scheduled::SCHEDULE;
pub use snapshot::{Checked, Part, Restoration, verify};

/// How a kind of archive is spoken of.
struct Words {
    parameter: &'static str,
    workflow: &'static str,
    name: &'static str,
    code: Code,
}

const fn words(kind: Kind) -> Words {
    match kind {
        Kind::Snapshot => Words {
            parameter: "snapshot_id",
            workflow: "create_snapshot",
            name: "snapshot",
            code: Code::SnapshotAction,
        },
        Kind::LogBundle => Words {
            parameter: "log_bundle_id",
            workflow: "create_log_bundle",
            name: "log bundle",
            code: Code::LogBundleAction,
        },
    }
}

/// The workflow that makes such an archive.
pub(crate) const fn workflow_of(kind: Kind) -> &'static str {
    words(kind).workflow
}

impl Manager {
    /// One page of snapshots or log bundles.
    pub async fn list_exports(&self, ctx: &Ctx, kind: Kind, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, kind.resource(), query).await
    }

    /// One snapshot or log bundle.
    pub async fn get_export(&self, ctx: &Ctx, kind: Kind, id: &str, include: Option<&[String]>) -> Result<Record> {
        self.get(ctx, kind.resource(), id, include).await
    }

    /// Begins to make an archive. Gives the execution, which others wait for if it is to run `alone`.
    ///
    /// Errors: `conflict_error`; `existing_running_execution_error` if it would have to wait for others
    /// and is not to `queue`.
    pub async fn start_export(
        &self,
        ctx: &Ctx,
        kind: Kind,
        id: &str,
        parameters: Map<String, Value>,
        queue: bool,
        alone: bool,
    ) -> Result<Record> {
        if let Some(base) = parameters.get("base").and_then(Value::as_str) {
            self.export_archive(ctx, kind, base).await?;
        }
        let tx = self.begin_write().await?;
        tx.lock("queue").await.map_err(failed)?;
        let running = if alone { executions::active_ids(&tx).await.map_err(failed)? } else { Vec::new() };
        if !running.is_empty() && !queue {
            return Err(others_run(&running));
        }
        let waits = !running.is_empty() || (queue && executions::system_wide(&tx).await.map_err(failed)?);
        let status = if waits { ExecutionStatus::Queued } else { ExecutionStatus::Pending };
        let execution = self.place_export(&tx, ctx, kind, id, parameters, status).await?;
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        self.get_execution(ctx, execution.as_str(), None).await
    }

    /// Writes down an archive that is to be made, and the execution that makes it.
    async fn place_export(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        kind: Kind,
        id: &str,
        mut parameters: Map<String, Value>,
        status: ExecutionStatus,
    ) -> Result<ExecutionId> {
        let Words { parameter, workflow, .. } = words(kind);
        self.insert_export(tx, ctx, kind, id, ArchiveStatus::Creating).await?;
        parameters.insert(parameter.to_owned(), id.into());
        let run = NewRun { status, is_system: true, ..NewRun::internal(workflow, parameters) };
        let (_, execution) = self.accept(tx, ctx, run).await?;
        Ok(execution)
    }

    /// Deletes a snapshot or log bundle with its archive. Gives it as it was.
    pub async fn delete_export(&self, ctx: &Ctx, kind: Kind, id: &str) -> Result<Record> {
        let export = self.find_export(ctx, kind, id).await?;
        let record = self.get_export(ctx, kind, id, None).await?;
        self.remove_export(kind, &export).await?;
        Ok(record)
    }

    async fn remove_export(&self, kind: Kind, export: &Export) -> Result<()> {
        let Words { parameter, name, code, .. } = words(kind);
        let id = export.id.as_str();
        for execution in executions::system_wide_under_way(&*self.store, export.tenant_id).await.map_err(failed)? {
            if parameters(&execution)?.get(parameter).and_then(Value::as_str) == Some(id) {
                let workflow = execution.workflow_id;
                return Err(Error::new(
                    code,
                    format!("Cannot delete {name} `{id}` which has an active `{workflow}` execution"),
                ));
            }
        }
        if kind == Kind::Snapshot
            && let Some(other) = self.built_on(export).await?
        {
            return Err(Error::new(
                code,
                format!("Cannot delete {name} `{id}`: `{other}` has only what changed since; delete that one first"),
            ));
        }
        rows::delete(&*self.store, kind, export.storage_id).await.map_err(failed)?;
        match tokio::fs::remove_file(self.place_of(kind, export)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::internal(error)),
            _ => Ok(()),
        }
    }

    /// Notes where a snapshot or log bundle stands.
    pub async fn set_export_status(&self, ctx: &Ctx, kind: Kind, id: &str, status: &str, error: &str) -> Result<()> {
        let status = ArchiveStatus::parse(status)
            .ok_or_else(|| Error::bad_parameters(format!("Invalid {} status: `{status}`", words(kind).name)))?;
        let export = self.find_export(ctx, kind, id).await?;
        rows::set_status(&*self.store, kind, export.storage_id, status, error).await.map_err(failed)
    }

    /// The archive's file.
    pub async fn export_archive(&self, ctx: &Ctx, kind: Kind, id: &str) -> Result<PathBuf> {
        let export = self.find_export(ctx, kind, id).await?;
        demand_sound(kind, &export, "downloaded")?;
        let file = self.place_of(kind, &export);
        if !file.is_file() {
            let name = words(kind).name;
            return Err(Error::new(Code::NotFound, format!("The archive of {name} `{id}` is not there")));
        }
        Ok(file)
    }

    /// Takes in an archive. A snapshot that is not there is made of it; `None` when it was there.
    pub async fn put_export_archive(
        &self,
        ctx: &Ctx,
        kind: Kind,
        id: &str,
        archive: Option<TempPath>,
    ) -> Result<Option<Record>> {
        let scope = self.scope(ctx, false).await?;
        let mut export = rows::find(&*self.store, kind, &scope, id).await.map_err(failed)?;
        if kind == Kind::LogBundle {
            let there = export.as_ref().ok_or_else(|| Error::not_found(kind.resource().model, id))?;
            demand_sound(kind, there, "uploaded")?;
        }
        let archive = archive.ok_or_else(|| {
            Error::bad_parameters(format!("The archive of a {} is the body of the request", words(kind).name))
        })?;
        demand_zip(&archive)?;
        let is_new = export.is_none();
        if is_new {
            self.insert_export(&*self.store, ctx, kind, id, ArchiveStatus::Uploaded).await?;
            export = rows::find(&*self.store, kind, &scope, id).await.map_err(failed)?;
        }
        let export = export.ok_or_else(|| Error::not_found(kind.resource().model, id))?;
        let place = self.place_of(kind, &export);
        make_parent(&place)?;
        archive.persist(place).map_err(Error::internal)?;
        if is_new { self.get_export(ctx, kind, id, None).await.map(Some) } else { Ok(None) }
    }

    async fn insert_export(&self, db: &dyn Db, ctx: &Ctx, kind: Kind, id: &str, status: ArchiveStatus) -> Result<()> {
        id::check(words(kind).parameter, id, status == ArchiveStatus::Creating)?;
        let scope = self.scope(ctx, false).await?;
        demand_free(db, kind.resource(), kind.table(), id, &scope, Visibility::Private).await?;
        let row = NewExport {
            id: id.to_owned(),
            tenant_id: scope.tenant_id,
            creator_id: ctx.user_id,
            created_at: self.clock.now(),
            status,
        };
        rows::insert(db, kind, row).await.map_err(failed)
    }

    async fn find_export(&self, ctx: &Ctx, kind: Kind, id: &str) -> Result<Export> {
        let scope = self.scope(ctx, false).await?;
        let export = rows::find(&*self.store, kind, &scope, id).await.map_err(failed)?;
        export.ok_or_else(|| Error::not_found(kind.resource().model, id))
    }

    /// Named by the row: ids of different tenants may be the same.
    fn place_of(&self, kind: Kind, export: &Export) -> PathBuf {
        self.settings.data_dir.join(kind.table()).join(format!("{}.zip", export.storage_id))
    }

    /// A snapshot of everything, or of what changed since another one.
    async fn make_snapshot(&self, execution: &Execution, parameters: &Map<String, Value>) -> Result<TempPath> {
        let whole = self.write_snapshot(Some(execution), parameters).await?;
        let Some(base) = parameters.get("base").and_then(Value::as_str) else { return Ok(whole) };
        let export =
            rows::find(&*self.store, Kind::Snapshot, &internal_scope(execution), base).await.map_err(failed)?;
        let export = export.ok_or_else(|| Error::not_found("Snapshot", base))?;
        self.reduced(whole, self.place_of(Kind::Snapshot, &export)).await
    }

    /// Carries out the execution that makes an archive.
    pub(crate) async fn make_export(&self, execution: &Execution, kind: Kind) -> Result<()> {
        let parameters = parameters(execution)?;
        let id = parameters.get(words(kind).parameter).and_then(Value::as_str).unwrap_or_default();
        let export = rows::find(&*self.store, kind, &internal_scope(execution), id).await.map_err(failed)?;
        let export = export.ok_or_else(|| Error::not_found(kind.resource().model, id))?;
        let file = match kind {
            Kind::Snapshot => self.make_snapshot(execution, &parameters).await?,
            Kind::LogBundle => self.write_log_bundle().await?,
        };
        let place = self.place_of(kind, &export);
        make_parent(&place)?;
        file.persist(place).map_err(Error::internal)?;
        rows::set_status(&*self.store, kind, export.storage_id, ArchiveStatus::Created, "").await.map_err(failed)?;
        if kind == Kind::Snapshot
            && let Err(error) = self.drop_old_snapshots().await
        {
            tracing::error!(?error, "old scheduled snapshots could not be deleted; the next one will try again");
        }
        Ok(())
    }
}

/// An archive whose execution ended without it has failed.
pub(crate) async fn end(tx: &Tx, execution: &Execution, status: ExecutionStatus, error: Option<&str>) -> Result<()> {
    let kinds = [Kind::Snapshot, Kind::LogBundle];
    let Some(kind) = kinds.into_iter().find(|kind| words(*kind).workflow == execution.workflow_id) else {
        return Ok(());
    };
    let parameters = parameters(execution)?;
    let id = parameters.get(words(kind).parameter).and_then(Value::as_str).unwrap_or_default();
    match rows::find(tx, kind, &internal_scope(execution), id).await.map_err(failed)? {
        Some(export) if export.status == ArchiveStatus::Creating => {
            let why = error.filter(|error| !error.is_empty()).map_or_else(
                || format!("The execution that was to make it ended as {}", status.as_str()),
                str::to_owned,
            );
            rows::set_status(tx, kind, export.storage_id, ArchiveStatus::Failed, &why).await.map_err(failed)
        }
        _ => Ok(()),
    }
}

fn demand_sound(kind: Kind, export: &Export, what: &str) -> Result<()> {
    let Words { name, code, .. } = words(kind);
    if export.status == ArchiveStatus::Failed {
        return Err(Error::new(code, format!("Failed {name} cannot be {what}")));
    }
    Ok(())
}

fn demand_zip(archive: &Path) -> Result<()> {
    match crate::archive::Kind::detect(archive).map_err(Error::internal)? {
        Some(crate::archive::Kind::Zip) => Ok(()),
        _ => Err(Error::bad_parameters("The archive is no zip file")),
    }
}

/// What is to be done about a failed write, to be put behind its words.
fn advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded | std::io::ErrorKind::FileTooLarge => {
            "; make room on the disk of the data directory, and try again. Nothing was changed"
        }
        _ => "",
    }
}

fn make_parent(file: &Path) -> Result<()> {
    file.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(Error::internal)
}

/// Adds every file below `folder` to an archive, under `prefix`. What vanishes meanwhile is left out.
fn add_folder<W: Write + Seek>(zip: &mut zip::ZipWriter<W>, folder: &Path, prefix: &str) -> std::io::Result<()> {
    let mut pending = vec![folder.to_owned()];
    while let Some(current) = pending.pop() {
        let Ok(entries) = std::fs::read_dir(&current) else { continue };
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                pending.push(path);
            } else if kind.is_file()
                && let Ok(file) = std::fs::File::open(&path)
            {
                let below = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                add_file(zip, &format!("{prefix}/{below}"), file)?;
            }
        }
    }
    Ok(())
}

fn add_file<W: Write + Seek>(zip: &mut zip::ZipWriter<W>, name: &str, mut file: std::fs::File) -> std::io::Result<()> {
    let size = file.metadata()?.len();
    let options = zip::write::SimpleFileOptions::default().large_file(size > u64::from(u32::MAX));
    zip.start_file(name, options)?;
    std::io::copy(&mut file, zip).map(drop)
}
