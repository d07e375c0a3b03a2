//! Summaries.

use axum::extract::State;
use nephele_manager::Summary;
use nephele_model::Result;
use nephele_model::page::ListQuery;

use crate::auth::Caller;
use crate::error::Answer;
use crate::query::{FromQuery, Pairs, Query};
use crate::{App, page};

pub(crate) async fn deployments(State(app): State<App>, caller: Caller, Query(asked): Query<Asked>) -> Answer {
    answer(&app, &caller, &asked, &Summary::DEPLOYMENTS).await
}

pub(crate) async fn nodes(State(app): State<App>, caller: Caller, Query(asked): Query<Asked>) -> Answer {
    answer(&app, &caller, &asked, &Summary::NODES).await
}

pub(crate) async fn node_instances(State(app): State<App>, caller: Caller, Query(asked): Query<Asked>) -> Answer {
    answer(&app, &caller, &asked, &Summary::NODE_INSTANCES).await
}

pub(crate) async fn executions(State(app): State<App>, caller: Caller, Query(asked): Query<Asked>) -> Answer {
    answer(&app, &caller, &asked, &Summary::EXECUTIONS).await
}

pub(crate) async fn execution_schedules(State(app): State<App>, caller: Caller, Query(asked): Query<Asked>) -> Answer {
    answer(&app, &caller, &asked, &Summary::EXECUTION_SCHEDULES).await
}

pub(crate) async fn blueprints(State(app): State<App>, caller: Caller, Query(asked): Query<Asked>) -> Answer {
    answer(&app, &caller, &asked, &Summary::BLUEPRINTS).await
}

async fn answer(app: &App, caller: &Caller, asked: &Asked, summary: &Summary) -> Answer {
    let (target, sub) = (asked.target.as_deref(), asked.sub.as_deref());
    Ok(page::plain(&app.manager.summarize(caller.ctx(), summary, &asked.list, target, sub).await?))
}

/// What is counted, and by which fields.
pub(crate) struct Asked {
    list: ListQuery,
    target: Option<String>,
    sub: Option<String>,
}

impl FromQuery for Asked {
    fn read(query: &Pairs) -> Result<Self> {
        let sub = query.filled("_sub_field").map(str::to_owned);
        Ok(Self { list: query.list(&[])?, target: query.expected("_target_field"), sub })
    }
}
