//! Updates of the plugins of blueprints.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{PluginVersions, PluginsUpdateRecord, PluginsUpdateRequest};
use nephele_model::{Error, Result};

use super::ok;
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::OptionalBody;
use crate::error::Answer;
use crate::page;
use crate::query::Query;

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

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_plugins_updates(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    let found = app.manager.get_plugins_update(caller.ctx(), &id, query.include().as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

/// `initiate` is about a blueprint, `finalize` about an update.
pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Path((id, phase)): Path<(String, String)>,
    OptionalBody(mut body): OptionalBody,
) -> Answer {
    let (ctx, manager) = (caller.ctx(), &app.manager);
    Ok(ok(&match phase.as_str() {
        _ if DETAILS.iter().any(|name| body.0.contains_key(*name)) => {
            manager.record_plugins_update(ctx, &id, record(&mut body)?).await?
        }
        "initiate" => manager.start_plugins_update(ctx, &id, request(&mut body)?).await?,
        "finalize" => manager.finalize_plugins_update(ctx, &id).await?,
        other => return Err(Error::bad_parameters(format!("There is no phase `{other}` of a plugins update")).into()),
    }))
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
        auto_correct_types: body.flag("auto_correct_types")?,
        reevaluate_active_statuses: body.flag("reevaluate_active_statuses")?,
        all_tenants: body.flag("all_tenants")?,
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
