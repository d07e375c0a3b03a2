//! What needs a person.

use axum::extract::State;

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::error::Answer;

pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Answer {
    Ok(ok(&app.manager.attention(caller.ctx()).await?))
}
