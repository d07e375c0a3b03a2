//! Which plugins a node needs, and where they are to be installed (spec dsl.md section 4.3).

use std::collections::HashMap;

use indexmap::{IndexMap, IndexSet};
use nephele_model::json::{List, Map, Text, Value, name};

use super::Scope;
use super::nodes::Node;
use super::refused::Section;
use crate::diagnostic::{Diagnostic, Fault};
use crate::element::Element;
use crate::locate;

/// The last keys of every node: `plugins`, perhaps `plugins_to_install`, `deployment_plugins_to_install`.
pub(crate) fn collect(section: &Element<'_, '_>, nodes: &[Node], scope: &mut Scope<'_>) -> Vec<Vec<(Text, Value)>> {
    let used = used(nodes);
    let mut is_first = true;
    let all_hosts_are_known = !scope.refused.lacks(Section::NodeTemplates);
    let mut to_install: HashMap<&str, IndexMap<&str, Value>> = HashMap::new();
    let mut with_executor: HashMap<(&str, &str), Value> = HashMap::new();
    let mut shown = Vec::with_capacity(nodes.len());
    for (node, used) in nodes.iter().zip(&used) {
        let mut plugins = Vec::with_capacity(used.len());
        let mut on_manager: IndexMap<&str, Value> = IndexMap::new();
        for (name, executor) in used {
            let Some(plugin) = scope.plugins.get(*name) else { continue };
            let plugin = with_executor.entry((*name, *executor)).or_insert_with(|| {
                let mut plugin = plugin.clone();
                plugin.insert("executor", Value::from(*executor));
                Value::Object(plugin)
            });
            let plugin = plugin.clone();
            match (*executor, node.host_id.as_deref()) {
                ("central_deployment_agent", _) => {
                    on_manager.insert(name, plugin.clone());
                }
                ("host_agent", Some(host)) => {
                    to_install.entry(host).or_default().insert(name, plugin.clone());
                }
                ("host_agent", None) if all_hosts_are_known || !node.is_contained() => {
                    let message = format!(
                        "node '{}' has no relationship which makes it contained within a host and it has a plugin \
                         '{name}' with 'host_agent' as an executor. These types of plugins must be installed on a host",
                        node.name
                    );
                    let problem = Diagnostic::new(Fault::HostAgentWithoutHost, message);
                    let problem = locate::placed(section.top(), &format!("nodes.{}", node.name), problem);
                    scope.problems.push(if is_first { section.quoted(problem) } else { problem });
                    is_first = false;
                }
                _ => {}
            }
            plugins.push(plugin);
        }
        shown.push((plugins, on_manager.into_values().collect::<Vec<_>>()));
    }
    let mut result = Vec::with_capacity(nodes.len());
    for (node, (plugins, on_manager)) in nodes.iter().zip(shown) {
        let mut keys = vec![(name!("plugins"), Value::from(plugins))];
        if node.is_host {
            let on_host = to_install.remove(node.name.as_str()).unwrap_or_default();
            keys.push((name!("plugins_to_install"), Value::Array(on_host.into_values().collect())));
        }
        keys.push((name!("deployment_plugins_to_install"), Value::from(on_manager)));
        result.push(keys);
    }
    result
}

/// Plugin and executor of every operation that runs for a node: its own, those of its relationships'
/// source side, and those of the target side of relationships that point at it.
fn used(nodes: &[Node]) -> Vec<IndexSet<(&str, &str)>> {
    let places: HashMap<&str, usize> =
        nodes.iter().enumerate().map(|(index, node)| (node.name.as_str(), index)).collect();
    let mut used: Vec<IndexSet<(&str, &str)>> = vec![IndexSet::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        add(&mut used[index], node.planned.get("operations"));
        let relationships = node.planned.get("relationships").and_then(Value::as_array).map_or(&[][..], List::as_slice);
        for relationship in relationships {
            add(&mut used[index], relationship.get("source_operations"));
            let target = relationship.get("target_id").and_then(Value::as_str).and_then(|target| places.get(target));
            if let Some(target) = target {
                add(&mut used[*target], relationship.get("target_operations"));
            }
        }
    }
    used
}

fn add<'a>(used: &mut IndexSet<(&'a str, &'a str)>, operations: Option<&'a Value>) {
    for operation in operations.and_then(Value::as_object).into_iter().flat_map(Map::values) {
        let text = |key| operation.get(key).and_then(Value::as_str).unwrap_or_default();
        if !text("plugin").is_empty() {
            used.insert((text("plugin"), text("executor")));
        }
    }
}

/// The union of one plugin list over all nodes: the place of the first, the value of the last.
pub(crate) fn union(nodes: &[Value], key: &str) -> Value {
    let mut plugins: IndexMap<&str, &Value> = IndexMap::new();
    for plugin in nodes.iter().filter_map(|node| node.get(key)?.as_array()).flatten() {
        if let Some(name) = plugin.get("name").and_then(Value::as_str) {
            plugins.insert(name, plugin);
        }
    }
    Value::Array(plugins.into_values().cloned().collect())
}
