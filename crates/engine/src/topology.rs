//! What a workflow works on: the nodes and node instances of a deployment, as their rows in the
//! database (and in REST answers) say.
//!
//! Invariant: every instance's node exists and every relationship leads to an instance that exists;
//! [`Topology::new`] refuses anything else, so that builders need not look twice.

use std::collections::HashMap;

use nephele_model::finding::Note;
use nephele_model::instance::InstanceState;
use nephele_model::operation::Plugin;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

const HOST_TYPE: &str = "cloudify.nodes.Compute";
const CONTAINMENT: &str = "cloudify.relationships.contained_in";

/// The nodes and instances of a deployment. Deserialises from `{"nodes": [...], "instances": [...]}`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Rows")]
pub struct Topology {
    nodes: Vec<Node>,
    instances: Vec<Instance>,
    node_of: Vec<usize>,
    position: HashMap<String, usize>,
    groups: HashMap<String, i64>,
}

#[derive(Deserialize)]
struct Rows {
    nodes: Vec<Node>,
    instances: Vec<Instance>,
    #[serde(default)]
    groups: HashMap<String, i64>,
}

impl TryFrom<Rows> for Topology {
    type Error = Error;

    fn try_from(rows: Rows) -> Result<Self> {
        Ok(Self::new(rows.nodes, rows.instances)?.with_groups(rows.groups))
    }
}

impl Topology {
    /// Checks that instances and nodes belong together. Operations that are not implemented are left out: a type has
    /// dozens of them, and a run keeps its topology.
    pub fn new(mut nodes: Vec<Node>, instances: Vec<Instance>) -> Result<Self> {
        for node in &mut nodes {
            let related = node.relationships.iter_mut();
            let relationships =
                related.flat_map(|related| [&mut related.source_operations, &mut related.target_operations]);
            for operations in relationships.chain([&mut node.operations]) {
                operations.retain(|_, operation| operation.is_implemented());
                operations.shrink_to_fit();
            }
        }
        let by_id: HashMap<&str, usize> =
            nodes.iter().enumerate().map(|(position, node)| (node.id.as_str(), position)).collect();
        let find = |instance: &Instance| {
            by_id
                .get(instance.node_id.as_str())
                .copied()
                .ok_or_else(|| Error::UnknownNode { instance: instance.id.clone(), node: instance.node_id.clone() })
        };
        let node_of = instances.iter().map(find).collect::<Result<Vec<_>>>()?;
        let position: HashMap<String, usize> =
            instances.iter().enumerate().map(|(position, instance)| (instance.id.clone(), position)).collect();
        for instance in &instances {
            let stray = instance.relationships.iter().find(|related| !position.contains_key(&related.target_id));
            if let Some(related) = stray {
                return Err(Error::UnknownInstance {
                    source_id: instance.id.clone(),
                    target_id: related.target_id.clone(),
                });
            }
        }
        Ok(Self { nodes, instances, node_of, position, groups: HashMap::new() })
    }

    /// The same with new instances, and relationships that others get to them.
    ///
    /// Errors: those of [`Self::new`].
    pub fn grown(self, added: Vec<Instance>, related: Vec<(String, Vec<InstanceRelationship>)>) -> Result<Self> {
        let mut instances = self.instances;
        for (id, relationships) in related {
            if let Some(&position) = self.position.get(&id) {
                instances[position].relationships.extend(relationships);
            }
        }
        instances.extend(added);
        Ok(Self::new(self.nodes, instances)?.with_groups(self.groups))
    }

    /// The same with other nodes: those of the same id take the place of the present ones.
    #[must_use]
    pub fn with_nodes(mut self, nodes: Vec<Node>) -> Self {
        for node in nodes {
            match self.nodes.iter_mut().find(|present| present.id == node.id) {
                Some(present) => *present = node,
                None => self.nodes.push(node),
            }
        }
        self
    }

    /// The same with scaling groups: how many instances each has.
    #[must_use]
    pub fn with_groups(self, groups: HashMap<String, i64>) -> Self {
        Self { groups, ..self }
    }

    /// Moves the instance with this id, if there is one, to a state.
    pub fn set_state(&mut self, instance: &str, state: InstanceState) {
        if let Some(position) = self.position(instance) {
            self.instances[position].state = state;
        }
    }

    /// Notes something about the instance with this id, if there is one.
    pub fn note(&mut self, instance: &str, note: &Note) {
        if let Some(position) = self.position(instance) {
            note.add_to(&mut self.instances[position].system_properties);
        }
    }

    /// Gives the instance with this id, if there is one, other notes.
    pub fn set_notes(&mut self, instance: &str, notes: Map<String, Value>) {
        if let Some(position) = self.position(instance) {
            self.instances[position].system_properties = notes;
        }
    }

    /// The same deployment with only those relationships of instances that `keep` lets through.
    pub(crate) fn with_relationships(&self, keep: impl Fn(&Instance, &InstanceRelationship) -> bool) -> Self {
        let mut topology = self.clone();
        for instance in &mut topology.instances {
            let kept = std::mem::take(&mut instance.relationships);
            instance.relationships = kept.into_iter().filter(|related| keep(instance, related)).collect();
        }
        topology
    }

    /// Every instance.
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// The node of the instance at this position.
    pub fn node(&self, position: usize) -> &Node {
        &self.nodes[self.node_of[position]]
    }

    /// Where the instance with this id stands.
    pub fn position(&self, instance: &str) -> Option<usize> {
        self.position.get(instance).copied()
    }

    /// The node with this id.
    pub fn node_named(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// How many instances the scaling group of this name has.
    pub fn group_size(&self, name: &str) -> Option<i64> {
        self.groups.get(name).copied()
    }

    /// Which instances are these, or contained in these, however deeply.
    pub fn within(&self, roots: impl IntoIterator<Item = usize>) -> Vec<bool> {
        let mut contents = vec![Vec::new(); self.instances.len()];
        for (position, instance) in self.instances.iter().enumerate() {
            let node = self.node(position);
            for related in &instance.relationships {
                let is_container = node.relationship(related).is_some_and(Relationship::is_containment);
                if let (true, Some(container)) = (is_container, self.position(&related.target_id)) {
                    contents[container].push(position);
                }
            }
        }
        let mut within = vec![false; self.instances.len()];
        let mut pending: Vec<usize> = roots.into_iter().collect();
        while let Some(position) = pending.pop() {
            if !std::mem::replace(&mut within[position], true) {
                pending.extend_from_slice(&contents[position]);
            }
        }
        within
    }
}

/// A node of the plan.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of the node's row, spec workflows.md section 11.6")]
pub struct Node {
    pub id: String,
    pub type_hierarchy: Vec<String>,
    pub operations: HashMap<String, Operation>,
    pub relationships: Vec<Relationship>,
    pub plugins: Vec<Plugin>,
    pub properties: Map<String, Value>,
    pub host_id: Option<String>,
    pub number_of_instances: i64,
}

impl Node {
    /// The operation with this name, if it is implemented.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(name).filter(|operation| operation.is_implemented())
    }

    /// Whether its instances are hosts.
    pub fn is_host(&self) -> bool {
        self.type_hierarchy.iter().any(|name| name == HOST_TYPE)
    }

    /// The declaration of an instance's relationship.
    pub fn relationship(&self, related: &InstanceRelationship) -> Option<&Relationship> {
        let to_target = || self.relationships.iter().filter(|declared| declared.target_id == related.target_name);
        to_target().find(|declared| declared.kind == related.kind).or_else(|| to_target().next_back())
    }
}

/// What runs for a name of an interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of the plan, spec workflows.md section 11.6")]
pub struct Operation {
    pub plugin: String,
    /// The plugin's function, such as `script_runner.tasks.run`; empty if nothing is implemented.
    pub operation: String,
    pub inputs: Map<String, Value>,
    pub executor: Option<String>,
    pub has_intrinsic_functions: bool,
    pub max_retries: Option<i64>,
    pub retry_interval: Option<f64>,
    pub timeout: Option<f64>,
    pub timeout_recoverable: Option<bool>,
}

impl Operation {
    /// Whether there is anything to run.
    pub const fn is_implemented(&self) -> bool {
        !self.operation.is_empty()
    }
}

/// A relationship that a node declares.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of the plan")]
pub struct Relationship {
    pub target_id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub type_hierarchy: Vec<String>,
    pub properties: Map<String, Value>,
    pub source_operations: HashMap<String, Operation>,
    pub target_operations: HashMap<String, Operation>,
}

impl Relationship {
    /// Whether the source is inside the target.
    pub fn is_containment(&self) -> bool {
        self.type_hierarchy.iter().any(|name| name == CONTAINMENT)
    }
}

/// A node instance.
#[derive(Clone, Debug, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Its node.
    pub node_id: String,
    /// The instance of the host that it is on.
    #[serde(default)]
    pub host_id: Option<String>,
    /// Where it stands.
    pub state: InstanceState,
    /// The instances that it is related to, in the order of declaration.
    #[serde(default)]
    pub relationships: Vec<InstanceRelationship>,
    /// What workflows noted about it.
    #[serde(default)]
    pub system_properties: Map<String, Value>,
    /// The instances of scaling groups that it is in.
    #[serde(default)]
    pub scaling_groups: Vec<GroupInstance>,
}

/// An instance of a scaling group.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct GroupInstance {
    /// Its id.
    #[serde(default)]
    pub id: String,
}

/// A node instance's relationship to another one.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct InstanceRelationship {
    /// The other instance.
    pub target_id: String,
    /// Its node.
    pub target_name: String,
    /// The relationship's type.
    #[serde(rename = "type")]
    pub kind: String,
}
