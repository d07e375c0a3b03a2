//! Inter-deployment dependencies.

use axum::extract::{Path, State};
use serde_json::Value;

use super::{nothing, ok};
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_dependencies(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn put(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    Ok(ok(&app.manager.create_dependency(caller.ctx(), &body.0).await?))
}

pub(crate) async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let given: Vec<Value> = body.list("inter_deployment_dependencies")?.unwrap_or_default();
    Ok(ok(&app.manager.replace_dependencies(caller.ctx(), &id, &given).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    app.manager.delete_dependency(caller.ctx(), &body.0).await?;
    Ok(nothing())
}
