//! What an update changes in nodes and node instances, worked out from its steps and plans. Pure.
//!
//! The shapes are those of the update's record (`deployment_update_nodes`,
//! `deployment_update_node_instances`), which clients show: spec workflows.md section 9.1.

use std::collections::HashMap;

use indexmap::IndexMap;
use nephele_dsl::diff::{Action, Entity, Part, Step};
use nephele_dsl::{Change, Changes, DeploymentPlan, Modified};
use nephele_model::json::{List, Value};
use serde::{Deserialize, Serialize};

/// Nodes that come, go and change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct NodeChanges {
    /// The parts that change, by node; a part is named once for each step about it.
    #[serde(default)]
    pub(crate) modify_attributes: IndexMap<String, Vec<String>>,
    /// The paths of new nodes.
    #[serde(default)]
    pub(crate) add: Vec<Vec<String>>,
    /// The paths of nodes that go.
    #[serde(default)]
    pub(crate) remove: Vec<Vec<String>>,
    /// Plugins that nodes no longer use, by node.
    #[serde(default)]
    pub(crate) host_plugins_to_uninstall: IndexMap<String, Vec<Value>>,
    /// Plugins beside the manager that the deployment no longer uses; they stay until someone deletes them.
    #[serde(default)]
    pub(crate) cda_plugins_to_uninstall: Vec<Value>,
}

/// Node instances that come, go, and gain or lose relationships.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct InstanceChanges {
    #[serde(default)]
    pub(crate) added_and_related: Vec<Value>,
    #[serde(default)]
    pub(crate) extended_and_related: Vec<Value>,
    #[serde(default)]
    pub(crate) reduced_and_related: Vec<Value>,
    #[serde(default)]
    pub(crate) removed_and_related: Vec<Value>,
    /// Nodes whose relationships come, go or change places.
    #[serde(default)]
    pub(crate) relationships_changed: Vec<String>,
}

impl NodeChanges {
    /// The names of new nodes.
    pub(crate) fn added(&self) -> impl Iterator<Item = &str> {
        self.add.iter().filter_map(|path| path.last()).map(String::as_str)
    }

    /// The names of nodes that go.
    pub(crate) fn removed(&self) -> impl Iterator<Item = &str> {
        self.remove.iter().filter_map(|path| path.last()).map(String::as_str)
    }

    /// Whether a part of a node changes.
    pub(crate) fn changes(&self, node: &str, part: &str) -> bool {
        self.modify_attributes.get(node).is_some_and(|parts| parts.iter().any(|one| one == part))
    }
}

impl InstanceChanges {
    pub(crate) fn new(modified: Modified, steps: &[Step]) -> Self {
        let mut relationships_changed: Vec<String> = Vec::new();
        for step in steps.iter().filter(|step| step.entity == Entity::Relationship) {
            if let Some(node) = node_of(step).filter(|node| !relationships_changed.iter().any(|one| one == node)) {
                relationships_changed.push(node.to_owned());
            }
        }
        let Modified { added_and_related, extended_and_related, reduced_and_related, removed_and_related } = modified;
        Self {
            added_and_related,
            extended_and_related,
            reduced_and_related,
            removed_and_related,
            relationships_changed,
        }
    }

    /// Every list of instances.
    pub(crate) fn lists_mut(&mut self) -> [&mut Vec<Value>; 4] {
        [
            &mut self.added_and_related,
            &mut self.extended_and_related,
            &mut self.reduced_and_related,
            &mut self.removed_and_related,
        ]
    }
}

/// The node that a step is about: `[nodes, NODE, ...]`, `[plugins, NODE, ...]`.
pub(crate) fn node_of(step: &Step) -> Option<&str> {
    match (step.path.get(1), step.entity) {
        (Some(Part::Name(node)), Entity::Node | Entity::Relationship | Entity::Property | Entity::Operation) => {
            Some(node)
        }
        (Some(Part::Name(node)), Entity::Plugin) => Some(node),
        _ => None,
    }
}

/// What steps and plan change in nodes. `old` are the nodes as they are.
pub(crate) fn of_nodes(steps: &[Step], plan: &DeploymentPlan, old: &[Value]) -> NodeChanges {
    let mut changes = NodeChanges::default();
    for step in steps {
        let Some(node) = node_of(step) else { continue };
        let part = match step.entity {
            Entity::Node => {
                let path = step.path.iter().map(text_of).collect();
                match step.action {
                    Action::Add => changes.add.push(path),
                    Action::Remove => changes.remove.push(path),
                    Action::Modify => {}
                }
                continue;
            }
            Entity::Plugin => "plugins",
            Entity::Relationship => "relationships",
            Entity::Property => "properties",
            _ if step.path.contains(&Part::from("relationships")) => "relationships",
            _ => "operations",
        };
        changes.modify_attributes.entry(node.to_owned()).or_default().push(part.to_owned());
    }
    let old = by_id(old);
    for node in plan.nodes() {
        let Some((name, before)) = node["id"].as_str().and_then(|name| Some((name, old.get(name)?))) else { continue };
        // A node's row has its numbers of instances in columns, so the original finds them changed each time.
        if node.get("capabilities").is_some() {
            changes.modify_attributes.entry(name.to_owned()).or_default().push("capabilities".to_owned());
        }
        let kept = list(node, "plugins");
        let gone: Vec<Value> = list(before, "plugins").iter().filter(|one| !kept.contains(one)).cloned().collect();
        if !gone.is_empty() {
            changes.host_plugins_to_uninstall.insert(name.to_owned(), gone);
        }
    }
    changes
}

/// Plugins beside the manager that one plan uses and the other does not.
pub(crate) fn central_plugins_gone(before: &Value, after: &DeploymentPlan) -> Vec<Value> {
    let sections = ["deployment_plugins_to_install", "workflow_plugins_to_install"];
    let kept: Vec<&Value> =
        after.deployment_plugins_to_install().iter().chain(after.workflow_plugins_to_install()).collect();
    let mut gone: Vec<Value> = Vec::new();
    for plugin in sections.iter().flat_map(|section| list(before, section)) {
        if plugin["executor"] == "central_deployment_agent" && !kept.contains(&plugin) && !gone.contains(plugin) {
            gone.push(plugin.clone());
        }
    }
    gone
}

/// Puts the present numbers of instances into a blueprint's plan, which only knows those of its text. What an
/// `instances: {deploy: N}` demands goes before what was scaled since.
pub(crate) fn keep_counts(plan: &mut Value, old: &[Value]) {
    let old = by_id(old);
    let Some(nodes) = plan.get_mut("nodes") else { return };
    for node in nodes.items_mut() {
        let Some(before) = node["id"].as_str().and_then(|name| old.get(name)) else { continue };
        let deploy = Some(node["instances"]["deploy"].clone()).filter(|deploy| !deploy.is_null());
        let planned = deploy.unwrap_or_else(|| before["planned_number_of_instances"].clone());
        let counts = node.get_mut("capabilities").and_then(|found| found.get_mut("scalable"));
        let Some(counts) = counts.and_then(|found| found.get_mut("properties")).and_then(Value::as_object_mut) else {
            continue;
        };
        counts.insert("current_instances", before["number_of_instances"].clone());
        counts.insert("planned_instances", planned);
    }
}

/// Nodes that are to have another number of instances than was planned for them before.
pub(crate) fn counts(plan: &DeploymentPlan, old: &[Value]) -> Changes {
    let old = by_id(old);
    let changed = |node: &Value| {
        let name = node["id"].as_str()?;
        let planned = &node["capabilities"]["scalable"]["properties"]["planned_instances"];
        let instances = usize::try_from(planned.as_i64()?).ok()?;
        (*planned != old.get(name)?["planned_number_of_instances"])
            .then(|| (name.to_owned(), Change { instances, ..Change::default() }))
    };
    plan.nodes().iter().filter_map(changed).collect()
}

fn by_id(nodes: &[Value]) -> HashMap<&str, &Value> {
    nodes.iter().filter_map(|node| Some((node["id"].as_str()?, node))).collect()
}

fn text_of(part: &Part) -> String {
    match part {
        Part::Name(name) => name.clone(),
        Part::Index(index) => index.to_string(),
    }
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], List::as_slice)
}

#[cfg(test)]
mod tests {
    use nephele_dsl::diff::{self, Deployed};
    use nephele_model::json::json;

    use super::*;

    fn plan(nodes: Value) -> DeploymentPlan {
        serde_json::from_value(serde_json::json!({"nodes": serde_json::Value::from(nodes)})).unwrap()
    }

    fn node(name: &str, planned: u64) -> Value {
        json!({
            "id": name, "name": name, "type": "t", "planned_number_of_instances": planned,
            "number_of_instances": planned, "relationships": [], "properties": {}, "operations": {},
            "plugins": [{"name": "p", "executor": "central_deployment_agent", "package_version": "1"}],
            "capabilities": {"scalable": {"properties": {"planned_instances": planned}}},
        })
    }

    #[test]
    fn steps_become_changes_of_nodes() {
        let mut changed = node("a", 1);
        changed.as_object_mut().unwrap().insert("properties", json!({"x": 1, "y": 2}));
        changed.as_object_mut().unwrap().insert("plugins", json!([]));
        changed
            .as_object_mut()
            .unwrap()
            .insert("relationships", json!([{"type": "r", "target_id": "b", "type_hierarchy": ["r"]}]));
        let (old, new) = (plan(json!([node("a", 1), node("gone", 1)])), plan(json!([changed, node("b", 1)])));
        let steps = diff::steps(Deployed::from(&old), &new).supported;
        let changes = of_nodes(&steps, &new, old.nodes());
        assert_eq!(changes.modify_attributes["a"], ["properties", "properties", "relationships", "capabilities"]);
        assert_eq!((changes.add, changes.remove), (vec![path("b")], vec![path("gone")]));
        assert_eq!(changes.host_plugins_to_uninstall["a"].len(), 1);
        let instances = InstanceChanges::new(Modified::default(), &steps);
        assert_eq!(instances.relationships_changed, ["a"]);
    }

    fn path(node: &str) -> Vec<String> {
        vec!["nodes".to_owned(), node.to_owned()]
    }

    #[test]
    fn what_was_scaled_stays_unless_the_blueprint_names_a_number() {
        let old = [node("scaled", 3), node("named", 1), node("same", 1)];
        let mut plan = json!({"nodes": [node("scaled", 1), node("named", 1), node("same", 1)]});
        let nodes = plan.get_mut("nodes").unwrap().items_mut();
        nodes[1].as_object_mut().unwrap().insert("instances", json!({"deploy": 2}));
        keep_counts(&mut plan, &old);
        let plan = self::plan(plan["nodes"].clone());
        assert_eq!(plan.nodes()[0]["capabilities"]["scalable"]["properties"]["current_instances"], 3);
        let counts = counts(&plan, &old);
        assert_eq!(counts.iter().map(|(name, one)| (name.as_str(), one.instances)).collect::<Vec<_>>(), [("named", 2)]);
    }

    #[test]
    fn central_plugins_go_once_and_others_stay() {
        let central =
            |version: &str| json!({"name": "p", "package_version": version, "executor": "central_deployment_agent"});
        let before = json!({
            "deployment_plugins_to_install": [central("1"), central("2")],
            "workflow_plugins_to_install": [central("1"), {"name": "h", "executor": "host_agent"}],
        });
        let after = json!({"deployment_plugins_to_install": [central("2")]});
        let after = serde_json::from_value(after.into()).unwrap();
        assert_eq!(central_plugins_gone(&before, &after), [central("1")]);
    }
}
