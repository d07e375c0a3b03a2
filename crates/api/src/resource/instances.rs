//! Node instances.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{InstanceUpdate, kind};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result};
use serde_json::Value;

use super::{nothing, ok, stored};
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::declared::Shape;
use crate::error::Answer;
use crate::query::{Evaluate, Force, Include, Query};
use crate::table::Version;
use crate::{App, page};

/// What old versions do not show.
const LACKING: (Version, &[&str]) = (Version::V2, &["scaling_groups"]);

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(mut wanted): Query<ListQuery>) -> Answer {
    wanted.include = caller.fields(&kind::NODE_INSTANCES, wanted.include, LACKING);
    Ok(caller.page(&app.manager.list_instances(caller.ctx(), &wanted).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query((Include(named), evaluate)): Query<(Include, Evaluate)>,
) -> Answer {
    let include = caller.fields(&kind::NODE_INSTANCES, named, LACKING);
    if evaluate.0 {
        return Ok(ok(&app.manager.get_evaluated_instance(caller.ctx(), &id, include.as_deref()).await?));
    }
    let found = app.manager.get_instance(caller.ctx(), &id, include.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Force(force)): Query<Force>,
    Body(update): Body<InstanceUpdate>,
) -> Answer {
    let update = InstanceUpdate { force, ..update };
    Ok(page::record(StatusCode::OK, &app.manager.update_instance(caller.ctx(), &id, update).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(new): Body<Instances>) -> Answer {
    Ok(stored(app.manager.create_instances(caller.ctx(), &new.deployment_id, &new.instances).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    app.manager.delete_instance(caller.ctx(), &id).await?;
    Ok(nothing())
}

impl FromBody for InstanceUpdate {
    fn read(body: &mut Arguments) -> Result<Self> {
        let version = version(body);
        let update = Self {
            version: 0,
            state: body.text("state")?,
            runtime_properties: body.object("runtime_properties")?,
            system_properties: body.object("system_properties")?,
            relationships: body.list("relationships")?,
            force: false,
        };
        Ok(Self { version: version?, ..update })
    }
}

/// Node instances of a deployment.
pub(crate) struct Instances {
    deployment_id: String,
    instances: Vec<Value>,
}

impl FromBody for Instances {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            deployment_id: body.required_text("deployment_id")?,
            instances: body.required_list("node_instances")?,
        })
    }
}

fn version(body: &mut Arguments) -> Result<i64> {
    let refuse = |problem: &str| {
        Error::bad_parameters(format!("1 validation error for _NodeInstanceUpdateBody\nversion\n  {problem}"))
    };
    match body.take_required("version", Shape::Count) {
        None => Err(refuse("field required (type=value_error.missing)")),
        Some(version) => version
            .as_i64()
            .or_else(|| version.as_str()?.parse().ok())
            .filter(|version| *version >= 0)
            .ok_or_else(|| refuse("value is not a valid integer (type=type_error.integer)")),
    }
}
