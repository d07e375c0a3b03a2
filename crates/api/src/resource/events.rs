//! Events and logs.

use axum::extract::State;
use nephele_manager::Told;
use nephele_model::{Code, Error};

use super::stored;
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::page;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let ranges = query.all("_range");
    Ok(page::plain(&app.manager.list_events(caller.ctx(), &query.list(&[])?, &ranges).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let told = Told {
        events: body.list("events")?.unwrap_or_default(),
        logs: body.list("logs")?.unwrap_or_default(),
        execution_id: body.text("execution_id")?,
        manager_name: body.text("manager_name")?,
        agent_name: body.text("agent_name")?,
    };
    Ok(stored(app.manager.create_events(caller.ctx(), told).await?))
}

/// The first version of the service answers every request so.
pub(crate) async fn not_in_the_first_version() -> Answer {
    Err(Error::new(Code::MethodNotAllowed, "").into())
}
