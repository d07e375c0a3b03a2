//! Updates of deployments.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{UPDATE_SWITCHES, UpdatePatch, UpdateRecord, UpdateRequest};
use nephele_model::Result;
use nephele_model::page::ListQuery;
use serde_json::Map;

use super::{ok, stored};
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody, OptionalBody};
use crate::error::Answer;
use crate::query::{Include, Query};
use crate::{App, page};

/// What a record holds besides what has a type of its own.
const PARTS: [&str; 8] = [
    "deployment_plan",
    "deployment_update_node_instances",
    "deployment_update_nodes",
    "central_plugins_to_install",
    "central_plugins_to_uninstall",
    "modified_entity_ids",
    "old_inputs",
    "new_inputs",
];

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list_updates(caller.ctx(), &list).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Include(include)): Query<Include>,
) -> Answer {
    let found = app.manager.get_update(caller.ctx(), &id, include.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

/// `initiate` begins an update of the deployment; every other phase shows the update of that id.
pub(crate) async fn begin(
    State(app): State<App>,
    caller: Caller,
    Path((id, phase)): Path<(String, String)>,
    OptionalBody(request): OptionalBody<UpdateRequest>,
) -> Answer {
    if phase != "initiate" {
        return Ok(page::record(StatusCode::OK, &app.manager.get_update(caller.ctx(), &id, None).await?));
    }
    Ok(ok(&app.manager.start_update(caller.ctx(), &id, request).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(Recorded(sent)): Body<Recorded>,
) -> Answer {
    let mut record = UpdateRecord { id, ..sent };
    if let Some(inputs) = record.parts.swap_remove("inputs") {
        record.parts.insert("new_inputs".to_owned(), inputs);
    }
    Ok(ok(&app.manager.record_update(caller.ctx(), record).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(patch): Body<UpdatePatch>,
) -> Answer {
    Ok(ok(&app.manager.patch_update(caller.ctx(), &id, patch).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(Restored(records)): Body<Restored>) -> Answer {
    Ok(stored(app.manager.restore_updates(caller.ctx(), records).await?))
}

impl FromBody for UpdateRequest {
    fn read(body: &mut Arguments) -> Result<Self> {
        let mut switches = Map::new();
        for (name, _) in UPDATE_SWITCHES {
            if let Some(flag) = body.optional_flag(name)? {
                switches.insert(name.to_owned(), flag.into());
            }
        }
        Ok(Self {
            id: None,
            blueprint_id: body.text("blueprint_id")?,
            inputs: body.object("inputs")?.unwrap_or_default(),
            reinstall_list: body.list("reinstall_list")?.unwrap_or_default(),
            preview: body.flag("preview")?,
            force: body.flag("force")?,
            runtime_only_evaluation: body.optional_flag("runtime_only_evaluation")?,
            workflow_id: body.text("workflow_id")?,
            switches,
        })
    }
}

impl FromBody for UpdatePatch {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            state: body.text("state")?,
            plan: body.object("plan")?,
            steps: body.list("steps")?.unwrap_or_default(),
            nodes: body.take("nodes"),
            node_instances: body.take("node_instances"),
        })
    }
}

/// The record of an update whose id is in the path.
pub(crate) struct Recorded(UpdateRecord);

impl FromBody for Recorded {
    fn read(body: &mut Arguments) -> Result<Self> {
        record(body).map(Self)
    }
}

/// Records of updates that were made elsewhere.
pub(crate) struct Restored(Vec<UpdateRecord>);

impl FromBody for Restored {
    fn read(body: &mut Arguments) -> Result<Self> {
        let one = |body: &mut Arguments| {
            let id = body.required_text("id")?;
            Ok(UpdateRecord { id, ..record(body)? })
        };
        body.required_parts("deployment_updates", "Every deployment update is an object", one).map(Self)
    }
}

fn record(body: &mut Arguments) -> Result<UpdateRecord> {
    let (new, old) = (body.text("blueprint_id")?, body.text("new_blueprint_id")?);
    let (by, creator) = (body.text("created_by")?, body.text("creator")?);
    Ok(UpdateRecord {
        id: String::new(),
        deployment_id: body.required_text("deployment_id")?,
        execution_id: body.text("execution_id")?,
        state: body.text("state")?,
        old_blueprint_id: body.text("old_blueprint_id")?,
        blueprint_id: new.or(old),
        created_by: by.or(creator),
        created_at: body.time("created_at")?,
        visibility: body.visibility()?,
        runtime_only_evaluation: body.optional_flag("runtime_only_evaluation")?,
        keep_old_deployment_dependencies: body.optional_flag("keep_old_deployment_dependencies")?,
        steps: body.list("steps")?.unwrap_or_default(),
        parts: PARTS
            .into_iter()
            .chain(["inputs"])
            .filter_map(|name| Some((name.to_owned(), body.take(name)?)))
            .collect(),
    })
}
