//! The database servers of the installation.

use axum::extract::State;
use nephele_model::page::ListQuery;

use super::Action;
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list_db_nodes(caller.ctx(), &list).await?))
}

pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Query(list): Query<ListQuery>,
    Body(Action(action)): Body<Action>,
) -> Answer {
    Ok(caller.page(&app.manager.act_on_db_nodes(caller.ctx(), &action, &list).await?))
}
