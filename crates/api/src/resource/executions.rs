//! Executions.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{Deletion, NewExecutionRecord, PlanRequest, Start};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result};
use serde_json::{Map, Value, json};

use super::{NewStatus, created, ok};
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody, OptionalBody};
use crate::declared::Shape;
use crate::error::Answer;
use crate::query::{FromQuery, Include, Pairs, Query};
use crate::{App, page};

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(wanted): Query<Wanted>) -> Answer {
    Ok(caller.page(&app.manager.list_executions(caller.ctx(), &wanted.list, wanted.system).await?))
}

/// Which executions; with those of the manager itself, or without.
pub(crate) struct Wanted {
    list: ListQuery,
    system: bool,
}

impl FromQuery for Wanted {
    fn read(query: &Pairs) -> Result<Self> {
        let mut list = query.list(&["include_system_workflows"])?;
        // What lists show is also what people filter by.
        for (_, values) in list.filters.iter_mut().filter(|(key, _)| key == "status") {
            values.iter_mut().filter(|value| *value == "completed").for_each(|value| "terminated".clone_into(value));
        }
        query.in_group(&mut list);
        let (system, of_old) = (query.flag("_include_system_workflows")?, query.switch("include_system_workflows")?);
        Ok(Self { list, system: system || of_old })
    }
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Include(include)): Query<Include>,
) -> Answer {
    let found = app.manager.get_execution(caller.ctx(), &id, include.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(new): Body<NewExecutionRecord>) -> Answer {
    if new.is_special() {
        return Ok(created(&app.manager.record_execution(caller.ctx(), new).await?));
    }
    Ok(created(&app.manager.start_execution(caller.ctx(), new.start).await?))
}

impl FromBody for NewExecutionRecord {
    fn read(body: &mut Arguments) -> Result<Self> {
        let start = Start {
            deployment_id: body.required_text("deployment_id")?,
            workflow_id: body.required_text("workflow_id")?,
            parameters: parameters(body)?,
            allow_custom_parameters: body.flag("allow_custom_parameters")?,
            force: body.flag("force")?,
            dry_run: body.flag("dry_run")?,
            queue: body.flag("queue")?,
            wait_after_fail: body.number("wait_after_fail")?,
            scheduled_time: body.filled("scheduled_time")?,
        };
        Ok(Self {
            start,
            id: body.filled("id")?,
            status: body.filled("force_status")?,
            error: body.filled("error")?,
            is_system_workflow: body.flag("is_system_workflow")?,
            created_by: body.filled("created_by")?,
            created_at: body.time("created_at")?,
            started_at: body.time("started_at")?,
            ended_at: body.time("ended_at")?,
        })
    }
}

/// What a workflow would do in the deployment of the path if it began now.
pub(crate) async fn plan(
    State(app): State<App>,
    caller: Caller,
    Path(deployment): Path<String>,
    Body(request): Body<PlanRequest>,
) -> Answer {
    Ok(ok(&app.manager.plan_execution(caller.ctx(), &deployment, request).await?))
}

impl FromBody for PlanRequest {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            workflow_id: body.required_text("workflow_id")?,
            parameters: parameters(body)?,
            allow_custom_parameters: body.flag("allow_custom_parameters")?,
        })
    }
}

fn parameters(body: &mut Arguments) -> Result<Map<String, Value>> {
    match body.take_as("parameters", Shape::Object) {
        None => Ok(Map::new()),
        Some(Value::Object(parameters)) => Ok(parameters),
        Some(other) => Err(Error::bad_parameters(format!(
            "request body's 'parameters' field must be a dict but is of type {}",
            nephele_model::python_text::type_name(&other)
        ))),
    }
}

pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<ListQuery>,
    OptionalBody(deletion): OptionalBody<Deletion>,
) -> Answer {
    let count = app.manager.delete_executions(caller.ctx(), wanted, deletion).await?;
    Ok(ok(&json!({"items": [{"count": count}], "metadata": {"pagination": {}}})))
}

impl FromBody for Deletion {
    fn read(body: &mut Arguments) -> Result<Self> {
        match (body.integer("keep_last")?, body.time("to_datetime")?) {
            (Some(_), Some(_)) => Err(Error::bad_parameters(
                "Must provide either a `to_datetime` timestamp or a `keep_last` number of executions to keep",
            )),
            (Some(kept), None) => match u64::try_from(kept) {
                Ok(kept) if kept > 0 => Ok(Self::KeepLast(kept)),
                _ => Err(Error::bad_parameters(format!(
                    "`keep_last` must be an integer greater than 0. got {kept} instead."
                ))),
            },
            (None, Some(instant)) => Ok(Self::Before(instant)),
            (None, None) => Ok(Self::All),
        }
    }
}

pub(crate) async fn act(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(Asked { action, parameters }): Body<Asked>,
) -> Answer {
    Ok(ok(&app.manager.act_on_execution(caller.ctx(), &id, &action, parameters).await?))
}

/// What to do with an execution.
pub(crate) struct Asked {
    action: String,
    parameters: Option<Map<String, Value>>,
}

impl FromBody for Asked {
    fn read(body: &mut Arguments) -> Result<Self> {
        const ACTIONS: &[&str] = &["cancel", "force-cancel", "kill", "resume", "force-resume", "requeue", "rerun"];
        Ok(Self { action: body.required_word("action", ACTIONS)?, parameters: body.object("parameters")? })
    }
}

/// Has one task run again, or leaves it out.
pub(crate) async fn decide_task(
    State(app): State<App>,
    caller: Caller,
    Path((id, task)): Path<(String, String)>,
    Body(Decision { action, reason }): Body<Decision>,
) -> Answer {
    let decided = app.manager.decide_task(caller.ctx(), &id, &task, &action, &reason).await?;
    Ok(page::record(StatusCode::OK, &decided))
}

/// What to do about a task, and why.
pub(crate) struct Decision {
    action: String,
    reason: String,
}

impl FromBody for Decision {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self { action: body.required_word("action", &["retry", "skip"])?, reason: body.required_text("reason")? })
    }
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(new): Body<NewStatus>,
) -> Answer {
    Ok(ok(&app.manager.update_execution_status(caller.ctx(), &id, &new.status, &new.error).await?))
}

/// The tasks of a run, or what changed of them.
pub(crate) async fn tasks(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Since(since)): Query<Since>,
) -> Answer {
    Ok(ok(&app.manager.follow_tasks(caller.ctx(), &id, since).await?))
}

/// The version that changes are asked for since.
pub(crate) struct Since(Option<i64>);

impl FromQuery for Since {
    fn read(query: &Pairs) -> Result<Self> {
        whole(query, "since", "a version, a number from 0").map(Self)
    }
}

/// A whole number that may be left out; `meaning` tells who sent something else what it is.
fn whole(query: &Pairs, key: &str, meaning: &str) -> Result<Option<i64>> {
    let Some(text) = query.get_as(key, Shape::Count).filter(|text| !text.is_empty()) else { return Ok(None) };
    let refused = |_| Error::bad_parameters(format!("`{key}` must be {meaning}, got {text}"));
    text.parse().map(Some).map_err(refused)
}

/// The last runs of the deployment of the path.
pub(crate) async fn grid(
    State(app): State<App>,
    caller: Caller,
    Path(deployment): Path<String>,
    Query(Last(last)): Query<Last>,
) -> Answer {
    Ok(ok(&app.manager.runs_grid(caller.ctx(), &deployment, last).await?))
}

/// How many runs are asked for.
pub(crate) struct Last(Option<i64>);

impl FromQuery for Last {
    fn read(query: &Pairs) -> Result<Self> {
        whole(query, "last", "a number of runs").map(Self)
    }
}

pub(crate) async fn why(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.explain_execution(caller.ctx(), &id).await?))
}

pub(crate) async fn should_start(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.should_start(caller.ctx(), &id).await?))
}
