//! Nodes.

use axum::extract::{Path, State};
use nephele_manager::{NodeUpdate, kind};

use super::{nothing, stored};
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;
use crate::table::Version;

/// What old versions do not show.
const LACKING: (Version, &[&str]) = (Version::V2, &["max_number_of_instances", "min_number_of_instances"]);

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let mut wanted = query.list(&[])?;
    wanted.include = caller.fields(&kind::NODES, wanted.include, LACKING);
    if query.flag("_evaluate_functions")? {
        let instance = query.get("_instance_context");
        return Ok(caller.page(&app.manager.list_evaluated_nodes(caller.ctx(), &wanted, instance).await?));
    }
    Ok(caller.page(&app.manager.list_nodes(caller.ctx(), &wanted).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let deployment = body.required_text("deployment_id")?;
    let nodes = body.required_list("nodes")?;
    Ok(stored(app.manager.create_nodes(caller.ctx(), &deployment, &nodes).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path((deployment, node)): Path<(String, String)>,
    Body(mut body): Body,
) -> Answer {
    let update = NodeUpdate {
        plugins: body.take("plugins"),
        operations: body.take("operations"),
        relationships: body.take("relationships"),
        properties: body.take("properties"),
        capabilities: body.take("capabilities"),
    };
    app.manager.update_node(caller.ctx(), &deployment, &node, update).await?;
    Ok(nothing())
}

pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path((deployment, node)): Path<(String, String)>,
) -> Answer {
    app.manager.delete_node(caller.ctx(), &deployment, &node).await?;
    Ok(nothing())
}
