//! Groups of executions.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{GroupTargets, NewExecutionGroup, kind};
use nephele_model::{Error, Result};
use serde_json::Value;

use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::page;
use crate::query::Query;

/// How many executions of a group run at a time, when the client does not say.
const CONCURRENCY: i64 = 5;
/// The fields of a list; `execution_ids` and `status` cost a look at every execution.
const LISTED: [&str; 10] = [
    "created_at",
    "id",
    "visibility",
    "workflow_id",
    "concurrency",
    "deployment_group_id",
    "tenant_name",
    "created_by",
    "resource_availability",
    "private_resource",
];

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let mut wanted = query.list(&[])?;
    if !query.flag("_get_data")? {
        // What is named is checked, and then left out all the same.
        let is_listed = |name: &String| !matches!(name.as_str(), "execution_ids" | "status");
        let named = wanted.include.take().map(|names| names.into_iter().filter(is_listed).collect());
        wanted.include = Some(named.unwrap_or_else(|| LISTED.map(str::to_owned).to_vec()));
    }
    Ok(caller.page(&app.manager.list(caller.ctx(), &kind::EXECUTION_GROUPS, &wanted).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    let found = app.manager.get_execution_group(caller.ctx(), &id, query.include().as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let new = NewExecutionGroup {
        deployment_group_id: body.required_text("deployment_group_id")?,
        workflow_id: body.required_text("workflow_id")?,
        id: body.text("id")?.filter(|id| !id.is_empty()),
        default_parameters: body.object("default_parameters")?.unwrap_or_default(),
        parameters: body
            .object("parameters")?
            .unwrap_or_default()
            .into_iter()
            .map(|(deployment, parameters)| match parameters {
                Value::Object(parameters) => Ok((deployment, parameters)),
                Value::Null => Ok((deployment, serde_json::Map::new())),
                _ => Err(Error::bad_parameters(format!("The parameters of {deployment} must be an object"))),
            })
            .collect::<Result<_>>()?,
        force: body.flag("force")?,
        concurrency: concurrency(&mut body)?.unwrap_or(CONCURRENCY),
        associated_executions: body.texts("associated_executions")?.unwrap_or_default(),
        created_by: body.text("created_by")?,
        created_at: body.time("created_at")?,
    };
    Ok(page::record(StatusCode::OK, &app.manager.start_execution_group(caller.ctx(), new).await?))
}

pub(crate) async fn act(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let action = body.required_text("action")?;
    Ok(page::record(StatusCode::OK, &app.manager.act_on_execution_group(caller.ctx(), &id, &action).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let update = GroupTargets {
        success_group_id: body.text("success_group_id")?,
        failure_group_id: body.text("failure_group_id")?,
        concurrency: concurrency(&mut body)?,
    };
    Ok(page::record(StatusCode::OK, &app.manager.update_execution_group(caller.ctx(), &id, update).await?))
}

fn concurrency(body: &mut Arguments) -> Result<Option<i64>> {
    let Some(value) = body.take("concurrency") else { return Ok(None) };
    value
        .as_i64()
        .filter(|number| *number >= 0)
        .map(Some)
        .ok_or_else(|| Error::bad_parameters(format!("concurrency must be a nonnegative number, but got: {value}")))
}
