//! `create_deployment_environment` and `delete_deployment_environment`: what a deployment consists
//! of comes and goes.
//!
//! Invariant: nodes, instances and attributes appear together in one transaction, so an interrupted
//! creation leaves nothing behind and may simply be run again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;
use nephele_bus::{Message, topology};
use nephele_dsl::{Catalog, DeploymentPlan, Diagnostic, Kind, Plan, PrepareOptions, RandomIds, ValueQuery};
use nephele_model::id::{NodeId, NodeInstanceId};
use nephele_model::instance::InstanceState;
use nephele_model::json::{Map, Value};
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::{self, Deployment, DeploymentChanges};
use nephele_store::executions::Execution;
use nephele_store::labels::{self, Labeled};
use nephele_store::node_instances::{self, NewInstance};
use nephele_store::nodes::{self, NewNode};
use nephele_store::{Json, Scope, Tx, blueprints, inter_deployment_dependencies as dependencies, secrets};
use serde_json::value::RawValue;

use crate::workflows::outbox;
use crate::workflows::upload::{blocking, declared_labels, internal_scope, parameters};
use crate::{Ctx, Manager, labels as known_labels, rows};

impl Manager {
    /// Fills in a deployment from its blueprint's plan and the inputs that were given.
    pub(super) async fn create_environment(self: &Arc<Self>, execution: &Execution) -> Result<()> {
        let deployment = self.deployment_of(execution).await?;
        let parameters = parameters(execution)?;
        let plan = blueprints::plan(&*self.store, deployment.blueprint_fk).await.map_err(rows::failed)?;
        let plan = plan.ok_or_else(|| {
            Error::new(Code::DeploymentCreation, format!("Blueprint {} has no plan", deployment.blueprint_id))
        })?;
        let plan = blocking(move || read_plan(plan.as_str())).await?.map_err(Error::internal)?;
        let inputs = parameters.get("inputs").and_then(|inputs| inputs.as_object()).cloned().unwrap_or_default();
        let inputs: Map = inputs.into();
        let needed = plan.requirements().get("parent_capabilities").cloned().unwrap_or_default();
        let catalog = self.known(&internal_scope(execution), &plan, &inputs).await?;
        let options =
            PrepareOptions { runtime_only_evaluation: deployment.runtime_only_evaluation, ..PrepareOptions::default() };
        let prepared = blocking(move || nephele_dsl::prepare(plan, inputs, &catalog, &mut RandomIds, &options)).await?;
        let prepared = prepared.map_err(|problem| refused(&problem))?;
        self.demand_environment_capabilities(&deployment, &needed, prepared.labels()).await?;
        // An earlier run of this execution may have done it, and been interrupted before it could say so.
        if nodes::of_deployment(&*self.store, deployment.storage_id).await.map_err(rows::failed)?.is_empty() {
            let (nodes, instances) = (prepared.nodes().len(), prepared.node_instances().len());
            self.log(execution, vec![("info", format!("Storing nodes: {nodes}, node instances: {instances}"))]).await?;
            self.store_environment(&deployment, &prepared, &parameters).await?;
        }
        let name = parameters.get("display_name").and_then(|name| name.as_str());
        Box::pin(self.settle_deployment(&deployment, prepared.deployment_settings(), name)).await?;
        let folder = self.files.deployment(&deployment.tenant_name, &deployment.id);
        tokio::fs::create_dir_all(folder).await.map_err(Error::internal)
    }

    /// Removes a deployment's files, here and at the workers; its rows go when the execution ends.
    pub(super) async fn delete_environment(&self, execution: &Execution) -> Result<()> {
        let deployment = self.deployment_of(execution).await?;
        let order = Message::new(serde_json::json!({"service_task": {
            "task_name": "delete-source-plugins",
            "kwargs": {"deployment_id": deployment.id.as_str(), "tenant_name": deployment.tenant_name.as_str()},
        }}));
        let row = outbox::row(&topology::manager_service(), order, self.clock.now());
        nephele_store::outbox::insert(&*self.store, vec![row]).await.map_err(rows::failed)?;
        self.workflows.wake();
        let folder = self.files.deployment(&deployment.tenant_name, &deployment.id);
        match tokio::fs::remove_dir_all(folder).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::internal(error)),
            _ => Ok(()),
        }
    }

    /// The deployment that an execution is for.
    pub(crate) async fn deployment_of(&self, execution: &Execution) -> Result<Deployment> {
        let missing = || Error::not_found("Deployment", execution.deployment_id.as_ref().map_or("", |id| id.as_str()));
        let key = execution.deployment_fk.ok_or_else(missing)?;
        deployments::by_storage_id(&*self.store, key).await.map_err(rows::failed)?.ok_or_else(missing)
    }

    /// Looks up what the plan may ask for while it is being prepared.
    pub(crate) async fn known(&self, scope: &Scope, plan: &Plan, inputs: &Map) -> Result<Known> {
        let names = plan.requirements().get("secrets").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut names: BTreeSet<String> = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        secrets_in(&Value::Object(inputs.clone()), &mut names);
        let mut known = Known::default();
        for name in names {
            let found = secrets::find(&*self.store, scope, &name).await.map_err(rows::failed)?;
            known.secrets.insert(name, found.is_some());
        }
        Ok(known)
    }

    async fn store_environment(
        &self,
        deployment: &Deployment,
        plan: &DeploymentPlan,
        parameters: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<()> {
        let needed = self.dependencies_of_plan(deployment, plan).await?;
        let tx = self.begin_write().await?;
        deployments::update(&tx, deployment.storage_id, attributes(plan)).await.map_err(rows::failed)?;
        let rows_of_nodes = plan.nodes().iter().map(|node| new_node(deployment, node)).collect();
        nodes::insert(&tx, rows_of_nodes).await.map_err(rows::failed)?;
        let instances = plan.node_instances().iter().map(new_instance).collect();
        node_instances::insert(&tx, deployment, instances).await.map_err(rows::failed)?;
        dependencies::insert(&tx, needed).await.map_err(rows::failed)?;
        self.store_labels(&tx, deployment, plan, parameters).await?;
        tx.commit().await.map_err(rows::failed)
    }

    /// The labels that were given come first, those of the blueprint after them.
    async fn store_labels(
        &self,
        tx: &Tx,
        deployment: &Deployment,
        plan: &DeploymentPlan,
        parameters: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<()> {
        let given = parameters.get("labels").and_then(|labels| labels.as_array()).map_or(&[][..], Vec::as_slice);
        let mut wanted = known_labels::read(given)?;
        for (key, value) in declared_labels(plan.labels()) {
            wanted.push(known_labels::one(&key, &value)?);
        }
        let ctx = Ctx::internal(deployment.tenant_name.clone(), deployment.tenant_id);
        self.check_parents(&ctx, deployment, &wanted).await?;
        labels::add(tx, Labeled::Deployment, deployment.storage_id, deployment.creator_id, &wanted)
            .await
            .map_err(rows::failed)?;
        self.tell_parents(tx, &ctx, deployment).await
    }
}

/// Reads a blueprint's plan without the `interfaces` of its nodes: half of the text, and a deployment
/// has their operations beside them.
pub(crate) fn read_plan(text: &str) -> serde_json::Result<Plan> {
    let sections: IndexMap<String, &RawValue> = serde_json::from_str(text)?;
    let mut plan = Map::with_capacity(sections.len());
    for (name, section) in sections {
        let value = if name == "nodes" {
            let nodes: Vec<IndexMap<String, &RawValue>> = serde_json::from_str(section.get())?;
            let node = |node: IndexMap<String, &RawValue>| {
                let parts = node.into_iter().filter(|(name, _)| name != "interfaces");
                parts.map(|(name, part)| Ok((name, serde_json::from_str(part.get())?))).collect()
            };
            let nodes: serde_json::Result<Vec<Map>> = nodes.into_iter().map(node).collect();
            nodes?.into_iter().map(Value::Object).collect()
        } else {
            serde_json::from_str(section.get())?
        };
        plan.insert(name, value);
    }
    Ok(Plan(plan))
}

/// The secrets that a value asks for, as inputs may.
fn secrets_in(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| secrets_in(item, names)),
        Value::Object(fields) => {
            for (name, field) in fields {
                let asked = field.as_array().map_or(Some(field), |path| path.first());
                names.extend(asked.filter(|_| name == "get_secret").and_then(Value::as_str).map(str::to_owned));
                secrets_in(field, names);
            }
        }
        _ => {}
    }
}

/// What the manager knows while a deployment is prepared.
#[derive(Default)]
pub(crate) struct Known {
    secrets: HashMap<String, bool>,
}

impl Catalog for Known {
    fn has_secret(&self, name: &str) -> Option<bool> {
        Some(self.secrets.get(name).copied().unwrap_or_default())
    }

    /// Inputs that name other objects are taken as they are.
    fn contains(&self, _query: &ValueQuery<'_>) -> bool {
        true
    }
}

/// The code that clients know a failing preparation by.
pub(crate) fn refused(problem: &Diagnostic) -> Error {
    let code = match problem.kind() {
        Kind::MissingRequiredInput => Code::MissingRequiredDeploymentInput,
        Kind::UnknownInput => Code::UnknownDeploymentInput,
        Kind::Constraint => Code::Constraint,
        Kind::UnknownSecret | Kind::UnsupportedGetSecret => Code::UnknownDeploymentSecret,
        Kind::InputEvaluation => Code::DeploymentInputEvaluation,
        _ => Code::DeploymentCreation,
    };
    Error::new(code, problem.reference_text())
}

/// What a plan says of its deployment.
pub(crate) fn attributes(plan: &DeploymentPlan) -> DeploymentChanges {
    let section = |value: &Map| Some(Some(Json::of(value)));
    DeploymentChanges {
        description: Some(plan.0.get("description").and_then(Value::as_str).map(str::to_owned)),
        inputs: section(plan.inputs()),
        workflows: section(plan.workflows()),
        outputs: section(plan.outputs()),
        capabilities: section(plan.capabilities()),
        scaling_groups: section(plan.scaling_groups()),
        groups: section(plan.groups()),
        policy_types: section(plan.policy_types()),
        policy_triggers: section(plan.policy_triggers()),
        resource_tags: section(plan.resource_tags()),
        ..DeploymentChanges::default()
    }
}

/// The row of a node of a plan (spec workflows.md section 11.3).
pub(crate) fn new_node(deployment: &Deployment, node: &Value) -> NewNode {
    let counts = &node["capabilities"]["scalable"]["properties"];
    // A number may stand on the node itself; else the plan has it among the capabilities.
    let count =
        |own: &str, name: &str, default: i64| node[own].as_i64().or_else(|| counts[name].as_i64()).unwrap_or(default);
    let section = |name: &str| node.get(name).filter(|value| !value.is_null()).map(Json::of);
    NewNode {
        id: NodeId::new(node["id"].as_str().or_else(|| node["name"].as_str()).unwrap_or_default()),
        visibility: deployment.visibility,
        tenant_id: deployment.tenant_id,
        creator_id: deployment.creator_id,
        deployment_fk: deployment.storage_id,
        kind: node["type"].as_str().unwrap_or_default().to_owned(),
        type_hierarchy: match node["type_hierarchy"].as_array() {
            Some(hierarchy) if !hierarchy.is_empty() => Json::of(hierarchy),
            _ => Json::of(&[&node["type"]]),
        },
        host_id: node["host_id"].as_str().map(NodeId::from),
        number_of_instances: count("number_of_instances", "current_instances", 1),
        planned_number_of_instances: count("planned_number_of_instances", "current_instances", 1),
        deploy_number_of_instances: count("deploy_number_of_instances", "default_instances", 1),
        min_number_of_instances: count("min_number_of_instances", "min_instances", 1),
        max_number_of_instances: count("max_number_of_instances", "max_instances", 1),
        plugins: section("plugins"),
        plugins_to_install: section("plugins_to_install"),
        properties: section("properties"),
        relationships: node.get("relationships").filter(|value| !value.is_null()).map(relationships),
        operations: section("operations"),
    }
}

/// Relationships as nodes keep them: without interfaces, for their operations stand beside them.
pub(crate) fn relationships(plan: &Value) -> Json {
    let mut kept = plan.clone();
    for relationship in kept.items_mut().iter_mut().filter_map(Value::as_object_mut) {
        relationship.shift_remove("source_interfaces");
        relationship.shift_remove("target_interfaces");
    }
    Json::of(&kept)
}

/// The row of a node instance of a plan.
pub(crate) fn new_instance(instance: &Value) -> NewInstance {
    let id = |name: &str| instance[name].as_str().map(NodeInstanceId::from);
    let list = |name: &str| match &instance[name] {
        Value::Null => Json::of(&[Value::Null; 0]),
        value => Json::of(value),
    };
    let state = instance["state"].as_str().map_or(InstanceState::UNINITIALIZED, InstanceState::new);
    NewInstance {
        id: id("id").unwrap_or_else(|| NodeInstanceId::new("")),
        node_id: NodeId::new(instance["node_id"].as_str().unwrap_or_default()),
        host_id: id("host_id"),
        index: instance["index"].as_i64(),
        relationships: list("relationships"),
        scaling_groups: list("scaling_groups"),
        runtime_properties: match &instance["runtime_properties"] {
            Value::Null => Json::of(&Map::new()),
            value => Json::of(value),
        },
        state,
    }
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;

    #[test]
    fn a_plan_is_read_without_interfaces() {
        let text = r#"{"inputs": {"a": 1}, "nodes": [{"id": "n", "interfaces": {"i": {}}, "operations": {"o": {}}}]}"#;
        let plan = read_plan(text).unwrap();
        assert_eq!(json!(plan), json!({"inputs": {"a": 1}, "nodes": [{"id": "n", "operations": {"o": {}}}]}));
    }
}
