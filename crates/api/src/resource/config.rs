//! `GET /config`.

use axum::extract::{Path, State};

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(ok(&app.manager.config(caller.ctx(), query.get("scope")).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    Ok(ok(&app.manager.config_value(caller.ctx(), &name).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let value = body.required("value")?;
    Ok(ok(&app.manager.put_config(caller.ctx(), &name, &value, body.flag("force")?).await?))
}
