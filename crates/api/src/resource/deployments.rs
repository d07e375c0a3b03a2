//! Deployments.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{DeploymentUpdate, Narrowing, NewDeployment, Shown, kind};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result};
use serde_json::{Map, json};

use super::{nothing, ok};
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::page;
use crate::query::Query;
use crate::table::Version;

/// What old versions do not show.
const LACKING: (Version, &[&str]) = (Version::V2, &["scaling_groups"]);
/// Parts of a plan that a creating execution sets.
const SECTIONS: [&str; 9] = [
    "inputs",
    "workflows",
    "outputs",
    "capabilities",
    "scaling_groups",
    "groups",
    "policy_types",
    "policy_triggers",
    "resource_tags",
];

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let mut list = wanted(&query, query.list(&[])?);
    if query.present("_environments_only") {
        list.filters.push(("_environments_only".to_owned(), vec!["true".to_owned()]));
    }
    if let Some(deployment) = query.get("_dependencies_of") {
        list.filters.push(("id".to_owned(), app.manager.needed_by(caller.ctx(), deployment).await?));
    }
    let by = Narrowing { filter_id: query.get("_filter_id").map(str::to_owned), ..Narrowing::default() };
    list.rules = app.manager.deployment_rules(caller.ctx(), by).await?;
    answer(&app, &caller, &query, list).await
}

/// The list parameters that deployments have beyond the others'.
pub(super) fn wanted(query: &Query, mut list: ListQuery) -> ListQuery {
    if let Some(name) = query.get("_search_name") {
        list.filters.push(("_search_name".to_owned(), vec![name.to_owned()]));
    }
    query.in_group(&mut list);
    list
}

/// A page of deployments.
pub(super) async fn answer(app: &App, caller: &Caller, query: &Query, mut list: ListQuery) -> Answer {
    list.include = caller.fields(&kind::DEPLOYMENTS, list.include, LACKING);
    if query.flag("_get_data")? {
        return Ok(caller.page(&app.manager.list_deployments_with_workflows(caller.ctx(), &list).await?));
    }
    Ok(caller.page(&app.manager.list_deployments(caller.ctx(), &list).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    let shown = Shown {
        include: caller.fields(&kind::DEPLOYMENTS, query.include(), LACKING),
        direct_children: query.get("all_sub_deployments").is_some() && !query.switch("all_sub_deployments")?,
        workdir: query.switch("include_workdir")?,
    };
    Ok(page::record(StatusCode::OK, &app.manager.get_deployment(caller.ctx(), &id, &shown).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
    Body(mut body): Body,
) -> Answer {
    let new = NewDeployment {
        id,
        blueprint_id: body.required_text("blueprint_id")?,
        inputs: body.object("inputs")?.unwrap_or_default(),
        visibility: body.text("visibility")?,
        private_resource: query.get("private_resource").map(|_| query.switch("private_resource")).transpose()?,
        skip_plugins_validation: body.flag("skip_plugins_validation")?,
        site_name: body.text("site_name")?,
        runtime_only_evaluation: body.flag("runtime_only_evaluation")?,
        labels: body.list("labels")?.unwrap_or_default(),
        display_name: body.text("display_name")?,
        async_create: query.switch("async_create")?,
    };
    Ok(page::record(StatusCode::CREATED, &app.manager.create_deployment(caller.ctx(), new).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    body.demand_something("Update a deployment request must include at least one parameter to update")?;
    let sections: Map<_, _> = SECTIONS.iter().filter_map(|name| Some(((*name).to_owned(), body.take(name)?))).collect();
    let update = DeploymentUpdate {
        labels: body.list("labels")?,
        display_name: body.text("display_name")?,
        description: body.text("description")?,
        creator: body.text("creator")?,
        created_at: body.text("created_at")?,
        blueprint_id: body.text("blueprint_id")?,
        create_execution: body.text("create_execution")?,
        latest_execution: body.text("latest_execution")?,
        runtime_only_evaluation: body.optional_flag("runtime_only_evaluation")?,
        sections,
    };
    Ok(page::record(StatusCode::OK, &app.manager.update_deployment(caller.ctx(), &id, update).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>, query: Query) -> Answer {
    let (force, logs, recursive) = (query.switch("force")?, query.switch("delete_logs")?, query.switch("recursive")?);
    app.manager.delete_deployment(caller.ctx(), &id, force, logs, recursive).await?;
    Ok(nothing())
}

pub(crate) async fn outputs(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    let outputs = app.manager.outputs(caller.ctx(), &id.as_str().into()).await?;
    Ok(ok(&json!({"deployment_id": id, "outputs": outputs})))
}

pub(crate) async fn capabilities(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    let capabilities = app.manager.capabilities(caller.ctx(), &id.as_str().into()).await?;
    Ok(ok(&json!({"deployment_id": id, "capabilities": capabilities})))
}

pub(crate) async fn set_site(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let site = one_of(body.text("site_name")?, body.flag("detach_site")?)?;
    let changed = app.manager.set_deployment_site(caller.ctx(), &id, site.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &changed))
}

pub(crate) async fn set_visibility(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let wanted = body.required_text("visibility")?;
    let changed = app.manager.set_deployment_visibility(caller.ctx(), &id, &wanted).await?;
    Ok(page::record(StatusCode::OK, &changed))
}

fn one_of(site: Option<String>, detach: bool) -> Result<Option<String>> {
    match (site, detach) {
        (Some(name), false) => Ok(Some(name)),
        (None, true) => Ok(None),
        _ => Err(Error::bad_parameters(
            "Must provide either a `site_name` of a valid site or `detach_site` with true value",
        )),
    }
}
