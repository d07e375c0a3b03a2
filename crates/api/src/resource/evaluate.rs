//! `POST /evaluate/functions`.

use axum::extract::State;
use nephele_manager::Context;
use serde_json::{Value, json};

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;

pub(crate) async fn functions(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let deployment = body.required_text("deployment_id")?;
    let payload = body.required_object("payload")?;
    let from = body.object("context")?.unwrap_or_default();
    let id = |key: &str| from.get(key).and_then(Value::as_str).map(str::to_owned);
    let context =
        Context { self_id: id("self"), source_id: id("source"), target_id: id("target"), ..Context::default() };
    let ctx = caller.ctx();
    let payload = app.manager.evaluate(ctx, &deployment.as_str().into(), context, payload.into()).await?;
    Ok(ok(&json!({"deployment_id": deployment, "payload": payload})))
}
