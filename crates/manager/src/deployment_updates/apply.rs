//! The second part of an update: the deployment follows its new plan. What is new is there from now on, but not
//! installed; what goes is still there, with its relationships, so that its operations can run.
//!
//! Invariant: it is one transaction, and doing it again changes nothing: instances and relationships that are there
//! are not added a second time.

use std::collections::{HashMap, HashSet};

use nephele_dsl::DeploymentPlan;
use nephele_model::Result;
use nephele_model::id::NodeInstanceId;
use nephele_model::json::{List, Value};
use nephele_store::deployment_updates::{self as rows, Undertaking, UpdateChanges};
use nephele_store::deployments::{self, Deployment, DeploymentChanges, tree};
use nephele_store::executions::Execution;
use nephele_store::labels::{self as label_rows, Labeled};
use nephele_store::node_instances;
use nephele_store::nodes::{self, Node, NodeChanges as NodeRowChanges};
use nephele_store::{Json, Tx};

use super::changes::{InstanceChanges, NodeChanges};
use crate::instances::{by_id, set_relationships};
use crate::rows::failed;
use crate::workflows::environment::{self, new_instance, new_node, relationships};
use crate::workflows::upload::declared_labels;
use crate::{Ctx, Manager, labels};

/// The parts of an update that is prepared.
pub(crate) struct Prepared {
    pub(crate) plan: DeploymentPlan,
    pub(crate) nodes: NodeChanges,
    pub(crate) instances: InstanceChanges,
}

impl Prepared {
    /// Reads an update's row; what is not there reads as nothing.
    pub(crate) fn read(update: &Undertaking) -> Result<Self> {
        Ok(Self {
            plan: parsed(update.deployment_plan.as_ref())?,
            nodes: parsed(update.deployment_update_nodes.as_ref())?,
            instances: parsed(update.deployment_update_node_instances.as_ref())?,
        })
    }
}

fn parsed<T: serde::de::DeserializeOwned + Default>(stored: Option<&Json>) -> Result<T> {
    let parsed: Option<Option<T>> = stored.map(Json::parse).transpose().map_err(failed)?;
    Ok(parsed.flatten().unwrap_or_default())
}

impl Manager {
    /// Makes a deployment follow the plan of a prepared update.
    pub(crate) async fn apply_update(&self, execution: &Execution, update: &Undertaking) -> Result<()> {
        let deployment = self.deployment_of(execution).await?;
        let Prepared { plan, nodes, mut instances } = Prepared::read(update)?;
        let needed = self.dependencies_of_plan(&deployment, &plan).await?;
        let mut wanted = Vec::new();
        for (key, value) in declared_labels(plan.labels()) {
            wanted.push(labels::one(&key, &value)?);
        }
        let ctx = Ctx::internal(deployment.tenant_name.clone(), deployment.tenant_id);
        self.check_parents(&ctx, &deployment, &wanted).await?;

        let tx = self.begin_write().await?;
        deployments::update(&tx, deployment.storage_id, attributes(update, &plan)).await.map_err(failed)?;
        self.renew_dependencies(&tx, &deployment, needed).await?;
        let parents = tree::parents(&tx, deployment.storage_id).await.map_err(failed)?;
        label_rows::add(&tx, Labeled::Deployment, deployment.storage_id, deployment.creator_id, &wanted)
            .await
            .map_err(failed)?;
        self.replant(&tx, &ctx, &deployment, parents).await?;
        change_nodes(&tx, &deployment, &plan, &nodes).await?;
        add_instances(&tx, &deployment, &mut instances).await?;
        extend_instances(&tx, &deployment, &instances).await?;
        let changes =
            UpdateChanges { deployment_update_node_instances: Some(Json::of(&instances)), ..UpdateChanges::default() };
        rows::update(&tx, update.storage_id, changes).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}

/// All that the plan says of the deployment, but for its scaling groups, which hold what was scaled.
fn attributes(update: &Undertaking, plan: &DeploymentPlan) -> DeploymentChanges {
    DeploymentChanges {
        runtime_only_evaluation: Some(update.runtime_only_evaluation),
        blueprint_fk: update.new_blueprint_fk,
        scaling_groups: None,
        ..environment::attributes(plan)
    }
}

/// Changes the nodes that stay and adds those that come.
async fn change_nodes(tx: &Tx, deployment: &Deployment, plan: &DeploymentPlan, changes: &NodeChanges) -> Result<()> {
    let present = nodes::of_deployment(tx, deployment.storage_id).await.map_err(failed)?;
    let mut present: HashMap<String, Node> = present.into_iter().map(|node| (node.id.to_string(), node)).collect();
    let planned: HashMap<&str, &Value> =
        plan.nodes().iter().filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    for (name, parts) in &changes.modify_attributes {
        if let (Some(node), Some(planned)) = (present.get(name.as_str()), planned.get(name.as_str())) {
            nodes::update(tx, node.storage_id, new_parts(node, planned, parts)?).await.map_err(failed)?;
        }
    }
    let new: Vec<_> = changes
        .added()
        .filter(|name| present.remove(*name).is_none())
        .filter_map(|name| planned.get(name))
        .map(|node| new_node(deployment, node))
        .collect();
    nodes::insert(tx, new).await.map_err(failed)
}

fn new_parts(node: &Node, planned: &Value, parts: &[String]) -> Result<NodeRowChanges> {
    let mut changes = NodeRowChanges::default();
    for part in parts {
        let section = || planned.get(part).map(|value| Some(Json::of(value)));
        match part.as_str() {
            "plugins" => changes.plugins = section(),
            "properties" => changes.properties = section(),
            "operations" => changes.operations = section(),
            "relationships" => changes.relationships = Some(Some(both_relationships(node, planned)?)),
            "capabilities" => {
                let counts = &planned["capabilities"]["scalable"]["properties"];
                changes.number_of_instances = counts["current_instances"].as_i64();
                changes.planned_number_of_instances = counts["planned_instances"].as_i64();
                changes.deploy_number_of_instances = counts["default_instances"].as_i64();
                changes.min_number_of_instances = counts["min_instances"].as_i64();
                changes.max_number_of_instances = counts["max_instances"].as_i64();
            }
            _ => {}
        }
    }
    Ok(changes)
}

/// The new relationships, and behind them the old ones that go, which are still to be unlinked.
fn both_relationships(node: &Node, planned: &Value) -> Result<Json> {
    let new = &planned["relationships"];
    let before: List = parsed(node.relationships.as_ref())?;
    let mut all: List = new.as_array().cloned().unwrap_or_default();
    let kept: HashSet<_> = new.as_array().into_iter().flatten().map(key_of).collect();
    all.extend(before.into_iter().filter(|one| !kept.contains(&key_of(one))));
    Ok(relationships(&Value::Array(all)))
}

fn key_of(relationship: &Value) -> (String, String) {
    let text = |key: &str| relationship[key].as_str().unwrap_or_default().to_owned();
    (text("type"), text("target_id"))
}

/// Adds the new instances. Ids that were taken meanwhile are replaced, here and in the update.
async fn add_instances(tx: &Tx, deployment: &Deployment, changes: &mut InstanceChanges) -> Result<()> {
    let present = by_id(tx, deployment).await?;
    let is_new = |noted: &&Value| {
        noted["modification"] == "added" && noted["id"].as_str().is_some_and(|id| !present.contains_key(id))
    };
    let added: Vec<_> = changes.added_and_related.iter().filter(is_new).map(new_instance).collect();
    let wished: Vec<NodeInstanceId> = added.iter().map(|instance| instance.id.clone()).collect();
    let given = node_instances::insert(tx, deployment, added).await.map_err(failed)?;
    let renamed: HashMap<String, String> = wished
        .into_iter()
        .zip(given)
        .filter(|(wished, given)| wished != given)
        .map(|(wished, given)| (wished.to_string(), given.to_string()))
        .collect();
    if !renamed.is_empty() {
        changes.lists_mut().into_iter().flatten().for_each(|instance| rename(instance, &renamed));
    }
    Ok(())
}

fn rename(instance: &mut Value, renamed: &HashMap<String, String>) {
    let replace = |part: &mut Value, key: &str| {
        let new = part[key].as_str().and_then(|id| renamed.get(id)).cloned();
        if let (Some(new), Some(fields)) = (new, part.as_object_mut()) {
            fields.insert(key, Value::from(new));
        }
    };
    replace(instance, "id");
    replace(instance, "host_id");
    if let Some(relationships) = instance.get_mut("relationships") {
        relationships.items_mut().iter_mut().for_each(|relationship| replace(relationship, "target_id"));
    }
}

/// Gives instances that are related to more than before their new relationships.
async fn extend_instances(tx: &Tx, deployment: &Deployment, changes: &InstanceChanges) -> Result<()> {
    let present = by_id(tx, deployment).await?;
    for noted in changes.extended_and_related.iter().filter(|noted| noted["modification"] == "extended") {
        let Some(instance) = noted["id"].as_str().and_then(|id| present.get(id)) else { continue };
        let mut all: List = parsed(instance.relationships.as_ref())?;
        let known: HashSet<_> = all.iter().map(key_of).collect();
        let new = noted["relationships"].as_array().into_iter().flatten();
        all.extend(new.filter(|one| !known.contains(&key_of(one))).cloned());
        set_relationships(tx, instance, &all).await?;
    }
    Ok(())
}
