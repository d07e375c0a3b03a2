//! From nodes to node instances: how many of each, in which container, related to which others (spec
//! dsl.md section 7.4).
//!
//! Nodes and scaling groups form a forest of containment ([`forest`]). Every tree is instantiated from
//! its root, depth first; then relationships connect instances ([`connect`]).

mod connect;
mod forest;

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, Kind};
use crate::instance_ids::InstanceIds;
use crate::multi_instance::forest::{Edge, Forest};

/// How many node instances and relationships a deployment may have.
const MOST: usize = 5_000_000;
/// How many different ends an instance id can have.
const MOST_IDS: usize = 36_usize.pow(6);

/// An instance on its way into the plan.
pub(crate) struct Instance<'p> {
    /// The node or group.
    pub(crate) name: &'p str,
    pub(crate) id: String,
    pub(crate) host_id: Option<String>,
    pub(crate) is_group: bool,
    /// The instance that contains this one.
    pub(crate) container: Option<usize>,
    /// The relationship to the container.
    pub(crate) contained_by: Option<Edge<'p>>,
    /// Related instances with the relationship and its place among those of the node.
    pub(crate) related: Vec<(usize, &'p str, usize)>,
}

/// `node_instances` of a plan. `existing` are ids that are taken, by node.
///
/// Errors: relationships that no instance can follow, counts that are no numbers.
pub(crate) fn expand(
    plan: &Map<String, Value>,
    ids: &mut dyn InstanceIds,
    existing: &HashMap<String, HashSet<String>>,
) -> Result<Vec<Value>, Diagnostic> {
    let forest = Forest::grow(plan)?;
    let mut instances = Vec::new();
    for root in forest.roots() {
        instantiate(root, &forest, ids, existing, &mut instances)?;
    }
    connect::connect(&forest, &mut instances)?;
    Ok(extract(&instances))
}

/// What remains to be done in a tree.
enum Task<'p> {
    /// Make the instances of a node within a container.
    Make { name: &'p str, container: Option<usize>, host: Option<String> },
    /// Place an instance, then what it contains.
    Place { instance: Box<Instance<'p>>, host: Option<String> },
}

fn instantiate<'p>(
    root: &'p str,
    forest: &Forest<'p>,
    ids: &mut dyn InstanceIds,
    existing: &HashMap<String, HashSet<String>>,
    instances: &mut Vec<Instance<'p>>,
) -> Result<(), Diagnostic> {
    let mut taken: HashMap<&str, HashSet<String>> = HashMap::new();
    let mut tasks = vec![Task::Make { name: root, container: None, host: None }];
    while let Some(task) = tasks.pop() {
        match task {
            Task::Make { name, container, host } => {
                let node = &forest.nodes[name];
                let count = node.count()?;
                let taken = taken.entry(name).or_insert_with(|| existing.get(name).cloned().unwrap_or_default());
                if instances.len().saturating_add(count) > MOST || taken.len().saturating_add(count) > MOST_IDS {
                    let message = format!(
                        "Failed generating node instance ids for node `{name}` - total node instance number exceeds {}",
                        MOST.min(MOST_IDS)
                    );
                    return Err(Diagnostic::new(Kind::Runtime, None, message));
                }
                let mut made = Vec::with_capacity(count);
                for _ in 0..count {
                    let mut id = format!("{name}_{}", ids.next());
                    while !taken.insert(id.clone()) {
                        id = format!("{name}_{}", ids.next());
                    }
                    let starts_host = host.is_none() && node.host_id == Some(name);
                    let host = if starts_host { Some(id.clone()) } else { host.clone() };
                    let instance = Instance {
                        name,
                        id,
                        host_id: host.clone().or_else(|| node.host_id.map(str::to_owned)),
                        is_group: node.is_group,
                        container,
                        contained_by: node.container,
                        related: Vec::new(),
                    };
                    made.push(Task::Place { instance: Box::new(instance), host });
                }
                tasks.extend(made.into_iter().rev());
            }
            Task::Place { instance, host } => {
                let children = forest.children(instance.name);
                instances.push(*instance);
                let container = Some(instances.len() - 1);
                tasks.extend(children.iter().rev().map(|name| Task::Make { name, container, host: host.clone() }));
            }
        }
    }
    Ok(())
}

/// The instances as plans show them. Groups do not appear: their members say to which they belong.
fn extract(instances: &[Instance<'_>]) -> Vec<Value> {
    let text = |text: &str| Value::String(text.to_owned());
    let mut shown = Vec::with_capacity(instances.len());
    for instance in instances.iter().filter(|instance| !instance.is_group) {
        let mut map = Map::with_capacity(6);
        map.insert("name".to_owned(), text(instance.name));
        map.insert("node_id".to_owned(), text(instance.name));
        map.insert("id".to_owned(), text(&instance.id));
        if let Some(host) = &instance.host_id {
            map.insert("host_id".to_owned(), text(host));
        }
        let mut relationships: IndexMap<usize, (usize, &str)> = IndexMap::new();
        let in_group = instance.container.is_some_and(|container| instances[container].is_group);
        let mut container = instance.container;
        let mut groups = Vec::new();
        while let Some(group) = container.map(|at| &instances[at]).filter(|group| group.is_group) {
            groups.push(serde_json::json!({"name": group.name, "id": group.id}));
            container = group.container;
        }
        if in_group {
            map.insert("scaling_groups".to_owned(), Value::Array(groups));
        }
        if let (Some(Edge::Relationship { type_name, index, .. }), Some(container)) = (instance.contained_by, container)
        {
            relationships.insert(container, (index, type_name));
        }
        for (target, type_name, index) in &instance.related {
            relationships.insert(*target, (*index, type_name));
        }
        let mut relationships: Vec<(usize, (usize, &str))> = relationships.into_iter().collect();
        relationships.sort_by_key(|(_, (index, _))| *index);
        let relationships = relationships
            .into_iter()
            .map(|(target, (_, type_name))| {
                let target = &instances[target];
                serde_json::json!({"type": type_name, "target_name": target.name, "target_id": target.id})
            })
            .collect();
        map.insert("relationships".to_owned(), Value::Array(relationships));
        shown.push(Value::Object(map));
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::instance_ids::CountedIds;

    fn node(name: &str, count: u64, relationships: &[Value]) -> Value {
        json!({
            "id": name, "name": name, "relationships": relationships,
            "capabilities": {"scalable": {"properties": {"current_instances": count}}},
        })
    }

    fn relationship(kind: &str, target: &str, connection: &str) -> Value {
        json!({
            "type": kind, "target_id": target, "properties": {"connection_type": connection},
            "type_hierarchy": ["cloudify.relationships.depends_on", format!("cloudify.relationships.{kind}")],
        })
    }

    fn expanded(nodes: &[Value]) -> Result<Vec<Value>, Diagnostic> {
        let plan = json!({"nodes": nodes, "scaling_groups": {}});
        expand(plan.as_object().unwrap(), &mut CountedIds(0), &HashMap::new())
    }

    #[test]
    fn counts_multiply_down_containment() {
        let instances =
            expanded(&[node("host", 2, &[]), node("web", 3, &[relationship("contained_in", "host", "all_to_all")])])
                .unwrap();
        assert_eq!(instances.len(), 8);
        assert_eq!(instances[1]["relationships"][0]["target_id"], instances[0]["id"]);
    }

    #[test]
    fn one_target_or_all() {
        let to = |connection| {
            let nodes = [node("db", 2, &[]), node("web", 2, &[relationship("connected_to", "db", connection)])];
            expanded(&nodes).map(|instances| instances[2]["relationships"].as_array().unwrap().len())
        };
        assert_eq!(to("all_to_all").unwrap(), 2);
        assert_eq!(to("all_to_one").unwrap(), 1);
        assert_eq!(to("some").unwrap_err().kind, Kind::IllegalConnectedToConnectionType);
    }

    #[test]
    fn a_deep_chain_needs_no_stack() {
        let mut chain = vec![node("n0", 1, &[])];
        for number in 1..20_000 {
            let container = format!("n{}", number - 1);
            chain.push(node(&format!("n{number}"), 1, &[relationship("contained_in", &container, "all_to_all")]));
        }
        assert_eq!(expanded(&chain).unwrap().len(), 20_000);
    }
}
