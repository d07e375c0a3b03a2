//! Plugins.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use nephele_manager::{NewPlugin, PluginUpdate, Record};
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Error, Result};

use super::{Seen, created, nothing, ok};
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody, OptionalBody};
use crate::declared::Describe;
use crate::error::Answer;
use crate::query::{FromQuery, Include, Pairs, Query};
use crate::{App, files, page, upload};

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list_plugins(caller.ctx(), &list).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Include(include)): Query<Include>,
) -> Answer {
    let found = app.manager.get_plugin(caller.ctx(), &id, include.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Query(sent): Query<Upload>,
    request: Request,
) -> Answer {
    let archive = upload::archive(&app, sent.url.as_deref(), request).await?;
    let mut plugins = app.manager.upload_plugins(caller.ctx(), NewPlugin { archive, ..sent.plugin }).await?;
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

/// A plugin on its way in, and where its archive is if that is not the body.
pub(crate) struct Upload {
    plugin: NewPlugin,
    url: Option<String>,
}

impl FromQuery for Upload {
    fn read(query: &Pairs) -> Result<Self> {
        let text = |key: &str| query.filled(key).map(str::to_owned);
        let url = text("plugin_archive_url");
        let plugin = NewPlugin {
            id: text("id"),
            title: text("title"),
            visibility: query.visibility().filter(|visibility| !visibility.is_empty()),
            private_resource: query.optional_switch("private_resource")?,
            uploaded_at: query.time("uploaded_at")?,
            created_by: text("created_by"),
            archive: None,
        };
        Ok(Self { plugin, url })
    }
}

pub(crate) async fn install(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(asked): Body<Installation>,
) -> Answer {
    let Installation { action, managers, agents } = asked;
    Ok(ok(&app.manager.install_plugin(caller.ctx(), &id, &action, &managers, &agents).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(told): Body<Installed>,
) -> Answer {
    let (error, manager, agent) = (told.error.as_deref(), told.manager.as_deref(), told.agent.as_deref());
    Ok(ok(&app.manager.note_installation(caller.ctx(), &id, &told.state, error, manager, agent).await?))
}

/// Where a plugin is to be installed.
pub(crate) struct Installation {
    action: String,
    managers: Vec<String>,
    agents: Vec<String>,
}

impl FromBody for Installation {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            action: body.required_text("action")?,
            managers: body.texts("managers")?.unwrap_or_default(),
            agents: body.texts("agents")?.unwrap_or_default(),
        })
    }
}

/// How an installation of a plugin stands.
pub(crate) struct Installed {
    state: String,
    error: Option<String>,
    manager: Option<String>,
    agent: Option<String>,
}

impl FromBody for Installed {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            state: body.required_text("state")?,
            error: body.text("error")?,
            manager: body.filled("manager")?,
            agent: body.filled("agent")?,
        })
    }
}

impl FromBody for PluginUpdate {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            creator: body.text("creator")?,
            blueprint_labels: body.object("blueprint_labels")?,
            labels: body.object("labels")?,
            resource_tags: body.object("resource_tags")?,
        })
    }
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(update): Body<PluginUpdate>,
) -> Answer {
    Ok(ok(&app.manager.update_plugin(caller.ctx(), &id, update).await?))
}

pub(crate) async fn set_visibility(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(Seen(wanted)): Body<Seen>,
) -> Answer {
    Ok(ok(&app.manager.set_plugin_visibility(caller.ctx(), &id, &wanted).await?))
}

pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    OptionalBody(Forced(force)): OptionalBody<Forced>,
) -> Answer {
    app.manager.delete_plugin(caller.ctx(), &id, force).await?;
    Ok(nothing())
}

/// Whether a plugin goes although it is in use.
pub(crate) struct Forced(bool);

impl FromBody for Forced {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.flag("force").map(Self)
    }
}

pub(crate) async fn archive(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Whole(whole)): Query<Whole>,
    asked: Asked,
) -> Answer {
    if whole {
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
    Query(Language(version)): Query<Language>,
    asked: Asked,
) -> Answer {
    let file = app.manager.plugin_yaml(caller.ctx(), &id, version.as_deref()).await?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    download(&file, &name, &asked).await
}

/// Whether the archive is wanted with its descriptions.
pub(crate) struct Whole(bool);

impl FromQuery for Whole {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self(query.present("full_archive")))
    }
}

/// The version of the blueprint language that a description is for.
pub(crate) struct Language(Option<String>);

impl FromQuery for Language {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self(query.filled("dsl_version").map(str::to_owned)))
    }
}

/// How a file is asked for.
pub(super) type Asked = (Method, HeaderMap);

impl Describe for Asked {}

/// A file under this name. The file may go once the answer has begun.
pub(super) async fn download(file: &std::path::Path, name: &str, (method, headers): &Asked) -> Answer<Response> {
    let metadata = tokio::fs::metadata(file).await.map_err(Error::internal)?;
    let mut response = files::send(file, &metadata, headers, method).await?;
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{}\"", name.replace('"', "_"))) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
