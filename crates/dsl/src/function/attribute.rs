//! Functions of a running deployment: attributes of node instances, secrets, capabilities, labels (spec
//! dsl.md sections 6.4 and 6.5).

use nephele_model::python_text;
use std::collections::HashSet;
use std::sync::Arc;

use nephele_model::json::{List, Map, Text, Value};

use super::evaluate::Evaluator;
use super::property::{self, Lookup};
use super::world::View;
use super::{Missing, Storage, failure};
use crate::diagnostic::{Diagnostic, Kind};

/// The value of a function that only a running deployment knows.
pub(crate) fn call(
    evaluator: &Evaluator<'_>,
    function: &str,
    argument: &Value,
    view: &mut std::borrow::Cow<'_, View<'_>>,
    path: &mut String,
    depth: usize,
) -> Result<Value, Diagnostic> {
    let storage = evaluator.world().storage()?;
    let items = argument.as_array().map_or(&[][..], List::as_slice);
    let text = |index: usize| items.get(index).map(python_text::str).unwrap_or_default();
    if let Some(answer) = storage.answer(function, argument) {
        return answer;
    }
    match function {
        "get_attribute" => {
            let instance = match resolve(storage, &text(0), view, path, &items[1..]) {
                Ok(instance) => instance,
                Err(problem) if view.lenient => return Ok(Value::from(format!("<ERROR: {problem}>"))),
                Err(problem) => return Err(problem),
            };
            let node = evaluator.world().node(&id_of(&instance, "node_id"))?;
            if view.instances.self_id.is_some() {
                view.to_mut().instances.self_id = Some(id_of(&instance, "id"));
            }
            attribute(evaluator, function, &instance, &node, &items[1..], view, path, depth)
        }
        "get_attributes_list" => {
            let node_id = node_id(storage, function, &text(0), view, path, &items[1..])?;
            let node = evaluator.world().node(&node_id)?;
            let mut values = Vec::new();
            for instance in storage.node_instances(&node_id) {
                values.push(attribute(evaluator, function, &instance, &node, &items[1..], view, path, depth)?);
            }
            Ok(Value::from(values))
        }
        "get_attributes_dict" => {
            let node_id = node_id(storage, function, &text(0), view, path, &items[1..])?;
            let node = evaluator.world().node(&node_id)?;
            let mut values = Map::new();
            for instance in storage.node_instances(&node_id) {
                let mut attributes = Map::new();
                for wanted in &items[1..] {
                    let steps = wanted.as_array().cloned().unwrap_or_else(|| List::from([wanted.clone()]));
                    let value = attribute(evaluator, function, &instance, &node, &steps, view, path, depth)?;
                    attributes.insert(identifier(wanted), value);
                }
                values.insert(id_of(&instance, "id"), Value::Object(attributes));
            }
            Ok(Value::Object(values))
        }
        "get_secret" => {
            let name = if items.is_empty() { python_text::str(argument) } else { text(0) };
            let secret = storage.secret(&name).ok_or_else(|| storage.missing(Missing::Secret(&name)))?;
            if items.is_empty() { Ok(Value::from(secret)) } else { property::of_secret(&secret, items) }
        }
        "get_capability" => storage
            .capability(&text(0), &text(1))
            .map_err(|message| failure(function, message))
            .and_then(|value| property::of_capability(&value, items)),
        "get_group_capability" => group_capability(storage, items),
        "get_environment_capability" => {
            let name = if items.is_empty() { python_text::str(argument) } else { text(0) };
            environment_capability(storage, &name, items)
        }
        "get_label" => label(storage, argument),
        "get_sys" => storage
            .system(&text(0), &text(1))
            .ok_or_else(|| failure(function, format!("{} {} is unknown", text(0), text(1)))),
        "get_consumers" => Ok(consumers(storage, argument)),
        other => Err(failure(other, "unknown function")),
    }
}

/// The key of an attribute path in the answer of `get_attributes_dict`.
pub(crate) fn identifier(path: &Value) -> String {
    match path {
        Value::Array(steps) => steps.iter().map(python_text::str).collect::<Vec<_>>().join("."),
        other => python_text::str(other),
    }
}

/// Runtime properties first, then the two special names, then the node's properties; else nothing.
#[expect(clippy::too_many_arguments, reason = "an attribute of an instance of a node, and from where it is seen")]
fn attribute(
    evaluator: &Evaluator<'_>,
    function: &str,
    instance: &Value,
    node: &Value,
    steps: &[Value],
    view: &View<'_>,
    path: &mut String,
    depth: usize,
) -> Result<Value, Diagnostic> {
    let node_id = id_of(instance, "node_id");
    let place = path.clone();
    let lookup = Lookup { function, node: &node_id, path: steps, place: &place, strict: false };
    let mut find = |root: Option<&Value>| {
        property::descend(&lookup, root.unwrap_or(&Value::Null), |value, leads_on| {
            evaluator.on_the_way(value, leads_on, view, path, depth)
        })
    };
    let value = find(instance.get("runtime_properties"))?;
    if !value.is_null() {
        return Ok(value);
    }
    if let [only] = steps {
        match only.as_str() {
            Some("node_instance_id") => return Ok(Value::from(id_of(instance, "id"))),
            Some("node_instance_index") => return Ok(instance.get("index").cloned().unwrap_or_default()),
            _ => {}
        }
    }
    find(node.get("properties"))
}

fn id_of(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The node that the first argument of a function over all instances means.
fn node_id(
    storage: &dyn Storage,
    function: &str,
    name: &str,
    view: &View<'_>,
    path: &str,
    rest: &[Value],
) -> Result<String, Diagnostic> {
    let id = match name {
        "SELF" => &view.instances.self_id,
        "SOURCE" => &view.instances.source_id,
        "TARGET" => &view.instances.target_id,
        name => return Ok(name.to_owned()),
    };
    let Some(id) = id else { return Err(missing(function, name, path, rest)) };
    Ok(storage.node_instance(id).map_or_else(|| id.clone(), |instance| id_of(&instance, "node_id")))
}

fn missing(function: &str, name: &str, path: &str, rest: &[Value]) -> Diagnostic {
    let rest = python_text::repr(&Value::from(rest.to_vec()));
    failure(function, format!("{name} is missing in request context in {path} for attribute {rest}"))
}

/// The node instance whose attribute is asked for.
fn resolve(
    storage: &dyn Storage,
    name: &str,
    view: &View<'_>,
    path: &str,
    rest: &[Value],
) -> Result<Arc<Value>, Diagnostic> {
    let instances = &view.instances;
    let hinted = instances.hint.as_deref().and_then(|id| storage.node_instance(id));
    if let Some(hinted) = hinted.filter(|hinted| id_of(hinted, "node_id") == name) {
        return Ok(hinted);
    }
    let id = match name {
        "SELF" => &instances.self_id,
        "SOURCE" => &instances.source_id,
        "TARGET" => &instances.target_id,
        name => return by_name(storage, name, name, view),
    };
    match (id, view.node.as_deref()) {
        (Some(id), _) => storage.node_instance(id).ok_or_else(|| storage.missing(Missing::NodeInstance(id))),
        (None, node) if name == "SELF" => by_name(storage, node.unwrap_or(name), name, view),
        _ => Err(missing("get_attribute", name, path, rest)),
    }
}

/// The instance of a node that is meant; `name` is what the function calls it.
fn by_name(storage: &dyn Storage, node: &str, name: &str, view: &View<'_>) -> Result<Arc<Value>, Diagnostic> {
    let candidates = storage.node_instances(node);
    match candidates.as_slice() {
        [] => Err(failure("get_attribute", format!("Node {name} has no instances."))),
        [only] => Ok(Arc::clone(only)),
        several => by_relationship(storage, name, several, view)
            .or_else(|| by_scaling_group(storage, several, view))
            .ok_or_else(|| {
                let message = format!(
                    "More than one node instance found for node \"{name}\". Cannot resolve a node instance \
                     unambiguously."
                );
                failure("get_attribute", message)
            }),
    }
}

fn by_relationship(
    storage: &dyn Storage,
    name: &str,
    candidates: &[Arc<Value>],
    view: &View<'_>,
) -> Option<Arc<Value>> {
    let instance = storage.node_instance(view.instances.self_id.as_deref()?)?;
    let targets: HashSet<&str> = list(&instance, "relationships")
        .iter()
        .filter(|relationship| relationship.get("target_name").and_then(Value::as_str) == Some(name))
        .filter_map(|relationship| relationship.get("target_id")?.as_str())
        .collect();
    let target = targets.iter().next().filter(|_| targets.len() == 1)?;
    candidates.iter().find(|candidate| id_of(candidate, "id") == **target).cloned()
}

fn by_scaling_group(storage: &dyn Storage, candidates: &[Arc<Value>], view: &View<'_>) -> Option<Arc<Value>> {
    let in_group_of = |id: &Option<String>| {
        let groups = groups(storage, storage.node_instance(id.as_deref()?)?);
        let near = self::groups(storage, Arc::clone(&candidates[0]));
        let (name, instance) = groups.iter().find(|(name, _)| near.iter().any(|(other, _)| other == name))?;
        let mut matching = candidates.iter().filter(|candidate| {
            self::groups(storage, Arc::clone(candidate)).iter().any(|(other, id)| other == name && id == instance)
        });
        matching.next().filter(|_| matching.next().is_none()).cloned()
    };
    if view.instances.self_id.is_some() {
        return in_group_of(&view.instances.self_id);
    }
    in_group_of(&view.instances.source_id).or_else(|| in_group_of(&view.instances.target_id))
}

/// Name and id of every scaling group around an instance, innermost first.
fn groups(storage: &dyn Storage, instance: Arc<Value>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut at = Some(instance);
    while let Some(instance) = at {
        if !seen.insert(id_of(&instance, "id")) {
            break;
        }
        found.extend(list(&instance, "scaling_groups").iter().map(|group| (id_of(group, "name"), id_of(group, "id"))));
        at = container(storage, &instance);
    }
    found
}

fn container(storage: &dyn Storage, instance: &Value) -> Option<Arc<Value>> {
    let node = storage.node(&id_of(instance, "node_id"))?;
    let contained_in = Value::from("cloudify.relationships.contained_in");
    let relationship = list(&node, "relationships")
        .iter()
        .find(|relationship| list(relationship, "type_hierarchy").contains(&contained_in))?;
    let target = relationship.get("target_id")?;
    let own =
        list(instance, "relationships").iter().find(|relationship| relationship.get("target_name") == Some(target))?;
    storage.node_instance(own.get("target_id")?.as_str()?)
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], List::as_slice)
}

fn group_capability(storage: &dyn Storage, items: &[Value]) -> Result<Value, Diagnostic> {
    let group = items.first().map(python_text::str).unwrap_or_default();
    let deployments = storage.group_capabilities(&group).map_err(|message| failure("get_group_capability", message))?;
    let wanted = items.get(1).cloned().unwrap_or_default();
    let descend = |value: &Value| property::of_capability(value, items);
    match &wanted {
        Value::Array(names) => {
            let mut values = Map::new();
            for (deployment, capabilities) in &deployments {
                let mut own = Map::new();
                for name in names.iter().map(python_text::str) {
                    if let Some(value) = capabilities.get(&name) {
                        own.insert(name, descend(value)?);
                    }
                }
                if !own.is_empty() {
                    values.insert(deployment.clone(), Value::Object(own));
                }
            }
            Ok(Value::Object(values))
        }
        wanted => {
            let name = python_text::str(wanted);
            let (with_ids, name) = match name.strip_prefix("deployment_id:") {
                Some(name) => (true, name.to_owned()),
                None => (false, name),
            };
            let mut found: Vec<(&Text, Value)> = Vec::new();
            for (deployment, capabilities) in &deployments {
                if let Some(value) = capabilities.get(&name) {
                    found.push((deployment, descend(value)?));
                }
            }
            found.sort_by(|left, right| left.0.cmp(right.0));
            if with_ids {
                return Ok(Value::Object(found.into_iter().map(|(id, value)| (id.clone(), value)).collect()));
            }
            Ok(Value::Array(found.into_iter().map(|(_, value)| value).collect()))
        }
    }
}

/// A capability of the deployment that this one lives in, named by a label.
fn environment_capability(storage: &dyn Storage, name: &str, items: &[Value]) -> Result<Value, Diagnostic> {
    let parent = storage.label("csys-obj-parent").first().map(python_text::str).ok_or_else(|| {
        failure("get_environment_capability", "the deployment has no parent: label 'csys-obj-parent' is missing")
    })?;
    let value = storage.capability(&parent, name).map_err(|message| failure("get_environment_capability", message))?;
    let mut path = vec![Value::from(parent), Value::from(name)];
    path.extend(items.iter().skip(1).cloned());
    property::of_capability(&value, &path)
}

fn label(storage: &dyn Storage, argument: &Value) -> Result<Value, Diagnostic> {
    let (key, index) = match argument {
        Value::Array(items) => (items.first().map(python_text::str).unwrap_or_default(), items.get(1)),
        other => (python_text::str(other), None),
    };
    let values = storage.label(&key);
    if values.is_empty() {
        return Err(failure("get_label", format!("The deployment does not have the label '{key}' assigned to it")));
    }
    let Some(index) = index else { return Ok(Value::from(values)) };
    let index = index.as_u64().or_else(|| index.as_str()?.parse().ok()).and_then(|index| usize::try_from(index).ok());
    index.and_then(|index| values.get(index)).cloned().ok_or_else(|| {
        let message = format!(
            "The provided label-values list index is out of range. The key '{key}' has {} values",
            values.len()
        );
        Diagnostic::new(Kind::FunctionEvaluation, None, format!("Unable to evaluate get_label function: {message}"))
    })
}

fn consumers(storage: &dyn Storage, argument: &Value) -> Value {
    let consumers = storage.consumers();
    match argument.as_str() {
        Some("count") => Value::from(consumers.len()),
        Some("names") => consumers.into_iter().map(|(_, name)| Value::from(name)).collect(),
        _ => consumers.into_iter().map(|(id, _)| Value::from(id)).collect(),
    }
}
