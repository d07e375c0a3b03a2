//! Modifications: changes of the numbers of a deployment's node instances.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::kind;
use nephele_model::Result;
use nephele_model::page::ListQuery;
use serde_json::{Map, Value};

use super::{created, ok};
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;
use crate::query::{Include, Query};
use crate::{App, page};

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list(caller.ctx(), &kind::MODIFICATIONS, &list).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Include(include)): Query<Include>,
) -> Answer {
    let found = app.manager.get(caller.ctx(), &kind::MODIFICATIONS, &id, include.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(new): Body<NewModification>) -> Answer {
    let NewModification { deployment_id, nodes, context } = new;
    Ok(created(&app.manager.start_modification(caller.ctx(), &deployment_id, nodes, context).await?))
}

/// How many instances of which nodes there shall be.
pub(crate) struct NewModification {
    deployment_id: String,
    nodes: Map<String, Value>,
    context: Map<String, Value>,
}

impl FromBody for NewModification {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            deployment_id: body.required_text("deployment_id")?,
            nodes: body.object("nodes")?.unwrap_or_default(),
            context: body.object("context")?.unwrap_or_default(),
        })
    }
}

pub(crate) async fn finish(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.finish_modification(caller.ctx(), &id).await?))
}

pub(crate) async fn rollback(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.roll_back_modification(caller.ctx(), &id).await?))
}
