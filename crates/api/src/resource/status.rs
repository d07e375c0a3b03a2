//! Version, health, provider context.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::{created, ok};
use crate::App;
use crate::body::Body;
use crate::error::{Answer, json_response};
use crate::query::Query;

pub(crate) async fn version(State(app): State<App>) -> Response {
    ok(&app.manager.version())
}

pub(crate) async fn status(State(app): State<App>, query: Query) -> Answer {
    Ok(ok(&app.manager.status(query.flag("summary")?).await))
}

pub(crate) async fn cluster_status(State(app): State<App>, query: Query) -> Answer {
    let summary = query.flag("summary")?;
    let answer = app.manager.cluster_status(summary).await?;
    let well = !summary || answer["status"] != "Fail";
    Ok(json_response(if well { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }, &answer))
}

pub(crate) async fn is_well(State(app): State<App>) -> Response {
    if app.manager.is_well().await { ok(&"OK") } else { json_response(StatusCode::INTERNAL_SERVER_ERROR, &"FAIL") }
}

pub(crate) async fn provider_context(State(app): State<App>) -> Answer {
    Ok(ok(&app.manager.provider_context().await?))
}

pub(crate) async fn put_provider_context(State(app): State<App>, query: Query, Body(mut body): Body) -> Answer {
    let name = body.required_text("name")?;
    let context = body.object("context")?.unwrap_or_default();
    app.manager.put_provider_context(&name, &context).await?;
    let answer = json!({"status": "ok"});
    Ok(if query.switch("update")? { ok(&answer) } else { created(&answer) })
}
