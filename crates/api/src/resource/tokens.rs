//! API tokens of the caller.

use axum::extract::{Path, State};
use nephele_model::Result;
use nephele_model::page::ListQuery;

use super::{nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{FromBody, OptionalBody};
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list_tokens(caller.ctx(), &list).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.get_token(caller.ctx(), &id).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, OptionalBody(new): OptionalBody<New>) -> Answer {
    Ok(ok(&app.manager.create_token(caller.ctx(), new.description, new.expiration.as_deref()).await?))
}

/// A token to make.
pub(crate) struct New {
    description: Option<String>,
    expiration: Option<String>,
}

impl FromBody for New {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self { description: body.text("description")?, expiration: body.text("expiration_date")? })
    }
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    app.manager.delete_token(caller.ctx(), &id).await?;
    Ok(nothing())
}
