//! What a deployment update changes: the differences between a deployment and the plan that it is to
//! follow, as steps (spec workflows.md section 9; shape and rules of the original's step extractor).
//!
//! A step names an entity by its path, such as `[nodes, web, properties, port]`; relationships are numbered.
//! Steps that an update cannot carry out are kept apart, and so are changes that an update makes without
//! a step. Everything is linear in the plans.

mod order;

use std::collections::HashMap;

use indexmap::IndexMap;
use nephele_model::json::{List, Map, Value};
use serde::{Deserialize, Serialize};

use crate::equality::equal;
use crate::plan::{DeploymentPlan, empty};

/// What happens to an entity. In the order in which an update does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is gone.
    Remove,
    /// It is new.
    Add,
    /// It is different.
    Modify,
}

/// What a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entity {
    /// A node: `[nodes, NODE]`.
    Node,
    /// A relationship: `[nodes, NODE, relationships, INDEX]`; one that only changed its place has the old
    /// and the new index.
    Relationship,
    /// A property of a node or relationship.
    Property,
    /// An operation of a node or of one side of a relationship.
    Operation,
    /// A plugin of a node: `[plugins | plugins_to_install, NODE, PLUGIN]`.
    Plugin,
    /// `[workflows, WORKFLOW]`.
    Workflow,
    /// `[outputs, OUTPUT]`.
    Output,
    /// `[groups, GROUP]`.
    Group,
    /// `[description]`.
    Description,
    /// `[capabilities, CAPABILITY]`.
    Capability,
    /// `[inputs, INPUT]`.
    Input,
}

/// A part of an entity's path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// A key.
    Name(String),
    /// A place in a list.
    Index(usize),
}

impl From<&str> for Part {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<usize> for Part {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What happens.
    pub action: Action,
    /// The way to the entity.
    #[serde(rename = "entity_id")]
    pub path: Vec<Part>,
    /// What it is.
    #[serde(rename = "entity_type")]
    pub entity: Entity,
    /// Of new nodes: those that others of them are related to have higher numbers.
    pub topology_order: usize,
}

/// All differences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// What an update does, in order: removals, then additions, then modifications.
    pub supported: Vec<Step>,
    /// What an update refuses: another type or container of a node, other properties of a relationship, other
    /// groups.
    pub unsupported: Vec<Step>,
    /// What an update does without a step: inputs and capabilities.
    pub silent: Vec<Step>,
}

/// A deployment as it is: the parts of its plan that are compared, as plans and REST show them.
#[derive(Clone, Copy, Debug)]
pub struct Deployed<'a> {
    /// Its description.
    pub description: Option<&'a str>,
    /// Its nodes.
    pub nodes: &'a [Value],
    /// Its outputs by name.
    pub outputs: &'a Map,
    /// Its workflows by name.
    pub workflows: &'a Map,
    /// Its groups by name.
    pub groups: &'a Map,
    /// Its capabilities by name.
    pub capabilities: &'a Map,
    /// The values of its inputs by name.
    pub inputs: &'a Map,
}

impl<'a> From<&'a DeploymentPlan> for Deployed<'a> {
    fn from(plan: &'a DeploymentPlan) -> Self {
        Self {
            description: plan.0.get("description").and_then(Value::as_str),
            nodes: plan.nodes(),
            outputs: plan.outputs(),
            workflows: plan.workflows(),
            groups: plan.groups(),
            capabilities: plan.capabilities(),
            inputs: plan.inputs(),
        }
    }
}

/// Compares a deployment with the plan that it is to follow.
pub fn steps(old: Deployed<'_>, new: &DeploymentPlan) -> Steps {
    let new = Deployed::from(new);
    let mut found = Steps::default();
    if old.description != new.description {
        found.add(Action::Modify, Entity::Description, path(["description"]));
    }
    let (old_nodes, new_nodes) = (by_id(old.nodes), by_id(new.nodes));
    found.plugins(&old_nodes, &new_nodes);
    found.nodes(&old_nodes, &new_nodes);
    found.maps(new.outputs, old.outputs, Entity::Output, &path(["outputs"]));
    found.maps(new.workflows, old.workflows, Entity::Workflow, &path(["workflows"]));
    for (action, name) in changed(new.groups, old.groups, same_group) {
        found.unsupported.push(step(action, Entity::Group, path(["groups", name])));
    }
    for (entity, section, new, old) in [
        (Entity::Input, "inputs", new.inputs, old.inputs),
        (Entity::Capability, "capabilities", new.capabilities, old.capabilities),
    ] {
        for (action, name) in changed(new, old, equal) {
            found.silent.push(step(action, entity, path([section, name])));
        }
    }
    order::sort(&mut found.supported, &new_nodes);
    found
}

type Nodes<'a> = IndexMap<&'a str, &'a Value>;

fn by_id(nodes: &[Value]) -> Nodes<'_> {
    nodes.iter().filter_map(|node| Some((node.get("id")?.as_str()?, node))).collect()
}

fn step(action: Action, entity: Entity, path: Vec<Part>) -> Step {
    Step { action, entity, path, topology_order: 0 }
}

/// A path one part longer.
fn under(path: &[Part], last: impl Into<Part>) -> Vec<Part> {
    path.iter().cloned().chain([last.into()]).collect()
}

/// A path of names.
fn path<const N: usize>(names: [&str; N]) -> Vec<Part> {
    names.map(Part::from).into()
}

impl Steps {
    fn add(&mut self, action: Action, entity: Entity, path: Vec<Part>) {
        self.supported.push(step(action, entity, path));
    }

    fn maps(&mut self, new: &Map, old: &Map, entity: Entity, at: &[Part]) {
        for (action, name) in changed(new, old, equal) {
            self.add(action, entity, under(at, name));
        }
    }

    /// Plugins of nodes that are there already; those of new nodes come with them.
    fn plugins(&mut self, old: &Nodes<'_>, new: &Nodes<'_>) {
        for section in ["plugins_to_install", "plugins"] {
            for (name, new) in new {
                let Some(old) = old.get(name) else { continue };
                let key = |plugin: &Value| (text(plugin, "name").to_owned(), text(plugin, "executor").to_owned());
                let known: HashMap<_, _> =
                    list(old, section).iter().rev().map(|plugin| (key(plugin), plugin)).collect();
                for plugin in list(new, section) {
                    let action = match known.get(&key(plugin)) {
                        None => Action::Add,
                        Some(old) if equal(plugin, old) => continue,
                        Some(_) => Action::Modify,
                    };
                    self.add(action, Entity::Plugin, path([section, name, text(plugin, "name")]));
                }
            }
        }
    }

    fn nodes(&mut self, old: &Nodes<'_>, new: &Nodes<'_>) {
        for (name, node) in new {
            match old.get(name) {
                None => self.add(Action::Add, Entity::Node, path(["nodes", name])),
                // It counts as another node, of which there is nothing to compare.
                Some(old) if text(old, "type") != text(node, "type") || container(old) != container(node) => {
                    self.unsupported.push(step(Action::Modify, Entity::Node, path(["nodes", name])));
                }
                Some(old) => self.node(name, node, old),
            }
        }
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            self.add(Action::Remove, Entity::Node, path(["nodes", name]));
        }
    }

    fn node(&mut self, name: &str, new: &Value, old: &Value) {
        let operations = path(["nodes", name, "operations"]);
        self.maps(map(new, "operations"), map(old, "operations"), Entity::Operation, &operations);
        let at = path(["nodes", name, "relationships"]);
        let (new_relationships, old_relationships) = (list(new, "relationships"), list(old, "relationships"));
        let mut olds = Places::of(old_relationships);
        for (index, relationship) in new_relationships.iter().enumerate() {
            match olds.next(relationship) {
                None => self.add(Action::Add, Entity::Relationship, under(&at, index)),
                Some(before) => {
                    if before != index {
                        self.add(Action::Modify, Entity::Relationship, under(&under(&at, before), index));
                    }
                    self.relationship(&under(&at, index), relationship, &old_relationships[before]);
                }
            }
        }
        let mut news = Places::of(new_relationships);
        for (index, relationship) in old_relationships.iter().enumerate() {
            if news.next(relationship).is_none() {
                self.add(Action::Remove, Entity::Relationship, under(&at, index));
            }
        }
        let properties = path(["nodes", name, "properties"]);
        self.maps(map(new, "properties"), map(old, "properties"), Entity::Property, &properties);
    }

    fn relationship(&mut self, at: &[Part], new: &Value, old: &Value) {
        for side in ["source_operations", "target_operations"] {
            self.maps(map(new, side), map(old, side), Entity::Operation, &under(at, side));
        }
        let at = under(at, "properties");
        for (action, name) in changed(map(new, "properties"), map(old, "properties"), equal) {
            self.unsupported.push(step(action, Entity::Property, under(&at, name)));
        }
    }
}

/// The keys that differ: those of the new one in its order, then those that only the old one has.
fn changed<'m>(
    new: &'m Map,
    old: &'m Map,
    same: fn(&Value, &Value) -> bool,
) -> impl Iterator<Item = (Action, &'m str)> {
    let of_new = new.iter().filter_map(move |(key, value)| match old.get(key) {
        None => Some((Action::Add, key.as_str())),
        Some(old) => (!same(value, old)).then_some((Action::Modify, key.as_str())),
    });
    let of_old = old.keys().filter(|key| !new.contains_key(key));
    of_new.chain(of_old.map(|key| (Action::Remove, key.as_str())))
}

/// Where relationships of one type to one target are; the first is the first, the second the second.
struct Places<'a>(HashMap<(&'a str, &'a str), std::vec::IntoIter<usize>>);

impl<'a> Places<'a> {
    fn of(relationships: &'a [Value]) -> Self {
        let mut places: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
        for (index, relationship) in relationships.iter().enumerate() {
            places.entry(key(relationship)).or_default().push(index);
        }
        Self(places.into_iter().map(|(key, places)| (key, places.into_iter())).collect())
    }

    fn next(&mut self, like: &'a Value) -> Option<usize> {
        self.0.get_mut(&key(like))?.next()
    }
}

fn key(relationship: &Value) -> (&str, &str) {
    (text(relationship, "type"), text(relationship, "target_id"))
}

/// Groups are the same whatever the order of their members.
fn same_group(new: &Value, old: &Value) -> bool {
    let members = |group: &Value| -> std::collections::BTreeSet<String> {
        list(group, "members").iter().map(ToString::to_string).collect()
    };
    let rest = |group: &Value| {
        let mut rest = group.as_object().cloned().unwrap_or_default();
        rest.shift_remove("members");
        Value::Object(rest)
    };
    members(new) == members(old) && equal(&rest(new), &rest(old))
}

fn container(node: &Value) -> Option<&str> {
    let contained_in = |relationship: &&Value| {
        list(relationship, "type_hierarchy").iter().any(|name| name == "cloudify.relationships.contained_in")
    };
    list(node, "relationships").iter().find(contained_in).map(|relationship| text(relationship, "target_id"))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], List::as_slice)
}

fn map<'v>(value: &'v Value, key: &str) -> &'v Map {
    value.get(key).and_then(Value::as_object).unwrap_or(empty())
}
