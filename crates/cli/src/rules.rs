//! Filter rules as people write them, such as `env=[prod,test]` or `created_by starts-with a`.

use anyhow::bail;
use serde_json::{Value, json};

use crate::call::Call;
use crate::labels;

/// What may stand between key and value, longer signs first, and its name.
const OPERATORS: &[(&str, &str, Family)] = &[
    (" does-not-contain ", "not_contains", Family::Attributes),
    (" starts-with ", "starts_with", Family::Attributes),
    (" ends-with ", "ends_with", Family::Attributes),
    (" contains ", "contains", Family::Attributes),
    (" is-not ", "is_not", Family::Labels),
    ("!=", "not_any_of", Family::Both),
    ("=", "any_of", Family::Both),
];

/// What may stand behind a key alone.
const STATES: &[(&str, &str, Family)] = &[
    (" is not empty", "is_not_empty", Family::Attributes),
    (" is not null", "is_not_null", Family::Labels),
    (" is null", "is_null", Family::Labels),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Labels,
    Attributes,
    Both,
}

/// The rules that a call gives.
pub(crate) fn of(call: &Call) -> anyhow::Result<Vec<Value>> {
    let labels = call.many("labels-rule").into_iter().map(|text| read(text, Family::Labels));
    let attributes = call.many("attrs-rule").into_iter().map(|text| read(text, Family::Attributes));
    labels.chain(attributes).collect()
}

fn read(text: &str, family: Family) -> anyhow::Result<Value> {
    let kind = if family == Family::Labels { "label" } else { "attribute" };
    let fits = |of: Family| of == Family::Both || of == family;
    for (words, operator, _) in STATES.iter().filter(|(_, _, of)| fits(*of)) {
        if let Some(key) = text.strip_suffix(words).filter(|key| is_key(key)) {
            return Ok(json!({"key": key.to_lowercase(), "values": [], "operator": operator, "type": kind}));
        }
    }
    for (sign, operator, _) in OPERATORS.iter().filter(|(_, _, of)| fits(*of)) {
        if let Some((key, value)) = text.split_once(sign)
            && is_key(key)
            && !value.is_empty()
        {
            return Ok(json!({"key": key.to_lowercase(), "values": values(value), "operator": operator, "type": kind}));
        }
    }
    bail!("`{text}` is no rule: write such as `{}`", if kind == "label" { "env=prod" } else { "created_by=admin" })
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|character| character.is_alphanumeric() || "_-.".contains(character))
}

/// One value, or several in brackets.
fn values(text: &str) -> Vec<String> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let hidden = inner.unwrap_or(text).replace("\\,", "\0");
    let parts: Vec<&str> = if inner.is_some() { hidden.split(',').collect() } else { vec![&hidden] };
    parts.into_iter().map(|part| part.replace('\0', ",").replace("\\:", ":")).collect()
}

/// A stored filter with its rules as people write them.
pub(crate) fn in_row(_: &Call, filter: &mut Value) {
    for key in ["labels_filter_rules", "attrs_filter_rules"] {
        let rules: Vec<String> = filter[key].as_array().into_iter().flatten().map(written).collect();
        filter[key] = match rules.len() {
            0 => Value::Null,
            1 => rules.into_iter().collect::<String>().into(),
            _ => rules.into(),
        };
    }
    if let Some(fields) = filter.as_object_mut() {
        fields.shift_remove("value");
    }
}

/// The same where everything is one text.
pub(crate) fn in_details(call: &Call, filter: &mut Value) {
    in_row(call, filter);
    for key in ["labels_filter_rules", "attrs_filter_rules"] {
        if let Value::Array(rules) = &filter[key] {
            filter[key] = rules.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ").into();
        }
    }
}

fn written(rule: &Value) -> String {
    let (key, operator) = (rule["key"].as_str().unwrap_or_default(), rule["operator"].as_str().unwrap_or_default());
    if let Some((words, _, _)) = STATES.iter().find(|(_, name, _)| *name == operator) {
        return format!("\"{key}{words}\"");
    }
    let sign = OPERATORS.iter().find(|(_, name, _)| *name == operator).map_or(operator, |(sign, _, _)| *sign);
    let is_label = rule["type"] == "label";
    let escape = |value: &str| if is_label { labels::escaped(value) } else { value.to_owned() };
    let values: Vec<_> =
        rule["values"].as_array().into_iter().flatten().filter_map(Value::as_str).map(escape).collect();
    match values.as_slice() {
        [one] => format!("\"{key}{sign}{one}\""),
        several => format!("\"{key}{sign}[{}]\"", several.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_written() {
        let rule = read("Env=[prod,a\\,b]", Family::Labels).unwrap();
        assert_eq!(rule, json!({"key": "env", "values": ["prod", "a,b"], "operator": "any_of", "type": "label"}));
        assert_eq!(written(&rule), "\"env=[prod,a\\,b]\"");
        assert_eq!(read("env is not null", Family::Labels).unwrap()["operator"], "is_not_null");
        let contains = read("created_by contains a", Family::Attributes).unwrap();
        assert_eq!(written(&contains), "\"created_by contains a\"");
        assert_eq!(read("env!=prod", Family::Labels).unwrap()["operator"], "not_any_of");
        assert!(read("env contains a", Family::Labels).is_err());
        assert!(read("env", Family::Labels).is_err());
    }
}
