//! Nodes.

use axum::extract::State;

use super::stored;
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let wanted = query.list(&[])?;
    if query.flag("_evaluate_functions")? {
        let instance = query.get("_instance_context");
        return Ok(caller.page(&app.manager.list_evaluated_nodes(caller.ctx(), &wanted, instance).await?));
    }
    Ok(caller.page(&app.manager.list_nodes(caller.ctx(), &wanted).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let deployment = body.required_text("deployment_id")?;
    let nodes = body.list("nodes")?.unwrap_or_default();
    Ok(stored(app.manager.create_nodes(caller.ctx(), &deployment, &nodes).await?))
}
