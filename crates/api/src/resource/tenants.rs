//! Tenants and who is in them.

use axum::extract::{Path, State};
use nephele_manager::Joining;

use super::{created, nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, OptionalBody};
use crate::error::Answer;
use crate::query::Query;

/// The key of the body that names who joins or leaves.
#[derive(Clone, Copy)]
enum Who {
    User,
    Group,
}

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let data = query.flag("_get_data")?;
    Ok(caller.page(&app.manager.list_tenants(caller.ctx(), &query.list(&[])?, data).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>, query: Query) -> Answer {
    let (include, data) = (query.include(), query.flag("_get_data")?);
    Ok(ok(&app.manager.get_tenant(caller.ctx(), &name, include.as_deref(), data).await?))
}

pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    OptionalBody(mut body): OptionalBody,
) -> Answer {
    let password = body.text("rabbitmq_password")?;
    Ok(created(&app.manager.create_tenant(caller.ctx(), &name, password).await?))
}

pub(crate) async fn delete(State(app): State<App>, Path(name): Path<String>) -> Answer {
    app.manager.delete_tenant(&name).await?;
    Ok(nothing())
}

pub(crate) async fn add_user(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    join(&app, &caller, body, Who::User, false).await
}

pub(crate) async fn update_user(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    join(&app, &caller, body, Who::User, true).await
}

pub(crate) async fn remove_user(State(app): State<App>, Body(body): Body) -> Answer {
    leave(&app, body, Who::User).await
}

pub(crate) async fn add_group(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    join(&app, &caller, body, Who::Group, false).await
}

pub(crate) async fn update_group(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    join(&app, &caller, body, Who::Group, true).await
}

pub(crate) async fn remove_group(State(app): State<App>, Body(body): Body) -> Answer {
    leave(&app, body, Who::Group).await
}

async fn join(app: &App, caller: &Caller, mut body: Arguments, who: Who, replace: bool) -> Answer {
    let (tenant, name) = (body.required_text("tenant_name")?, name(&mut body, who)?);
    let role = body.required_text("role")?;
    Ok(ok(&app.manager.join_tenant(caller.ctx(), &tenant, joining(who, &name), &role, replace).await?))
}

async fn leave(app: &App, mut body: Arguments, who: Who) -> Answer {
    let (tenant, name) = (body.required_text("tenant_name")?, name(&mut body, who)?);
    app.manager.leave_tenant(&tenant, joining(who, &name)).await?;
    Ok(nothing())
}

fn name(body: &mut Arguments, who: Who) -> nephele_model::Result<String> {
    body.required_text(match who {
        Who::User => "username",
        Who::Group => "group_name",
    })
}

const fn joining(who: Who, name: &str) -> Joining<'_> {
    match who {
        Who::User => Joining::User(name),
        Who::Group => Joining::Group(name),
    }
}
