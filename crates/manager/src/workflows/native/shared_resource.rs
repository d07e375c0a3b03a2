//! `cloudify.nodes.SharedResource`: a deployment that this one uses and others as well.

use nephele_model::deployment::InstallationStatus;
use nephele_model::{Code, Result};
use nephele_store::deployments::Deployment;
use nephele_store::inter_deployment_dependencies as dependencies;
use nephele_store::labels::{self, Labeled};
use serde_json::{Map, Value, json};

use super::component::{current, current_id, demand_local, demand_well, refresh, seen_drift};
use super::operation::{Operation, refuse, wish};
use crate::executions::place::Wish;
use crate::rows::failed;

/// The type of the nodes whose deployments can be asked to run something.
const TYPE: &str = "cloudify.nodes.SharedResource";
/// Why the shared deployment may stay up although nobody is known to use it.
const STANDS_IN_THE_WAY: [Code; 3] = [Code::DependentExists, Code::UnavailableWorkflow, Code::ExistingRunningExecution];

/// Notes that this deployment uses the shared one, which is installed first if it waits for being used.
pub(super) async fn connect(operation: &mut Operation<'_>) -> Result<Value> {
    demand_local(operation)?;
    let id = operation.wanted("resource_config")["deployment"]["id"].as_str().unwrap_or_default().to_owned();
    let other = operation.other(&id).await?.ok_or_else(|| {
        refuse(format!(
            "SharedResource's deployment ID \"{id}\" does not exist on tenant \"{}\", please verify the given ID.",
            operation.execution.tenant_name
        ))
    })?;
    operation.runtime.insert("deployment".to_owned(), json!({"id": id}));
    operation.save().await?;
    refresh(operation).await?;
    let has_begun = operation.begun(true).await?.is_some();
    if has_begun || other.installation_status != Some(InstallationStatus::Active) {
        if !has_begun
            && !label(operation, &other, "csys-obj-type").await?.iter().any(|kind| kind == "on-demand-resource")
        {
            return Err(refuse(format!(
                "SharedResource's deployment \"{id}\" is in an inactive state and isn't labeled as `csys-obj-type: \
                 on-demand-resource`. Please install the deployment first"
            )));
        }
        operation.repeats = true;
        operation.run_there(&other, &Wish { queue: true, ..wish("install", Map::new()) }).await?;
        refresh(operation).await?;
    }
    if !is_noted(operation).await? {
        operation.manager.create_dependency(&operation.ctx, &dependency(operation, &id)).await?;
    }
    Ok(Value::Bool(true))
}

/// Notes that this deployment no longer uses the shared one, which goes down if it was up for that.
pub(super) async fn disconnect(operation: &mut Operation<'_>) -> Result<Value> {
    demand_local(operation)?;
    let id = current_id(operation);
    if is_noted(operation).await? {
        operation.manager.delete_dependency(&operation.ctx, &dependency(operation, &id)).await?;
    }
    let Some(other) = operation.other(&id).await? else { return Ok(Value::Bool(true)) };
    let kinds = label(operation, &other, "csys-obj-type").await?;
    let on_demand = kinds.iter().any(|kind| kind == "on-demand-resource");
    let stays = kinds.iter().any(|kind| kind == "on-demand-uninstall-off");
    let is_up = other.installation_status == Some(InstallationStatus::Active);
    let is_unused = on_demand && !stays && is_up && label(operation, &other, "csys-consumer-id").await?.is_empty();
    if is_unused || operation.begun(false).await?.is_some() {
        operation.repeats = true;
        match operation.run_there(&other, &wish("uninstall", Map::new())).await {
            Ok(()) => {}
            Err(error) if STANDS_IN_THE_WAY.contains(&error.code()) => {
                let reason = error.message();
                let text = format!("Uninstall of shared resource deployment \"{id}\" is blocked. Error: {reason}.");
                operation.warn(text).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Value::Bool(true))
}

/// Runs a workflow of the shared deployment, which a relationship to it asks for.
pub(super) async fn execute_workflow(operation: &mut Operation<'_>) -> Result<Value> {
    let workflow = operation.input("workflow_id").as_str().unwrap_or_default().to_owned();
    if operation.node["type"] != TYPE {
        let node = operation.node["id"].as_str().unwrap_or_default();
        return Err(refuse(format!(
            "Tried to execute \"{workflow}\" workflow on a non SharedResource node \"{node}\""
        )));
    }
    demand_local(operation)?;
    // The input `timeout` is how long the shared deployment may be busy before it is asked again.
    operation.be_patient();
    operation.repeats = *operation.input("redirect_logs") != false;
    let other = current(operation).await?;
    let parameters = operation.input("parameters").as_object().cloned().unwrap_or_default();
    let id = &other.id;
    operation
        .log(format!("Starting execution of \"{workflow}\" workflow for \"{id}\" SharedResource deployment"))
        .await?;
    operation.run_there(&other, &Wish { allow_custom_parameters: true, ..wish(&workflow, parameters) }).await?;
    let text = format!("Execution succeeded for \"{id}\" SharedResource deployment of \"{workflow}\" workflow");
    operation.log(text).await?;
    refresh(operation).await?;
    Ok(Value::Bool(true))
}

/// Looks whether the shared deployment is well. It is not asked to look itself: that is its owner's business.
pub(super) async fn check_status(operation: &mut Operation<'_>) -> Result<Value> {
    demand_well(operation, true).await?;
    Ok(Value::Null)
}

/// Finds out how the shared deployment differs from what was noted of it: what of it, by part.
pub(super) async fn check_drift(operation: &mut Operation<'_>) -> Result<Value> {
    let other = current(operation).await?;
    let mut drift = seen_drift(operation, &other).await?;
    let wanted = operation.property("resource_config")["deployment"]["id"].as_str().unwrap_or_default();
    if !wanted.is_empty() && wanted != other.id.as_str() {
        drift.insert("deployment".to_owned(), json!(["id"]));
    }
    Ok(if drift.is_empty() { Value::Null } else { Value::Object(drift) })
}

fn creator(operation: &Operation<'_>) -> String {
    format!("sharedresource.{}", operation.instance())
}

async fn is_noted(operation: &Operation<'_>) -> Result<bool> {
    let known = dependencies::of_source(&*operation.manager.store, operation.deployment.storage_id).await;
    let creator = creator(operation);
    Ok(known.map_err(failed)?.iter().any(|row| row.dependency_creator == creator))
}

fn dependency(operation: &Operation<'_>, target: &str) -> Map<String, Value> {
    Map::from_iter([
        ("dependency_creator".to_owned(), creator(operation).into()),
        ("source_deployment".to_owned(), json!(operation.deployment.id)),
        ("target_deployment".to_owned(), target.into()),
    ])
}

/// The values of a deployment's label.
async fn label(operation: &Operation<'_>, other: &Deployment, key: &str) -> Result<Vec<String>> {
    let all = labels::of(&*operation.manager.store, Labeled::Deployment, other.storage_id).await.map_err(failed)?;
    Ok(all.into_iter().filter(|label| label.key == key).map(|label| label.value).collect())
}
