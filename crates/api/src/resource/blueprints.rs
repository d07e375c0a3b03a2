//! Blueprints.

use axum::RequestExt;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use nephele_manager::{BlueprintUpdate, Narrowing, NewBlueprint, kind};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result};
use serde_json::Value;
use tempfile::TempPath;

use super::{Seen, nothing, ok};
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::declared::{Content, Describe, Reads};
use crate::error::{Answer, Failure};
use crate::query::{Force, FromQuery, Include, Pairs, Query};
use crate::table::Version;
use crate::{App, body, files, page, query, upload};

/// The largest icon, in bytes.
const ICON_LIMIT: u64 = 1 << 20;
/// What old versions do not show.
const LACKING: (Version, &[&str]) = (Version::V1, &["main_file_name", "description"]);

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query((mut list, by)): Query<(ListQuery, Narrowing)>,
) -> Answer {
    list.rules = app.manager.blueprint_rules(caller.ctx(), by).await?;
    answer(&app, &caller, list).await
}

/// A page of blueprints.
pub(super) async fn answer(app: &App, caller: &Caller, mut list: ListQuery) -> Answer {
    list.include = caller.fields(&kind::BLUEPRINTS, list.include, LACKING);
    Ok(caller.page(&app.manager.list_blueprints(caller.ctx(), &list).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Include(named)): Query<Include>,
) -> Answer {
    let include = caller.fields(&kind::BLUEPRINTS, named, LACKING);
    let found = app.manager.get_blueprint(caller.ctx(), &id, include.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn put(State(app): State<App>, caller: Caller, Path(id): Path<String>, Upload(new): Upload) -> Answer {
    let new = NewBlueprint { id, ..new };
    Ok(page::record(StatusCode::CREATED, &app.manager.upload_blueprint(caller.ctx(), new).await?))
}

pub(crate) async fn validate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Upload(new): Upload,
) -> Answer {
    let new = NewBlueprint { id, validate_only: true, ..new };
    Ok(page::record(StatusCode::CREATED, &app.manager.upload_blueprint(caller.ctx(), new).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(update): Body<BlueprintUpdate>,
) -> Answer {
    Ok(page::record(StatusCode::OK, &app.manager.update_blueprint(caller.ctx(), &id, update).await?))
}

pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Force(force)): Query<Force>,
) -> Answer {
    app.manager.delete_blueprint(caller.ctx(), &id, force).await?;
    Ok(nothing())
}

pub(crate) async fn set_visibility(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(Seen(wanted)): Body<Seen>,
) -> Answer {
    Ok(page::record(StatusCode::OK, &app.manager.set_blueprint_visibility(caller.ctx(), &id, &wanted).await?))
}

pub(crate) async fn archive(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let file = app.manager.blueprint_archive(caller.ctx(), &id).await?;
    let metadata = tokio::fs::metadata(&file).await.map_err(Error::internal)?;
    let mut response = files::send(&file, &metadata, request.headers(), request.method()).await?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

pub(crate) async fn files(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.blueprint_files(caller.ctx(), &id).await?))
}

pub(crate) async fn file(
    State(app): State<App>,
    caller: Caller,
    Path((id, path)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let file = app.manager.blueprint_file(caller.ctx(), &id, &path).await?;
    let metadata = tokio::fs::metadata(&file).await.map_err(Error::internal)?;
    files::send(&file, &metadata, request.headers(), request.method()).await
}

pub(crate) async fn set_icon(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let picture = files::temporary(&app)?;
    let size = upload::save(request.into_body().into_data_stream(), &picture, ICON_LIMIT).await?;
    let changed = app.manager.set_blueprint_icon(caller.ctx(), &id, (size > 0).then_some(picture)).await?;
    Ok(page::record(StatusCode::OK, &changed))
}

pub(crate) async fn put_archive(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let archive = files::temporary(&app)?;
    upload::save(request.into_body().into_data_stream(), &archive, app.manager.settings.archive_limit).await?;
    app.manager.put_blueprint_archive(caller.ctx(), &id, archive).await?;
    Ok(ok(&()))
}

impl FromBody for BlueprintUpdate {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.demand_something("Update a blueprint request must include at least one parameter to update")?;
        let update = Self {
            labels: body.list("labels")?,
            creator: body.text("creator")?,
            created_at: body.text("created_at")?,
            visibility: body.visibility()?,
            description: body.text("description")?,
            plan: body.object("plan")?,
            requirements: body.object("requirements")?,
            main_file_name: body.text("main_file_name")?,
            state: body.text("state")?,
            error: body.text("error")?,
            error_traceback: body.text("error_traceback")?,
            upload_execution: body.text("upload_execution")?,
        };
        body.refuse_rest()?;
        Ok(update)
    }
}

/// A blueprint on its way in: a form with `params` and the archive, or the archive as body with the
/// parameters in the query. Its id is in the path.
pub(crate) struct Upload(NewBlueprint);

impl FromRequest<App> for Upload {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        Ok(Self(receive(app, request).await?))
    }
}

impl Describe for Upload {
    fn describe(reads: &mut Reads) {
        Query::<Plain>::describe(reads);
        reads.bodies.push(Content::Form(Arguments::of(Form::read), "blueprint_archive"));
        reads.bodies.push(Content::Bytes);
    }
}

async fn receive(app: &App, request: Request) -> Result<NewBlueprint> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let archive = files::temporary(app)?;
    if kind.starts_with("multipart/form-data") {
        let form: Multipart = request
            .extract()
            .await
            .map_err(|error| Error::bad_parameters(format!("The form cannot be read: {error}")))?;
        return receive_form(app, form, archive).await;
    }
    let Plain(new) = query::parsed(request.uri().query())?;
    let limit = app.manager.settings.archive_limit;
    let size = upload::save(request.into_body().into_data_stream(), &archive, limit).await?;
    Ok(NewBlueprint { archive: (size > 0).then_some(archive), ..new })
}

/// The parameters of an upload without a form.
struct Plain(NewBlueprint);

impl FromQuery for Plain {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self(NewBlueprint {
            visibility: query.visibility(),
            private_resource: query.optional_switch("private_resource")?,
            application_file_name: query.text("application_file_name").unwrap_or_default(),
            async_upload: query.present("async_upload"),
            url: query.filled("blueprint_archive_url").map(str::to_owned),
            skip_execution: query.present("skip_execution"),
            state: query.text("state"),
            created_at: query.text("created_at"),
            created_by: query.text("created_by"),
            ..NewBlueprint::default()
        }))
    }
}

/// The parameters of an upload with a form.
struct Form(NewBlueprint);

impl FromBody for Form {
    fn read(body: &mut Arguments) -> Result<Self> {
        // Clients escape it as for a URL.
        let file = body.text("application_file_name")?.unwrap_or_default();
        Ok(Self(NewBlueprint {
            visibility: body.visibility()?,
            private_resource: body.optional_flag("private_resource")?,
            application_file_name: unescaped(&file),
            labels: body.list("labels")?.unwrap_or_default(),
            async_upload: body.flag("async_upload")?,
            url: body.filled("blueprint_archive_url")?,
            skip_execution: body.flag("skip_execution")?,
            state: body.text("state")?,
            created_at: body.text("created_at")?,
            created_by: body.text("created_by")?,
            ..NewBlueprint::default()
        }))
    }
}

async fn receive_form(app: &App, mut form: Multipart, archive: TempPath) -> Result<NewBlueprint> {
    let (mut parameters, mut size) = (Value::Null, 0);
    while let Some(field) = upload::next_field(&mut form).await? {
        match field.name() {
            Some("params") => {
                let text = upload::text(field).await?;
                parameters = serde_json::from_str(&text)
                    .map_err(|error| Error::bad_parameters(format!("The form field `params` is not JSON: {error}")))?;
            }
            Some("blueprint_archive") => {
                size = upload::save(field, &archive, app.manager.settings.archive_limit).await?;
            }
            _ => {}
        }
    }
    let Value::Object(parameters) = parameters else {
        return Err(Error::bad_parameters("The form needs a field `params` with a JSON object"));
    };
    let Form(new) = body::parsed(parameters)?;
    Ok(NewBlueprint { archive: (size > 0).then_some(archive), ..new })
}

fn unescaped(text: &str) -> String {
    let kept = text.replace('+', "%2B");
    url::form_urlencoded::parse(format!("x={kept}").as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}
