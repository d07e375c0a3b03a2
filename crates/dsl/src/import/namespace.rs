//! Namespaces: names and references of an imported file get `namespace--` in front (spec dsl.md 2.5).
//!
//! The grammar says which texts are references and which keys are names.

use std::sync::Arc;

use nephele_yaml11::{Entry, Node, Value};

use super::tree::text_in_place_of;
use crate::schema::{Rule, Shape};
use crate::value::is_primitive;

/// What stands between a namespace and a name.
pub(crate) const DELIMITER: &str = "--";

/// `namespace--name`, unless the name belongs to the language.
pub(crate) fn prefixed(namespace: &str, name: &str) -> String {
    if name.starts_with("cloudify.") { name.to_owned() } else { format!("{namespace}{DELIMITER}{name}") }
}

/// The node with everything prefixed that its rule says.
pub(crate) fn apply(node: &Arc<Node>, rule: &Rule, namespace: &str) -> Arc<Node> {
    match (&rule.shape, &node.value) {
        (Shape::Leaf(_) | Shape::TextOr(_), Value::String(text)) => {
            let is_reference = rule.namespaced && !is_primitive(text) && !text.starts_with("cloudify.");
            if is_reference { text_in_place_of(node, prefixed(namespace, text)) } else { Arc::clone(node) }
        }
        (Shape::Leaf(_), Value::Mapping(_)) => functions(node, namespace),
        (Shape::Dict(inner), Value::Mapping(entries)) => mapping(node, entries, |entry| Entry {
            key: match entry.key.as_str() {
                Some(name) if rule.namespaced => text_in_place_of(&entry.key, prefixed(namespace, name)),
                _ => Arc::clone(&entry.key),
            },
            value: apply(&entry.value, inner, namespace),
        }),
        (Shape::Fields(fields) | Shape::TextOr(fields), Value::Mapping(entries)) => mapping(node, entries, |entry| {
            let field = fields.iter().find(|field| entry.key.as_str() == Some(field.name));
            let value =
                field.map_or_else(|| Arc::clone(&entry.value), |field| apply(&entry.value, &field.rule, namespace));
            Entry { key: Arc::clone(&entry.key), value }
        }),
        (Shape::List(inner), Value::Sequence(items)) => {
            sequence(node, items.iter().map(|item| apply(item, inner, namespace)).collect())
        }
        _ => Arc::clone(node),
    }
}

/// Prefixes what functions refer to: inputs and nodes.
fn functions(node: &Arc<Node>, namespace: &str) -> Arc<Node> {
    match &node.value {
        Value::Sequence(items) => sequence(node, items.iter().map(|item| functions(item, namespace)).collect()),
        Value::Mapping(entries) => mapping(node, entries, |entry| {
            let value = match entry.key.as_str() {
                Some("get_input") => argument(&entry.value, namespace, true),
                Some("get_property" | "get_attribute") => argument(&entry.value, namespace, false),
                _ => functions(&entry.value, namespace),
            };
            Entry { key: Arc::clone(&entry.key), value }
        }),
        _ => Arc::clone(node),
    }
}

/// The name of an input, or the node in front of a path.
fn argument(node: &Arc<Node>, namespace: &str, is_input: bool) -> Arc<Node> {
    let name = |node: &Arc<Node>| match node.as_str() {
        Some("SELF" | "SOURCE" | "TARGET") if !is_input => Arc::clone(node),
        Some(name) => text_in_place_of(node, format!("{namespace}{DELIMITER}{name}")),
        None => functions(node, namespace),
    };
    match &node.value {
        Value::String(_) if is_input => name(node),
        Value::Sequence(items) => {
            let rest = items.iter().skip(1).map(|item| functions(item, namespace));
            sequence(node, items.first().map(name).into_iter().chain(rest).collect())
        }
        _ => functions(node, namespace),
    }
}

fn mapping(node: &Node, entries: &[Entry], change: impl FnMut(&Entry) -> Entry) -> Arc<Node> {
    let value = Value::Mapping(entries.iter().map(change).collect());
    Arc::new(Node { span: node.span, source: node.source, value })
}

fn sequence(node: &Node, items: Vec<Arc<Node>>) -> Arc<Node> {
    Arc::new(Node { span: node.span, source: node.source, value: Value::Sequence(items.into()) })
}
