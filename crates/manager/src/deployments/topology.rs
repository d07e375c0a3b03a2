//! A deployment as a picture: its nodes, what lies in what and points at what, and how their instances stand.
//!
//! Invariant: it is as small as a picture needs, however much the nodes' properties hold; instances are counted here and
//! listed by their own route.

use std::collections::HashMap;

use indexmap::IndexMap;
use nephele_model::Result;
use nephele_model::id::{DeploymentId, NodeId};
use nephele_store::Json;
use nephele_store::node_instances::{self, Standing};
use nephele_store::nodes::{self, Outline};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rows::failed;
use crate::{Ctx, Manager};

/// What a node that contains others is to them.
const CONTAINED_IN: &str = "cloudify.relationships.contained_in";

/// A deployment's nodes and groups.
#[derive(Debug, Serialize)]
pub struct Topology {
    deployment_id: DeploymentId,
    nodes: Vec<Node>,
    groups: Vec<Group>,
}

/// A node with how its instances stand.
#[derive(Debug, Serialize)]
struct Node {
    id: NodeId,
    #[serde(rename = "type")]
    kind: String,
    type_hierarchy: Vec<String>,
    /// The node in which it lies.
    container: Option<String>,
    host_id: Option<NodeId>,
    /// Its other relationships.
    relationships: Vec<Relationship>,
    /// The names of its plugins.
    plugins: Vec<String>,
    planned_number_of_instances: i64,
    min_number_of_instances: i64,
    /// -1 for no limit.
    max_number_of_instances: i64,
    /// How many instances are in each state.
    states: IndexMap<String, i64>,
    drifted_instances: i64,
    unavailable_instances: i64,
}

/// What a node has to do with another.
#[derive(Debug, Deserialize, Serialize)]
struct Relationship {
    target_id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    type_hierarchy: Vec<String>,
}

/// Nodes that are scaled together.
#[derive(Debug, Serialize)]
struct Group {
    name: String,
    members: Vec<String>,
    current_instances: Option<i64>,
    planned_instances: Option<i64>,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

impl Manager {
    /// A deployment as a picture.
    pub async fn deployment_topology(&self, ctx: &Ctx, deployment: &str) -> Result<Topology> {
        let deployment = self.find_deployment(ctx, deployment).await?;
        let outlines = nodes::outlines(&*self.store, deployment.storage_id).await.map_err(failed)?;
        let standing = node_instances::standing(&*self.store, deployment.storage_id).await.map_err(failed)?;
        let mut of_node: HashMap<i64, Vec<Standing>> = HashMap::new();
        for standing in standing {
            of_node.entry(standing.node_fk).or_default().push(standing);
        }
        let nodes = outlines.into_iter().map(|outline| {
            let own = of_node.remove(&outline.storage_id).unwrap_or_default();
            node(outline, own)
        });
        let nodes = nodes.collect::<Result<_>>()?;
        let groups = deployment.scaling_groups.as_ref().map(groups).transpose()?.unwrap_or_default();
        Ok(Topology { deployment_id: deployment.id, nodes, groups })
    }
}

fn node(outline: Outline, standing: Vec<Standing>) -> Result<Node> {
    let (mut states, mut drifted, mut unavailable) = (IndexMap::new(), 0, 0);
    for own in standing {
        states.insert(own.state.as_str().to_owned(), own.count);
        drifted += own.drifted;
        unavailable += own.unavailable;
    }
    let mut relationships: Vec<Relationship> = list(outline.relationships.as_ref())?;
    let is_container = |one: &Relationship| one.type_hierarchy.iter().any(|kind| kind == CONTAINED_IN);
    let container = relationships.iter().find(|one| is_container(one)).map(|one| one.target_id.clone());
    relationships.retain(|one| !is_container(one));
    let plugins: Vec<Named> = list(outline.plugins.as_ref())?;
    Ok(Node {
        id: outline.id,
        kind: outline.kind,
        type_hierarchy: list(outline.type_hierarchy.as_ref())?,
        container,
        host_id: outline.host_id,
        relationships,
        plugins: plugins.into_iter().filter_map(|plugin| plugin.name).collect(),
        planned_number_of_instances: outline.planned_number_of_instances,
        min_number_of_instances: outline.min_number_of_instances,
        max_number_of_instances: outline.max_number_of_instances,
        states,
        drifted_instances: drifted,
        unavailable_instances: unavailable,
    })
}

/// A list of a node's row; a node that was stored over REST may lack it.
fn list<T: for<'de> Deserialize<'de>>(json: Option<&Json>) -> Result<Vec<T>> {
    let Some(json) = json else { return Ok(Vec::new()) };
    Ok(json.parse::<Option<Vec<T>>>().map_err(failed)?.unwrap_or_default())
}

fn groups(scaling_groups: &Json) -> Result<Vec<Group>> {
    let Value::Object(all) = scaling_groups.value().map_err(failed)? else { return Ok(Vec::new()) };
    let group = |(name, group): (String, Value)| {
        let members = group["members"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let count = |key: &str| group["properties"][key].as_i64();
        Group {
            name,
            members: members.map(str::to_owned).collect(),
            current_instances: count("current_instances"),
            planned_instances: count("planned_instances"),
        }
    };
    Ok(all.into_iter().map(group).collect())
}
