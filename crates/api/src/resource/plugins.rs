//! Plugins and agents, as far as they are only rows to read.

use axum::extract::{Path, State};
use nephele_manager::kind;

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list(caller.ctx(), &kind::PLUGINS, &query.list(&[])?).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    Ok(ok(&app.manager.get(caller.ctx(), &kind::PLUGINS, &id, query.include().as_deref()).await?))
}

pub(crate) async fn list_agents(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list(caller.ctx(), &kind::AGENTS, &query.list(&[])?).await?))
}

pub(crate) async fn get_agent(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    Ok(ok(&app.manager.get(caller.ctx(), &kind::AGENTS, &name, None).await?))
}
