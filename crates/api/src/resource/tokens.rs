//! API tokens of the caller.

use axum::extract::{Path, State};

use super::{nothing, ok};
use crate::App;
use crate::auth::Caller;
use crate::body::OptionalBody;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_tokens(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.get_token(caller.ctx(), &id).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, OptionalBody(mut body): OptionalBody) -> Answer {
    let description = body.text("description")?;
    let expiration = body.text("expiration_date")?;
    Ok(ok(&app.manager.create_token(caller.ctx(), description, expiration.as_deref()).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    app.manager.delete_token(caller.ctx(), &id).await?;
    Ok(nothing())
}
