//! Does a tree follow the grammar? Finds every deviation (spec dsl.md section 0.2).

use nephele_model::python_text;
use nephele_yaml11::{Node, Value};

use super::{Field, Leaf, Rule, Shape};
use crate::diagnostic::{Diagnostic, Kind, nearest};
use crate::element::Element;
use crate::version::Version;

/// The version to check against; `None` switches version checks off.
pub(crate) type Gate = Option<Version>;

/// Appends every deviation of `element` from `rule` to `found`.
pub(crate) fn check(element: &Element<'_, '_>, rule: &Rule, gate: Gate, found: &mut Vec<Diagnostic>) {
    let Some(node) = element.node() else {
        if rule.required {
            found.push(element.format(format!("'{}' key is required but it is currently missing", element.name())));
        }
        return;
    };
    if let Some(problem) = too_new(element, rule.since, gate) {
        found.push(problem);
    }
    match (&rule.shape, &node.value) {
        (Shape::Leaf(kinds), value) => {
            if !kinds.iter().any(|kind| fits(*kind, value)) {
                found.push(mismatch(element, &expected(kinds), node));
            }
        }
        (Shape::Dict(rule), Value::Mapping(_)) => {
            if let Some(problem) = keys_are_text(element, node) {
                found.push(problem);
            }
            for entry in element.entries() {
                check(&entry, rule, gate, found);
            }
        }
        (Shape::List(rule), Value::Sequence(_)) => {
            for item in element.items() {
                check(&item, rule, gate, found);
            }
        }
        (Shape::Fields(fields) | Shape::TextOr(fields), Value::Mapping(_)) => {
            check_fields(element, node, fields, gate, found);
        }
        (Shape::TextOr(_), Value::String(_)) => {}
        (Shape::List(_), _) => found.push(mismatch(element, "list", node)),
        (Shape::Dict(_) | Shape::Fields(_) | Shape::TextOr(_), _) => found.push(mismatch(element, "dict", node)),
    }
}

/// The problem of a value that its version does not have yet.
pub(crate) fn too_new(element: &Element<'_, '_>, since: Version, gate: Gate) -> Option<Diagnostic> {
    let version = gate.filter(|version| *version < since)?;
    element.node()?;
    let name = element.name();
    let what = if name == "type" { format!("type '{}'", python_text::str(&element.json())) } else { name.into_owned() };
    Some(element.logic(102, format!("{what} not supported in version {version}, it was added in {since}")))
}

fn check_fields(
    element: &Element<'_, '_>,
    node: &Node,
    fields: &'static [Field],
    gate: Gate,
    found: &mut Vec<Diagnostic>,
) {
    found.extend(keys_are_text(element, node));
    for field in fields {
        check(&element.get(field.name), &field.rule, gate, found);
    }
    for entry in element.entries() {
        let name = entry.name();
        if !fields.iter().any(|field| field.name == name) {
            let known = fields.iter().map(|field| field.name);
            let message =
                format!("'{name}' is not in schema. Valid schema values: {}", python_text::names(known.clone()));
            found.push(entry.format(message).with_hint(nearest(&name, known)));
        }
    }
}

fn keys_are_text(element: &Element<'_, '_>, node: &Node) -> Option<Diagnostic> {
    let wrong = node.entries()?.iter().find(|entry| entry.key.as_str().is_none())?;
    Some(match user_type(&wrong.key.value) {
        Ok(found) => {
            let key = python_text::str(&crate::element::json(&wrong.key));
            element.format(format!("Dict keys must be strings but found '{key}' of type '{found}'"))
        }
        Err(class) => unexpected_type(element, class),
    })
}

fn mismatch(element: &Element<'_, '_>, expected: &str, node: &Node) -> Diagnostic {
    match user_type(&node.value) {
        Ok(found) => element.format(format!("Expected '{expected}' type but found '{found}' type")),
        Err(class) => unexpected_type(element, class),
    }
}

fn unexpected_type(element: &Element<'_, '_>, class: &str) -> Diagnostic {
    Diagnostic::new(Kind::Value, None, format!("Unexpected type: <class '{class}'>")).at(element.place())
}

fn fits(kind: Leaf, value: &Value) -> bool {
    match kind {
        Leaf::String => matches!(value, Value::String(_)),
        Leaf::Boolean => matches!(value, Value::Bool(_)),
        // A truth value is a whole number to the reference.
        Leaf::Integer => matches!(value, Value::Int(_) | Value::BigInt(_) | Value::Bool(_)),
        Leaf::Float => matches!(value, Value::Float(_)),
        Leaf::Number => matches!(value, Value::Int(_) | Value::BigInt(_) | Value::Bool(_) | Value::Float(_)),
        Leaf::Dict => matches!(value, Value::Mapping(_)),
        Leaf::List => matches!(value, Value::Sequence(_)),
    }
}

fn expected(kinds: &[Leaf]) -> String {
    let name = |kind: &Leaf| match kind {
        Leaf::String => "string",
        Leaf::Boolean => "boolean",
        Leaf::Integer => "integer",
        Leaf::Float => "float",
        Leaf::Number => "number",
        Leaf::Dict => "dict",
        Leaf::List => "list",
    };
    match kinds {
        [kind] => name(kind).to_owned(),
        _ => python_text::names(kinds.iter().map(name)),
    }
}

/// What users call a type; as an error, the class of a value that is of none of their types.
fn user_type(value: &Value) -> Result<&'static str, &'static str> {
    match value {
        Value::String(_) => Ok("string"),
        Value::Bool(_) => Ok("boolean"),
        Value::Int(_) | Value::BigInt(_) => Ok("integer"),
        Value::Float(_) => Ok("float"),
        Value::Mapping(_) => Ok("dict"),
        Value::Sequence(_) => Ok("list"),
        Value::Null => Err("NoneType"),
        Value::Timestamp(text) if text.contains(':') => Err("datetime.datetime"),
        Value::Timestamp(_) => Err("datetime.date"),
        Value::Binary(_) => Err("bytes"),
        Value::Set(_) => Err("set"),
    }
}
