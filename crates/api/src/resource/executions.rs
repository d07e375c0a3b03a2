//! Executions.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::Start;
use nephele_model::Error;

use super::{created, ok};
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::page;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let mut wanted = query.list(&[])?;
    // What lists show is also what people filter by.
    for (_, values) in wanted.filters.iter_mut().filter(|(key, _)| key == "status") {
        values.iter_mut().filter(|value| *value == "completed").for_each(|value| "terminated".clone_into(value));
    }
    query.groups_hold_nothing(&mut wanted);
    let system = query.flag("_include_system_workflows")?;
    Ok(caller.page(&app.manager.list_executions(caller.ctx(), &wanted, system).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    let found = app.manager.get_execution(caller.ctx(), &id, query.include().as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    if body.text("scheduled_time")?.is_some() {
        return Err(Error::bad_parameters("Executions cannot be scheduled yet: leave out `scheduled_time`").into());
    }
    let start = Start {
        deployment_id: body.required_text("deployment_id")?,
        workflow_id: body.required_text("workflow_id")?,
        parameters: body.object("parameters")?.unwrap_or_default(),
        allow_custom_parameters: body.flag("allow_custom_parameters")?,
        force: body.flag("force")?,
        dry_run: body.flag("dry_run")?,
        queue: body.flag("queue")?,
        wait_after_fail: body.take("wait_after_fail").and_then(|seconds| seconds.as_f64()),
    };
    Ok(created(&app.manager.start_execution(caller.ctx(), start).await?))
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
