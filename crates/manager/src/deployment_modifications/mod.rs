//! Modifications: changing the numbers of a deployment's node instances, in two steps with a way back.
//!
//! Invariant: starting one adds the new instances and takes none away; finishing it takes away those that
//! go, rolling it back restores all as they were. A deployment has one that has not ended at a time.
//! Source: spec rest-api.md section 2.3; which instances come and go is decided in
//! [`nephele_dsl::modify`].

mod of_execution;

use std::collections::{HashMap, HashSet};

use nephele_dsl::{Change, Changes, Current, RandomIds, modify};
use nephele_model::id::NodeId;
use nephele_model::instance::InstanceState;
use nephele_model::page::ListQuery;
use nephele_model::update::ModificationStatus;
use nephele_model::{Code, Error, Result, json};
use nephele_store::deployment_modifications::{self as rows, Modification, ModificationChanges, NewModification};
use nephele_store::deployments::{self, Deployment, DeploymentChanges};
use nephele_store::node_instances::{self, InstanceChanges, NodeInstance};
use nephele_store::nodes::{self, NodeChanges};
use nephele_store::{Json, Record, Resource, Tx};
use serde_json::{Map, Value};

use crate::instances::{by_id, set_relationships};
use crate::rows::failed;
use crate::workflows::environment::{new_instance, refused};
use crate::workflows::upload::blocking;
use crate::{Ctx, Manager, visibility};

pub(crate) use of_execution::coming;

/// Which of a node's or scaling group's counts is set.
#[derive(Clone, Copy)]
enum Count {
    Planned,
    Present,
}

impl Manager {
    /// Starts a modification: `wanted` is `{NODE or GROUP: {instances, removed_ids_include_hint,
    /// removed_ids_exclude_hint}}`.
    pub async fn start_modification(
        &self,
        ctx: &Ctx,
        deployment: &str,
        wanted: Map<String, Value>,
        context: Map<String, Value>,
    ) -> Result<Record> {
        let deployment = self.writable_deployment(ctx, deployment).await?;
        let changes = changes(&wanted)?;
        let tx = self.begin_write().await?;
        tx.lock(&format!("deployment {}", deployment.storage_id)).await.map_err(failed)?;
        demand_none(&tx, &deployment).await?;
        set_counts(&tx, &deployment, &wanted, Count::Planned).await?;
        let before = self.all_of(ctx, &deployment, &node_instances::RESOURCE).await?;
        let nodes = self.all_of(ctx, &deployment, &nodes::RESOURCE).await?;
        let groups = scaling_groups(&deployment)?;
        let mut modified = compare(nodes, before.clone(), groups, changes).await?;
        let added = take_over(&tx, &deployment, &modified).await?;
        node_instances::insert(&tx, &deployment, added).await.map_err(failed)?;
        modified.insert("before_modification".to_owned(), before.into());
        let row = NewModification {
            id: uuid::Uuid::new_v4().to_string(),
            visibility: deployment.visibility,
            tenant_id: deployment.tenant_id,
            creator_id: ctx.user_id,
            created_at: self.clock.now(),
            status: ModificationStatus::Started,
            context: Json::of(&context),
            modified_nodes: Json::of(&wanted),
            node_instances: Json::of(&modified),
            deployment_fk: deployment.storage_id,
        };
        let id = row.id.clone();
        rows::insert(&tx, row).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.get(ctx, &rows::RESOURCE, &id, None).await
    }

    /// Ends a modification: what was to go goes.
    pub async fn finish_modification(&self, ctx: &Ctx, id: &str) -> Result<Record> {
        let (tx, modification, deployment) = self.begin_to_end(ctx, id, "finish").await?;
        set_counts(&tx, &deployment, &object(modification.modified_nodes.as_ref())?, Count::Present).await?;
        let kept = object(modification.node_instances.as_ref())?;
        let present = by_id(&tx, &deployment).await?;
        for noted in list(&kept, "removed_and_related") {
            let Some(instance) = noted["id"].as_str().and_then(|id| present.get(id)) else { continue };
            if noted["modification"] == "removed" {
                node_instances::delete(&tx, instance.storage_id).await.map_err(failed)?;
                continue;
            }
            let lost: HashSet<&str> =
                items(&noted["relationships"]).iter().filter_map(|one| one["target_id"].as_str()).collect();
            let mut relationships = relationships(instance)?;
            relationships.retain(|one| !one["target_id"].as_str().is_some_and(|id| lost.contains(id)));
            set_relationships(&tx, instance, &relationships).await?;
        }
        self.end_modification(ctx, tx, &modification, ModificationStatus::Finished, None).await
    }

    /// Ends a modification: everything becomes as it was before.
    pub async fn roll_back_modification(&self, ctx: &Ctx, id: &str) -> Result<Record> {
        let (tx, modification, deployment) = self.begin_to_end(ctx, id, "rollback").await?;
        let mut kept = object(modification.node_instances.as_ref())?;
        let before_rollback = self.all_of(ctx, &deployment, &node_instances::RESOURCE).await?;
        let present = by_id(&tx, &deployment).await?;
        let before = list(&kept, "before_modification");
        let known: HashSet<&str> = before.iter().filter_map(|noted| noted["id"].as_str()).collect();
        for (id, instance) in &present {
            if !known.contains(id.as_str()) {
                node_instances::delete(&tx, instance.storage_id).await.map_err(failed)?;
            }
        }
        let gone = before.iter().filter(|noted| !noted["id"].as_str().is_some_and(|id| present.contains_key(id)));
        let again = gone.map(|noted| new_instance(&noted.clone().into())).collect();
        node_instances::insert(&tx, &deployment, again).await.map_err(failed)?;
        let present = by_id(&tx, &deployment).await?;
        for noted in before {
            if let Some(instance) = noted["id"].as_str().and_then(|id| present.get(id)) {
                let key = instance.storage_id;
                node_instances::update(&tx, key, instance.version, true, as_noted(noted)).await.map_err(failed)?;
            }
        }
        restore_counts(&tx, &deployment, &object(modification.modified_nodes.as_ref())?).await?;
        kept.insert("before_rollback".to_owned(), before_rollback.into());
        self.end_modification(ctx, tx, &modification, ModificationStatus::RolledBack, Some(kept)).await
    }

    async fn begin_to_end(&self, ctx: &Ctx, id: &str, what: &str) -> Result<(Tx, Modification, Deployment)> {
        let scope = self.scope(ctx, false).await?;
        let tx = self.begin_write().await?;
        let missing = || Error::not_found(rows::RESOURCE.model, id);
        let found = rows::find(&tx, &scope, id).await.map_err(failed)?.ok_or_else(missing)?;
        tx.lock(&format!("deployment {}", found.deployment_fk)).await.map_err(failed)?;
        let modification = rows::find(&tx, &scope, id).await.map_err(failed)?.ok_or_else(missing)?;
        if modification.status != ModificationStatus::Started {
            let status = modification.status.as_str();
            return Err(Error::new(
                Code::DeploymentModificationAlreadyEnded,
                format!("Cannot {what} deployment modification: {id}. It is already in {status} status."),
            ));
        }
        let deployment = deployments::by_storage_id(&tx, found.deployment_fk).await.map_err(failed)?;
        let deployment = deployment.ok_or_else(missing)?;
        visibility::demand_inside(ctx, deployment.visibility, deployment.tenant_id, id)?;
        Ok((tx, modification, deployment))
    }

    async fn end_modification(
        &self,
        ctx: &Ctx,
        tx: Tx,
        modification: &Modification,
        status: ModificationStatus,
        node_instances: Option<Map<String, Value>>,
    ) -> Result<Record> {
        let changes = ModificationChanges {
            status: Some(status),
            ended_at: Some(Some(self.clock.now())),
            node_instances: node_instances.map(|kept| Json::of(&kept)),
        };
        rows::update(&tx, modification.storage_id, changes).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.get(ctx, &rows::RESOURCE, &modification.id, None).await
    }

    /// Everything of a deployment, as REST shows it.
    pub(crate) async fn all_of(&self, ctx: &Ctx, deployment: &Deployment, resource: &Resource) -> Result<Vec<Value>> {
        let filter = ("deployment_id".to_owned(), vec![deployment.id.to_string()]);
        let query = ListQuery { get_all: true, filters: vec![filter], ..ListQuery::default() };
        let page = self.list(ctx, resource, &query).await?;
        page.items.iter().map(|record| record.value().map_err(failed)).collect()
    }
}

fn changes(wanted: &Map<String, Value>) -> Result<Changes> {
    let change = |(name, change): (&String, &Value)| {
        let change: Change = serde_json::from_value(change.clone())
            .map_err(|error| Error::bad_parameters(format!("The change of `{name}` cannot be read: {error}")))?;
        Ok((name.clone(), change))
    };
    wanted.iter().map(change).collect()
}

async fn demand_none(tx: &Tx, deployment: &Deployment) -> Result<()> {
    let started = rows::started(tx, deployment.storage_id).await.map_err(failed)?;
    if started.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = started.iter().map(|id| format!("'{id}'")).collect();
    Err(Error::new(
        Code::ExistingStartedDeploymentModification,
        format!(
            "Cannot start deployment modification while there are existing started deployment modifications. \
             Currently started deployment modifications: [{}]",
            named.join(", ")
        ),
    ))
}

/// Which instances come and go, and what they are related to.
async fn compare(
    nodes: Vec<Value>,
    instances: Vec<Value>,
    groups: Map<String, Value>,
    changes: Changes,
) -> Result<Map<String, Value>> {
    let work = move || {
        let nodes: Vec<json::Value> = nodes.into_iter().map(json::Value::from).collect();
        let instances: Vec<json::Value> = instances.into_iter().map(json::Value::from).collect();
        let current = Current { nodes: &nodes, instances: &instances };
        let ids = &mut RandomIds;
        modify(&nodes, &json::Map::from(groups), current, &changes, ids).map_err(|problem| refused(&problem))
    };
    match serde_json::to_value(blocking(work).await??).map_err(Error::internal)? {
        Value::Object(mut modified) => {
            show_hosts(&mut modified);
            Ok(modified)
        }
        other => Err(Error::internal(format!("a modification was compared to {other}"))),
    }
}

/// Clients see of a new instance that nothing hosts it, where plans leave the host out.
fn show_hosts(modified: &mut Map<String, Value>) {
    let noted = modified.get_mut("added_and_related").and_then(Value::as_array_mut);
    for added in noted.into_iter().flatten().filter(|one| one["modification"] == "added") {
        added.as_object_mut().map(|instance| instance.entry("host_id").or_insert(Value::Null));
    }
}

/// Gives the new instances, and those that they are related to the new relationships.
async fn take_over(
    tx: &Tx,
    deployment: &Deployment,
    modified: &Map<String, Value>,
) -> Result<Vec<node_instances::NewInstance>> {
    let mut added = Vec::new();
    let present = by_id(tx, deployment).await?;
    let mut orders: HashMap<String, Vec<String>> = HashMap::new();
    for noted in list(modified, "added_and_related") {
        if noted["modification"] == "added" {
            added.push(new_instance(&noted.clone().into()));
            continue;
        }
        let Some(instance) = noted["id"].as_str().and_then(|id| present.get(id)) else { continue };
        let node = instance.node_id.to_string();
        if !orders.contains_key(&node) {
            orders.insert(node.clone(), targets(tx, deployment, &instance.node_id).await?);
        }
        let mut all = relationships(instance)?;
        all.extend(items(&noted["relationships"]).iter().cloned());
        let ordered: Vec<Value> = orders[&node]
            .iter()
            .flat_map(|target| all.iter().filter(move |one| one["target_name"] == target.as_str()).cloned())
            .collect();
        set_relationships(tx, instance, &ordered).await?;
    }
    Ok(added)
}

/// The targets of a node's relationships in their order, each once.
async fn targets(tx: &Tx, deployment: &Deployment, node: &NodeId) -> Result<Vec<String>> {
    let found = nodes::find(tx, deployment.storage_id, node).await.map_err(failed)?;
    let declared = found.and_then(|node| node.relationships);
    let declared: Vec<Value> = declared.map(|json| json.parse()).transpose().map_err(failed)?.unwrap_or_default();
    let mut targets: Vec<String> = Vec::new();
    for target in declared.iter().filter_map(|one| one["target_id"].as_str()) {
        if !targets.iter().any(|other| other == target) {
            targets.push(target.to_owned());
        }
    }
    Ok(targets)
}

/// Sets the counts that were asked for.
async fn set_counts(tx: &Tx, deployment: &Deployment, wanted: &Map<String, Value>, count: Count) -> Result<()> {
    let (of_group, is_planned) = match count {
        Count::Planned => ("planned_instances", true),
        Count::Present => ("current_instances", false),
    };
    let mut groups = scaling_groups(deployment)?;
    for (name, change) in wanted {
        if let Some(group) = groups.get_mut(name) {
            group["properties"][of_group] = change["instances"].clone();
            continue;
        }
        let node = demand_node(tx, deployment, name).await?;
        let instances = change["instances"].as_i64();
        let (number_of_instances, planned_number_of_instances) =
            if is_planned { (None, instances) } else { (instances, None) };
        let changes = NodeChanges { number_of_instances, planned_number_of_instances, ..NodeChanges::default() };
        nodes::update(tx, node.storage_id, changes).await.map_err(failed)?;
    }
    store_groups(tx, deployment, &groups).await
}

/// Plans again for what there is.
async fn restore_counts(tx: &Tx, deployment: &Deployment, wanted: &Map<String, Value>) -> Result<()> {
    let mut groups = scaling_groups(deployment)?;
    for name in wanted.keys() {
        if let Some(group) = groups.get_mut(name) {
            group["properties"]["planned_instances"] = group["properties"]["current_instances"].clone();
            continue;
        }
        let node = demand_node(tx, deployment, name).await?;
        let planned_number_of_instances = Some(node.number_of_instances);
        let changes = NodeChanges { planned_number_of_instances, ..NodeChanges::default() };
        nodes::update(tx, node.storage_id, changes).await.map_err(failed)?;
    }
    store_groups(tx, deployment, &groups).await
}

async fn demand_node(tx: &Tx, deployment: &Deployment, name: &str) -> Result<nodes::Node> {
    let node = nodes::find(tx, deployment.storage_id, &NodeId::new(name)).await.map_err(failed)?;
    node.ok_or_else(|| Error::not_found("Node", name))
}

fn scaling_groups(deployment: &Deployment) -> Result<Map<String, Value>> {
    object(deployment.scaling_groups.as_ref())
}

async fn store_groups(tx: &Tx, deployment: &Deployment, groups: &Map<String, Value>) -> Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    let changes = DeploymentChanges { scaling_groups: Some(Some(Json::of(groups))), ..DeploymentChanges::default() };
    deployments::update(tx, deployment.storage_id, changes).await.map_err(failed)
}

fn relationships(instance: &NodeInstance) -> Result<Vec<Value>> {
    let kept = instance.relationships.as_ref().map(Json::parse::<Option<Vec<Value>>>);
    Ok(kept.transpose().map_err(failed)?.flatten().unwrap_or_default())
}

/// An instance as a modification noted it.
fn as_noted(noted: &Value) -> InstanceChanges {
    let section = |name: &str| noted.get(name).map(Json::from);
    InstanceChanges {
        state: noted["state"].as_str().map(InstanceState::new),
        relationships: section("relationships"),
        runtime_properties: section("runtime_properties"),
        system_properties: section("system_properties"),
        has_configuration_drift: noted["has_configuration_drift"].as_bool(),
        is_status_check_ok: noted["is_status_check_ok"].as_bool(),
    }
}

fn object(stored: Option<&Json>) -> Result<Map<String, Value>> {
    let parsed = stored.map(Json::parse::<Option<Map<String, Value>>>).transpose().map_err(failed)?;
    Ok(parsed.flatten().unwrap_or_default())
}

fn list<'a>(kept: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    kept.get(name).map_or(&[], items)
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
