//! Modifications: changes of the numbers of a deployment's node instances.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::kind;

use super::{created, ok};
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::page;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list(caller.ctx(), &kind::MODIFICATIONS, &query.list(&[])?).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    let found = app.manager.get(caller.ctx(), &kind::MODIFICATIONS, &id, query.include().as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let deployment = body.required_text("deployment_id")?;
    let context = body.object("context")?.unwrap_or_default();
    let nodes = body.object("nodes")?.unwrap_or_default();
    Ok(created(&app.manager.start_modification(caller.ctx(), &deployment, nodes, context).await?))
}

pub(crate) async fn finish(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.finish_modification(caller.ctx(), &id).await?))
}

pub(crate) async fn rollback(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.roll_back_modification(caller.ctx(), &id).await?))
}
