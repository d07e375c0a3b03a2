//! What the caller prefers in the console.

use axum::extract::State;
use nephele_model::Result;
use serde_json::{Map, Value};

use super::ok;
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;

pub(crate) async fn get(State(app): State<App>, caller: Caller) -> Answer {
    Ok(ok(&app.manager.get_preferences(caller.ctx()).await?))
}

pub(crate) async fn put(State(app): State<App>, caller: Caller, Body(Wanted(wanted)): Body<Wanted>) -> Answer {
    Ok(ok(&app.manager.put_preferences(caller.ctx(), wanted).await?))
}

/// Everything that is to be kept.
pub(crate) struct Wanted(Map<String, Value>);

impl FromBody for Wanted {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.required_object("preferences").map(Self)
    }
}
