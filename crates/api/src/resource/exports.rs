//! Snapshots and log bundles.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use nephele_manager::{ExportKind, Restoration};
use nephele_model::Error;
use serde_json::{Map, Value, json};

use super::plugins::{Asked, download};
use super::{created, ok};
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;
use crate::{page, upload};

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

pub(crate) async fn list<K: Of>(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_exports(caller.ctx(), K::KIND, &query.list(&[])?).await?))
}

pub(crate) async fn get<K: Of>(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    let found = app.manager.get_export(caller.ctx(), K::KIND, &id, query.include().as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn put_snapshot(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let mut parameters = Map::new();
    for name in ["include_credentials", "include_logs", "include_events"] {
        parameters.insert(name.to_owned(), body.optional_flag(name)?.unwrap_or(true).into());
    }
    let (queue, legacy) = (body.flag("queue")?, body.flag("legacy")?);
    let timeout = match body.take("listener_timeout") {
        None | Some(Value::Null) => Value::Null,
        Some(Value::String(text)) => json!(text.trim().parse::<f64>().map_err(|_| no_timeout())?),
        Some(Value::Number(number)) => json!(number.as_f64()),
        Some(_) => return Err(no_timeout().into()),
    };
    let folder = body.text("tempdir_path")?;
    if let Some(folder) = folder.as_deref().filter(|folder| !is_writable(folder)) {
        let message = format!("Temp dir cannot be created inside unwriteable location {folder}");
        return Err(Error::forbidden(message).into());
    }
    parameters.insert("tempdir_path".to_owned(), folder.into());
    parameters.insert("legacy".to_owned(), legacy.into());
    parameters.insert("listener_timeout".to_owned(), timeout);
    let started =
        app.manager.start_export(caller.ctx(), ExportKind::Snapshot, &id, parameters, queue, legacy || queue).await?;
    Ok(created(&started))
}

pub(crate) async fn put_log_bundle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let queue = body.flag("queue")?;
    let started = app.manager.start_export(caller.ctx(), ExportKind::LogBundle, &id, Map::new(), queue, true).await?;
    Ok(created(&started))
}

pub(crate) async fn patch<K: Of>(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let (status, error) = (body.required_text("status")?, body.text("error")?.unwrap_or_default());
    app.manager.set_export_status(caller.ctx(), K::KIND, &id, &status, &error).await?;
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
    query: Query,
    request: Request,
) -> Answer {
    let archive = upload::archive(&app, &query, "snapshot_archive_url", request).await?;
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
    Body(mut body): Body,
) -> Answer {
    body.required_flag("force")?;
    let wish =
        Restoration { restore_certificates: body.flag("restore_certificates")?, no_reboot: body.flag("no_reboot")? };
    Ok(ok(&app.manager.restore_snapshot(caller.ctx(), &id, wish).await?))
}

/// Nothing is restored into a manager that serves requests.
pub(crate) async fn restore_status() -> Answer {
    Ok(ok(&json!({"status": "not-running"})))
}

fn no_timeout() -> Error {
    Error::bad_parameters("listener_timeout must a valid floating point number")
}

fn is_writable(folder: &str) -> bool {
    std::fs::metadata(folder).is_ok_and(|found| found.is_dir() && !found.permissions().readonly())
}
