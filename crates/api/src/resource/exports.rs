//! Snapshots and log bundles.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use nephele_manager::{ExportKind, Restoration, SnapshotPart};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result};
use serde_json::{Map, Value, json};

use super::plugins::{Asked, download};
use super::{NewStatus, created, ok};
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::declared::Shape;
use crate::error::Answer;
use crate::query::{FromQuery, Include, Pairs, Query};
use crate::{App, page, upload};

/// Which of the two a route is about.
pub(crate) trait Of: Send + Sync + 'static {
    const KIND: ExportKind;
}

/// `/snapshots`.
pub(crate) struct Snapshots;
/// `/log-bundles`.
pub(crate) struct LogBundles;

impl Of for Snapshots {
    const KIND: ExportKind = ExportKind::Snapshot;
}
impl Of for LogBundles {
    const KIND: ExportKind = ExportKind::LogBundle;
}

pub(crate) async fn list<K: Of>(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list_exports(caller.ctx(), K::KIND, &list).await?))
}

pub(crate) async fn get<K: Of>(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Include(include)): Query<Include>,
) -> Answer {
    let found = app.manager.get_export(caller.ctx(), K::KIND, &id, include.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn put_snapshot(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(new): Body<NewSnapshot>,
) -> Answer {
    let NewSnapshot { parameters, queue, patient } = new;
    let started = app.manager.start_export(caller.ctx(), ExportKind::Snapshot, &id, parameters, queue, patient).await?;
    Ok(created(&started))
}

/// What a snapshot shall hold.
pub(crate) struct NewSnapshot {
    parameters: Map<String, Value>,
    queue: bool,
    /// Whether it waits for executions that run.
    patient: bool,
}

impl FromBody for NewSnapshot {
    fn read(body: &mut Arguments) -> Result<Self> {
        let mut parameters = Map::new();
        for name in ["include_credentials", "include_logs", "include_events"] {
            parameters.insert(name.to_owned(), body.optional_flag(name)?.unwrap_or(true).into());
        }
        let (queue, legacy) = (body.flag("queue")?, body.flag("legacy")?);
        let timeout = seconds(body.take_as("listener_timeout", Shape::Number))?;
        let folder = body.text("tempdir_path")?;
        if let Some(folder) = folder.as_deref().filter(|folder| !is_writable(folder)) {
            let message = format!("Temp dir cannot be created inside unwriteable location {folder}");
            return Err(Error::forbidden(message));
        }
        if let Some(base) = body.filled("base")? {
            parameters.insert("base".to_owned(), base.into());
        }
        parameters.insert("tempdir_path".to_owned(), folder.into());
        parameters.insert("legacy".to_owned(), legacy.into());
        parameters.insert("listener_timeout".to_owned(), timeout);
        Ok(Self { parameters, queue, patient: legacy || queue })
    }
}

pub(crate) async fn put_log_bundle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(Queue(queue)): Body<Queue>,
) -> Answer {
    let started = app.manager.start_export(caller.ctx(), ExportKind::LogBundle, &id, Map::new(), queue, true).await?;
    Ok(created(&started))
}

pub(crate) async fn patch<K: Of>(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(new): Body<NewStatus>,
) -> Answer {
    app.manager.set_export_status(caller.ctx(), K::KIND, &id, &new.status, &new.error).await?;
    Ok(ok(&Value::Null))
}

pub(crate) async fn delete<K: Of>(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.delete_export(caller.ctx(), K::KIND, &id).await?))
}

pub(crate) async fn archive<K: Of>(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    asked: Asked,
) -> Answer {
    let file = app.manager.export_archive(caller.ctx(), K::KIND, &id).await?;
    download(&file, &format!("{id}.zip"), &asked).await
}

pub(crate) async fn put_archive<K: Of>(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(ArchiveUrl(url)): Query<ArchiveUrl>,
    request: Request,
) -> Answer {
    let archive = upload::archive(&app, url.as_deref(), request).await?;
    let uploaded = app.manager.put_export_archive(caller.ctx(), K::KIND, &id, archive).await?;
    Ok(match (uploaded, K::KIND) {
        (Some(snapshot), _) => created(&snapshot),
        (None, ExportKind::Snapshot) => created(&json!({})),
        (None, ExportKind::LogBundle) => created(&Value::Null),
    })
}

pub(crate) async fn restore(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(wish): Body<Restoration>,
) -> Answer {
    Ok(ok(&app.manager.restore_snapshot(caller.ctx(), &id, wish).await?))
}

/// Without looking at the database, which may be busy with it.
pub(crate) async fn restore_status(State(app): State<App>) -> Answer {
    let status = if app.manager.is_restoring() { "running" } else { "not-running" };
    Ok(ok(&json!({"status": status})))
}

/// Whether to wait for what runs.
pub(crate) struct Queue(bool);

impl FromBody for Queue {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.flag("queue").map(Self)
    }
}

/// Where an archive is, if it is not in the body.
pub(crate) struct ArchiveUrl(Option<String>);

impl FromQuery for ArchiveUrl {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self(query.filled("snapshot_archive_url").map(str::to_owned)))
    }
}

impl FromBody for Restoration {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            force: body.required_flag("force")?,
            restore_certificates: body.flag("restore_certificates")?,
            no_reboot: body.flag("no_reboot")?,
            part: part(body)?,
        })
    }
}

/// The tenant or deployment that alone is to be restored.
fn part(body: &mut Arguments) -> Result<Option<SnapshotPart>> {
    let (tenant, deployment) = (body.filled("tenant_name")?, body.filled("deployment_id")?);
    match (tenant, deployment) {
        (Some(tenant), deployment) => Ok(Some(SnapshotPart { tenant, deployment })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Error::bad_parameters("`deployment_id` goes with `tenant_name`")),
    }
}

fn seconds(given: Option<Value>) -> Result<Value> {
    let refuse = || Error::bad_parameters("listener_timeout must a valid floating point number");
    match given {
        None => Ok(Value::Null),
        Some(Value::String(text)) => text.trim().parse::<f64>().map(|number| json!(number)).map_err(|_| refuse()),
        Some(Value::Number(number)) => Ok(json!(number.as_f64())),
        Some(_) => Err(refuse()),
    }
}

fn is_writable(folder: &str) -> bool {
    std::fs::metadata(folder).is_ok_and(|found| found.is_dir() && !found.permissions().readonly())
}
