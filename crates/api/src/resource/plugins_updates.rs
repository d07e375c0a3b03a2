//! Updates of the plugins of blueprints.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{PluginVersions, PluginsUpdateRecord, PluginsUpdateRequest};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result};

use super::ok;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{FromBody, OptionalBody};
use crate::error::Answer;
use crate::query::{Include, Query};
use crate::{App, page};

/// What only those bring who bring back an update of before.
const DETAILS: [&str; 8] = [
    "created_by",
    "created_at",
    "update_id",
    "execution_id",
    "state",
    "affected_deployments",
    "deployments_per_tenant",
    "temp_blueprint_id",
];

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list_plugins_updates(caller.ctx(), &list).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Include(include)): Query<Include>,
) -> Answer {
    let found = app.manager.get_plugins_update(caller.ctx(), &id, include.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

/// `initiate` is about a blueprint, `finalize` about an update.
pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Path((id, phase)): Path<(String, String)>,
    OptionalBody(sent): OptionalBody<Sent>,
) -> Answer {
    let (ctx, manager) = (caller.ctx(), &app.manager);
    Ok(ok(&match (phase.as_str(), sent) {
        (_, Sent::Record(record)) => manager.record_plugins_update(ctx, &id, record).await?,
        ("initiate", Sent::Request(request)) => manager.start_plugins_update(ctx, &id, request).await?,
        ("finalize", _) => manager.finalize_plugins_update(ctx, &id).await?,
        (other, _) => {
            return Err(Error::bad_parameters(format!("There is no phase `{other}` of a plugins update")).into());
        }
    }))
}

/// What begins an update, or brings one back.
pub(crate) enum Sent {
    Request(PluginsUpdateRequest),
    Record(PluginsUpdateRecord),
}

impl FromBody for Sent {
    fn read(body: &mut Arguments) -> Result<Self> {
        let is_record = body.has_any(&DETAILS);
        let (request, record) = (request(body), record(body));
        if is_record { record.map(Self::Record) } else { request.map(Self::Request) }
    }
}

fn request(body: &mut Arguments) -> Result<PluginsUpdateRequest> {
    Ok(PluginsUpdateRequest {
        versions: PluginVersions {
            plugin_names: body.texts("plugin_names")?.unwrap_or_default(),
            all_to_latest: body.flag("all_to_latest")?,
            to_latest: body.texts("to_latest")?.unwrap_or_default(),
            all_to_minor: body.flag("all_to_minor")?,
            to_minor: body.texts("to_minor")?.unwrap_or_default(),
            mapping: body.object("mapping")?.unwrap_or_default(),
        },
        force: body.flag("force")?,
        all_tenants: body.flag("all_tenants")?,
        auto_correct_types: body.flag("auto_correct_types")?,
        reevaluate_active_statuses: body.flag("reevaluate_active_statuses")?,
    })
}

fn record(body: &mut Arguments) -> Result<PluginsUpdateRecord> {
    Ok(PluginsUpdateRecord {
        id: body.text("update_id")?,
        state: body.text("state")?,
        created_by: body.text("created_by")?,
        created_at: body.time("created_at")?,
        execution_id: body.text("execution_id")?,
        affected_deployments: body.list("affected_deployments")?,
        deployments_per_tenant: body.object("deployments_per_tenant")?,
        temp_blueprint_id: body.text("temp_blueprint_id")?,
        force: body.flag("force")?,
        all_tenants: body.flag("all_tenants")?,
    })
}
