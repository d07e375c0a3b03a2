//! Nodes.

use axum::extract::{Path, State};
use nephele_manager::{NodeUpdate, kind};
use nephele_model::Result;
use nephele_model::page::ListQuery;
use serde_json::Value;

use super::{nothing, stored};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;
use crate::query::{FromQuery, Pairs, Query};
use crate::table::Version;

/// What old versions do not show.
const LACKING: (Version, &[&str]) = (Version::V2, &["max_number_of_instances", "min_number_of_instances"]);

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query((mut wanted, as_seen)): Query<(ListQuery, AsSeen)>,
) -> Answer {
    wanted.include = caller.fields(&kind::NODES, wanted.include, LACKING);
    if as_seen.evaluated {
        let instance = as_seen.by_instance.as_deref();
        return Ok(caller.page(&app.manager.list_evaluated_nodes(caller.ctx(), &wanted, instance).await?));
    }
    Ok(caller.page(&app.manager.list_nodes(caller.ctx(), &wanted).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(new): Body<Nodes>) -> Answer {
    Ok(stored(app.manager.create_nodes(caller.ctx(), &new.deployment_id, &new.nodes).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path((deployment, node)): Path<(String, String)>,
    Body(update): Body<NodeUpdate>,
) -> Answer {
    app.manager.update_node(caller.ctx(), &deployment, &node, update).await?;
    Ok(nothing())
}

/// Whether functions are evaluated, and as an instance sees them.
pub(crate) struct AsSeen {
    evaluated: bool,
    by_instance: Option<String>,
}

impl FromQuery for AsSeen {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self { evaluated: query.flag("_evaluate_functions")?, by_instance: query.text("_instance_context") })
    }
}

/// Nodes of a deployment.
pub(crate) struct Nodes {
    deployment_id: String,
    nodes: Vec<Value>,
}

impl FromBody for Nodes {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self { deployment_id: body.required_text("deployment_id")?, nodes: body.required_list("nodes")? })
    }
}

impl FromBody for NodeUpdate {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            plugins: body.take("plugins"),
            operations: body.take("operations"),
            relationships: body.take("relationships"),
            properties: body.take("properties"),
            capabilities: body.take("capabilities"),
        })
    }
}

pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path((deployment, node)): Path<(String, String)>,
) -> Answer {
    app.manager.delete_node(caller.ctx(), &deployment, &node).await?;
    Ok(nothing())
}
