//! `GET /config`.

use axum::extract::{Path, State};
use nephele_model::Result;
use serde_json::Value;

use super::ok;
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;
use crate::query::{FromQuery, Pairs, Query};

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(Scope(scope)): Query<Scope>) -> Answer {
    Ok(ok(&app.manager.config(caller.ctx(), scope.as_deref()).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    Ok(ok(&app.manager.config_value(caller.ctx(), &name).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(new): Body<NewValue>,
) -> Answer {
    Ok(ok(&app.manager.put_config(caller.ctx(), &name, &new.value, new.force).await?))
}

/// The part of the settings that is wanted.
pub(crate) struct Scope(Option<String>);

impl FromQuery for Scope {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self(query.text("scope")))
    }
}

/// What a setting is to be, and whether although it is not meant to be changed.
pub(crate) struct NewValue {
    value: Value,
    force: bool,
}

impl FromBody for NewValue {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self { value: body.required("value")?, force: body.flag("force")? })
    }
}
