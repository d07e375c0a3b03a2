//! User groups and who is in them.

use axum::extract::{Path, State};
use nephele_model::{Error, Result};

use super::{created, nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let data = query.flag("_get_data")?;
    Ok(caller.page(&app.manager.list_groups(caller.ctx(), &query.list(&[])?, data).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>, query: Query) -> Answer {
    Ok(ok(&app.manager.get_group(caller.ctx(), &name, query.flag("_get_data")?).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let (name, ldap_dn) = (body.required_text("group_name")?, body.text("ldap_group_dn")?);
    let role = body.text("role")?.unwrap_or_else(|| "default".to_owned());
    Ok(created(&app.manager.create_group(caller.ctx(), &name, ldap_dn.as_deref(), &role).await?))
}

pub(crate) async fn set_role(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let role = body.text("role")?.ok_or_else(|| Error::bad_parameters("`role` not provided"))?;
    Ok(ok(&app.manager.set_group_role(caller.ctx(), &name, &role).await?))
}

pub(crate) async fn delete(State(app): State<App>, Path(name): Path<String>) -> Answer {
    app.manager.delete_group(&name).await?;
    Ok(nothing())
}

pub(crate) async fn add_user(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let (user, group) = belonging(body)?;
    Ok(ok(&app.manager.add_user_to_group(caller.ctx(), &user, &group).await?))
}

pub(crate) async fn remove_user(State(app): State<App>, Body(body): Body) -> Answer {
    let (user, group) = belonging(body)?;
    app.manager.remove_user_from_group(&user, &group).await?;
    Ok(nothing())
}

fn belonging(mut body: Arguments) -> Result<(String, String)> {
    Ok((body.required_text("username")?, body.required_text("group_name")?))
}
