//! Inserting node instances whose suggested ids may be taken (spec workflows.md section 11.3).

use std::collections::{HashMap, HashSet};

use nephele_model::Visibility;
use nephele_model::id::{NodeId, NodeInstanceId};
use nephele_model::instance::InstanceState;
use rand::Rng as _;
use serde_json::Value;

use crate::column::values;
use crate::db::{Db, Tx};
use crate::error::{Error, Result};
use crate::json::Json;
use crate::table::deployments::Deployment;
use crate::write::{self, insertable};

const SUFFIX: usize = 6;

/// A node instance to insert.
#[derive(Clone, Debug)]
pub struct NewInstance {
    /// The suggested id.
    pub id: NodeInstanceId,
    /// Its node.
    pub node_id: NodeId,
    /// The instance that hosts it, by suggested id.
    pub host_id: Option<NodeInstanceId>,
    /// Its number among its node's instances; `None` goes on counting.
    pub index: Option<i64>,
    /// Its relationships: a list of objects with `target_id`.
    pub relationships: Json,
    /// The scaling group instances that it is in.
    pub scaling_groups: Json,
    /// What operations noted.
    pub runtime_properties: Json,
    /// Its state.
    pub state: InstanceState,
}

insertable! {
    struct NewRow into "node_instances" {
        id: NodeInstanceId,
        visibility: Visibility,
        tenant_id: i64,
        creator_id: i64,
        host_id: Option<NodeInstanceId>,
        index: i64,
        relationships: Json,
        runtime_properties: Json,
        scaling_groups: Json,
        state: InstanceState,
        version: i64,
        node_fk: i64,
        deployment_fk: i64,
    }
}

/// Stores node instances of a deployment and gives their ids, which differ from the suggested ones
/// where those were taken in the tenant; references among them follow.
///
/// Error: [`Error::NotFound`] for a node that the deployment does not have.
pub async fn insert(tx: &Tx, deployment: &Deployment, instances: Vec<NewInstance>) -> Result<Vec<NodeInstanceId>> {
    let db: &dyn Db = tx;
    let fk = deployment.storage_id;
    let renamed = rename(db, deployment.tenant_id, &instances).await?;
    let current = |id: NodeInstanceId| renamed.get(&id).cloned().unwrap_or(id);

    let text = "SELECT id, storage_id FROM nodes WHERE deployment_fk = $1";
    let nodes: Vec<(NodeId, i64)> = db.all(text.to_owned(), values![fk]).await?;
    let nodes: HashMap<_, _> = nodes.into_iter().collect();
    let text =
        "SELECT node_fk, coalesce(max(\"index\"), 0) FROM node_instances WHERE deployment_fk = $1 GROUP BY node_fk";
    let last: Vec<(i64, i64)> = db.all(text.to_owned(), values![fk]).await?;
    let mut last: HashMap<_, _> = last.into_iter().collect();

    let mut rows = Vec::with_capacity(instances.len());
    for instance in instances {
        let missing = || Error::NotFound { kind: "Node", id: instance.node_id.to_string() };
        let node_fk = *nodes.get(&instance.node_id).ok_or_else(missing)?;
        let counted = last.entry(node_fk).or_default();
        let index = instance.index.unwrap_or(*counted + 1);
        *counted = index.max(*counted);
        let relationships =
            if renamed.is_empty() { instance.relationships } else { retarget(&instance.relationships, &renamed)? };
        rows.push(NewRow {
            id: current(instance.id),
            visibility: deployment.visibility,
            tenant_id: deployment.tenant_id,
            creator_id: deployment.creator_id,
            host_id: instance.host_id.map(current),
            index,
            relationships,
            runtime_properties: instance.runtime_properties,
            scaling_groups: instance.scaling_groups,
            state: instance.state,
            version: 1,
            node_fk,
            deployment_fk: fk,
        });
    }
    let ids = rows.iter().map(|row| row.id.clone()).collect();
    write::insert_all(db, rows).await?;
    Ok(ids)
}

/// New ids for those that are taken.
async fn rename(
    db: &dyn Db,
    tenant_id: i64,
    instances: &[NewInstance],
) -> Result<HashMap<NodeInstanceId, NodeInstanceId>> {
    let mut used: HashSet<_> = instances.iter().map(|instance| instance.id.clone()).collect();
    let mut renamed = HashMap::new();
    let mut unsure: Vec<_> = instances.iter().map(|instance| instance.id.clone()).collect();
    loop {
        let text = "SELECT id FROM node_instances WHERE tenant_id = $1 AND id IN (SELECT value FROM json_each($2))";
        let taken: Vec<NodeInstanceId> = db.column(text, values![tenant_id, Json::texts(&unsure)]).await?;
        if taken.is_empty() {
            return Ok(renamed);
        }
        unsure.clear();
        for id in taken {
            let original = renamed
                .iter()
                .find(|(_, new)| **new == id)
                .map_or_else(|| id.clone(), |(old, _): (&NodeInstanceId, _)| old.clone());
            let prefix = original.as_str().rsplit_once('_').map_or(original.as_str(), |(prefix, _)| prefix);
            let new = loop {
                let candidate = NodeInstanceId::new(format!("{prefix}_{}", suffix()));
                if used.insert(candidate.clone()) {
                    break candidate;
                }
            };
            unsure.push(new.clone());
            renamed.insert(original, new);
        }
    }
}

fn suffix() -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = rand::rng();
    (0..SUFFIX).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()
}

fn retarget(relationships: &Json, renamed: &HashMap<NodeInstanceId, NodeInstanceId>) -> Result<Json> {
    let mut list = relationships.value()?;
    for relationship in list.as_array_mut().into_iter().flatten() {
        let target = relationship["target_id"].as_str().map(NodeInstanceId::from);
        if let Some(new) = target.and_then(|target| renamed.get(&target)) {
            relationship["target_id"] = Value::from(new.as_str());
        }
    }
    Ok(Json::from(list))
}
