//! Labels as people write them: `key:value,key:value`, with `\,` and `\:` for the signs themselves.

use anyhow::bail;
use serde_json::{Map, Value, json};

/// A label; without a value it names all labels of the key, which only deletion understands.
pub(crate) type Label = (String, Option<String>);

/// Reads labels that have values.
pub(crate) fn read(text: &str) -> anyhow::Result<Vec<Label>> {
    let found = read_loose(text);
    if let Some((key, _)) = found.iter().find(|(key, value)| key.is_empty() || value.is_none()) {
        bail!("`{key}` in `{text}` is no label: write key:value, and several with commas between them");
    }
    Ok(found)
}

/// Reads labels of which some may be keys only.
pub(crate) fn read_loose(text: &str) -> Vec<Label> {
    split(text, ',')
        .into_iter()
        .map(|label| match split(&label, ':').as_slice() {
            [key] => (plain(key).to_lowercase(), None),
            [key, rest @ ..] => (plain(key).to_lowercase(), Some(plain(&rest.join(":")))),
            [] => (String::new(), None),
        })
        .collect()
}

fn plain(text: &str) -> String {
    text.trim().replace("\\,", ",").replace("\\:", ":").replace("\\$", "$")
}

/// Splits at a sign that no backslash stands before.
fn split(text: &str, sign: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for character in text.chars() {
        if character == sign && before != '\\' {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(character);
        }
        before = character;
    }
    parts
}

/// As the manager takes them: one object for each.
pub(crate) fn to_list(labels: &[Label]) -> Value {
    labels.iter().map(|(key, value)| json!({key.as_str(): value})).collect()
}

/// As the manager takes them for blueprints that are uploaded.
pub(crate) fn to_pairs(labels: &[Label]) -> Value {
    labels.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}

/// The labels that an answer has.
pub(crate) fn of(resource: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let labels = resource["labels"].as_array().into_iter().flatten();
    labels.map(|label| (text(&label["key"]), text(&label["value"]))).collect()
}

/// The values of each key.
pub(crate) fn by_key(labels: &[(String, String)]) -> Map<String, Value> {
    let mut keys: Map<String, Value> = Map::new();
    for (key, value) in labels {
        if let Value::Array(values) = keys.entry(key.clone()).or_insert_with(|| json!([])) {
            values.push(value.clone().into());
        }
    }
    keys
}

/// A value with its signs escaped.
pub(crate) fn escaped(value: &str) -> String {
    value.replace(',', "\\,").replace(':', "\\:").replace('$', "\\$")
}

/// One text for a table's cell, as the original has it.
pub(crate) fn in_row(row: &mut Value) {
    let labels = of(row);
    if !labels.is_empty() {
        let all: Vec<_> = labels.iter().map(|(key, value)| format!("{key}:{}", escaped(value))).collect();
        row["labels"] = format!("\"{}\"", all.join(",")).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_may_be_escaped() {
        let found = read("Env:prod,team:a\\,b,x:y\\:z").unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
        assert_eq!(found, [pair("env", "prod"), pair("team", "a,b"), pair("x", "y:z")]);
        assert!(read("env").is_err());
        assert_eq!(read_loose("env"), [("env".to_owned(), None)]);
    }
}
