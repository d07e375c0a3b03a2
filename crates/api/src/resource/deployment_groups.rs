//! Groups of deployments.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{GroupChange, GroupUpdate, NewMember, kind};
use nephele_model::Result;
use nephele_model::page::ListQuery;
use serde_json::json;

use super::deployments::Deletion;
use super::{nothing, ok};
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::declared::Shape;
use crate::error::Answer;
use crate::query::{FromQuery, Pairs, Query};
use crate::{App, page};

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list(caller.ctx(), &kind::DEPLOYMENT_GROUPS, &list).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(page::record(StatusCode::OK, &app.manager.get_deployment_group(caller.ctx(), &id).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(update): Body<GroupUpdate>,
) -> Answer {
    Ok(page::record(StatusCode::OK, &app.manager.put_deployment_group(caller.ctx(), &id, update).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(change): Body<Change>,
) -> Answer {
    let changed = app.manager.change_deployment_group(caller.ctx(), &id, change.add, change.remove).await?;
    Ok(page::record(StatusCode::OK, &changed))
}

pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query((with_deployments, how)): Query<(WithDeployments, Deletion)>,
) -> Answer {
    if with_deployments.0 {
        let Deletion { force, logs, recursive } = how;
        let begun = app.manager.delete_group_with_deployments(caller.ctx(), &id, force, logs, recursive).await?;
        return Ok(ok(&json!({"execution_group_id": begun})));
    }
    app.manager.delete_deployment_group(caller.ctx(), &id).await?;
    Ok(nothing())
}

impl FromBody for GroupUpdate {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            description: body.text("description")?,
            visibility: body.visibility()?,
            labels: body.list("labels")?,
            blueprint_id: body.filled("blueprint_id")?,
            default_inputs: body.object("default_inputs")?,
            creation_counter: body.integer("creation_counter")?,
            created_by: body.text("created_by")?,
            created_at: body.time("created_at")?,
            members: change(body)?,
        })
    }
}

/// Who joins a group, and who leaves it.
pub(crate) struct Change {
    add: GroupChange,
    remove: GroupChange,
}

impl FromBody for Change {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self { add: body.part("add", change)?, remove: body.part("remove", change)? })
    }
}

/// Whether its deployments go with a group.
pub(crate) struct WithDeployments(bool);

impl FromQuery for WithDeployments {
    fn read(query: &Pairs) -> Result<Self> {
        query.switch("delete_deployments").map(Self)
    }
}

fn change(body: &mut Arguments) -> Result<GroupChange> {
    let rules = body.take_as("filter_rules", Shape::List);
    Ok(GroupChange {
        deployment_ids: body.texts("deployment_ids")?,
        filter_id: body.text("filter_id")?,
        filter_rules: rules.filter(|rules| rules.as_array().is_none_or(|list| !list.is_empty())),
        deployments_from_group: body.filled("deployments_from_group")?,
        new_deployments: body.parts("new_deployments", "Every new deployment must be an object", member)?,
    })
}

fn member(body: &mut Arguments) -> Result<NewMember> {
    Ok(NewMember {
        id: body.text("id")?,
        display_name: body.text("display_name")?,
        inputs: body.object("inputs")?.unwrap_or_default(),
        labels: body.list("labels")?.unwrap_or_default(),
        site_name: body.filled("site_name")?,
        runtime_only_evaluation: body.flag("runtime_only_evaluation")?,
        skip_plugins_validation: body.flag("skip_plugins_validation")?,
    })
}
