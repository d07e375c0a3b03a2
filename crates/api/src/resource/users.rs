//! Users.

use axum::extract::{Path, State};
use nephele_manager::{NewUser, UserDetails, UserUpdate};
use nephele_model::{Error, Result, Secret};

use super::{created, nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, OptionalBody};
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn myself(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let (ctx, include) = (caller.ctx(), query.include());
    Ok(ok(&app.manager.get_user(ctx, ctx.username.as_str(), include.as_deref(), shown(&query)?).await?))
}

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_users(caller.ctx(), &query.list(&[])?, shown(&query)?).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>, query: Query) -> Answer {
    let include = query.include();
    Ok(ok(&app.manager.get_user(caller.ctx(), &name, include.as_deref(), shown(&query)?).await?))
}

pub(crate) async fn put(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let new = NewUser {
        username: body.required_text("username")?,
        password: Secret::new(body.required_text("password")?),
        is_prehashed: body.flag("is_prehashed")?,
        role: body.text("role")?.unwrap_or_else(|| "default".to_owned()),
        times: [body.text("created_at")?, body.text("first_login_at")?, body.text("last_login_at")?],
    };
    Ok(created(&app.manager.create_user(caller.ctx(), new).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Path(name): Path<String>, Body(body): Body) -> Answer {
    Ok(ok(&app.manager.update_user(caller.ctx(), &name, update(body)?).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    app.manager.delete_user(caller.ctx(), &name).await?;
    Ok(nothing())
}

pub(crate) async fn set_active(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let active = body.required_text("action")? == "activate";
    Ok(ok(&app.manager.set_active(caller.ctx(), &name, active).await?))
}

pub(crate) async fn unlock(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    OptionalBody(_): OptionalBody,
) -> Answer {
    Ok(ok(&app.manager.unlock_user(caller.ctx(), &name).await?))
}

fn shown(query: &Query) -> Result<UserDetails> {
    Ok(UserDetails { data: query.flag("_get_data")?, hash: query.flag("_include_hash")? })
}

fn update(mut body: Arguments) -> Result<UserUpdate> {
    let (password, role) = (body.text("password")?, body.text("role")?);
    let greeted = body.optional_flag("show_getting_started")?;
    match (password.filter(|text| !text.is_empty()), role.filter(|text| !text.is_empty()), greeted) {
        (Some(_), Some(_), _) => Err(Error::bad_parameters("Both `password` and `role` provided")),
        (Some(password), None, _) => Ok(UserUpdate::Password(Secret::new(password))),
        (None, Some(role), _) => Ok(UserUpdate::Role(role)),
        (None, None, Some(shown)) => Ok(UserUpdate::ShowGettingStarted(shown)),
        (None, None, None) => Err(Error::bad_parameters(
            "No valid user settings provided. Available settings: password, role, show_getting_started",
        )),
    }
}
