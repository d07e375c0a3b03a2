//! From nodes to node instances: how many of each, in which container, related to which others (spec
//! dsl.md sections 7.4 and 7.5).
//!
//! Nodes and scaling groups form a forest of containment ([`forest`]). Every tree is instantiated from
//! its root, depth first, around the instances that there are already ([`history`]); then relationships
//! connect instances ([`connect`]). A deployment's first instances are made by [`expand`]; when counts or
//! nodes change, [`modify`] tells what comes and goes ([`difference`]).

mod connect;
mod difference;
mod forest;
mod history;
mod modify;

use std::collections::{HashMap, HashSet};

use nephele_model::json::{List, Map, Value, object};

pub use modify::{Change, Changes, Current, Modified, modify};

use crate::diagnostic::{Diagnostic, Fault};
use crate::instance_ids::InstanceIds;
use crate::multi_instance::connect::{Link, Targets};
use crate::multi_instance::forest::{Edge, Forest};
use crate::multi_instance::history::History;

/// How many node instances and relationships a deployment may have.
const MOST: usize = 1_000_000;
/// How many different ends an instance id can have.
const MOST_IDS: usize = 36_usize.pow(6);

/// An instance of a node or of a scaling group.
#[derive(Clone)]
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
    /// Its place among the instances that there were before.
    pub(crate) before: Option<usize>,
}

/// `node_instances` of a plan. `existing` are ids that are taken, by node.
///
/// Errors: relationships that no instance can follow, counts that are no numbers.
pub(crate) fn expand(
    plan: &Map,
    ids: &mut dyn InstanceIds,
    existing: &HashMap<String, HashSet<String>>,
) -> Result<Vec<Value>, Diagnostic> {
    let nodes = plan.get("nodes").and_then(Value::as_array).map_or(&[][..], List::as_slice);
    let groups = plan.get("scaling_groups").and_then(Value::as_object).unwrap_or(crate::plan::empty());
    let forest = Forest::grow(nodes, groups)?;
    check_total(&forest)?;
    let instances = populate(&forest, ids, existing, &History::default())?;
    let mut links = connect::contain(&instances);
    links.extend(connect::connect(&forest, &instances, &Targets::new())?);
    Ok(extract(&instances, &links))
}

/// Counts what would be made before anything is. Errors: too many instances, counts that are no numbers.
fn check_total(forest: &Forest<'_>) -> Result<(), Diagnostic> {
    let mut total: usize = 0;
    let mut pending: Vec<(&str, usize)> = forest.roots().map(|root| (root, 1)).collect();
    while let Some((name, containers)) = pending.pop() {
        let count = forest.nodes[name].count()?.saturating_mul(containers);
        total = total.saturating_add(count);
        if total > MOST {
            return Err(too_many(name));
        }
        if count > 0 {
            pending.extend(forest.children(name).iter().map(|child| (*child, count)));
        }
    }
    Ok(())
}

fn too_many(name: &str) -> Diagnostic {
    let message =
        format!("Failed generating node instance ids for node `{name}` - total node instance number exceeds {MOST}");
    Diagnostic::new(Fault::Expansion, message)
}

/// What remains to be done in a tree.
enum Task<'p> {
    /// Make the instances of a node within a container.
    Make { name: &'p str, container: Option<usize>, host: Option<String> },
    /// Place an instance, then what it contains.
    Place { instance: Box<Instance<'p>>, host: Option<String> },
}

/// The instances of all nodes and groups, containers first: those that stay, and as many new ones as are
/// missing.
fn populate<'p>(
    forest: &Forest<'p>,
    ids: &mut dyn InstanceIds,
    existing: &HashMap<String, HashSet<String>>,
    history: &History<'p>,
) -> Result<Vec<Instance<'p>>, Diagnostic> {
    let mut instances: Vec<Instance<'p>> = Vec::new();
    let mut taken: HashMap<&str, HashSet<String>> = HashMap::new();
    let start = |root| Task::Make { name: root, container: None, host: None };
    let mut tasks: Vec<Task<'p>> = forest.roots().map(start).collect();
    tasks.reverse();
    while let Some(task) = tasks.pop() {
        match task {
            Task::Make { name, container, host } => {
                let node = &forest.nodes[name];
                let (kept, count) = history.keep(name, container.map(|at| &instances[at]), node)?;
                let taken = taken.entry(name).or_insert_with(|| existing.get(name).cloned().unwrap_or_default());
                let total = kept.len().saturating_add(count);
                if instances.len().saturating_add(total) > MOST || taken.len().saturating_add(count) > MOST_IDS {
                    return Err(too_many(name));
                }
                let mut made = Vec::with_capacity(total);
                for kept in kept {
                    let instance = Instance { container, contained_by: node.container, ..kept.clone() };
                    made.push(Task::Place { host: instance.host_id.clone(), instance: Box::new(instance) });
                }
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
                        before: None,
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
    Ok(instances)
}

/// The instances as plans show them. Groups do not appear: their members say to which they belong.
fn extract(instances: &[Instance<'_>], links: &[Link<'_>]) -> Vec<Value> {
    let mut by_source: Vec<Vec<&Link<'_>>> = vec![Vec::new(); instances.len()];
    for link in links {
        by_source[link.source].push(link);
    }
    let shown = instances.iter().zip(by_source).filter(|(instance, _)| !instance.is_group);
    shown.map(|(instance, links)| Value::Object(complete(begin(instance), links, instances))).collect()
}

/// The first keys of an instance.
fn begin(instance: &Instance<'_>) -> Map {
    let text = |text: &str| Value::from(text.to_owned());
    let mut map = Map::with_capacity(7);
    map.insert("name".to_owned(), text(instance.name));
    map.insert("node_id".to_owned(), text(instance.name));
    map.insert("id".to_owned(), text(&instance.id));
    if let Some(host) = &instance.host_id {
        map.insert("host_id".to_owned(), text(host));
    }
    map
}

/// Adds the last keys: the groups that it is a direct member of, and its relationships.
fn complete(mut map: Map, mut links: Vec<&Link<'_>>, instances: &[Instance<'_>]) -> Map {
    if let Some(link) = links.iter().find(|link| instances[link.target].is_group) {
        let groups = outward(link.target, instances).map(|at| &instances[at]).take_while(|group| group.is_group);
        let groups = groups.map(|group| object! {"name": group.name, "id": &group.id}).collect();
        map.insert("scaling_groups".to_owned(), Value::Array(groups));
    }
    links.sort_by_key(|link| link.relationship.map(|(index, _)| index));
    let show = |link: &Link<'_>| {
        let (_, type_name) = link.relationship?;
        let target = &instances[beyond_groups(link.target, instances)?];
        Some(object! {"type": type_name, "target_name": target.name, "target_id": &target.id})
    };
    let relationships = links.into_iter().filter_map(show).collect();
    map.insert("relationships".to_owned(), Value::Array(relationships));
    map
}

/// The instance itself, or what contains it if it is a group.
fn beyond_groups(at: usize, instances: &[Instance<'_>]) -> Option<usize> {
    outward(at, instances).find(|at| !instances[*at].is_group)
}

/// An instance, its container, the container of that, and so on.
fn outward(at: usize, instances: &[Instance<'_>]) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(at), |at| instances[*at].container)
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

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
        assert_eq!(to("some").unwrap_err().fault, Fault::ConnectionType);
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
