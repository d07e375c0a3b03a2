//! What deployments can run.

use axum::extract::State;
use nephele_manager::Narrowing;

use super::deployments;
use crate::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::page;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let mut list = deployments::wanted(&query, query.list(&[])?);
    let by = Narrowing { filter_id: query.get("_filter_id").map(str::to_owned), ..Narrowing::default() };
    list.rules = app.manager.deployment_rules(caller.ctx(), by).await?;
    Ok(page::plain(&app.manager.list_workflows(caller.ctx(), &list).await?))
}
