//! Groups of executions.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{GroupTargets, NewExecutionGroup, kind};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result};
use serde_json::{Map, Value};

use super::Act;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::declared::Shape;
use crate::error::Answer;
use crate::query::{GetData, Include, Query};
use crate::{App, page};

/// How many executions of a group run at a time, when the client does not say.
const CONCURRENCY: i64 = 5;
/// What lists leave out unless it is asked for: it costs a look at every execution.
pub(crate) const NOT_LISTED: &[&str] = &["execution_ids", "status"];

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query((mut wanted, data)): Query<(ListQuery, GetData)>,
) -> Answer {
    if !data.0 {
        // What is named is checked, and then left out all the same.
        let is_listed = |name: &String| !NOT_LISTED.contains(&name.as_str());
        let named = wanted.include.take().map(|names| names.into_iter().filter(is_listed).collect());
        wanted.include = Some(named.unwrap_or_else(|| kind::EXECUTION_GROUPS.fields_without(NOT_LISTED)));
    }
    Ok(caller.page(&app.manager.list(caller.ctx(), &kind::EXECUTION_GROUPS, &wanted).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Include(include)): Query<Include>,
) -> Answer {
    let found = app.manager.get_execution_group(caller.ctx(), &id, include.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(new): Body<NewExecutionGroup>) -> Answer {
    Ok(page::record(StatusCode::OK, &app.manager.start_execution_group(caller.ctx(), new).await?))
}

pub(crate) async fn act(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(Act(action)): Body<Act>,
) -> Answer {
    Ok(page::record(StatusCode::OK, &app.manager.act_on_execution_group(caller.ctx(), &id, &action).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(update): Body<GroupTargets>,
) -> Answer {
    Ok(page::record(StatusCode::OK, &app.manager.update_execution_group(caller.ctx(), &id, update).await?))
}

impl FromBody for NewExecutionGroup {
    fn read(body: &mut Arguments) -> Result<Self> {
        let of_deployment = |(deployment, parameters)| match parameters {
            Value::Object(parameters) => Ok((deployment, parameters)),
            Value::Null => Ok((deployment, Map::new())),
            _ => Err(Error::bad_parameters(format!("The parameters of {deployment} must be an object"))),
        };
        let parameters = body.object("parameters")?.unwrap_or_default();
        Ok(Self {
            deployment_group_id: body.required_text("deployment_group_id")?,
            workflow_id: body.required_text("workflow_id")?,
            id: body.filled("id")?,
            default_parameters: body.object("default_parameters")?.unwrap_or_default(),
            parameters: parameters.into_iter().map(of_deployment).collect::<Result<_>>()?,
            force: body.flag("force")?,
            concurrency: concurrency(body)?.unwrap_or(CONCURRENCY),
            associated_executions: body.texts("associated_executions")?.unwrap_or_default(),
            created_by: body.text("created_by")?,
            created_at: body.time("created_at")?,
        })
    }
}

impl FromBody for GroupTargets {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            success_group_id: body.text("success_group_id")?,
            failure_group_id: body.text("failure_group_id")?,
            concurrency: concurrency(body)?,
        })
    }
}

fn concurrency(body: &mut Arguments) -> Result<Option<i64>> {
    let Some(value) = body.take_as("concurrency", Shape::Count) else { return Ok(None) };
    value
        .as_i64()
        .filter(|number| *number >= 0)
        .map(Some)
        .ok_or_else(|| Error::bad_parameters(format!("concurrency must be a nonnegative number, but got: {value}")))
}
