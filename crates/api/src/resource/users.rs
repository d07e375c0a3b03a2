//! Users.

use axum::extract::{Path, State};
use nephele_model::Secret;

use super::{created, ok};
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn myself(State(app): State<App>, caller: Caller) -> Answer {
    let ctx = caller.ctx();
    Ok(ok(&app.manager.get_user(ctx, ctx.username.as_str()).await?))
}

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_users(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    Ok(ok(&app.manager.get_user(caller.ctx(), &name).await?))
}

pub(crate) async fn put(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let name = body.required_text("username")?;
    let password = Secret::new(body.required_text("password")?);
    let role = body.text("role")?.unwrap_or_else(|| "default".to_owned());
    Ok(created(&app.manager.create_user(caller.ctx(), &name, password, &role).await?))
}
