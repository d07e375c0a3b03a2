//! Executions.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{Deletion, NewExecutionRecord, Start};
use nephele_model::{Error, Result};
use serde_json::{Map, Value, json};

use super::{created, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, OptionalBody};
use crate::error::Answer;
use crate::page;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let mut wanted = query.list(&["include_system_workflows"])?;
    // What lists show is also what people filter by.
    for (_, values) in wanted.filters.iter_mut().filter(|(key, _)| key == "status") {
        values.iter_mut().filter(|value| *value == "completed").for_each(|value| "terminated".clone_into(value));
    }
    query.in_group(&mut wanted);
    let system = query.flag("_include_system_workflows")? || query.switch("include_system_workflows")?;
    Ok(caller.page(&app.manager.list_executions(caller.ctx(), &wanted, system).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    let found = app.manager.get_execution(caller.ctx(), &id, query.include().as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let start = Start {
        deployment_id: body.required_text("deployment_id")?,
        workflow_id: body.required_text("workflow_id")?,
        parameters: parameters(&mut body)?,
        allow_custom_parameters: body.flag("allow_custom_parameters")?,
        force: body.flag("force")?,
        dry_run: body.flag("dry_run")?,
        queue: body.flag("queue")?,
        wait_after_fail: body.number("wait_after_fail")?,
        scheduled_time: body.text("scheduled_time")?.filter(|time| !time.is_empty()),
    };
    let new = NewExecutionRecord {
        start,
        id: body.text("id")?.filter(|id| !id.is_empty()),
        status: body.text("force_status")?.filter(|status| !status.is_empty()),
        error: body.text("error")?.filter(|error| !error.is_empty()),
        is_system_workflow: body.flag("is_system_workflow")?,
        created_by: body.text("created_by")?.filter(|name| !name.is_empty()),
        created_at: body.time("created_at")?,
        started_at: body.time("started_at")?,
        ended_at: body.time("ended_at")?,
    };
    if new.is_special() {
        return Ok(created(&app.manager.record_execution(caller.ctx(), new).await?));
    }
    Ok(created(&app.manager.start_execution(caller.ctx(), new.start).await?))
}

fn parameters(body: &mut Arguments) -> Result<Map<String, Value>> {
    match body.take("parameters") {
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
    query: Query,
    OptionalBody(mut body): OptionalBody,
) -> Answer {
    let wanted = query.list(&[])?;
    let (keep_last, before) = (body.integer("keep_last")?, body.time("to_datetime")?);
    let deletion = match (keep_last, before) {
        (Some(_), Some(_)) => {
            return Err(Error::bad_parameters(
                "Must provide either a `to_datetime` timestamp or a `keep_last` number of executions to keep",
            )
            .into());
        }
        (Some(kept), None) => {
            Deletion::KeepLast(u64::try_from(kept).ok().filter(|kept| *kept > 0).ok_or_else(|| {
                Error::bad_parameters(format!("`keep_last` must be an integer greater than 0. got {kept} instead."))
            })?)
        }
        (None, Some(instant)) => Deletion::Before(instant),
        (None, None) => Deletion::All,
    };
    let count = app.manager.delete_executions(caller.ctx(), wanted, deletion).await?;
    Ok(ok(&json!({"items": [{"count": count}], "metadata": {"pagination": {}}})))
}

pub(crate) async fn act(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let action = body.required_text("action")?;
    Ok(ok(&app.manager.act_on_execution(caller.ctx(), &id, &action).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let status = body.required_text("status")?;
    let error = body.text("error")?.unwrap_or_default();
    Ok(ok(&app.manager.update_execution_status(caller.ctx(), &id, &status, &error).await?))
}

pub(crate) async fn should_start(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.should_start(caller.ctx(), &id).await?))
}
