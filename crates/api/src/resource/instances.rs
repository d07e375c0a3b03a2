//! Node instances.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{InstanceUpdate, kind};
use nephele_model::{Error, Result};

use super::{nothing, ok, stored};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::page;
use crate::query::Query;
use crate::table::Version;

/// What old versions do not show.
const LACKING: (Version, &[&str]) = (Version::V2, &["scaling_groups"]);

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let mut wanted = query.list(&[])?;
    wanted.include = caller.fields(&kind::NODE_INSTANCES, wanted.include, LACKING);
    Ok(caller.page(&app.manager.list_instances(caller.ctx(), &wanted).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    let include = caller.fields(&kind::NODE_INSTANCES, query.include(), LACKING);
    if query.flag("_evaluate_functions")? {
        return Ok(ok(&app.manager.get_evaluated_instance(caller.ctx(), &id, include.as_deref()).await?));
    }
    let found = app.manager.get_instance(caller.ctx(), &id, include.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
    Body(mut body): Body,
) -> Answer {
    let update = InstanceUpdate {
        version: version(&mut body)?,
        state: body.text("state")?,
        runtime_properties: body.object("runtime_properties")?,
        system_properties: body.object("system_properties")?,
        relationships: body.list("relationships")?,
        force: query.switch("force")?,
    };
    Ok(page::record(StatusCode::OK, &app.manager.update_instance(caller.ctx(), &id, update).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let deployment = body.required_text("deployment_id")?;
    let instances = body.required_list("node_instances")?;
    Ok(stored(app.manager.create_instances(caller.ctx(), &deployment, &instances).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    app.manager.delete_instance(caller.ctx(), &id).await?;
    Ok(nothing())
}

fn version(body: &mut Arguments) -> Result<i64> {
    let refuse = |problem: &str| {
        Error::bad_parameters(format!("1 validation error for _NodeInstanceUpdateBody\nversion\n  {problem}"))
    };
    match body.take("version") {
        None => Err(refuse("field required (type=value_error.missing)")),
        Some(version) => version
            .as_i64()
            .or_else(|| version.as_str()?.parse().ok())
            .filter(|version| *version >= 0)
            .ok_or_else(|| refuse("value is not a valid integer (type=type_error.integer)")),
    }
}
