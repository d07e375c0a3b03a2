//! Functions of a running deployment: attributes of node instances, secrets, capabilities, labels (spec
//! dsl.md sections 6.4 and 6.5).

use std::borrow::Cow;

use nephele_model::json::{List, Map, Value};
use nephele_model::python_text;

use super::evaluate::{All, Evaluator};
use super::instance::{missing, resolve};
use super::property::{self, Way};
use super::world::View;
use super::{Instance, Lookup, Node, Stop, Storage, failure};

/// The value of a function that only a running deployment knows.
pub(crate) fn call(
    evaluator: &Evaluator<'_>,
    function: &str,
    argument: &Value,
    view: &mut Cow<'_, View<'_>>,
    path: &mut String,
    depth: usize,
) -> Lookup<Value> {
    let storage = evaluator.world().storage()?;
    let items = argument.as_array().map_or(&[][..], List::as_slice);
    let text = |index: usize| items.get(index).map(python_text::str).unwrap_or_default();
    match function {
        "get_attribute" => {
            let instance = match resolve(storage, &text(0), view, path, &items[1..]) {
                Err(Stop::Failed(problem)) if view.lenient => return Ok(Value::from(format!("<ERROR: {problem}>"))),
                instance => instance?,
            };
            let node = evaluator.world().node(&instance.node_id)?;
            if view.instances.self_id.is_some() {
                view.to_mut().instances.self_id = Some(instance.id.clone());
            }
            attribute(evaluator, function, &instance, &node, &items[1..], view, path, depth)
        }
        "get_attributes_list" => {
            let node_id = node_id(storage, function, &text(0), view, path, &items[1..])?;
            let node = evaluator.world().node(&node_id)?;
            let (mut values, mut all) = (Vec::new(), All::default());
            for instance in &*storage.node_instances(&node_id)? {
                values.push(all.take(attribute(
                    evaluator,
                    function,
                    instance,
                    &node,
                    &items[1..],
                    view,
                    path,
                    depth,
                ))?);
            }
            all.or_later(Value::from(values))
        }
        "get_attributes_dict" => {
            let node_id = node_id(storage, function, &text(0), view, path, &items[1..])?;
            let node = evaluator.world().node(&node_id)?;
            let (mut values, mut all) = (Map::new(), All::default());
            for instance in &*storage.node_instances(&node_id)? {
                let mut attributes = Map::new();
                for wanted in &items[1..] {
                    let steps = wanted.as_array().map_or(std::slice::from_ref(wanted), List::as_slice);
                    let value = attribute(evaluator, function, instance, &node, steps, view, path, depth);
                    attributes.insert(identifier(wanted), all.take(value)?);
                }
                values.insert(instance.id.clone(), Value::Object(attributes));
            }
            all.or_later(Value::Object(values))
        }
        "get_secret" if items.is_empty() => storage.secret(&python_text::str(argument)).map(Value::from),
        "get_secret" => Ok(property::of_secret(&storage.secret(&text(0))?, items)?),
        "get_capability" => storage.capability(items, depth),
        "get_group_capability" => storage.group_capability(items, depth),
        "get_environment_capability" => {
            let mut path = vec![storage.label("csys-obj-parent", Some(0))?];
            path.extend_from_slice(if items.is_empty() { std::slice::from_ref(argument) } else { items });
            storage.capability(&path, depth)
        }
        "get_label" if items.is_empty() => storage.label(&python_text::str(argument), None),
        "get_label" => storage.label(&text(0), items.get(1).and_then(label_index)),
        "get_sys" => storage.system(&text(0), &text(1)),
        "get_consumers" => match argument.as_str() {
            Some("count") => Ok(Value::from(storage.consumers()?.len())),
            Some("names") => storage.consumer_names().map(Value::from),
            _ => storage.consumers().map(Value::from),
        },
        other => Err(failure(other, "unknown function").into()),
    }
}

/// The index of a label's value: a number, also as text.
fn label_index(index: &Value) -> Option<i64> {
    index.as_i64().or_else(|| index.as_bool().map(i64::from)).or_else(|| index.as_str()?.parse().ok())
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
    instance: &Instance,
    node: &Node,
    steps: &[Value],
    view: &View<'_>,
    path: &mut String,
    depth: usize,
) -> Lookup<Value> {
    let place = path.clone();
    let way = Way { function, node: &instance.node_id, path: steps, place: &place, strict: false };
    let mut find = |root: &Value| {
        property::descend(&way, root, |value, leads_on| evaluator.on_the_way(value, leads_on, view, path, depth))
    };
    let value = find(&instance.runtime_properties)?;
    if !value.is_null() {
        return Ok(value);
    }
    if let [only] = steps {
        match only.as_str() {
            Some("node_instance_id") => return Ok(Value::from(instance.id.as_str())),
            Some("node_instance_index") => return Ok(Value::from(instance.index)),
            _ => {}
        }
    }
    find(&node.properties)
}

/// The node that the first argument of a function over all instances means.
fn node_id(
    storage: &dyn Storage,
    function: &str,
    name: &str,
    view: &View<'_>,
    path: &str,
    rest: &[Value],
) -> Lookup<String> {
    let id = match name {
        "SELF" => &view.instances.self_id,
        "SOURCE" => &view.instances.source_id,
        "TARGET" => &view.instances.target_id,
        name => return Ok(name.to_owned()),
    };
    let Some(id) = id else { return Err(missing(function, name, path, rest)) };
    // The reference takes the context's value for the name of a node.
    Ok(storage.find_node_instance(id)?.map_or_else(|| id.clone(), |instance| instance.node_id.clone()))
}
