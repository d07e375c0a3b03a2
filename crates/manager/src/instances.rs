//! Node instances: what exists, or is to exist, in the world.
//!
//! Invariant: a change is written only by somebody who knew the present version, or insisted.

use std::collections::HashMap;

use nephele_model::finding::{has_drift, is_well};
use nephele_model::id::NodeInstanceId;
use nephele_model::instance::InstanceState;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Error, Result};
use nephele_store::deployments::Deployment;
use nephele_store::node_instances::{self, InstanceChanges, NodeInstance};
use nephele_store::{Json, Record, Tx};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::rows::failed;
use crate::workflows::environment::new_instance;
use crate::{Ctx, Manager, visibility};

/// What of a node instance is to change; what is `None` stays.
#[derive(Debug, Default)]
pub struct InstanceUpdate {
    /// The version that the writer knows.
    pub version: i64,
    /// Its state.
    pub state: Option<String>,
    /// What operations noted, as a whole.
    pub runtime_properties: Option<Map<String, Value>>,
    /// What the manager noted, as a whole.
    pub system_properties: Option<Map<String, Value>>,
    /// Its relationships; deployment updates only.
    pub relationships: Option<Vec<Value>>,
    /// Write whatever the version.
    pub force: bool,
}

impl Manager {
    /// One page of node instances.
    pub async fn list_instances(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, &node_instances::RESOURCE, query).await
    }

    /// One node instance.
    pub async fn get_instance(&self, ctx: &Ctx, id: &str, include: Option<&[String]>) -> Result<Record> {
        self.get(ctx, &node_instances::RESOURCE, id, include).await
    }

    /// One node instance with the functions in its runtime properties evaluated.
    pub async fn get_evaluated_instance(&self, ctx: &Ctx, id: &str, include: Option<&[String]>) -> Result<Value> {
        let record = self.get_instance(ctx, id, include).await?.value().map_err(failed)?;
        self.evaluate_instance(ctx, record).await
    }

    /// Changes a node instance. Error: `conflict_error` when somebody else changed it meanwhile.
    pub async fn update_instance(&self, ctx: &Ctx, id: &str, update: InstanceUpdate) -> Result<Record> {
        if update.relationships.is_some() {
            ctx.only_deployment_update()?;
        }
        let instance = self.writable_instance(ctx, id).await?;
        let changes = InstanceChanges {
            state: update.state.map(InstanceState::new),
            relationships: update.relationships.map(|list| Json::of(&list)),
            runtime_properties: update.runtime_properties.map(|map| Json::of(&map)),
            has_configuration_drift: update.system_properties.as_ref().map(has_drift),
            is_status_check_ok: update.system_properties.as_ref().map(is_well),
            system_properties: update.system_properties.map(|map| Json::of(&map)),
        };
        let tx = self.begin_write().await?;
        node_instances::update(&tx, instance.storage_id, update.version, update.force, changes)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.get_instance(ctx, id, None).await
    }

    /// Adds node instances of a plan to a deployment. Gives how many.
    pub async fn create_instances(&self, ctx: &Ctx, deployment: &str, plan: &[Value]) -> Result<usize> {
        if plan.is_empty() {
            return Ok(0);
        }
        let deployment = self.writable_deployment(ctx, deployment).await?;
        if plan.iter().any(|instance| instance["id"].as_str().is_none_or(str::is_empty)) {
            return Err(Error::bad_parameters("Every node instance needs an id"));
        }
        let rows = plan.iter().map(|instance| new_instance(&instance.clone().into())).collect();
        let tx = self.begin_write().await?;
        node_instances::insert(&tx, &deployment, rows).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(plan.len())
    }

    /// Deletes a node instance; for deployment updates at work only.
    pub async fn delete_instance(&self, ctx: &Ctx, id: &str) -> Result<()> {
        ctx.only_deployment_update()?;
        let instance = self.writable_instance(ctx, id).await?;
        node_instances::delete(&*self.store, instance.storage_id).await.map(drop).map_err(failed)
    }

    pub(crate) async fn writable_instance(&self, ctx: &Ctx, id: &str) -> Result<NodeInstance> {
        let scope = self.scope(ctx, false).await?;
        let found = node_instances::find(&*self.store, &scope, &NodeInstanceId::new(id)).await.map_err(failed)?;
        let instance = found.ok_or_else(|| Error::not_found("NodeInstance", id))?;
        visibility::demand_inside(ctx, instance.visibility, instance.tenant_id, id)?;
        Ok(instance)
    }
}

/// The instances of a deployment by their ids.
pub(crate) async fn by_id(tx: &Tx, deployment: &Deployment) -> Result<HashMap<String, NodeInstance>> {
    let all = node_instances::of_deployment(tx, deployment.storage_id).await.map_err(failed)?;
    Ok(all.into_iter().map(|instance| (instance.id.to_string(), instance)).collect())
}

/// Gives an instance these relationships.
pub(crate) async fn set_relationships(
    tx: &Tx,
    instance: &NodeInstance,
    relationships: &(impl Serialize + ?Sized),
) -> Result<()> {
    let changes = InstanceChanges { relationships: Some(Json::of(relationships)), ..InstanceChanges::default() };
    let (key, version) = (instance.storage_id, instance.version);
    node_instances::update(tx, key, version, true, changes).await.map(drop).map_err(failed)
}
