//! Searches: lists whose narrowing comes in the body.

use axum::extract::State;
use nephele_manager::Narrowing;
use nephele_model::Result;
use nephele_model::page::ListQuery;

use super::{blueprints, deployments};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::page;
use crate::query::Query;

pub(crate) async fn deployments(State(app): State<App>, caller: Caller, query: Query, Body(body): Body) -> Answer {
    let mut list = deployments::wanted(&query, search(&query)?);
    list.rules = app.manager.deployment_rules(caller.ctx(), narrowing(&query, body)?).await?;
    deployments::answer(&app, &caller, &query, list).await
}

pub(crate) async fn blueprints(State(app): State<App>, caller: Caller, query: Query, Body(body): Body) -> Answer {
    let mut list = search(&query)?;
    list.rules = app.manager.blueprint_rules(caller.ctx(), narrowing(&query, body)?).await?;
    blueprints::answer(&app, &caller, list).await
}

pub(crate) async fn workflows(State(app): State<App>, caller: Caller, query: Query, Body(body): Body) -> Answer {
    let mut list = deployments::wanted(&query, search(&query)?);
    list.rules = app.manager.deployment_rules(caller.ctx(), narrowing(&query, body)?).await?;
    let common_only = query.flag("_common_only")?;
    Ok(page::plain(&app.manager.search_workflows(caller.ctx(), &list, common_only).await?))
}

pub(crate) async fn nodes(State(app): State<App>, caller: Caller, query: Query, Body(body): Body) -> Answer {
    let narrowing = narrowing(&query, body)?;
    Ok(caller.page(&app.manager.search_nodes(caller.ctx(), search(&query)?, narrowing).await?))
}

pub(crate) async fn node_types(State(app): State<App>, caller: Caller, query: Query, Body(body): Body) -> Answer {
    let narrowing = narrowing(&query, body)?;
    Ok(caller.page(&app.manager.search_node_types(caller.ctx(), search(&query)?, narrowing).await?))
}

pub(crate) async fn node_instances(State(app): State<App>, caller: Caller, query: Query, Body(body): Body) -> Answer {
    let mut list = search(&query)?;
    if let Some(node) = query.get("node_id") {
        list.filters.push(("node_id".to_owned(), vec![node.to_owned()]));
    }
    Ok(caller.page(&app.manager.search_instances(caller.ctx(), list, narrowing(&query, body)?).await?))
}

pub(crate) async fn secrets(State(app): State<App>, caller: Caller, query: Query, Body(body): Body) -> Answer {
    let list = ListQuery { all_tenants: false, ..search(&query)? };
    Ok(caller.page(&app.manager.search_secrets(caller.ctx(), list, narrowing(&query, body)?).await?))
}

pub(crate) async fn capabilities(State(app): State<App>, caller: Caller, query: Query, Body(body): Body) -> Answer {
    let narrowing = narrowing(&query, body)?;
    Ok(caller.page(&app.manager.search_capabilities(caller.ctx(), search(&query)?, narrowing).await?))
}

pub(crate) async fn scaling_groups(State(app): State<App>, caller: Caller, query: Query, Body(body): Body) -> Answer {
    let narrowing = narrowing(&query, body)?;
    Ok(caller.page(&app.manager.search_scaling_groups(caller.ctx(), search(&query)?, narrowing).await?))
}

/// The list parameters of a search; plain filters are none of them.
fn search(query: &Query) -> Result<ListQuery> {
    let mut list = query.list(&[])?;
    list.filters.clear();
    Ok(list)
}

fn narrowing(query: &Query, mut body: Arguments) -> Result<Narrowing> {
    let text = |key: &str| query.get(key).map(str::to_owned);
    Ok(Narrowing {
        filter_id: text("_filter_id"),
        rules: body.list("filter_rules")?.unwrap_or_default(),
        constraints: body.object("constraints")?.unwrap_or_default(),
        blueprint_id: text("blueprint_id"),
        deployment_id: text("deployment_id"),
    })
}
