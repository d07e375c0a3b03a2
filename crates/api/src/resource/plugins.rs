//! Plugins.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use nephele_manager::{NewPlugin, PluginUpdate, Record};
use nephele_model::page::Page;
use nephele_model::{Error, Result, Timestamp};
use tempfile::TempPath;

use super::{created, nothing, ok};
use crate::App;
use crate::auth::Caller;
use crate::body::{Body, OptionalBody};
use crate::error::Answer;
use crate::query::Query;
use crate::{files, page, upload};

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_plugins(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    let found = app.manager.get_plugin(caller.ctx(), &id, query.include().as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, query: Query, request: Request) -> Answer {
    let archive = upload::archive(&app, &query, "plugin_archive_url", request).await?;
    let new = new_plugin(&query, archive)?;
    let mut plugins = app.manager.upload_plugins(caller.ctx(), new).await?;
    Ok(match (plugins.pop(), plugins.is_empty()) {
        (Some(only), true) => created(&only),
        (last, _) => {
            plugins.extend(last);
            several(plugins)
        }
    })
}

/// The plugins of a caravan, as a list.
fn several(plugins: Vec<Record>) -> Response {
    let total = plugins.len() as u64;
    let mut response = page::plain(&Page { items: plugins, total, size: total, offset: 0, filtered: None });
    *response.status_mut() = StatusCode::CREATED;
    response
}

fn new_plugin(query: &Query, archive: Option<TempPath>) -> Result<NewPlugin> {
    let text = |key: &str| query.get(key).filter(|text| !text.is_empty()).map(str::to_owned);
    let uploaded_at = text("uploaded_at").map(|text| {
        Timestamp::parse_typed(&text).ok_or_else(|| Error::bad_parameters(format!("{text} is not a legal time format")))
    });
    Ok(NewPlugin {
        id: text("id"),
        title: text("title"),
        visibility: text("visibility"),
        private_resource: query.get("private_resource").map(|_| query.switch("private_resource")).transpose()?,
        uploaded_at: uploaded_at.transpose()?,
        created_by: text("created_by"),
        archive,
    })
}

pub(crate) async fn install(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let action = body.required_text("action")?;
    let (managers, agents) = (body.texts("managers")?.unwrap_or_default(), body.texts("agents")?.unwrap_or_default());
    Ok(ok(&app.manager.install_plugin(caller.ctx(), &id, &action, &managers, &agents).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let (state, error) = (body.required_text("state")?, body.text("error")?);
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (manager, agent) = (given(body.text("manager")?), given(body.text("agent")?));
    let noted = app
        .manager
        .note_installation(caller.ctx(), &id, &state, error.as_deref(), manager.as_deref(), agent.as_deref())
        .await?;
    Ok(ok(&noted))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let update = PluginUpdate {
        creator: body.text("creator")?,
        blueprint_labels: body.object("blueprint_labels")?,
        labels: body.object("labels")?,
        resource_tags: body.object("resource_tags")?,
    };
    Ok(ok(&app.manager.update_plugin(caller.ctx(), &id, update).await?))
}

pub(crate) async fn set_visibility(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let wanted = body.required_text("visibility")?;
    Ok(ok(&app.manager.set_plugin_visibility(caller.ctx(), &id, &wanted).await?))
}

pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    OptionalBody(mut body): OptionalBody,
) -> Answer {
    app.manager.delete_plugin(caller.ctx(), &id, body.flag("force")?).await?;
    Ok(nothing())
}

pub(crate) async fn archive(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
    asked: Asked,
) -> Answer {
    if query.present("full_archive") {
        let file = app.manager.whole_plugin(caller.ctx(), &id).await?;
        return download(&file, "plugin_archive.zip", &asked).await;
    }
    let file = app.manager.plugin_archive(caller.ctx(), &id).await?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    download(&file, &name, &asked).await
}

pub(crate) async fn yaml(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
    asked: Asked,
) -> Answer {
    let version = query.get("dsl_version").filter(|version| !version.is_empty());
    let file = app.manager.plugin_yaml(caller.ctx(), &id, version).await?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    download(&file, &name, &asked).await
}

/// How a file is asked for.
pub(super) type Asked = (Method, HeaderMap);

/// A file under this name. The file may go once the answer has begun.
pub(super) async fn download(file: &std::path::Path, name: &str, (method, headers): &Asked) -> Answer<Response> {
    let metadata = tokio::fs::metadata(file).await.map_err(Error::internal)?;
    let mut response = files::send(file, &metadata, headers, method).await?;
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{}\"", name.replace('"', "_"))) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
