//! Version, health, the nodes of the manager, maintenance, license, provider context.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{created, ok};
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::{Answer, json_response};
use crate::query::Query;
use nephele_model::page::Page;
use serde_json::{Value, json};

pub(crate) async fn version(State(app): State<App>) -> Response {
    ok(&app.manager.version())
}

pub(crate) async fn status(State(app): State<App>, query: Query) -> Answer {
    Ok(ok(&app.manager.status(query.flag("summary")?).await))
}

pub(crate) async fn cluster_status(State(app): State<App>, query: Query) -> Answer {
    let summary = query.flag("summary")?;
    let answer = app.manager.cluster_status(summary).await;
    let well = !summary || answer["status"] == "OK";
    Ok(json_response(if well { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }, &answer))
}

pub(crate) async fn is_well(State(app): State<App>) -> Response {
    if app.manager.is_well().await { ok(&"OK") } else { json_response(StatusCode::INTERNAL_SERVER_ERROR, &"FAIL") }
}

pub(crate) async fn managers(State(app): State<App>, caller: Caller, query: Query) -> Response {
    let mut page = app.manager.managers();
    if let Some(hostname) = query.get("hostname") {
        page.items.retain(|manager| manager["hostname"] == hostname);
        page.total = page.items.len() as u64;
    }
    caller.page(&page)
}

pub(crate) async fn brokers(State(app): State<App>, caller: Caller) -> Response {
    caller.page(&app.manager.brokers())
}

pub(crate) async fn db_nodes(State(app): State<App>, caller: Caller) -> Response {
    caller.page(&app.manager.db_nodes())
}

pub(crate) async fn maintenance(State(app): State<App>) -> Answer {
    Ok(ok(&app.manager.maintenance().await?))
}

/// Every edition is complete and free: there is nothing to check.
pub(crate) async fn license_check() -> Response {
    ok(&"OK")
}

pub(crate) async fn license(caller: Caller) -> Response {
    caller.page(&Page::<Value> { items: vec![], total: 0, size: 1000, offset: 0, filtered: None })
}

pub(crate) async fn identity_provider() -> Response {
    ok(&"local")
}

pub(crate) async fn ldap() -> Response {
    ok(&"disabled")
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
