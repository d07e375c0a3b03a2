//! `cloudify.nodes.Component`: another deployment as a part of this one (spec workflows.md section 9.5).

use std::collections::HashSet;

use nephele_model::id::{DeploymentId, ExecutionId};
use nephele_model::python_text::{is_truthy, str};
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::{self, Deployment};
use nephele_store::labels::{self, Labeled};
use nephele_store::{Json, executions, inter_deployment_dependencies as dependencies};
use serde_json::{Map, Value, json};

use super::operation::{Operation, refuse, wish};
use super::password_secret::{delete_secrets, set_secrets};
use crate::deployment_updates::UpdateRequest;
use crate::deployments::NewDeployment;
use crate::executions::place::Wish;
use crate::rows::{failed, is_passing};

/// How many ids are tried where a number may be added to one.
const SUFFIXES: usize = 10;
/// The label that makes a deployment a child.
const PARENT: &str = "csys-obj-parent";
const CREATED: &str = "_component_create_deployment_id";
const DEPENDENCY: &str = "_component_create_idd";
/// The update that an operation begins, noted before it is begun.
const UPDATE: &str = "_component_update";
/// That everything was taken down.
const DELETED: &str = "_component_deleted";

/// Creates the deployment, which becomes a child of this one.
pub(super) async fn create(operation: &mut Operation<'_>) -> Result<Value> {
    demand_local(operation)?;
    let config = operation.wanted("resource_config");
    let given = &config["deployment"];
    operation.repeats = given["logs"] != false;
    if !is_truthy(&given["external_resource"]) {
        let secrets = operation.wanted("secrets");
        if !operation.runtime.contains_key(CREATED) {
            set_secrets(operation, &secrets).await?;
        }
        let id = make(operation, &config).await?;
        depend(operation, &id).await?;
    }
    let other = current(operation).await?;
    let create = other.create_execution_fk.unwrap_or_default();
    let create = executions::by_storage_id(&*operation.manager.store, create).await.map_err(failed)?;
    let create = create.ok_or_else(|| refuse(format!("no create execution found for deployment \"{}\"", other.id)))?;
    operation.await_success(&create.id).await?;
    Ok(Value::Bool(true))
}

async fn make(operation: &mut Operation<'_>, config: &Value) -> Result<String> {
    if let Some(id) = operation.runtime.get(CREATED).and_then(Value::as_str) {
        return Ok(id.to_owned());
    }
    let given = &config["deployment"];
    let base = current_id(operation);
    let candidates = if is_truthy(&given["auto_inc_suffix"]) {
        (0..SUFFIXES).map(|number| format!("{base}-{number}")).collect()
    } else {
        vec![base]
    };
    let mut labels = given["labels"].as_array().cloned().unwrap_or_default();
    labels.retain(|label| label.get(PARENT).is_none());
    labels.push(json!({PARENT: operation.deployment.id}));
    let blueprint = config["blueprint"]["id"].as_str().filter(|id| !id.is_empty()).unwrap_or(operation.instance());
    let mut refused = refuse("unknown error creating deployment");
    for id in candidates {
        let new = NewDeployment {
            id: id.clone(),
            blueprint_id: blueprint.to_owned(),
            inputs: given["inputs"].as_object().cloned().unwrap_or_default(),
            labels: labels.clone(),
            async_create: true,
            ..NewDeployment::default()
        };
        match operation.manager.create_deployment(&operation.ctx, new).await {
            Ok(_) => {}
            // An earlier start of this operation came as far as this.
            Err(_) if is_ours(operation, &id).await? => {}
            // The id is not taken: the database is away.
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) => {
                refused = error;
                continue;
            }
        }
        operation.log(format!("Creating \"{id}\" component deployment")).await?;
        operation.runtime.insert("deployment".to_owned(), json!({"id": id}));
        operation.runtime.insert(CREATED.to_owned(), json!(id));
        operation.save().await?;
        return Ok(id);
    }
    Err(refused)
}

/// Whether a deployment is a child of this one, and nobody else's component.
async fn is_ours(operation: &Operation<'_>, id: &str) -> Result<bool> {
    let Some(other) = operation.other(id).await? else { return Ok(false) };
    let store = &*operation.manager.store;
    let labels = labels::of(store, Labeled::Deployment, other.storage_id).await.map_err(failed)?;
    let parent = operation.deployment.id.as_str();
    let is_child = labels.iter().any(|label| label.key == PARENT && label.value == parent);
    let needed = dependencies::of_target(store, other.storage_id).await.map_err(failed)?;
    let creator = creator(operation);
    Ok(is_child && needed.iter().all(|row| row.dependency_creator == creator))
}

fn creator(operation: &Operation<'_>) -> String {
    format!("component.{}", operation.instance())
}

async fn depend(operation: &mut Operation<'_>, target: &str) -> Result<()> {
    if operation.runtime.contains_key(DEPENDENCY) {
        return Ok(());
    }
    let creator = creator(operation);
    let known = dependencies::of_source(&*operation.manager.store, operation.deployment.storage_id).await;
    if !known.map_err(failed)?.iter().any(|row| row.dependency_creator == creator) {
        operation.manager.create_dependency(&operation.ctx, &dependency(operation, target)).await?;
    }
    operation.runtime.insert(DEPENDENCY.to_owned(), Value::Null);
    operation.save().await
}

fn dependency(operation: &Operation<'_>, target: &str) -> Map<String, Value> {
    Map::from_iter([
        ("dependency_creator".to_owned(), creator(operation).into()),
        ("source_deployment".to_owned(), json!(operation.deployment.id)),
        ("target_deployment".to_owned(), target.into()),
    ])
}

/// Runs a workflow of the component: `install` to start it, `uninstall` to stop it.
pub(super) async fn execute_start(operation: &mut Operation<'_>) -> Result<Value> {
    demand_local(operation)?;
    let other = current(operation).await?;
    let workflow = operation.wanted("workflow_id");
    let workflow = workflow.as_str().unwrap_or("create_deployment_environment");
    let config = operation.wanted("resource_config");
    operation.repeats = config["deployment"]["logs"] != false;
    let given = &config["executions_start_args"];
    let flag = |name: &str| is_truthy(&given[name]);
    let mut parameters = given["parameters"].as_object().cloned().unwrap_or_default();
    if workflow == operation.execution.workflow_id {
        parameters.clone_from(&operation.request.context.workflow_parameters);
    }
    let wanted = Wish {
        allow_custom_parameters: flag("allow_custom_parameters"),
        force: flag("force"),
        dry_run: flag("dry_run"),
        queue: flag("queue"),
        ..wish(workflow, parameters)
    };
    operation.log(format!("Starting execution for \"{}\" deployment", other.id)).await?;
    operation.run_there(&other, &wanted).await?;
    operation.log(format!("Execution succeeded for \"{}\" deployment", other.id)).await?;
    refresh(operation).await?;
    Ok(Value::Bool(true))
}

/// Deletes the deployment, and its blueprint unless that is somebody else's.
pub(super) async fn delete(operation: &mut Operation<'_>) -> Result<Value> {
    demand_local(operation)?;
    if operation.noted(DELETED).is_some() {
        return Ok(Value::Bool(true));
    }
    let config = operation.wanted("resource_config");
    let id = current_id(operation);
    let (manager, ctx) = (operation.manager, operation.ctx.clone());
    if let Some(other) = operation.other(&id).await? {
        operation.await_idle(&other).await?;
    }
    // What was waited for may have been the deletion that an earlier start of this operation began. What was there
    // before stays.
    if !is_truthy(&config["deployment"]["external_resource"]) && operation.other(&id).await?.is_some() {
        let known = dependencies::of_source(&*manager.store, operation.deployment.storage_id).await.map_err(failed)?;
        if known.iter().any(|row| row.dependency_creator == creator(operation)) {
            manager.delete_dependency(&ctx, &dependency(operation, &id)).await?;
        }
        operation.log(format!("Delete component's \"{id}\" deployment")).await?;
        manager.delete_deployment(&ctx, &id, false, false, false).await?;
        while let Some(left) = operation.other(&id).await? {
            let runs = executions::of_deployment(&*manager.store, left.storage_id).await.map_err(failed)?;
            if let Some(last) = runs.last().filter(|last| last.status.is_final()) {
                let reason = last.error.clone().unwrap_or_default();
                return Err(refuse(format!("deployment {id} was not deleted: {reason}")));
            }
            operation.look().await?;
        }
    }
    super::blueprint::delete_of_component(operation, &config["blueprint"]).await?;
    delete_secrets(operation).await?;
    for key in ["deployment", "blueprint", "plugins", DEPENDENCY, CREATED, UPDATE] {
        operation.runtime.shift_remove(key);
    }
    operation.note(DELETED, &Value::Bool(true));
    operation.save().await?;
    Ok(Value::Bool(true))
}

/// Notes the capabilities of the component.
pub(super) async fn refresh(operation: &mut Operation<'_>) -> Result<Value> {
    let other = current(operation).await?;
    let capabilities = operation.manager.capabilities(&operation.ctx, &other.id).await?;
    operation.runtime.insert("capabilities".to_owned(), Value::Object(capabilities));
    operation.save().await?;
    Ok(Value::Null)
}

/// Looks whether the component is well: it looks itself, and is then looked at.
pub(super) async fn check_status(operation: &mut Operation<'_>) -> Result<Value> {
    let other = current(operation).await?;
    operation.look_there(&other, &wish("check_status", Map::new())).await?;
    demand_well(operation, true).await?;
    Ok(Value::Null)
}

/// Heals the component.
pub(super) async fn heal(operation: &mut Operation<'_>) -> Result<Value> {
    let other = current(operation).await?;
    let ended = operation.look_there(&other, &Wish { force: true, ..wish("heal", Map::new()) }).await?;
    let (id, run, status) = (&other.id, &ended.id, ended.status.as_str());
    let text =
        format!("Heal of component deployment: {id} finished, heal execution: {run}, execution status: {status}");
    operation.log(text).await?;
    demand_well(operation, false).await?;
    Ok(Value::Null)
}

/// Finds out how the component differs from what its node says: what of it, by part.
pub(super) async fn check_drift(operation: &mut Operation<'_>) -> Result<Value> {
    let other = current(operation).await?;
    operation.look_there(&other, &wish("check_drift", Map::new())).await?;
    let mut drift = seen_drift(operation, &other).await?;
    let config = operation.property("resource_config");
    let of_deployment = deployment_drift(operation, &config["deployment"], &other).await?;
    if !of_deployment.is_empty() {
        drift.insert("deployment".to_owned(), json!(of_deployment));
    }
    let given = &config["blueprint"];
    let mut of_blueprint = Vec::new();
    if given["id"].as_str().is_some_and(|id| !id.is_empty() && id != other.blueprint_id.as_str()) {
        of_blueprint.push("id");
    }
    if differ(operation, &given["labels"], Labeled::Blueprint, other.blueprint_fk).await? {
        of_blueprint.push("labels");
    }
    if !of_blueprint.is_empty() {
        drift.insert("blueprint".to_owned(), json!(of_blueprint));
    }
    Ok(if drift.is_empty() { Value::Null } else { Value::Object(drift) })
}

/// How another deployment differs from what was noted of it.
pub(super) async fn seen_drift(operation: &Operation<'_>, other: &Deployment) -> Result<Map<String, Value>> {
    let mut drift = Map::new();
    if is_truthy(&operation.wanted("client")) {
        drift.insert("client".to_owned(), Value::Bool(true));
    }
    let present = operation.manager.capabilities(&operation.ctx, &other.id).await?;
    let noted = operation.runtime.get("capabilities").and_then(Value::as_object).cloned().unwrap_or_default();
    let names = present.keys().chain(noted.keys().filter(|name| !present.contains_key(*name)));
    let changed: Vec<&String> = names.filter(|name| present.get(*name) != noted.get(*name)).collect();
    if !changed.is_empty() {
        drift.insert("capabilities".to_owned(), json!(changed));
    }
    Ok(drift)
}

/// Whether something has other labels than are wanted, if any are. The manager's own do not count.
async fn differ(operation: &Operation<'_>, wanted: &Value, labeled: Labeled, storage_id: i64) -> Result<bool> {
    let wanted = crate::labels::read(wanted.as_array().map_or(&[][..], Vec::as_slice))?;
    let present = labels::of(&*operation.manager.store, labeled, storage_id).await.map_err(failed)?;
    let is_own = |(key, _): &(String, String)| !key.starts_with("csys-");
    let wanted: HashSet<_> = wanted.into_iter().filter(is_own).collect();
    let present: HashSet<_> = present.into_iter().map(|label| (label.key, label.value)).filter(is_own).collect();
    Ok(!wanted.is_empty() && wanted != present)
}

async fn deployment_drift(operation: &Operation<'_>, given: &Value, other: &Deployment) -> Result<Vec<&'static str>> {
    let mut drift = Vec::new();
    let id = other.id.as_str();
    let base = if is_truthy(&given["auto_inc_suffix"]) { id.rsplit_once('-').map_or(id, |(base, _)| base) } else { id };
    if given["id"].as_str().is_some_and(|wanted| !wanted.is_empty() && wanted != base) {
        drift.push("id");
    }
    if differ(operation, &given["labels"], Labeled::Deployment, other.storage_id).await? {
        drift.push("labels");
    }
    let inputs: Option<Value> = other.inputs.as_ref().map(Json::parse).transpose().map_err(failed)?;
    if is_truthy(&given["inputs"]) && inputs.as_ref() != Some(&given["inputs"]) {
        drift.push("inputs");
    }
    Ok(drift)
}

/// Makes the component what its node says now.
pub(super) async fn update(operation: &mut Operation<'_>) -> Result<Value> {
    let other = current(operation).await?;
    let config = operation.property("resource_config").clone();
    let drift = deployment_drift(operation, &config["deployment"], &other).await?;
    if is_truthy(&operation.wanted("client")) {
        return Err(refuse(format!("Update not available for \"{}\" because of client drift", other.id)));
    }
    if drift.contains(&"id") {
        return Err(refuse(format!("Update not available for \"{}\" because of deployment_id change", other.id)));
    }
    let blueprint =
        config["blueprint"]["id"].as_str().filter(|id| !id.is_empty() && *id != other.blueprint_id.as_str());
    let noted = operation.noted_lately(UPDATE).and_then(Value::as_str).map(str::to_owned);
    if noted.is_some() || blueprint.is_some() || drift.contains(&"inputs") {
        let id = noted.unwrap_or_else(|| format!("{}-{}", other.id, uuid::Uuid::new_v4()));
        let request = UpdateRequest {
            id: Some(id.clone()),
            blueprint_id: blueprint.map(str::to_owned),
            inputs: config["deployment"]["inputs"].as_object().cloned().unwrap_or_default(),
            force: true,
            ..UpdateRequest::default()
        };
        operation.note(UPDATE, &json!(id));
        operation.save().await?;
        let execution = begin_update(operation, &other, &id, request).await?;
        operation.await_success(&execution).await?;
    }
    if drift.contains(&"labels") {
        let given = config["deployment"]["labels"].as_array().map_or(&[][..], Vec::as_slice);
        let labels = crate::labels::read(given)?;
        let (store, creator) = (&*operation.manager.store, operation.ctx.user_id);
        labels::add(store, Labeled::Deployment, other.storage_id, creator, &labels).await.map_err(failed)?;
    }
    demand_well(operation, true).await?;
    Ok(Value::Null)
}

/// The execution of the update with this id, which is begun unless an earlier start of the operation did.
async fn begin_update(
    operation: &Operation<'_>,
    other: &Deployment,
    id: &str,
    request: UpdateRequest,
) -> Result<ExecutionId> {
    let begun = match operation.manager.get_update(&operation.ctx, id, None).await {
        Err(error) if error.code() == Code::NotFound => {
            operation.await_idle(other).await?;
            operation.manager.start_update(&operation.ctx, other.id.as_str(), request).await?
        }
        found => found?,
    };
    let begun = begun.value().map_err(failed)?;
    Ok(ExecutionId::new(begun["execution_id"].as_str().unwrap_or_default()))
}

/// Refuses a deployment that is not well. With `as_planned` it must not differ from its plan either.
pub(super) async fn demand_well(operation: &Operation<'_>, as_planned: bool) -> Result<()> {
    let id = current_id(operation);
    let record = operation.manager.get(&operation.ctx, &deployments::RESOURCE, &id, None).await?;
    let record = record.value().map_err(failed)?;
    let number = |key: &str| record[key].as_i64().unwrap_or_default();
    let (installed, status) = (str(&record["installation_status"]), str(&record["deployment_status"]));
    Err(refuse(if installed != "active" {
        format!("Expected deployment '{id}' to be installed, but got installation status: '{installed}'")
    } else if status != "good" {
        format!("Expected deployment '{id}' to be in a good state, but got deployment status: '{status}'")
    } else if record["latest_execution_status"] == "failed" {
        format!("The latest execution for '{id}' failed")
    } else if number("unavailable_instances") > 0 {
        format!("There are {} unavailable instances in deployment '{id}'", number("unavailable_instances"))
    } else if as_planned && number("drifted_instances") > 0 {
        format!("There are {} drifted instances in deployment '{id}'", number("drifted_instances"))
    } else {
        return Ok(());
    }))
}

/// The component's deployment.
pub(super) async fn current(operation: &Operation<'_>) -> Result<Deployment> {
    let id = current_id(operation);
    operation.other(&id).await?.ok_or_else(|| Error::not_found("Deployment", DeploymentId::new(&id)))
}

/// The same before it is looked for: its id.
pub(super) fn current_id(operation: &Operation<'_>) -> String {
    let noted = operation.runtime.get("deployment").map(|noted| noted["id"].clone()).unwrap_or_default();
    let wanted = operation.wanted("resource_config")["deployment"]["id"].clone();
    let found = [noted, wanted].into_iter().find_map(|id| id.as_str().filter(|id| !id.is_empty()).map(str::to_owned));
    found.unwrap_or_else(|| operation.instance().to_owned())
}

/// Refuses a component on another manager.
pub(super) fn demand_local(operation: &Operation<'_>) -> Result<()> {
    let client = operation.wanted("client");
    let host = client["host"].as_str().unwrap_or_default();
    let tenant = client["tenant"].as_str().unwrap_or(operation.execution.tenant_name.as_str());
    let here = [String::new(), "127.0.0.1".to_owned(), "localhost".to_owned(), operation.manager.settings.host.clone()];
    if here.iter().any(|name| name == host) && tenant == operation.execution.tenant_name.as_str() {
        return Ok(());
    }
    Err(refuse("deployments of other managers or tenants cannot be parts of this one yet; leave `client` out"))
}
