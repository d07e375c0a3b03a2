//! Stored graphs and tasks ("operations" in REST), as workers outside of this process report on them.
//!
//! Invariant: a report writes the task, its event and what follows for the node instance in one
//! transaction. The engine of this process writes through its journal instead. Source: spec
//! rest-api.md section 2.6.

pub(crate) mod about;
mod progress;
mod renew;

use nephele_model::event::{NewEvent, Origin};
use nephele_model::id::{GraphId, NodeInstanceId, TaskId};
use nephele_model::instance::InstanceState;
use nephele_model::page::{ListQuery, Page};
use nephele_model::task::{StoredGraph, StoredTask, TaskKind, TaskState};
use nephele_model::{Error, Permission, Result, Timestamp};
use nephele_store::executions::Execution;
use nephele_store::journal::Run;
use nephele_store::operations::{self, Report};
use nephele_store::{Json, Record, events, node_instances, tasks_graphs};
use serde_json::{Map, Value};

use crate::executions::demand_execution_inside;
use crate::rows::failed;
use crate::{Ctx, Manager};

pub use progress::Tasks;
pub use renew::Renewed;

/// A task that a worker stores.
#[derive(Debug, Default)]
pub struct NewOperation {
    /// Its id; made up when empty.
    pub id: String,
    /// What tools show.
    pub name: String,
    /// The reference's class name.
    pub kind: String,
    /// Where it stands.
    pub state: String,
    /// Tasks that must end before it.
    pub dependencies: Vec<String>,
    /// The reference's description of the task.
    pub parameters: Value,
}

/// What a worker says of a task.
#[derive(Debug, Default)]
pub struct OperationUpdate {
    /// Where it stands now.
    pub state: String,
    /// What it returned.
    pub result: Value,
    /// Why it failed.
    pub exception: Option<String>,
    /// A list of `{message, type, traceback}`.
    pub exception_causes: Option<Value>,
    /// The manager that reports.
    pub manager_name: Option<String>,
    /// The agent that reports.
    pub agent_name: Option<String>,
    /// How it ended, as the answer over the bus says it too: a run that is taken over in between reads it here.
    pub outcome: Option<Value>,
}

impl Manager {
    /// One page of an execution's graphs.
    pub async fn list_graphs(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, &tasks_graphs::RESOURCE, query).await
    }

    /// One graph.
    pub async fn get_graph(&self, ctx: &Ctx, id: &str) -> Result<Record> {
        self.get(ctx, &tasks_graphs::RESOURCE, id, None).await
    }

    /// Stores a graph with its tasks.
    pub async fn create_graph(
        &self,
        ctx: &Ctx,
        execution: &str,
        name: &str,
        id: Option<String>,
        tasks: Vec<NewOperation>,
    ) -> Result<Record> {
        if id.is_some() {
            ctx.demand(Permission::SetExecutionDetails)?;
        }
        let execution = self.own_execution(ctx, execution).await?;
        let graph = StoredGraph {
            id: GraphId::new(id.unwrap_or_else(new_id)),
            execution: execution.id.clone(),
            name: name.to_owned(),
        };
        let tasks: Vec<StoredTask> = tasks.into_iter().map(|task| stored(task, &graph.id)).collect::<Result<_>>()?;
        let tx = self.begin_write().await?;
        tasks_graphs::insert(&tx, &Run::from(&execution), &graph, &tasks).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.get(ctx, &tasks_graphs::RESOURCE, graph.id.as_str(), None).await
    }

    /// One page of the tasks of a graph or of an execution, which `query` must name.
    pub async fn list_operations(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        let named = |name: &str| query.filters.iter().find(|(key, _)| key == name).and_then(|(_, ids)| ids.first());
        match (named("graph_id"), named("execution_id")) {
            (Some(graph), None) => drop(self.graph_execution(ctx, graph).await?),
            (None, Some(execution)) => drop(self.find_execution(ctx, execution).await?),
            (None, None) => return Err(Error::bad_parameters("Missing required param: graph_id or execution_id")),
            (Some(_), Some(_)) => {
                return Err(Error::bad_parameters("Pass either graph_id or execution_id, not both"));
            }
        }
        self.list(ctx, &operations::RESOURCE, query).await
    }

    /// One task.
    pub async fn get_operation(&self, ctx: &Ctx, id: &str) -> Result<Record> {
        self.get(ctx, &operations::RESOURCE, id, None).await
    }

    /// Stores one more task of a graph.
    pub async fn create_operation(&self, ctx: &Ctx, graph: &str, task: NewOperation) -> Result<Record> {
        let execution = self.own_graph_execution(ctx, graph).await?;
        let task = stored(task, &GraphId::new(graph))?;
        let tx = self.begin_write().await?;
        operations::insert(&tx, &Run::from(&execution), std::slice::from_ref(&task)).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.get_operation(ctx, task.id.as_str()).await
    }

    /// Notes what a worker says of a task, with what follows from it.
    pub async fn update_operation(&self, ctx: &Ctx, id: &str, update: OperationUpdate) -> Result<()> {
        let state = TaskState::parse(&update.state)
            .ok_or_else(|| Error::bad_parameters(format!("`{}` is not a state of operations", update.state)))?;
        let task = operations::by_id(&*self.store, &TaskId::new(id)).await.map_err(failed)?;
        let task = task.ok_or_else(|| Error::not_found("Operation", id))?;
        let execution = self.own_graph_execution(ctx, task.graph.as_str()).await?;
        let run = Run::from(&execution);
        let report = Report {
            state,
            manager_name: update.manager_name.clone(),
            agent_name: update.agent_name.clone(),
            reason: update.exception.clone(),
            outcome: update.outcome.as_ref().map(Json::from),
        };
        let tx = self.begin_write().await?;
        let before = operations::report(&tx, &run, &task.id, &report).await.map_err(failed)?;
        if before.state != state && !before.state.is_final() {
            let event = event(&before, state, &update, self.clock.now());
            events::insert(&tx, &run, event.as_slice(), &[]).await.map_err(failed)?;
            if let (TaskKind::SetState, TaskState::Succeeded) = (before.kind, state)
                && let Some(moved) = new_state(&before.parameters)
            {
                node_instances::set_states(&tx, run.tenant_id, &[moved]).await.map_err(failed)?;
            }
        }
        tx.commit().await.map_err(failed)
    }

    /// Deletes a task and gives it as it was.
    pub async fn delete_operation(&self, ctx: &Ctx, id: &str) -> Result<Record> {
        let record = self.get_operation(ctx, id).await?;
        if let Some(task) = operations::by_id(&*self.store, &TaskId::new(id)).await.map_err(failed)? {
            self.own_graph_execution(ctx, task.graph.as_str()).await?;
        }
        let tx = self.begin_write().await?;
        operations::delete(&tx, &TaskId::new(id)).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(record)
    }

    /// The execution of a graph that the caller may steer.
    async fn own_graph_execution(&self, ctx: &Ctx, graph: &str) -> Result<Execution> {
        let execution = self.graph_execution(ctx, graph).await?;
        demand_execution_inside(ctx, execution.tenant_id, execution.id.as_str())?;
        Ok(execution)
    }

    /// The execution of a graph, if the caller may see it.
    async fn graph_execution(&self, ctx: &Ctx, graph: &str) -> Result<Execution> {
        let found = tasks_graphs::by_id(&*self.store, &GraphId::new(graph)).await.map_err(failed)?;
        let missing = || Error::not_found("TasksGraph", graph);
        self.find_execution(ctx, found.ok_or_else(missing)?.execution_id.as_str()).await.map_err(|_| missing())
    }
}

fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn stored(task: NewOperation, graph: &GraphId) -> Result<StoredTask> {
    let kind = TaskKind::parse(&task.kind)
        .ok_or_else(|| Error::bad_parameters(format!("`{}` is not a type of operations", task.kind)))?;
    let state = if task.state.is_empty() { Some(TaskState::Pending) } else { TaskState::parse(&task.state) };
    let state = state.ok_or_else(|| Error::bad_parameters(format!("`{}` is not a state of operations", task.state)))?;
    Ok(StoredTask {
        id: TaskId::new(if task.id.is_empty() { new_id() } else { task.id }),
        graph: graph.clone(),
        name: task.name,
        kind,
        state,
        dependencies: task.dependencies.into_iter().map(TaskId::from).collect(),
        parameters: task.parameters,
        attempt: 1,
        due_at: None,
        queued_at: None,
        started_at: None,
        ended_at: None,
    })
}

/// The node instance and state that a task of that kind sets.
fn new_state(parameters: &Value) -> Option<(NodeInstanceId, InstanceState)> {
    let arguments = &parameters["task_kwargs"];
    let text = |name: &str| arguments[name].as_str();
    Some((NodeInstanceId::new(text("node_instance_id")?), InstanceState::new(text("state")?)))
}

/// The event that tells of a move, for the kinds of tasks that have one.
fn event(task: &StoredTask, state: TaskState, update: &OperationUpdate, now: Timestamp) -> Option<NewEvent> {
    let name = &task.name;
    if task.kind == TaskKind::NodeEvent {
        let arguments = &task.parameters["task_kwargs"];
        let node_instance = arguments["node_instance_id"].as_str().map(str::to_owned);
        return (state == TaskState::Succeeded).then(|| NewEvent {
            event_type: "workflow_node_event".to_owned(),
            message: arguments["event"].as_str().unwrap_or_default().to_owned(),
            origin: Origin { node_instance, ..Origin::default() },
            error_causes: None,
            timestamp: now,
            reported: None,
        });
    }
    if !matches!(task.kind, TaskKind::Operation | TaskKind::Subgraph) || task.parameters["send_task_events"] == false {
        return None;
    }
    let (event_type, verb) = match state {
        TaskState::Sending => ("sending_task", "Sending"),
        TaskState::Started => ("task_started", "started"),
        TaskState::Succeeded => ("task_succeeded", "succeeded"),
        TaskState::Rescheduled => ("task_rescheduled", "rescheduled"),
        TaskState::Failed => ("task_failed", "failed"),
        _ => return None,
    };
    let what = match (task.kind, state) {
        (TaskKind::Subgraph, TaskState::Sending) => return None,
        (TaskKind::Subgraph, _) => format!("Subgraph {verb} '{name}'"),
        (_, TaskState::Sending) => format!("Sending task '{name}'"),
        _ => format!("Task {verb} '{name}'"),
    };
    let outcome = match (&update.exception, &update.result) {
        (Some(exception), _) => format!(" -> {exception}"),
        (None, Value::Null) => String::new(),
        (None, Value::String(text)) => format!(" - {text}"),
        (None, result) => format!(" - {result}"),
    };
    let count = |key: &str| task.parameters[key].as_i64().unwrap_or_default();
    let attempt = match (count("current_retries"), count("total_retries")) {
        (0, _) => String::new(),
        (current, total) if total < 0 => format!(" [retry {current}]"),
        (current, total) => format!(" [retry {current}/{total}]"),
    };
    Some(NewEvent {
        event_type: event_type.to_owned(),
        message: what + &outcome + &attempt,
        origin: Origin {
            manager_name: update.manager_name.clone(),
            agent_name: update.agent_name.clone(),
            ..origin(&task.parameters)
        },
        error_causes: update.exception_causes.clone(),
        timestamp: now,
        reported: None,
    })
}

/// Where an operation's event belongs: an instance, or the two ends of a relationship.
fn origin(parameters: &Value) -> Origin {
    let context = &parameters["task_kwargs"]["kwargs"]["__cloudify_context"];
    let empty = Map::new();
    let context = context.as_object().unwrap_or(&empty);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let operation = text(context.get("operation").map(|operation| &operation["name"]));
    let own = text(context.get("node_id"));
    match context.get("related").filter(|related| related.is_object()) {
        None => Origin { operation, node_instance: own, ..Origin::default() },
        Some(related) => {
            let other = text(Some(&related["node_id"]));
            let (source, target) = if related["is_target"] == true { (own, other) } else { (other, own) };
            Origin { operation, source, target, ..Origin::default() }
        }
    }
}
