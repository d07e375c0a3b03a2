//! Stored graphs and tasks.

use axum::extract::{Path, State};
use nephele_manager::{NewOperation, OperationUpdate, Renewed};
use nephele_model::{Error, Result};
use serde_json::{Value, json};

use super::{created, nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn graphs(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    if query.get("execution_id").is_none() {
        return Err(Error::bad_parameters("Missing required param: execution_id").into());
    }
    Ok(caller.page(&app.manager.list_graphs(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn post_graph(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let name = body.required_text("name")?;
    let execution = body.required_text("execution_id")?;
    let id = body.text("graph_id")?;
    let tasks = body.list("operations")?.unwrap_or_default().into_iter().map(task).collect::<Result<_>>()?;
    Ok(created(&app.manager.create_graph(caller.ctx(), &execution, &name, id, tasks).await?))
}

/// Graphs have no state: whoever sets one is told what there is.
pub(crate) async fn patch_graph(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    body.required_text("state")?;
    Ok(ok(&app.manager.get_graph(caller.ctx(), &id).await?))
}

/// `update-stored` is the one action that does anything; the original takes all others in silence.
pub(crate) async fn act(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    if body.required_text("action")? == "update-stored" {
        let renewed = Renewed {
            deployment_id: body.required_text("deployment_id")?,
            node_id: body.required_text("node_id")?,
            operation: body.required_text("operation")?,
            rel_index: body.integer("rel_index")?.and_then(|index| usize::try_from(index).ok()),
            key: body.text("key")?,
        };
        app.manager.renew_operations(caller.ctx(), renewed).await?;
    }
    Ok(nothing())
}

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let mut wanted = query.list(&["skip_internal"])?;
    if query.present("skip_internal") {
        wanted.filters.push(("type".to_owned(), vec!["RemoteWorkflowTask".to_owned(), "SubgraphTask".to_owned()]));
    }
    Ok(caller.page(&app.manager.list_operations(caller.ctx(), &wanted).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.get_operation(caller.ctx(), &id).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let graph = body.required_text("graph_id")?;
    let task = NewOperation { id, ..task(Value::Object(body.0))? };
    Ok(created(&app.manager.create_operation(caller.ctx(), &graph, task).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let update = OperationUpdate {
        state: body.required_text("state")?,
        result: body.take("result").unwrap_or_default(),
        exception: body.take("exception").map(|text| text.as_str().map_or_else(|| text.to_string(), str::to_owned)),
        exception_causes: body.take("exception_causes"),
        manager_name: body.text("manager_name")?,
        agent_name: body.text("agent_name")?,
    };
    app.manager.update_operation(caller.ctx(), &id, update).await?;
    Ok(ok(&json!({})))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.delete_operation(caller.ctx(), &id).await?))
}

fn task(value: Value) -> Result<NewOperation> {
    let Value::Object(value) = value else { return Err(Error::bad_parameters("Every operation must be an object")) };
    let mut body = Arguments(value);
    let dependencies = body.list("dependencies")?.unwrap_or_default();
    Ok(NewOperation {
        id: body.text("id")?.unwrap_or_default(),
        name: body.text("name")?.unwrap_or_default(),
        kind: body.required_text("type")?,
        state: body.text("state")?.unwrap_or_default(),
        dependencies: dependencies.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        parameters: body.take("parameters").unwrap_or_else(|| json!({})),
    })
}
