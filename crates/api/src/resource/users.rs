//! Users.

use axum::extract::{Path, State};
use nephele_manager::{NewUser, UserDetails, UserUpdate};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result, Secret};

use super::{Action, created, nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody, OptionalBody};
use crate::error::Answer;
use crate::query::{FromQuery, Include, Pairs, Query};

pub(crate) async fn myself(
    State(app): State<App>,
    caller: Caller,
    Query((include, shown)): Query<(Include, UserDetails)>,
) -> Answer {
    let ctx = caller.ctx();
    Ok(ok(&app.manager.get_user(ctx, ctx.username.as_str(), include.0.as_deref(), shown).await?))
}

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query((list, shown)): Query<(ListQuery, UserDetails)>,
) -> Answer {
    Ok(caller.page(&app.manager.list_users(caller.ctx(), &list, shown).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Query((include, shown)): Query<(Include, UserDetails)>,
) -> Answer {
    Ok(ok(&app.manager.get_user(caller.ctx(), &name, include.0.as_deref(), shown).await?))
}

pub(crate) async fn put(State(app): State<App>, caller: Caller, Body(new): Body<NewUser>) -> Answer {
    Ok(created(&app.manager.create_user(caller.ctx(), new).await?))
}

pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(update): Body<UserUpdate>,
) -> Answer {
    Ok(ok(&app.manager.update_user(caller.ctx(), &name, update).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    app.manager.delete_user(caller.ctx(), &name).await?;
    Ok(nothing())
}

pub(crate) async fn set_active(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(Action(action)): Body<Action>,
) -> Answer {
    Ok(ok(&app.manager.set_active(caller.ctx(), &name, action == "activate").await?))
}

pub(crate) async fn unlock(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    OptionalBody(()): OptionalBody<()>,
) -> Answer {
    Ok(ok(&app.manager.unlock_user(caller.ctx(), &name).await?))
}

impl FromQuery for UserDetails {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self { data: query.flag("_get_data")?, hash: query.flag("_include_hash")? })
    }
}

impl FromBody for NewUser {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            username: body.required_text("username")?,
            password: Secret::new(body.required_text("password")?),
            is_prehashed: body.flag("is_prehashed")?,
            role: body.text("role")?.unwrap_or_else(|| "default".to_owned()),
            times: [body.text("created_at")?, body.text("first_login_at")?, body.text("last_login_at")?],
        })
    }
}

impl FromBody for UserUpdate {
    fn read(body: &mut Arguments) -> Result<Self> {
        let (password, role) = (body.filled("password")?, body.filled("role")?);
        match (password, role, body.optional_flag("show_getting_started")?) {
            (Some(_), Some(_), _) => Err(Error::bad_parameters("Both `password` and `role` provided")),
            (Some(password), None, _) => Ok(Self::Password(Secret::new(password))),
            (None, Some(role), _) => Ok(Self::Role(role)),
            (None, None, Some(shown)) => Ok(Self::ShowGettingStarted(shown)),
            (None, None, None) => Err(Error::bad_parameters(
                "No valid user settings provided. Available settings: password, role, show_getting_started",
            )),
        }
    }
}
