//! Summaries.

use axum::extract::State;
use nephele_manager::Summary;

use crate::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::page;
use crate::query::Query;

pub(crate) async fn deployments(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    answer(&app, &caller, &query, &Summary::DEPLOYMENTS).await
}

pub(crate) async fn nodes(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    answer(&app, &caller, &query, &Summary::NODES).await
}

pub(crate) async fn node_instances(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    answer(&app, &caller, &query, &Summary::NODE_INSTANCES).await
}

pub(crate) async fn executions(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    answer(&app, &caller, &query, &Summary::EXECUTIONS).await
}

pub(crate) async fn execution_schedules(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    answer(&app, &caller, &query, &Summary::EXECUTION_SCHEDULES).await
}

pub(crate) async fn blueprints(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    answer(&app, &caller, &query, &Summary::BLUEPRINTS).await
}

async fn answer(app: &App, caller: &Caller, query: &Query, summary: &Summary) -> Answer {
    let list = query.list(&[])?;
    let (target, sub) = (query.get("_target_field"), query.get("_sub_field").filter(|sub| !sub.is_empty()));
    Ok(page::plain(&app.manager.summarize(caller.ctx(), summary, &list, target, sub).await?))
}
