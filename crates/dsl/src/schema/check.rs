//! Does a tree follow the grammar? Finds every deviation (spec dsl.md section 0.2).

use std::collections::HashSet;
use std::sync::Arc;

use nephele_model::python_text;
use nephele_yaml11::{Node, Value};

use super::{Field, Leaf, Rule, Shape};
use crate::diagnostic::{Diagnostic, Fault, did_you_mean};
use crate::element::Element;
use crate::version::Version;

/// The version to check against; `None` switches version checks off.
pub(crate) type Gate = Option<Version>;

/// How many deviations are kept.
const MOST: usize = 1_000;

/// Where a tree leaves the grammar.
#[derive(Debug, Default)]
pub(crate) struct Deviations {
    pub(crate) problems: Vec<Diagnostic>,
    /// The nodes that hold a deviation other than something too new, and all nodes around them.
    pub(crate) refused: HashSet<*const Node>,
}

impl Deviations {
    fn push(&mut self, problem: Diagnostic) {
        if self.problems.len() >= MOST {
            // The last one may be the one that the reference meets.
            self.problems.pop();
        }
        self.problems.push(problem);
    }
}

/// Adds every deviation of `element` from `rule` to `found`.
pub(crate) fn check(element: &Element<'_, '_>, rule: &Rule, gate: Gate, found: &mut Deviations) -> bool {
    let is_sound = check_value(element, rule, gate, found);
    if let (Some(node), false) = (element.node(), is_sound) {
        found.refused.insert(Arc::as_ptr(node));
    }
    is_sound
}

/// Whether nothing deviates apart from what is too new.
fn check_value(element: &Element<'_, '_>, rule: &Rule, gate: Gate, found: &mut Deviations) -> bool {
    let Some(node) = element.node() else {
        if rule.required {
            let message = format!("'{}' key is required but it is currently missing", element.name());
            found.push(element.problem(Fault::MissingKey, message));
        }
        return !rule.required;
    };
    if let Some(problem) = too_new(element, rule.since, gate) {
        found.push(problem);
    }
    match (&rule.shape, &node.value) {
        (Shape::Leaf(kinds), value) if kinds.iter().any(|kind| fits(*kind, value)) => true,
        (Shape::Leaf(kinds), _) => mismatch(element, &expected(kinds), node, found),
        (Shape::Dict(rule), Value::Mapping(_)) => {
            let are_text = keys_are_text(element, node, found);
            let unsound = element.entries().filter(|entry| !check(entry, rule, gate, found)).count();
            are_text && unsound == 0
        }
        (Shape::List(rule), Value::Sequence(_)) => {
            let unsound = element.items().filter(|item| !check(item, rule, gate, found)).count();
            unsound == 0
        }
        (Shape::Fields(fields) | Shape::TextOr(fields), Value::Mapping(_)) => {
            check_fields(element, node, fields, gate, found)
        }
        (Shape::TextOr(_), Value::String(_)) => true,
        (Shape::List(_), _) => mismatch(element, "list", node, found),
        (Shape::Dict(_) | Shape::Fields(_) | Shape::TextOr(_), _) => mismatch(element, "dict", node, found),
    }
}

/// The problem of a value that its version does not have yet.
pub(crate) fn too_new(element: &Element<'_, '_>, since: Version, gate: Gate) -> Option<Diagnostic> {
    let version = gate.filter(|version| *version < since)?;
    element.node()?;
    let name = element.name();
    let what = if name == "type" { format!("type '{}'", python_text::str(&element.json())) } else { name.into_owned() };
    let message = format!("{what} not supported in version {version}, it was added in {since}");
    let hint = format!("set `tosca_definitions_version: {since}` in the main file");
    Some(element.problem(Fault::UnsupportedInVersion, message).with_hint(Some(hint)))
}

fn check_fields(
    element: &Element<'_, '_>,
    node: &Node,
    fields: &'static [Field],
    gate: Gate,
    found: &mut Deviations,
) -> bool {
    let mut is_sound = keys_are_text(element, node, found);
    for field in fields {
        is_sound &= check(&element.get(field.name), &field.rule, gate, found);
    }
    for entry in element.entries() {
        let name = entry.name();
        if !fields.iter().any(|field| field.name == name) {
            let known = fields.iter().map(|field| field.name);
            let message =
                format!("'{name}' is not in schema. Valid schema values: {}", python_text::names(known.clone()));
            let problem = entry.problem(Fault::UnknownKey, message);
            found.push(match did_you_mean(&name, known) {
                Some(hint) => problem.with_brief(format!("There is no key '{name}' here")).with_hint(Some(hint)),
                None => problem,
            });
            is_sound = false;
        }
    }
    is_sound
}

fn keys_are_text(element: &Element<'_, '_>, node: &Node, found: &mut Deviations) -> bool {
    let written = node.entries().unwrap_or_default().iter();
    let wrong = element.entries().zip(written).find(|(_, written)| written.key.as_str().is_none());
    let Some((entry, wrong)) = wrong else { return true };
    found.push(match user_type(&wrong.key.value) {
        Ok(found) => {
            let key = python_text::str(&crate::element::json(&wrong.key));
            let message = format!("Dict keys must be strings but found '{key}' of type '{found}'");
            element.quoted(entry.placed(Diagnostic::new(Fault::KeyNotText, message)))
        }
        Err(class) => unexpected_type(element, class),
    });
    false
}

fn mismatch(element: &Element<'_, '_>, expected: &str, node: &Node, found: &mut Deviations) -> bool {
    found.push(match user_type(&node.value) {
        Ok(found) => element.problem(Fault::WrongType, format!("Expected '{expected}' type but found '{found}' type")),
        Err(class) => unexpected_type(element, class),
    });
    false
}

fn unexpected_type(element: &Element<'_, '_>, class: &str) -> Diagnostic {
    element.quoted(Diagnostic::new(Fault::UnexpectedDate, format!("Unexpected type: <class '{class}'>")))
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
