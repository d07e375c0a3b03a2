//! Stored graphs and tasks.

use axum::extract::{Path, State};
use nephele_manager::{NewOperation, OperationUpdate, Renewed};
use nephele_model::Result;
use nephele_model::page::ListQuery;
use serde_json::{Value, json};

use super::{created, nothing, ok};
use crate::App;
use crate::arguments::{Arguments, missing};
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::declared::Shape;
use crate::error::Answer;
use crate::query::{FromQuery, Pairs, Query};

pub(crate) async fn graphs(
    State(app): State<App>,
    caller: Caller,
    Query(OfExecution(list)): Query<OfExecution>,
) -> Answer {
    Ok(caller.page(&app.manager.list_graphs(caller.ctx(), &list).await?))
}

pub(crate) async fn post_graph(State(app): State<App>, caller: Caller, Body(new): Body<NewGraph>) -> Answer {
    let NewGraph { name, execution_id, id, tasks } = new;
    Ok(created(&app.manager.create_graph(caller.ctx(), &execution_id, &name, id, tasks).await?))
}

/// Graphs have no state: whoever sets one is told what there is.
pub(crate) async fn patch_graph(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(Stand): Body<Stand>,
) -> Answer {
    Ok(ok(&app.manager.get_graph(caller.ctx(), &id).await?))
}

/// `update-stored` is the one action that does anything; the original takes all others in silence.
pub(crate) async fn act(State(app): State<App>, caller: Caller, Body(Deed(renewed)): Body<Deed>) -> Answer {
    if let Some(renewed) = renewed {
        app.manager.renew_operations(caller.ctx(), renewed).await?;
    }
    Ok(nothing())
}

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(Wanted(list)): Query<Wanted>) -> Answer {
    Ok(caller.page(&app.manager.list_operations(caller.ctx(), &list).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.get_operation(caller.ctx(), &id).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(new): Body<InGraph>,
) -> Answer {
    let task = NewOperation { id, ..new.task };
    Ok(created(&app.manager.create_operation(caller.ctx(), &new.graph_id, task).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(update): Body<OperationUpdate>,
) -> Answer {
    app.manager.update_operation(caller.ctx(), &id, update).await?;
    Ok(ok(&json!({})))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.delete_operation(caller.ctx(), &id).await?))
}

/// Graphs of one execution.
pub(crate) struct OfExecution(ListQuery);

impl FromQuery for OfExecution {
    fn read(query: &Pairs) -> Result<Self> {
        let list = query.list(&[])?;
        query.required("execution_id", "Missing required param: execution_id")?;
        Ok(Self(list))
    }
}

/// A graph with its first tasks.
pub(crate) struct NewGraph {
    name: String,
    execution_id: String,
    id: Option<String>,
    tasks: Vec<NewOperation>,
}

impl FromBody for NewGraph {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            name: body.required_text("name")?,
            execution_id: body.required_text("execution_id")?,
            id: body.text("graph_id")?,
            tasks: body.parts("operations", "Every operation must be an object", task)?,
        })
    }
}

/// How a graph is said to stand.
pub(crate) struct Stand;

impl FromBody for Stand {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.required_text("state").map(|_| Self)
    }
}

/// What is done to stored tasks, if it is anything.
pub(crate) struct Deed(Option<Renewed>);

impl FromBody for Deed {
    fn read(body: &mut Arguments) -> Result<Self> {
        let is_renewal = body.required_text("action")? == "update-stored";
        let ids = [body.text("deployment_id")?, body.text("node_id")?, body.text("operation")?];
        let rel_index = body.integer("rel_index")?.and_then(|index| usize::try_from(index).ok());
        let key = body.text("key")?;
        if !is_renewal {
            return Ok(Self(None));
        }
        let [deployment_id, node_id, operation] = ids;
        Ok(Self(Some(Renewed {
            deployment_id: deployment_id.ok_or_else(|| missing("deployment_id"))?,
            node_id: node_id.ok_or_else(|| missing("node_id"))?,
            operation: operation.ok_or_else(|| missing("operation"))?,
            rel_index,
            key,
        })))
    }
}

/// Which tasks.
pub(crate) struct Wanted(ListQuery);

impl FromQuery for Wanted {
    fn read(query: &Pairs) -> Result<Self> {
        let mut list = query.list(&["skip_internal"])?;
        if query.present("skip_internal") {
            list.filters.push(("type".to_owned(), vec!["RemoteWorkflowTask".to_owned(), "SubgraphTask".to_owned()]));
        }
        Ok(Self(list))
    }
}

/// A task and its graph.
pub(crate) struct InGraph {
    graph_id: String,
    task: NewOperation,
}

impl FromBody for InGraph {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self { graph_id: body.required_text("graph_id")?, task: task(body)? })
    }
}

impl FromBody for OperationUpdate {
    fn read(body: &mut Arguments) -> Result<Self> {
        let exception = body.take_as("exception", Shape::Text);
        Ok(Self {
            state: body.required_text("state")?,
            result: body.take("result").unwrap_or_default(),
            exception: exception.map(|text| text.as_str().map_or_else(|| text.to_string(), str::to_owned)),
            exception_causes: body.take("exception_causes"),
            manager_name: body.text("manager_name")?,
            agent_name: body.text("agent_name")?,
            outcome: body.object("outcome")?.map(Value::Object),
        })
    }
}

fn task(body: &mut Arguments) -> Result<NewOperation> {
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
