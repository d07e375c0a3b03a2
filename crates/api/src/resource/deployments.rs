//! Deployments.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{DeploymentUpdate, Narrowing, NewDeployment, Shown, kind};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result};
use serde_json::json;

use super::{Seen, nothing, ok};
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;
use crate::query::{FromQuery, Pairs, Query};
use crate::table::Version;
use crate::{App, page};

/// What old versions do not show.
const LACKING: (Version, &[&str]) = (Version::V2, &["scaling_groups"]);
/// Parts of a plan that a creating execution sets.
const SECTIONS: &[&str] = &[
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

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query((wanted, by)): Query<(Wanted, Narrowing)>,
) -> Answer {
    let Wanted { mut list, dependencies_of, with_workflows } = wanted;
    if let Some(deployment) = dependencies_of {
        list.filters.push(("id".to_owned(), app.manager.needed_by(caller.ctx(), &deployment).await?));
    }
    list.rules = app.manager.deployment_rules(caller.ctx(), by).await?;
    answer(&app, &caller, list, with_workflows).await
}

/// The list parameters of deployments.
pub(crate) struct Wanted {
    list: ListQuery,
    dependencies_of: Option<String>,
    with_workflows: bool,
}

impl FromQuery for Wanted {
    fn read(query: &Pairs) -> Result<Self> {
        let mut list = named(query, query.list(&[])?);
        if query.present("_environments_only") {
            list.filters.push(("_environments_only".to_owned(), vec!["true".to_owned()]));
        }
        let dependencies_of = query.text("_dependencies_of");
        Ok(Self { list, dependencies_of, with_workflows: query.flag("_get_data")? })
    }
}

/// Only the deployments with such a display name, of such a group.
pub(super) fn named(query: &Pairs, mut list: ListQuery) -> ListQuery {
    if let Some(name) = query.text("_search_name") {
        list.filters.push(("_search_name".to_owned(), vec![name]));
    }
    query.in_group(&mut list);
    list
}

/// A page of deployments.
pub(super) async fn answer(app: &App, caller: &Caller, mut list: ListQuery, with_workflows: bool) -> Answer {
    list.include = caller.fields(&kind::DEPLOYMENTS, list.include, LACKING);
    if with_workflows {
        return Ok(caller.page(&app.manager.list_deployments_with_workflows(caller.ctx(), &list).await?));
    }
    Ok(caller.page(&app.manager.list_deployments(caller.ctx(), &list).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(asked): Query<Shown>,
) -> Answer {
    let include = caller.fields(&kind::DEPLOYMENTS, asked.include, LACKING);
    let shown = Shown { include, ..asked };
    Ok(page::record(StatusCode::OK, &app.manager.get_deployment(caller.ctx(), &id, &shown).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(how): Query<Creation>,
    Body(new): Body<NewDeployment>,
) -> Answer {
    let new = NewDeployment { id, private_resource: how.private_resource, async_create: how.async_create, ..new };
    Ok(page::record(StatusCode::CREATED, &app.manager.create_deployment(caller.ctx(), new).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(update): Body<DeploymentUpdate>,
) -> Answer {
    Ok(page::record(StatusCode::OK, &app.manager.update_deployment(caller.ctx(), &id, update).await?))
}

pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(how): Query<Deletion>,
) -> Answer {
    app.manager.delete_deployment(caller.ctx(), &id, how.force, how.logs, how.recursive).await?;
    Ok(nothing())
}

pub(crate) async fn outputs(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    let outputs = app.manager.outputs(caller.ctx(), &id.as_str().into()).await?;
    Ok(ok(&json!({"deployment_id": id, "outputs": outputs})))
}

/// The deployment as a picture.
pub(crate) async fn topology(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    Ok(ok(&app.manager.deployment_topology(caller.ctx(), &id).await?))
}

pub(crate) async fn capabilities(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    let capabilities = app.manager.capabilities(caller.ctx(), &id.as_str().into()).await?;
    Ok(ok(&json!({"deployment_id": id, "capabilities": capabilities})))
}

pub(crate) async fn set_site(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(Place(site)): Body<Place>,
) -> Answer {
    let changed = app.manager.set_deployment_site(caller.ctx(), &id, site.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &changed))
}

pub(crate) async fn set_visibility(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(Seen(wanted)): Body<Seen>,
) -> Answer {
    let changed = app.manager.set_deployment_visibility(caller.ctx(), &id, &wanted).await?;
    Ok(page::record(StatusCode::OK, &changed))
}

impl FromQuery for Shown {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self {
            include: query.include(),
            direct_children: query.optional_switch("all_sub_deployments")? == Some(false),
            workdir: query.switch("include_workdir")?,
        })
    }
}

/// How a deployment is made, beyond what it is.
pub(crate) struct Creation {
    private_resource: Option<bool>,
    async_create: bool,
}

impl FromQuery for Creation {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self {
            private_resource: query.optional_switch("private_resource")?,
            async_create: query.switch("async_create")?,
        })
    }
}

impl FromBody for NewDeployment {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            blueprint_id: body.required_text("blueprint_id")?,
            inputs: body.object("inputs")?.unwrap_or_default(),
            visibility: body.visibility()?,
            skip_plugins_validation: body.flag("skip_plugins_validation")?,
            site_name: body.text("site_name")?,
            runtime_only_evaluation: body.flag("runtime_only_evaluation")?,
            labels: body.list("labels")?.unwrap_or_default(),
            display_name: body.text("display_name")?,
            created_by: body.text("created_by")?,
            created_at: body.text("created_at")?,
            ..Self::default()
        })
    }
}

impl FromBody for DeploymentUpdate {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.demand_something("Update a deployment request must include at least one parameter to update")?;
        Ok(Self {
            sections: body.keep(SECTIONS),
            labels: body.list("labels")?,
            display_name: body.text("display_name")?,
            description: body.text("description")?,
            creator: body.text("creator")?,
            created_at: body.text("created_at")?,
            blueprint_id: body.text("blueprint_id")?,
            create_execution: body.text("create_execution")?,
            latest_execution: body.text("latest_execution")?,
            runtime_only_evaluation: body.optional_flag("runtime_only_evaluation")?,
        })
    }
}

/// How a deployment goes.
pub(crate) struct Deletion {
    pub(super) force: bool,
    pub(super) logs: bool,
    pub(super) recursive: bool,
}

impl FromQuery for Deletion {
    fn read(query: &Pairs) -> Result<Self> {
        let (force, logs) = (query.switch("force")?, query.switch("delete_logs")?);
        Ok(Self { force, logs, recursive: query.switch("recursive")? })
    }
}

/// The site that a deployment moves to; none when it leaves the one it has.
pub(crate) struct Place(Option<String>);

impl FromBody for Place {
    fn read(body: &mut Arguments) -> Result<Self> {
        match (body.text("site_name")?, body.flag("detach_site")?) {
            (Some(name), false) => Ok(Self(Some(name))),
            (None, true) => Ok(Self(None)),
            _ => Err(Error::bad_parameters(
                "Must provide either a `site_name` of a valid site or `detach_site` with true value",
            )),
        }
    }
}
