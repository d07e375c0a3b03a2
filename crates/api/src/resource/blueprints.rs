//! Blueprints.

use axum::RequestExt;
use axum::extract::{Multipart, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use nephele_manager::{BlueprintUpdate, Narrowing, NewBlueprint, kind};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result};
use serde_json::Value;
use tempfile::TempPath;

use super::{nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;
use crate::table::Version;
use crate::{files, page, upload};

/// The largest icon, in bytes.
const ICON_LIMIT: u64 = 1 << 20;
/// What old versions do not show.
const LACKING: (Version, &[&str]) = (Version::V1, &["main_file_name", "description"]);

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let mut list = query.list(&[])?;
    let by = Narrowing { filter_id: query.get("_filter_id").map(str::to_owned), ..Narrowing::default() };
    list.rules = app.manager.blueprint_rules(caller.ctx(), by).await?;
    answer(&app, &caller, list).await
}

/// A page of blueprints.
pub(super) async fn answer(app: &App, caller: &Caller, mut list: ListQuery) -> Answer {
    list.include = caller.fields(&kind::BLUEPRINTS, list.include, LACKING);
    Ok(caller.page(&app.manager.list_blueprints(caller.ctx(), &list).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    let include = caller.fields(&kind::BLUEPRINTS, query.include(), LACKING);
    let found = app.manager.get_blueprint(caller.ctx(), &id, include.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn put(State(app): State<App>, caller: Caller, Path(id): Path<String>, request: Request) -> Answer {
    let new = receive(&app, id, request).await?;
    Ok(page::record(StatusCode::CREATED, &app.manager.upload_blueprint(caller.ctx(), new).await?))
}

pub(crate) async fn validate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let new = NewBlueprint { validate_only: true, ..receive(&app, id, request).await? };
    Ok(page::record(StatusCode::CREATED, &app.manager.upload_blueprint(caller.ctx(), new).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    body.demand_something("Update a blueprint request must include at least one parameter to update")?;
    let update = BlueprintUpdate {
        labels: body.list("labels")?,
        creator: body.text("creator")?,
        created_at: body.text("created_at")?,
        visibility: body.text("visibility")?,
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
    Ok(page::record(StatusCode::OK, &app.manager.update_blueprint(caller.ctx(), &id, update).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    app.manager.delete_blueprint(caller.ctx(), &id, query.switch("force")?).await?;
    Ok(nothing())
}

pub(crate) async fn set_visibility(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let wanted = body.required_text("visibility")?;
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

/// Reads an upload: a form with `params` and the archive, or the archive as body with the
/// parameters in the query.
async fn receive(app: &App, id: String, request: Request) -> Result<NewBlueprint> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let archive = files::temporary(app)?;
    if kind.starts_with("multipart/form-data") {
        let form: Multipart = request
            .extract()
            .await
            .map_err(|error| Error::bad_parameters(format!("The form cannot be read: {error}")))?;
        return receive_form(app, id, form, archive).await;
    }
    let limit = app.manager.settings.archive_limit;
    let size = upload::save(request.into_body().into_data_stream(), &archive, limit).await?;
    Ok(NewBlueprint {
        id,
        visibility: query.get("visibility").map(str::to_owned),
        private_resource: query.get("private_resource").map(|_| query.switch("private_resource")).transpose()?,
        application_file_name: query.get("application_file_name").unwrap_or_default().to_owned(),
        async_upload: query.present("async_upload"),
        archive: (size > 0).then_some(archive),
        url: query.get("blueprint_archive_url").filter(|url| !url.is_empty()).map(str::to_owned),
        skip_execution: query.present("skip_execution"),
        state: query.get("state").map(str::to_owned),
        created_at: query.get("created_at").map(str::to_owned),
        created_by: query.get("created_by").map(str::to_owned),
        ..NewBlueprint::default()
    })
}

async fn receive_form(app: &App, id: String, mut form: Multipart, archive: TempPath) -> Result<NewBlueprint> {
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
    let mut body = Arguments(parameters);
    let file = body.text("application_file_name")?.unwrap_or_default();
    Ok(NewBlueprint {
        id,
        visibility: body.text("visibility")?,
        private_resource: body.optional_flag("private_resource")?,
        // Clients escape it as for a URL.
        application_file_name: unescaped(&file),
        labels: body.list("labels")?.unwrap_or_default(),
        async_upload: body.flag("async_upload")?,
        archive: (size > 0).then_some(archive),
        url: body.text("blueprint_archive_url")?.filter(|url| !url.is_empty()),
        skip_execution: body.flag("skip_execution")?,
        state: body.text("state")?,
        created_at: body.text("created_at")?,
        created_by: body.text("created_by")?,
        ..NewBlueprint::default()
    })
}

fn unescaped(text: &str) -> String {
    let kept = text.replace('+', "%2B");
    url::form_urlencoded::parse(format!("x={kept}").as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}
