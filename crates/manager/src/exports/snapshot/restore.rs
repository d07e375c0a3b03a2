//! Carrying out a restore: check and unpack, replace the rows in one transaction, then the files.
//!
//! Invariant: whatever fails before the commit leaves the manager as it was. The execution that restores comes into the
//! new rows as one that has ended, so nothing of it is left to do but to move files.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use nephele_engine::report::Moment;
use nephele_model::execution::ExecutionStatus;
use nephele_model::{Error, Result};
use nephele_store::audit_log::{self, NewEntry};
use nephele_store::executions::{self, Execution};
use nephele_store::exports as rows;
use nephele_store::load::{Carried, Load};
use nephele_store::{Actor, Db, Json, Tx, deployments, users};
use serde_json::{Map, Value, json};
use tempfile::{NamedTempFile, TempPath};
use tokio::sync::mpsc;

use super::opened::Opened;
use super::rekey::Rekey;
use super::{Kind, Part, row, swap, unusable};
use crate::executions::{others_run, restate_deployment};
use crate::exports::cloudify;
use crate::rows::{failed, is_fenced, is_passing};
use crate::workflows::upload::{blocking, internal_scope, parameters};
use crate::{Manager, crypto};

/// Rows, and bytes of them, that are inserted at once.
const ROWS: usize = 500;
const BYTES: usize = 1 << 20;
/// Batches that wait for the database.
const WAITING: usize = 2;

/// Tables of settings, which archives of other managers do not bring.
const SETTINGS: [&str; 2] = ["config", "provider_context"];

/// Says, as long as it lives, that a snapshot is being restored.
struct Under<'a>(&'a AtomicBool);

impl<'a> Under<'a> {
    fn way(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::Relaxed);
        Self(flag)
    }
}

impl Drop for Under<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Rows of one table, ready to be inserted.
struct Batch {
    table: String,
    rows: Vec<Map<String, Value>>,
}

/// What was found in the rows on their way.
#[derive(Default)]
struct Met {
    /// Deployments with an execution that was under way.
    interrupted: Vec<i64>,
    /// Secrets that cannot be read with the key that came along.
    unreadable: u64,
}

impl Manager {
    /// Carries out the execution that restores a snapshot, and ends it.
    pub(crate) async fn carry_out_restore(&self, execution: &Execution) -> Result<()> {
        if execution.status != ExecutionStatus::Pending {
            return Err(unusable(
                "the manager ended while it was being restored. Nothing of it was taken over; restore it again",
            ));
        }
        let _under = Under::way(&self.restoring);
        let parameters = parameters(execution)?;
        let id = parameters.get("snapshot_id").and_then(Value::as_str).unwrap_or_default();
        let force = parameters.get("force") == Some(&Value::Bool(true));
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).map(str::to_owned);
        let part = text("tenant_name").map(|tenant| Part { tenant, deployment: text("deployment_id") });
        if part.is_none() {
            self.demand_empty(force).await?;
        }
        self.demand_alone().await?;
        let export = rows::find(&*self.store, Kind::Snapshot, &internal_scope(execution), id).await.map_err(failed)?;
        let export = export.ok_or_else(|| Error::not_found("Snapshot", id))?;
        let archive = self.place_of(Kind::Snapshot, &export);
        let place = archive.clone();
        let (mut archive, mut converted) = (archive, None);
        if blocking(move || cloudify::layout(&place)).await??.is_some() {
            let (file, report) = self.convert(archive).await?;
            self.log(execution, report.notes.into_iter().map(|note| ("warning", note)).collect()).await?;
            archive = file.to_path_buf();
            converted = Some(file);
        }
        let taken = Box::pin(self.take_in(Some(execution), id, archive, part, force)).await;
        drop(converted);
        // Whatever it was, it is not tried again by itself.
        taken.map_err(
            |error| if is_passing(&error) && !is_fenced(&error) { unusable(format!("{error:?}")) } else { error },
        )
    }

    /// A snapshot of ours with what is in one of a Cloudify manager, and what there is to say of it.
    async fn convert(&self, archive: PathBuf) -> Result<(TempPath, cloudify::Report)> {
        let about = self.surroundings()?;
        blocking(move || {
            let target = NamedTempFile::new_in(&about.temporary).map_err(Error::internal)?;
            let file = target.as_file().try_clone().map_err(Error::internal)?;
            let report = cloudify::convert(&archive, file, &about)?;
            Ok((target.into_temp_path(), report))
        })
        .await?
    }

    /// What conversions must know: the salt of passwords, if the old manager's configuration was put into the data folder.
    fn surroundings(&self) -> Result<cloudify::Surroundings> {
        let security = std::fs::read(self.settings.data_dir.join(cloudify::SECURITY)).ok();
        let hash_salt = security.map(|text| cloudify::salt(&text)).transpose()?.flatten();
        Ok(cloudify::Surroundings { hash_salt, temporary: self.files.uploading(), now: self.clock.now() })
    }

    /// Brings in a Cloudify snapshot, or one tenant of it, while the manager does nothing else. Gives what there is to say
    /// of it.
    pub async fn migrate(&self, archive: PathBuf, tenant: Option<String>, force: bool) -> Result<cloudify::Report> {
        if tenant.is_none() {
            self.demand_empty(force).await?;
        }
        self.demand_alone().await?;
        let name = archive.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (converted, report) = self.convert(archive).await?;
        let part = tenant.map(|tenant| Part { tenant, deployment: None });
        Box::pin(self.take_in(None, &name, converted.to_path_buf(), part, force)).await?;
        Ok(report)
    }

    /// Replaces everything by what is in an archive. Error `conflict_error`: something was changed since `seen`.
    pub(super) async fn take_over(
        &self,
        execution: Option<&Execution>,
        id: &str,
        archive: PathBuf,
        seen: Option<i64>,
    ) -> Result<()> {
        let staging = swap::prepare(&self.settings.data_dir)?;
        let (folder, place) = (staging.path().to_owned(), archive.clone());
        let tables = blocking(move || {
            let mut opened = Opened::open(&place)?;
            opened.check(Some(&folder))?;
            Ok::<_, Error>(opened.tables())
        })
        .await??;
        // Without settings in the archive those that are there stay.
        let spared: Vec<&str> =
            SETTINGS.into_iter().filter(|table| !tables.iter().any(|other| other == table)).collect();

        let mut load = Load::begin(&self.store).await.map_err(failed)?;
        load.tx().lock("queue").await.map_err(failed)?;
        let mut others = executions::active_ids(load.tx()).await.map_err(failed)?;
        others.retain(|other| execution.is_none_or(|execution| *other != execution.id));
        if !others.is_empty() {
            return Err(others_run(&others));
        }
        if seen.is_some_and(|seen| seen != 0) && seen != Some(audit_log::last_change(load.tx()).await.map_err(failed)?)
        {
            return Err(Error::conflict("something was changed meanwhile"));
        }
        let mut carried = Vec::new();
        for kind in [Kind::Snapshot, Kind::LogBundle] {
            carried.extend(load.carry(kind.table(), None).await.map_err(failed)?);
        }
        if let Some(execution) = execution {
            for mut own in load.carry("executions", Some(execution.id.as_str())).await.map_err(failed)? {
                self.end_row(&mut own);
                carried.push(own);
            }
        }
        load.spare(&spared);
        let administrator = users::by_id(load.tx(), users::ADMIN_ID).await.map_err(failed)?;
        load.clear().await.map_err(failed)?;
        let met = self.insert_rows(&load, archive).await?;
        load.number_on().await.map_err(failed)?;
        for row in carried {
            load.put_back(row).await.map_err(failed)?;
        }
        load.complete().await.map_err(failed)?;
        self.keep_password(load.tx(), administrator).await?;
        let tx = load.finish().await.map_err(unfit)?;
        for deployment in met.interrupted {
            restate(&tx, deployment).await?;
        }
        swap::decide(&tx, staging.path()).await?;
        self.note_restore(&tx, execution, id).await?;
        // Whoever is stopped while the commit is under way cannot know whether it is there, and must leave the folder to
        // the next start: that knows.
        let folder = staging.keep();
        if let Err(error) = tx.commit().await.map_err(unfit) {
            if !is_passing(&error) {
                // What cannot be removed now goes with the next start.
                let _ = blocking(move || std::fs::remove_dir_all(folder)).await;
            }
            return Err(error);
        }
        // The row that this ran by right of is gone.
        let done = Actor::default().act(self.after_restore(execution, met.unreadable)).await;
        if let Err(error) = done {
            tracing::error!(?error, "a snapshot is restored, but not all that follows is done; the next start does it");
        }
        Ok(())
    }

    /// An administrator who comes without a password keeps the one that counts here.
    async fn keep_password(&self, tx: &Tx, before: Option<users::User>) -> Result<()> {
        let Some(before) = before else { return Ok(()) };
        let came = users::by_id(tx, users::ADMIN_ID).await.map_err(failed)?;
        if came.is_some_and(|came| came.password.is_empty()) {
            let changes = users::UserChanges { password: Some(before.password), ..users::UserChanges::default() };
            users::update(tx, users::ADMIN_ID, changes).await.map_err(failed)?;
        }
        Ok(())
    }

    /// How the execution that restores looks afterwards.
    fn end_row(&self, own: &mut Carried) {
        let row = own.row();
        row.shift_remove("storage_id");
        row.insert("status".to_owned(), ExecutionStatus::Terminated.as_str().into());
        row.insert("ended_at".to_owned(), self.clock.now().micros().into());
        row.insert("process".to_owned(), Value::Null);
        row.insert("token".to_owned(), Value::Null);
    }

    async fn insert_rows(&self, load: &Load, archive: PathBuf) -> Result<Met> {
        let (batches, mut taken) = mpsc::channel(WAITING);
        let reader = Reader { archive, tables: load.tables().to_vec(), data_dir: self.settings.data_dir.clone() };
        let reading = tokio::task::spawn_blocking(move || reader.read(&batches));
        while let Some(Batch { table, rows }) = taken.recv().await {
            load.insert(&table, &rows).await.map_err(|error| {
                let error = failed(error);
                if is_passing(&error) { error } else { unusable(format!("rows of `{table}`: {error:?}")) }
            })?;
        }
        reading.await.map_err(Error::internal)?
    }

    async fn note_restore(&self, tx: &Tx, execution: Option<&Execution>, id: &str) -> Result<()> {
        let db: &dyn Db = tx;
        if let Some(execution) = execution
            && let Some(own) = executions::by_id(db, &execution.id).await.map_err(failed)?
        {
            self.tell(db, &own, Moment::Succeeded).await?;
        }
        let entry = NewEntry {
            ref_table: "snapshots".to_owned(),
            ref_id: 0,
            ref_identifier: Some(Json::of(&json!({"id": id, "restored": true}))),
            tenant_id: None,
            operation: "update".to_owned(),
            creator_name: execution.map(|execution| execution.created_by.to_string()),
            execution_id: execution.map(|execution| execution.id.to_string()),
            created_at: self.clock.now(),
        };
        audit_log::insert(db, vec![entry]).await.map_err(failed)
    }

    /// Everything that is known of the former rows is forgotten, and the files take their places.
    async fn after_restore(&self, execution: Option<&Execution>, unreadable: u64) -> Result<()> {
        self.verified.forget();
        self.grants_changed();
        self.forget_mode();
        swap::complete(&*self.store, &self.settings.data_dir).await?;
        if unreadable > 0
            && let Some(execution) = execution
            && let Some(own) = executions::by_id(&*self.store, &execution.id).await.map_err(failed)?
        {
            let line = format!(
                "{unreadable} encrypted values cannot be read: the snapshot came without its key. Set these secrets anew"
            );
            self.log(&own, vec![("warning", line)]).await?;
        }
        if let Some(execution) = execution {
            self.waiting.announce(&execution.id);
        }
        self.schedules_changed.notify_waiters();
        self.workflows.wake();
        self.begin_queued().await
    }
}

/// Reads the rows of an archive and makes them this manager's.
struct Reader {
    archive: PathBuf,
    tables: Vec<String>,
    data_dir: PathBuf,
}

impl Reader {
    fn read(&self, batches: &mpsc::Sender<Batch>) -> Result<Met> {
        let mut opened = Opened::open(&self.archive)?;
        let cipher = crypto::Cipher::open(&self.data_dir.join("secrets.key"))?;
        let mut rekey = Rekey::new(opened.key()?.as_deref(), &opened.metadata.key, cipher)?;
        let writer = opened.metadata.execution_id.take();
        let mut met = Met::default();
        for table in opened.tables() {
            if !self.tables.contains(&table)
                || [Kind::Snapshot, Kind::LogBundle].iter().any(|kind| kind.table() == table)
            {
                continue;
            }
            let mut batch = Batch { table: table.clone(), rows: Vec::new() };
            let mut bytes = 0;
            for line in opened.rows(&table)? {
                let line = line.map_err(|error| unusable(format!("`{table}` is damaged: {error}")))?;
                let mut row = row(&line, &table)?;
                if let Some(rekey) = &mut rekey {
                    rekey.row(&table, &mut row);
                }
                if table == "executions" {
                    end_interrupted(&mut row, writer.as_deref(), &mut met);
                }
                let full = batch.rows.len() >= ROWS || bytes >= BYTES;
                // The columns of a batch are those of its first row.
                if full || batch.rows.first().is_some_and(|first| !first.keys().eq(row.keys())) {
                    let next = Batch { table: table.clone(), rows: Vec::new() };
                    send(batches, std::mem::replace(&mut batch, next))?;
                    bytes = 0;
                }
                bytes += line.len();
                batch.rows.push(row);
            }
            send(batches, batch)?;
        }
        met.unreadable = rekey.map_or(0, |rekey| rekey.unreadable);
        Ok(met)
    }
}

/// Nobody runs what was under way when the snapshot was made. It can be resumed.
fn end_interrupted(row: &mut Map<String, Value>, writer: Option<&str>, met: &mut Met) {
    let status = row.get("status").and_then(Value::as_str).and_then(ExecutionStatus::parse);
    if !status.is_some_and(nephele_model::execution::ExecutionStatus::is_active) {
        return;
    }
    let is_writer = writer.is_some() && row.get("id").and_then(Value::as_str) == writer;
    let (status, error) = if is_writer {
        (ExecutionStatus::Terminated, "".into())
    } else {
        (ExecutionStatus::Cancelled, "Marked as cancelled by snapshot restore".into())
    };
    row.insert("status".to_owned(), status.as_str().into());
    row.insert("error".to_owned(), error);
    row.insert("process".to_owned(), Value::Null);
    row.insert("token".to_owned(), Value::Null);
    met.interrupted.extend(row.get("deployment_fk").and_then(Value::as_i64));
}

/// What the database says at the end, when it looks at what points where.
fn unfit(error: nephele_store::Error) -> Error {
    let error = failed(error);
    if is_passing(&error) { error } else { unusable(format!("its rows do not fit together: {error:?}")) }
}

fn send(batches: &mpsc::Sender<Batch>, batch: Batch) -> Result<()> {
    batches.blocking_send(batch).map_err(|_| Error::internal("the restore has ended"))
}

/// Brings a deployment's statuses in step with what is in it.
async fn restate(tx: &Tx, key: i64) -> Result<()> {
    let Some(deployment) = deployments::by_storage_id(tx, key).await.map_err(failed)? else { return Ok(()) };
    let latest = match deployment.latest_execution_fk {
        Some(latest) => executions::by_storage_id(tx, latest).await.map_err(failed)?,
        None => None,
    };
    restate_deployment(tx, key, latest.map(|latest| (latest.storage_id, latest.status))).await
}
