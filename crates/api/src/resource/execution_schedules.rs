//! Schedules. All but lists name their deployment in the query.

use axum::extract::{Path, State};
use nephele_manager::{NewSchedule, RuleWords, ScheduleUpdate, schedule_arguments};
use nephele_model::{Error, Result, Timestamp};
use serde_json::{Map, Value};

use super::{created, nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_schedules(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    let deployment = deployment(&query)?;
    let include = query.include();
    Ok(ok(&app.manager.get_schedule(caller.ctx(), &id, deployment, include.as_deref()).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
    Body(mut body): Body,
) -> Answer {
    let deployment_id = deployment(&query)?.to_owned();
    let new = NewSchedule {
        id,
        deployment_id,
        workflow_id: body.required_text("workflow_id")?,
        since: time(&mut body, "since", true)?,
        until: time(&mut body, "until", false)?,
        parameters: body.object("parameters")?,
        execution_arguments: arguments(body.object("execution_arguments")?)?,
        rule: words(&mut body)?,
        slip: body.integer("slip")?.unwrap_or_default(),
        stop_on_fail: body.flag("stop_on_fail")?,
        enabled: body.optional_flag("enabled")?.unwrap_or(true),
        created_by: body.text("created_by")?,
        created_at: body.time("created_at")?,
    };
    Ok(created(&app.manager.create_schedule(caller.ctx(), new).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
    Body(mut body): Body,
) -> Answer {
    let deployment = deployment(&query)?;
    let update = ScheduleUpdate {
        workflow_id: body.text("workflow_id")?.filter(|id| !id.is_empty()),
        since: time(&mut body, "since", false)?,
        until: time(&mut body, "until", false)?,
        rule: words(&mut body)?,
        slip: body.integer("slip")?,
        stop_on_fail: body.optional_flag("stop_on_fail")?,
        enabled: body.optional_flag("enabled")?,
    };
    Ok(created(&app.manager.update_schedule(caller.ctx(), &id, deployment, update).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    app.manager.delete_schedule(caller.ctx(), &id, deployment(&query)?).await?;
    Ok(nothing())
}

fn deployment(query: &Query) -> Result<&str> {
    query
        .get("deployment_id")
        .ok_or_else(|| Error::bad_parameters("Missing required parameter in the query string: deployment_id"))
}

fn words(body: &mut Arguments) -> Result<RuleWords> {
    Ok(RuleWords {
        rrule: body.text("rrule")?,
        recurrence: body.text("recurrence")?,
        count: body.take("count"),
        weekdays: body.take("weekdays"),
    })
}

/// An instant in one of the forms that clients write schedules in. A required one may be null.
fn time(body: &mut Arguments, key: &str, required: bool) -> Result<Option<Timestamp>> {
    if required && !body.0.contains_key(key) {
        return Err(Error::bad_parameters(format!("Missing {key} in json request body")));
    }
    let Some(text) = body.text(key)?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let time = Timestamp::parse(&text).filter(|_| !text.contains('+'));
    time.map(Some).ok_or_else(|| Error::bad_parameters(format!("{text} is not a legal time format")))
}

/// How executions are to be run; nothing at all stays nothing.
fn arguments(given: Option<Map<String, Value>>) -> Result<Map<String, Value>> {
    let Some(given) = given.filter(|given| !given.is_empty()) else { return Ok(Map::new()) };
    let mut body = Arguments(given);
    let (custom, force) = (body.flag("allow_custom_parameters")?, body.flag("force")?);
    Ok(schedule_arguments(custom, force, body.flag("dry_run")?, body.number("wait_after_fail")?))
}
