//! Inter-deployment dependencies.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_model::Result;
use nephele_model::page::ListQuery;
use serde_json::{Map, Value};

use super::nothing;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;
use crate::query::Query;
use crate::{App, page};

/// What is known of a dependency; the use case says which it needs.
const PARTS: &[&str] = &[
    "id",
    "dependency_creator",
    "source_deployment",
    "target_deployment",
    "target_deployment_func",
    "external_source",
    "external_target",
    "visibility",
    "created_at",
    "created_by",
];

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list_dependencies(caller.ctx(), &list).await?))
}

pub(crate) async fn put(State(app): State<App>, caller: Caller, Body(Dependency(given)): Body<Dependency>) -> Answer {
    Ok(page::record(StatusCode::OK, &app.manager.create_dependency(caller.ctx(), &given).await?))
}

pub(crate) async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(Dependencies(given)): Body<Dependencies>,
) -> Answer {
    Ok(page::plain(&app.manager.replace_dependencies(caller.ctx(), &id, &given).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(new): Body<OfDeployment>) -> Answer {
    Ok(page::plain(&app.manager.create_dependencies(caller.ctx(), &new.source, &new.given).await?))
}

pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Body(Dependency(given)): Body<Dependency>,
) -> Answer {
    app.manager.delete_dependency(caller.ctx(), &given).await?;
    Ok(nothing())
}

/// One dependency.
pub(crate) struct Dependency(Map<String, Value>);

impl FromBody for Dependency {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self(body.keep(PARTS)))
    }
}

/// Some dependencies.
pub(crate) struct Dependencies(Vec<Value>);

impl FromBody for Dependencies {
    fn read(body: &mut Arguments) -> Result<Self> {
        let one = |body: &mut Arguments| Ok(Value::Object(body.keep(PARTS)));
        body.required_parts("inter_deployment_dependencies", "Every dependency is an object", one).map(Self)
    }
}

/// Some dependencies of a deployment.
pub(crate) struct OfDeployment {
    source: String,
    given: Vec<Value>,
}

impl FromBody for OfDeployment {
    fn read(body: &mut Arguments) -> Result<Self> {
        let source = body.required_text("source_deployment_id")?;
        Ok(Self { source, given: Dependencies::read(body)?.0 })
    }
}
