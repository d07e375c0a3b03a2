//! Groups of deployments.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{GroupChange, GroupUpdate, NewMember, kind};
use nephele_model::{Error, Result};
use serde_json::{Value, json};

use super::{nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::page;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list(caller.ctx(), &kind::DEPLOYMENT_GROUPS, &query.list(&[])?).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(page::record(StatusCode::OK, &app.manager.get_deployment_group(caller.ctx(), &id).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let update = GroupUpdate {
        description: body.text("description")?,
        visibility: body.text("visibility")?,
        labels: body.list("labels")?,
        blueprint_id: body.text("blueprint_id")?.filter(|id| !id.is_empty()),
        default_inputs: body.object("default_inputs")?,
        creation_counter: body.integer("creation_counter")?,
        created_by: body.text("created_by")?,
        created_at: body.time("created_at")?,
        members: change(&mut body)?,
    };
    Ok(page::record(StatusCode::OK, &app.manager.put_deployment_group(caller.ctx(), &id, update).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let mut part =
        |name: &str| -> Result<GroupChange> { change(&mut Arguments(body.object(name)?.unwrap_or_default())) };
    let (add, remove) = (part("add")?, part("remove")?);
    let changed = app.manager.change_deployment_group(caller.ctx(), &id, add, remove).await?;
    Ok(page::record(StatusCode::OK, &changed))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    let (force, logs, recursive) = (query.switch("force")?, query.switch("delete_logs")?, query.switch("recursive")?);
    if query.switch("delete_deployments")? {
        let begun = app.manager.delete_group_with_deployments(caller.ctx(), &id, force, logs, recursive).await?;
        return Ok(ok(&json!({"execution_group_id": begun})));
    }
    app.manager.delete_deployment_group(caller.ctx(), &id).await?;
    Ok(nothing())
}

fn change(body: &mut Arguments) -> Result<GroupChange> {
    Ok(GroupChange {
        deployment_ids: body.texts("deployment_ids")?,
        filter_id: body.text("filter_id")?,
        filter_rules: body.take("filter_rules").filter(|rules| rules.as_array().is_none_or(|list| !list.is_empty())),
        deployments_from_group: body.text("deployments_from_group")?.filter(|id| !id.is_empty()),
        new_deployments: body
            .list("new_deployments")?
            .unwrap_or_default()
            .into_iter()
            .map(member)
            .collect::<Result<_>>()?,
    })
}

fn member(value: Value) -> Result<NewMember> {
    let Value::Object(value) = value else {
        return Err(Error::bad_parameters("Every new deployment must be an object"));
    };
    let mut body = Arguments(value);
    Ok(NewMember {
        id: body.text("id")?,
        display_name: body.text("display_name")?,
        inputs: body.object("inputs")?.unwrap_or_default(),
        labels: body.list("labels")?.unwrap_or_default(),
        site_name: body.text("site_name")?.filter(|name| !name.is_empty()),
        runtime_only_evaluation: body.flag("runtime_only_evaluation")?,
        skip_plugins_validation: body.flag("skip_plugins_validation")?,
    })
}
