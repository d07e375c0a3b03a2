//! What uses a secret, a plugin or a site.

use axum::extract::{Path, State};

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::error::Answer;

pub(crate) async fn of_secret(State(app): State<App>, caller: Caller, Path(key): Path<String>) -> Answer {
    Ok(ok(&app.manager.usage_of_secret(caller.ctx(), &key).await?))
}

pub(crate) async fn of_plugin(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.usage_of_plugin(caller.ctx(), &id).await?))
}

pub(crate) async fn of_site(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    Ok(ok(&app.manager.usage_of_site(caller.ctx(), &name).await?))
}
