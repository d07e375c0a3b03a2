//! YAML files as JSON: what JSON has no kind for becomes text, sets become lists.

use nephele_yaml11::{Node, Value as Yaml};
use serde_json::Value;

/// A tree of YAML as JSON; keys that are no text stand as they are written.
pub(crate) fn json(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => (*flag).into(),
        Yaml::Int(number) => (*number).into(),
        Yaml::Float(number) => (*number).into(),
        Yaml::BigInt(text) | Yaml::Timestamp(text) | Yaml::Binary(text) => text.to_string().into(),
        Yaml::String(text) => Value::String(text.to_string()),
        Yaml::Set(items) | Yaml::Sequence(items) => items.iter().map(|item| json(item)).collect(),
        Yaml::Mapping(entries) => {
            Value::Object(entries.iter().map(|entry| (key(&entry.key), json(&entry.value))).collect())
        }
    }
}

fn key(node: &Node) -> String {
    match json(node) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
