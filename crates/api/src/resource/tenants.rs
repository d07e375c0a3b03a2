//! Tenants and who is in them.

use axum::extract::{Path, State};
use nephele_model::Result;

use super::{created, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, OptionalBody};
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_tenants(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>, query: Query) -> Answer {
    Ok(ok(&app.manager.get_tenant(caller.ctx(), &name, query.include().as_deref()).await?))
}

pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    OptionalBody(_): OptionalBody,
) -> Answer {
    Ok(created(&app.manager.create_tenant(caller.ctx(), &name).await?))
}

pub(crate) async fn add_user(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let (tenant, user, role) = membership(body)?;
    Ok(ok(&app.manager.join_tenant(caller.ctx(), &tenant, &user, &role, false).await?))
}

pub(crate) async fn update_user(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let (tenant, user, role) = membership(body)?;
    Ok(ok(&app.manager.join_tenant(caller.ctx(), &tenant, &user, &role, true).await?))
}

fn membership(mut body: Arguments) -> Result<(String, String, String)> {
    Ok((body.required_text("tenant_name")?, body.required_text("username")?, body.required_text("role")?))
}
