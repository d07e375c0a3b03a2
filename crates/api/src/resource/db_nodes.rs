//! The database servers of the installation.

use axum::extract::State;

use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_db_nodes(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, query: Query, Body(mut body): Body) -> Answer {
    let action = body.required_text("action")?;
    Ok(caller.page(&app.manager.act_on_db_nodes(caller.ctx(), &action, &query.list(&[])?).await?))
}
