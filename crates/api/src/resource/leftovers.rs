//! What crashes left behind.

use axum::extract::State;
use serde_json::json;

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::error::Answer;

pub(crate) async fn list(State(app): State<App>) -> Answer {
    Ok(ok(&json!({"items": app.manager.leftovers().await?})))
}

pub(crate) async fn repair(State(app): State<App>, caller: Caller) -> Answer {
    Ok(ok(&json!({"items": app.manager.repair_leftovers(caller.ctx()).await?})))
}
