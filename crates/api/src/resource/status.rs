//! Version, health, provider context.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use nephele_model::Result;
use serde_json::{Map, Value, json};

use super::{created, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::body::{Body, FromBody};
use crate::error::{Answer, json_response};
use crate::query::{Brief, FromQuery, Pairs, Query};

pub(crate) async fn version(State(app): State<App>) -> Response {
    ok(&app.manager.version())
}

pub(crate) async fn status(State(app): State<App>, Query(Brief(brief)): Query<Brief>) -> Answer {
    Ok(ok(&app.manager.status(brief).await))
}

pub(crate) async fn cluster_status(State(app): State<App>, Query(Brief(brief)): Query<Brief>) -> Answer {
    let answer = app.manager.cluster_status(brief).await?;
    let well = !brief || answer["status"] != "Fail";
    Ok(json_response(if well { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }, &answer))
}

pub(crate) async fn is_well(State(app): State<App>) -> Response {
    if app.manager.is_well().await { ok(&"OK") } else { json_response(StatusCode::INTERNAL_SERVER_ERROR, &"FAIL") }
}

pub(crate) async fn provider_context(State(app): State<App>) -> Answer {
    Ok(ok(&app.manager.provider_context().await?))
}

pub(crate) async fn put_provider_context(
    State(app): State<App>,
    Query(Update(update)): Query<Update>,
    Body(sent): Body<ProviderContext>,
) -> Answer {
    app.manager.put_provider_context(&sent.name, &sent.context).await?;
    let answer = json!({"status": "ok"});
    Ok(if update { ok(&answer) } else { created(&answer) })
}

/// Whether there is one already.
pub(crate) struct Update(bool);

impl FromQuery for Update {
    fn read(query: &Pairs) -> Result<Self> {
        query.switch("update").map(Self)
    }
}

/// What was told about the surroundings when the manager was set up.
pub(crate) struct ProviderContext {
    name: String,
    context: Map<String, Value>,
}

impl FromBody for ProviderContext {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self { name: body.required_text("name")?, context: body.object("context")?.unwrap_or_default() })
    }
}
