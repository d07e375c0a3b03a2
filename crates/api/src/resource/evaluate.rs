//! `POST /evaluate/functions`.

use axum::extract::State;
use nephele_manager::Context;
use nephele_model::Result;
use serde_json::{Map, Value, json};

use super::ok;
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::declared::Shape;
use crate::error::Answer;

pub(crate) async fn functions(State(app): State<App>, caller: Caller, Body(asked): Body<Functions>) -> Answer {
    let Functions { deployment_id, payload, context } = asked;
    let payload = app.manager.evaluate(caller.ctx(), &deployment_id.as_str().into(), context, payload.into()).await?;
    Ok(ok(&json!({"deployment_id": deployment_id, "payload": payload})))
}

/// What is to be evaluated, and as seen from where.
pub(crate) struct Functions {
    deployment_id: String,
    payload: Map<String, Value>,
    context: Context,
}

impl FromBody for Functions {
    fn read(body: &mut Arguments) -> Result<Self> {
        let id = |body: &mut Arguments, key| {
            body.take_as(key, Shape::Text).as_ref().and_then(Value::as_str).map(str::to_owned)
        };
        Ok(Self {
            deployment_id: body.required_text("deployment_id")?,
            payload: body.required_object("payload")?,
            context: body.part("context", |body| {
                let (self_id, source_id, target_id) = (id(body, "self"), id(body, "source"), id(body, "target"));
                Ok(Context { self_id, source_id, target_id, ..Context::default() })
            })?,
        })
    }
}
