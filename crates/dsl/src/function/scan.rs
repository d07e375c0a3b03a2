//! Where functions may stand in a plan, in the order in which they are looked at (spec dsl.md section
//! 6.2).
//!
//! Plans share what nodes of a type have in common, so a visit reads, and answers with what takes a
//! value's place: parts in which nothing is replaced stay shared.

use std::cell::Cell;
use std::fmt::Write;

use nephele_model::json::{List, Map, Text, Value};

use super::world::{Part, View};
use crate::diagnostic::Diagnostic;

/// A value that may hold functions, and from where it is seen.
pub(crate) struct Site<'a> {
    pub(crate) value: &'a Value,
    pub(crate) view: &'a View<'a>,
    /// The relationship's type, in a relationship.
    pub(crate) relationship_type: Option<&'a str>,
    /// The property of the view's node that this is, if it is one.
    pub(crate) property: Option<&'a str>,
    /// The value's path.
    pub(crate) path: String,
}

/// What takes a value's place, if anything does.
pub(crate) type Replaced = Result<Option<Value>, Diagnostic>;

/// Called for every value.
pub(crate) type Visit<'v> = dyn FnMut(Site<'_>) -> Replaced + 'v;

/// Visits everything that may hold functions.
pub(crate) fn each(plan: &mut Map, visit: &mut Visit<'_>) -> Result<(), Diagnostic> {
    for node in plan.get_mut("nodes").into_iter().flat_map(Value::items_mut) {
        if let Some(changed) = each_of_node(node, visit)? {
            *node = changed;
        }
    }
    section(plan, "outputs", None, Part::Outputs, visit)?;
    section(plan, "policies", Some("properties"), Part::Other("policies"), visit)?;
    section(plan, "scaling_groups", Some("properties"), Part::Other("scaling_groups"), visit)?;
    section(plan, "capabilities", None, Part::Other("capabilities"), visit)?;
    section(plan, "labels", None, Part::Other("labels"), visit)?;
    let view = View::of(Part::Other("deployment_settings"));
    replace(plan, "deployment_settings", |settings| container(settings, &view, None, "deployment_settings", visit))
}

fn section(
    plan: &mut Map,
    name: &str,
    within: Option<&str>,
    part: Part,
    visit: &mut Visit<'_>,
) -> Result<(), Diagnostic> {
    let view = View::of(part);
    replace(plan, name, |section| {
        fields(section, |key, entry| match within {
            None => container(entry, &view, None, &format!("{name}.{key}"), visit),
            Some(within) => {
                let path = format!("{name}.{key}.{within}");
                field(entry, within, |inner| container(inner, &view, None, &path, visit))
            }
        })
    })
}

fn each_of_node(node: &Value, visit: &mut Visit<'_>) -> Replaced {
    let name = node.get("name").and_then(Value::as_str).unwrap_or_default();
    let Some(mut changed) = node.as_object().cloned() else { return Ok(None) };
    let view = View { node: Some(name.to_owned()), ..View::of(Part::Node) };
    let path = format!("nodes.{name}");
    replace(&mut changed, "properties", |properties| {
        fields(properties, |key, value| {
            let path = format!("{path}.properties.{key}");
            let site = Site { value, view: &view, relationship_type: None, property: Some(key), path };
            if is_container(value) { visit(site) } else { Ok(None) }
        })
    })?;
    replace(&mut changed, "capabilities", |capabilities| {
        fields(capabilities, |capability, value| {
            let path = format!("{path}.capabilities.{capability}");
            field(value, "properties", |properties| container(properties, &view, None, &path, visit))
        })
    })?;
    replace(&mut changed, "operations", |all| operations(all, &view, None, &format!("{path}.operations"), visit))?;
    replace(&mut changed, "relationships", |relationships| {
        items(relationships, |_, relationship| each_of_relationship(relationship, name, &path, visit))
    })?;
    let is_changed = node.as_object().is_none_or(|node| !changed.is_same(node));
    Ok(is_changed.then_some(Value::Object(changed)))
}

fn each_of_relationship(relationship: &Value, node: &str, path: &str, visit: &mut Visit<'_>) -> Replaced {
    let text = |key: &str| relationship.get(key).and_then(Value::as_str).unwrap_or_default();
    let type_name = text("type");
    let target = Some(text("target_id").to_owned());
    let view = View { node: Some(node.to_owned()), target, ..View::of(Part::Relationship) };
    let path = format!("{path}.{type_name}");
    let Some(mut changed) = relationship.as_object().cloned() else { return Ok(None) };
    for side in ["source_operations", "target_operations"] {
        replace(&mut changed, side, |all| operations(all, &view, Some(type_name), &path, visit))?;
    }
    let is_changed = relationship.as_object().is_none_or(|relationship| !changed.is_same(relationship));
    Ok(is_changed.then_some(Value::Object(changed)))
}

fn operations(
    operations: &Value,
    view: &View<'_>,
    relationship_type: Option<&str>,
    path: &str,
    visit: &mut Visit<'_>,
) -> Replaced {
    fields(operations, |name, operation| {
        let Some(inputs) = operation.get("inputs").filter(|inputs| holds_containers(inputs)) else { return Ok(None) };
        let waits = Cell::new(false);
        let view = View { waits: Some(&waits), ..view.clone() };
        let path = format!("{path}.{name}.inputs");
        let inputs = container(inputs, &view, relationship_type, &path, visit)?;
        let Some(mut changed) = operation.as_object().filter(|_| inputs.is_some() || waits.get()).cloned() else {
            return Ok(None);
        };
        if let Some(inputs) = inputs {
            changed.insert("inputs", inputs);
        }
        if waits.get() {
            changed.insert("has_intrinsic_functions", Value::Bool(true));
        }
        Ok(Some(Value::Object(changed)))
    })
}

/// Visits what a container holds.
fn container(
    value: &Value,
    view: &View<'_>,
    relationship_type: Option<&str>,
    path: &str,
    visit: &mut Visit<'_>,
) -> Replaced {
    let mut inside = |value: &Value, path: String| {
        if is_container(value) {
            visit(Site { value, view, relationship_type, property: None, path })
        } else {
            Ok(None)
        }
    };
    match value {
        Value::Object(_) => fields(value, |key, value| inside(value, format!("{path}.{key}"))),
        _ => items(value, |index, value| inside(value, format!("{path}[{index}]"))),
    }
}

/// Puts what `change` answers in the place of a field.
fn replace(map: &mut Map, name: &str, change: impl FnOnce(&Value) -> Replaced) -> Result<(), Diagnostic> {
    let changed = map.get(name).map_or(Ok(None), change)?;
    if let (Some(changed), Some(place)) = (changed, map.get_mut(name)) {
        *place = changed;
    }
    Ok(())
}

/// An object with one field replaced.
fn field(object: &Value, name: &str, change: impl FnOnce(&Value) -> Replaced) -> Replaced {
    let (Some(map), Some(value)) = (object.as_object(), object.get(name)) else { return Ok(None) };
    Ok(change(value)?.map(|value| {
        let mut map = map.clone();
        map.insert(name, value);
        Value::Object(map)
    }))
}

/// An object with some of its fields replaced.
fn fields(object: &Value, mut change: impl FnMut(&Text, &Value) -> Replaced) -> Replaced {
    let mut changed: Option<Map> = None;
    for (name, value) in object.as_object().into_iter().flatten() {
        if let Some(value) = change(name, value)? {
            changed.get_or_insert_with(|| object.as_object().cloned().unwrap_or_default()).insert(name.clone(), value);
        }
    }
    Ok(changed.map(Value::Object))
}

/// A list with some of its items replaced.
fn items(list: &Value, mut change: impl FnMut(usize, &Value) -> Replaced) -> Replaced {
    let mut changed: Option<List> = None;
    for (index, item) in list.as_array().into_iter().flatten().enumerate() {
        if let Some(item) = change(index, item)? {
            let changed = changed.get_or_insert_with(|| list.as_array().cloned().unwrap_or_default());
            changed.make_mut()[index] = item;
        }
    }
    Ok(changed.map(Value::Array))
}

fn holds_containers(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.values().any(is_container),
        Value::Array(items) => items.iter().any(is_container),
        _ => false,
    }
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Array(_))
}

/// Whether a function is met before or after its arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The function, then its arguments.
    Outside,
    /// The arguments, then the function.
    Inside,
}

/// Calls `found` for every function in a value.
pub(crate) fn functions(
    value: &Value,
    order: Order,
    path: &mut String,
    found: &mut dyn FnMut(&'static str, &Value, &str) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    let function = super::recognise(value);
    if let (Some((name, arguments)), Order::Outside) = (function, order) {
        found(name, arguments, path)?;
    }
    let length = path.len();
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(_, value)| is_container(value)) {
                path.push('.');
                path.push_str(key);
                functions(value, order, path, found)?;
                path.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().filter(|(_, item)| is_container(item)) {
                let _ = write!(path, "[{index}]");
                functions(item, order, path, found)?;
                path.truncate(length);
            }
        }
        _ => {}
    }
    if let (Some((name, arguments)), Order::Inside) = (function, order) {
        found(name, arguments, path)?;
    }
    Ok(())
}
