//! Inter-deployment dependencies.

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::nothing;
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::page;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_dependencies(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn put(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    Ok(page::record(StatusCode::OK, &app.manager.create_dependency(caller.ctx(), &body.0).await?))
}

pub(crate) async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let given = body.required_list("inter_deployment_dependencies")?;
    Ok(page::plain(&app.manager.replace_dependencies(caller.ctx(), &id, &given).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let source = body.required_text("source_deployment_id")?;
    let given = body.required_list("inter_deployment_dependencies")?;
    Ok(page::plain(&app.manager.create_dependencies(caller.ctx(), &source, &given).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    app.manager.delete_dependency(caller.ctx(), &body.0).await?;
    Ok(nothing())
}
