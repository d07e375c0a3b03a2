//! Blueprints as people write them: blocks down to small values, which stand in one line.

use std::fmt::Write;

use serde_json::Value;

/// How long a value may be to stand in one line.
const SHORT: usize = 60;

/// The text of a blueprint.
pub(crate) fn write(blueprint: &Value) -> String {
    let mut text = String::new();
    block(blueprint, 0, &mut text);
    text
}

fn block(value: &Value, indent: usize, text: &mut String) {
    let space = "  ".repeat(indent);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let _ = write!(text, "{space}{}:", scalar(key));
                below(value, indent + 1, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                let _ = write!(text, "{space}-");
                below(item, indent + 1, text);
            }
        }
        plain => text.push_str(&flow(plain)),
    }
}

fn below(value: &Value, indent: usize, text: &mut String) {
    let line = flow(value);
    let nested = matches!(value, Value::Object(map) if !map.is_empty())
        || matches!(value, Value::Array(items) if !items.is_empty());
    if nested && (indent < 3 || line.len() > SHORT) {
        text.push('\n');
        block(value, indent, text);
    } else {
        let _ = writeln!(text, " {line}");
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", scalar(key), flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        // A float needs a dot to be one.
        Value::Number(number) if number.is_f64() => format!("{:.3}", number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}

/// A text without quotes where nothing else could be read in it.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
        && !["yes", "no", "on", "off", "true", "false", "null", "y", "n"].contains(&text.to_lowercase().as_str());
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}
