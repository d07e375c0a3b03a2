//! Schedules. All but lists name their deployment in the query.

use axum::extract::{Path, State};
use nephele_manager::{NewSchedule, RuleWords, ScheduleUpdate, schedule_arguments};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result, Timestamp};
use serde_json::{Map, Value};

use super::{created, nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::declared::Shape;
use crate::error::Answer;
use crate::query::{FromQuery, Include, Pairs, Query};

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list_schedules(caller.ctx(), &list).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query((of, Include(include))): Query<(Of, Include)>,
) -> Answer {
    Ok(ok(&app.manager.get_schedule(caller.ctx(), &id, &of.0, include.as_deref()).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Of(deployment_id)): Query<Of>,
    Body(new): Body<NewSchedule>,
) -> Answer {
    let new = NewSchedule { id, deployment_id, ..new };
    Ok(created(&app.manager.create_schedule(caller.ctx(), new).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Of(deployment)): Query<Of>,
    Body(update): Body<ScheduleUpdate>,
) -> Answer {
    Ok(created(&app.manager.update_schedule(caller.ctx(), &id, &deployment, update).await?))
}

pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(of): Query<Of>,
) -> Answer {
    app.manager.delete_schedule(caller.ctx(), &id, &of.0).await?;
    Ok(nothing())
}

/// The deployment of a schedule.
pub(crate) struct Of(String);

impl FromQuery for Of {
    fn read(query: &Pairs) -> Result<Self> {
        query.required("deployment_id", "Missing required parameter in the query string: deployment_id").map(Self)
    }
}

impl FromBody for NewSchedule {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            id: String::new(),
            deployment_id: String::new(),
            workflow_id: body.required_text("workflow_id")?,
            since: time(body, "since", true)?,
            until: time(body, "until", false)?,
            parameters: body.object("parameters")?,
            execution_arguments: arguments(body)?,
            rule: words(body)?,
            slip: body.integer("slip")?.unwrap_or_default(),
            stop_on_fail: body.flag("stop_on_fail")?,
            enabled: body.optional_flag("enabled")?.unwrap_or(true),
            created_by: body.text("created_by")?,
            created_at: body.time("created_at")?,
        })
    }
}

impl FromBody for ScheduleUpdate {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            workflow_id: body.filled("workflow_id")?,
            since: time(body, "since", false)?,
            until: time(body, "until", false)?,
            rule: words(body)?,
            slip: body.integer("slip")?,
            stop_on_fail: body.optional_flag("stop_on_fail")?,
            enabled: body.optional_flag("enabled")?,
        })
    }
}

fn words(body: &mut Arguments) -> Result<RuleWords> {
    Ok(RuleWords {
        rrule: body.text("rrule")?,
        recurrence: body.text("recurrence")?,
        count: body.take_as("count", Shape::Integer),
        weekdays: body.take_as("weekdays", Shape::Texts),
    })
}

/// An instant in one of the forms that clients write schedules in. A required one may be null.
fn time(body: &mut Arguments, key: &str, required: bool) -> Result<Option<Timestamp>> {
    if required {
        body.demand(key)?;
    }
    let Some(text) = body.text(key)?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let time = Timestamp::parse(&text).filter(|_| !text.contains('+'));
    time.map(Some).ok_or_else(|| Error::bad_parameters(format!("{text} is not a legal time format")))
}

/// How executions are to be run; nothing at all stays nothing.
fn arguments(body: &mut Arguments) -> Result<Map<String, Value>> {
    body.part("execution_arguments", |body| {
        let is_empty = body.is_empty();
        let (custom, force) = (body.flag("allow_custom_parameters")?, body.flag("force")?);
        let (dry_run, wait) = (body.flag("dry_run")?, body.number("wait_after_fail")?);
        Ok(if is_empty { Map::new() } else { schedule_arguments(custom, force, dry_run, wait) })
    })
}
