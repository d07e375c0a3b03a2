//! Where functions may stand in a plan, in the order in which they are looked at (spec dsl.md section
//! 6.2).

use std::cell::Cell;
use std::fmt::Write;

use nephele_model::json::{Map, Value};

use super::world::{Part, View};
use crate::diagnostic::Diagnostic;

/// A value that may hold functions, and from where it is seen.
pub(crate) struct Site<'a> {
    pub(crate) value: &'a mut Value,
    pub(crate) view: &'a View<'a>,
    /// The relationship's type, in a relationship.
    pub(crate) relationship_type: Option<&'a str>,
    /// The value's path.
    pub(crate) path: String,
}

/// Called for every value.
pub(crate) type Visit<'v> = dyn FnMut(Site<'_>) -> Result<(), Diagnostic> + 'v;

/// Visits everything that may hold functions.
pub(crate) fn each(plan: &mut Map, visit: &mut Visit<'_>) -> Result<(), Diagnostic> {
    for node in plan.get_mut("nodes").into_iter().flat_map(Value::items_mut) {
        each_of_node(node, visit)?;
    }
    section(plan, "outputs", None, Part::Outputs, visit)?;
    section(plan, "policies", Some("properties"), Part::Other("policies"), visit)?;
    section(plan, "scaling_groups", Some("properties"), Part::Other("scaling_groups"), visit)?;
    section(plan, "capabilities", None, Part::Other("capabilities"), visit)?;
    section(plan, "labels", None, Part::Other("labels"), visit)?;
    if let Some(settings) = plan.get_mut("deployment_settings") {
        container(settings, &View::of(Part::Other("deployment_settings")), None, "deployment_settings", visit)?;
    }
    Ok(())
}

fn section(
    plan: &mut Map,
    name: &str,
    within: Option<&str>,
    part: Part,
    visit: &mut Visit<'_>,
) -> Result<(), Diagnostic> {
    let view = View::of(part);
    for (key, entry) in plan.get_mut(name).and_then(Value::as_object_mut).into_iter().flatten() {
        match within {
            None => container(entry, &view, None, &format!("{name}.{key}"), visit)?,
            Some(within) => {
                if let Some(inner) = entry.get_mut(within) {
                    container(inner, &view, None, &format!("{name}.{key}.{within}"), visit)?;
                }
            }
        }
    }
    Ok(())
}

fn each_of_node(node: &mut Value, visit: &mut Visit<'_>) -> Result<(), Diagnostic> {
    let name = node.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let view = View { node: Some(name.clone()), ..View::of(Part::Node) };
    let path = format!("nodes.{name}");
    if let Some(properties) = node.get_mut("properties") {
        container(properties, &view, None, &format!("{path}.properties"), visit)?;
    }
    for (capability, value) in node.get_mut("capabilities").and_then(Value::as_object_mut).into_iter().flatten() {
        if let Some(properties) = value.get_mut("properties") {
            container(properties, &view, None, &format!("{path}.capabilities.{capability}"), visit)?;
        }
    }
    operations(node.get_mut("operations"), &view, None, &format!("{path}.operations"), visit)?;
    for relationship in node.get_mut("relationships").into_iter().flat_map(Value::items_mut) {
        let text = |key: &str| relationship.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (type_name, target) = (text("type"), text("target_id"));
        let view = View { node: Some(name.clone()), target: Some(target), ..View::of(Part::Relationship) };
        let path = format!("{path}.{type_name}");
        for side in ["source_operations", "target_operations"] {
            operations(relationship.get_mut(side), &view, Some(&type_name), &path, visit)?;
        }
    }
    Ok(())
}

fn operations(
    operations: Option<&mut Value>,
    view: &View<'_>,
    relationship_type: Option<&str>,
    path: &str,
    visit: &mut Visit<'_>,
) -> Result<(), Diagnostic> {
    for (name, operation) in operations.and_then(Value::as_object_mut).into_iter().flatten() {
        let Some(inputs) = operation.get_mut("inputs") else { continue };
        if inputs.as_object().is_none_or(Map::is_empty) {
            continue;
        }
        let waits = Cell::new(false);
        let view = View { waits: Some(&waits), ..view.clone() };
        container(inputs, &view, relationship_type, &format!("{path}.{name}.inputs"), visit)?;
        if let (true, Some(operation)) = (waits.get(), operation.as_object_mut()) {
            operation.insert("has_intrinsic_functions".to_owned(), Value::Bool(true));
        }
    }
    Ok(())
}

/// Visits what a container holds.
fn container(
    value: &mut Value,
    view: &View<'_>,
    relationship_type: Option<&str>,
    path: &str,
    visit: &mut Visit<'_>,
) -> Result<(), Diagnostic> {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if is_container(value) {
                    visit(Site { value, view, relationship_type, path: format!("{path}.{key}") })?;
                }
            }
        }
        Value::Array(items) => {
            for (index, value) in items.make_mut().iter_mut().enumerate() {
                if is_container(value) {
                    visit(Site { value, view, relationship_type, path: format!("{path}[{index}]") })?;
                }
            }
        }
        _ => {}
    }
    Ok(())
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
