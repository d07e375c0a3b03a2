//! Searches: lists whose narrowing comes in the body.

use axum::extract::State;
use nephele_manager::Narrowing;
use nephele_model::Result;
use nephele_model::page::ListQuery;
use serde_json::{Map, Value};

use super::{blueprints, deployments};
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;
use crate::query::{FromQuery, GetData, Pairs, Query};
use crate::{App, page};

pub(crate) async fn deployments(
    State(app): State<App>,
    caller: Caller,
    Query((of, GetData(data))): Query<(OfDeployments, GetData)>,
    Body(rules): Body<Rules>,
) -> Answer {
    let (mut list, narrowing) = of.0.narrowed(rules);
    list.rules = app.manager.deployment_rules(caller.ctx(), narrowing).await?;
    deployments::answer(&app, &caller, list, data).await
}

pub(crate) async fn blueprints(
    State(app): State<App>,
    caller: Caller,
    Query(search): Query<Search>,
    Body(rules): Body<Rules>,
) -> Answer {
    let (mut list, narrowing) = search.narrowed(rules);
    list.rules = app.manager.blueprint_rules(caller.ctx(), narrowing).await?;
    blueprints::answer(&app, &caller, list).await
}

pub(crate) async fn workflows(
    State(app): State<App>,
    caller: Caller,
    Query((of, common)): Query<(OfDeployments, CommonOnly)>,
    Body(rules): Body<Rules>,
) -> Answer {
    let (mut list, narrowing) = of.0.narrowed(rules);
    list.rules = app.manager.deployment_rules(caller.ctx(), narrowing).await?;
    Ok(page::plain(&app.manager.search_workflows(caller.ctx(), &list, common.0).await?))
}

pub(crate) async fn nodes(
    State(app): State<App>,
    caller: Caller,
    Query(search): Query<Search>,
    Body(rules): Body<Rules>,
) -> Answer {
    let (list, narrowing) = search.narrowed(rules);
    Ok(caller.page(&app.manager.search_nodes(caller.ctx(), list, narrowing).await?))
}

pub(crate) async fn node_types(
    State(app): State<App>,
    caller: Caller,
    Query(search): Query<Search>,
    Body(rules): Body<Rules>,
) -> Answer {
    let (list, narrowing) = search.narrowed(rules);
    Ok(caller.page(&app.manager.search_node_types(caller.ctx(), list, narrowing).await?))
}

pub(crate) async fn node_instances(
    State(app): State<App>,
    caller: Caller,
    Query((search, OfNode(node))): Query<(Search, OfNode)>,
    Body(rules): Body<Rules>,
) -> Answer {
    let (mut list, narrowing) = search.narrowed(rules);
    list.filters.extend(node.map(|node| ("node_id".to_owned(), vec![node])));
    Ok(caller.page(&app.manager.search_instances(caller.ctx(), list, narrowing).await?))
}

pub(crate) async fn secrets(
    State(app): State<App>,
    caller: Caller,
    Query(search): Query<Search>,
    Body(rules): Body<Rules>,
) -> Answer {
    let (list, narrowing) = search.narrowed(rules);
    let list = ListQuery { all_tenants: false, ..list };
    Ok(caller.page(&app.manager.search_secrets(caller.ctx(), list, narrowing).await?))
}

pub(crate) async fn capabilities(
    State(app): State<App>,
    caller: Caller,
    Query(search): Query<Search>,
    Body(rules): Body<Rules>,
) -> Answer {
    let (list, narrowing) = search.narrowed(rules);
    Ok(caller.page(&app.manager.search_capabilities(caller.ctx(), list, narrowing).await?))
}

pub(crate) async fn scaling_groups(
    State(app): State<App>,
    caller: Caller,
    Query(search): Query<Search>,
    Body(rules): Body<Rules>,
) -> Answer {
    let (list, narrowing) = search.narrowed(rules);
    Ok(caller.page(&app.manager.search_scaling_groups(caller.ctx(), list, narrowing).await?))
}

/// The filter that narrows a list.
impl FromQuery for Narrowing {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self { filter_id: query.text("_filter_id"), ..Self::default() })
    }
}

/// The list parameters of a search; plain filters are none of them.
pub(crate) struct Search {
    list: ListQuery,
    narrowing: Narrowing,
}

impl Search {
    fn narrowed(self, Rules { rules, constraints }: Rules) -> (ListQuery, Narrowing) {
        (self.list, Narrowing { rules, constraints, ..self.narrowing })
    }
}

impl FromQuery for Search {
    fn read(query: &Pairs) -> Result<Self> {
        let narrowing = Narrowing {
            blueprint_id: query.text("blueprint_id"),
            deployment_id: query.text("deployment_id"),
            ..Narrowing::read(query)?
        };
        Ok(Self { list: query.page()?, narrowing })
    }
}

/// The same for deployments, which can also be searched by display name and group.
pub(crate) struct OfDeployments(Search);

impl FromQuery for OfDeployments {
    fn read(query: &Pairs) -> Result<Self> {
        let search = Search::read(query)?;
        Ok(Self(Search { list: deployments::named(query, search.list), ..search }))
    }
}

/// The node whose instances are wanted.
pub(crate) struct OfNode(Option<String>);

impl FromQuery for OfNode {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self(query.text("node_id")))
    }
}

/// Whether only workflows that all have are wanted.
pub(crate) struct CommonOnly(bool);

impl FromQuery for CommonOnly {
    fn read(query: &Pairs) -> Result<Self> {
        query.flag("_common_only").map(Self)
    }
}

/// What a search is narrowed by: filter rules, or constraints as in blueprints.
pub(crate) struct Rules {
    rules: Vec<Value>,
    constraints: Map<String, Value>,
}

impl FromBody for Rules {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            rules: body.list("filter_rules")?.unwrap_or_default(),
            constraints: body.object("constraints")?.unwrap_or_default(),
        })
    }
}
