//! Maintenance mode.

use axum::extract::{Path, State};
use nephele_model::Error;

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::error::Answer;

pub(crate) async fn get(State(app): State<App>) -> Answer {
    Ok(ok(&app.manager.maintenance_state().await?))
}

pub(crate) async fn act(State(app): State<App>, caller: Caller, Path(action): Path<String>) -> Answer {
    match action.as_str() {
        "activate" => Ok(ok(&app.manager.begin_maintenance(caller.ctx()).await?)),
        "deactivate" => Ok(ok(&app.manager.end_maintenance().await?)),
        _ => Err(Error::bad_parameters(format!(
            "Invalid action: {action}, Valid action values are: ['activate', 'deactivate']"
        ))
        .into()),
    }
}
