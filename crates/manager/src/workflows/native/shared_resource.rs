//! `cloudify.nodes.SharedResource`: a deployment that this one uses and others as well.

use nephele_model::Result;
use nephele_model::deployment::InstallationStatus;
use nephele_store::deployments::Deployment;
use nephele_store::inter_deployment_dependencies as dependencies;
use nephele_store::labels::{self, Labeled};
use serde_json::{Map, Value, json};

use super::component::{current, current_id, demand_local, refresh};
use super::operation::{Operation, refuse, wish};
use crate::executions::place::Wish;
use crate::rows::failed;

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
    if other.installation_status != Some(InstallationStatus::Active) {
        if !label(operation, &other, "csys-obj-type").await?.iter().any(|kind| kind == "on-demand-resource") {
            return Err(refuse(format!(
                "SharedResource's deployment \"{id}\" is in an inactive state and isn't labeled as `csys-obj-type: \
                 on-demand-resource`. Please install the deployment first"
            )));
        }
        operation.run_there(&other, Wish { queue: true, ..wish("install", Map::new()) }).await?;
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
    if is_unused || operation.has_begun() {
        operation.run_there(&other, wish("uninstall", Map::new())).await?;
    }
    Ok(Value::Bool(true))
}

/// Finds out whether the capabilities are others than those that were noted.
pub(super) async fn check_drift(operation: &mut Operation<'_>) -> Result<Value> {
    let other = current(operation).await?;
    let present = operation.manager.capabilities(&operation.ctx, &other.id).await?;
    let noted = operation.runtime.get("capabilities").and_then(Value::as_object).cloned().unwrap_or_default();
    let names = present.keys().chain(noted.keys().filter(|name| !present.contains_key(*name)));
    let changed: Vec<&String> = names.filter(|name| present.get(*name) != noted.get(*name)).collect();
    Ok(if changed.is_empty() { Value::Null } else { json!({"capabilities": changed}) })
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
