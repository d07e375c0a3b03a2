//! YAML: read as the manager reads it, and written for people.

use anyhow::bail;
use nephele_yaml11::{Node, Value as Yaml};
use serde_json::Value;

/// Reads a text; an empty one is null.
pub(crate) fn parse(text: &str) -> anyhow::Result<Value> {
    match nephele_yaml11::load(text) {
        Ok(Some(node)) => Ok(to_json(&node)),
        Ok(None) => Ok(Value::Null),
        Err(error) => bail!("not YAML: {error}"),
    }
}

fn to_json(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(yes) => Value::Bool(*yes),
        Yaml::Int(number) => (*number).into(),
        Yaml::Float(number) => (*number).into(),
        Yaml::String(text) => text.as_ref().into(),
        Yaml::BigInt(text) | Yaml::Timestamp(text) | Yaml::Binary(text) => text.as_ref().into(),
        Yaml::Sequence(items) | Yaml::Set(items) => items.iter().map(|item| to_json(item)).collect(),
        Yaml::Mapping(entries) => {
            let pair = |entry: &nephele_yaml11::Entry| (key(&entry.key), to_json(&entry.value));
            Value::Object(entries.iter().map(pair).collect())
        }
    }
}

fn key(node: &Node) -> String {
    match to_json(node) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Writes a value as block YAML.
pub(crate) fn write(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text.truncate(text.trim_end().len());
    text
}

fn block(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                text.extend(std::iter::repeat_n(' ', depth));
                text.push('-');
                inner(item, depth + 2, true, text);
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            for (key, item) in fields {
                text.extend(std::iter::repeat_n(' ', depth));
                text.push_str(&scalar(&Value::String(key.clone())));
                text.push(':');
                inner(item, depth + 2, false, text);
            }
        }
        other => {
            text.push_str(&scalar(other));
            text.push('\n');
        }
    }
}

/// What stands behind a dash or a colon.
fn inner(value: &Value, depth: usize, in_list: bool, text: &mut String) {
    let is_nested = matches!(value, Value::Array(items) if !items.is_empty())
        || matches!(value, Value::Object(fields) if !fields.is_empty());
    if !is_nested {
        text.push(' ');
        block(value, depth, text);
    } else if in_list {
        // The first key of an object stands on the dash's own line.
        let mut nested = String::new();
        block(value, depth, &mut nested);
        text.push(' ');
        text.push_str(nested.trim_start());
    } else {
        text.push('\n');
        block(value, depth, text);
    }
}

/// A text without quotes where no reader could take it for something else.
fn scalar(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_' || first == '/')
        && text.chars().all(|character| character.is_ascii_alphanumeric() || "_-./ @+".contains(character))
        && !text.ends_with(' ')
        && matches!(nephele_yaml11::load(text), Ok(Some(node)) if node.as_str() == Some(text));
    if is_plain { text.clone() } else { Value::String(text.clone()).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let value = json!({"a": [1, {"b": "x: y", "c": []}, [true, null]], "on": "yes", "text": "two words", "d": {}});
        assert_eq!(parse(&write(&value)).unwrap(), value);
        assert_eq!(write(&json!({"a": [{"b": 1, "c": "d"}]})), "a:\n  - b: 1\n    c: d");
    }
}
