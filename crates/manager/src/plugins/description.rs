//! The YAML files beside a wagon: what they say of labels and tags, and a copy for blueprints of version 1.3.
//!
//! Source of the copy's rules: the reference's behaviour; versions before 1.4 know neither types of objects
//! nor availability rules.

use nephele_model::{Code, Error, Result};
use serde_json::{Map, Value};

use crate::yaml;

/// Types of values that name objects of the manager; version 1.4 brought them.
const OBJECTS: [&str; 9] = [
    "blueprint_id",
    "deployment_id",
    "capability_value",
    "scaling_group",
    "node_id",
    "node_type",
    "node_instance",
    "secret_key",
    "operation_name",
];
/// Where schemas of values stand; `*` is any key.
const SCHEMAS: [&[&str]; 6] = [
    &["data_types", "*", "properties", "*"],
    &["inputs", "*"],
    &["node_types", "*", "properties", "*"],
    &["relationships", "*", "source_interfaces", "*", "*", "inputs", "*"],
    &["relationships", "*", "target_interfaces", "*", "*", "inputs", "*"],
    &["workflows", "*", "parameters", "*"],
];
const RULES: &[&str] = &["workflows", "*", "availability_rules"];

/// What a plugin's YAML says beside what blueprints import.
#[derive(Clone, Debug, Default)]
pub(super) struct Extras {
    pub(super) blueprint_labels: Option<Value>,
    pub(super) labels: Option<Value>,
    pub(super) resource_tags: Option<Value>,
}

/// Reads the YAML file of this name. Error: `invalid_plugin_error`.
pub(super) fn parse(name: &str, text: &str) -> Result<Value> {
    let unreadable = |reason: &dyn std::fmt::Display| {
        let message = format!("The provided plugin's description ({name}) can not be read.\n{reason}");
        Error::new(Code::InvalidPlugin, message)
    };
    match nephele_yaml11::load(text).map_err(|error| unreadable(&error))? {
        None => Ok(Value::Object(Map::new())),
        Some(node) => match yaml::json(&node) {
            Value::Null => Ok(Value::Object(Map::new())),
            described @ Value::Object(_) => Ok(described),
            _ => Err(unreadable(&"it is not a mapping")),
        },
    }
}

/// The labels and tags of a description.
pub(super) fn extras(described: &Value) -> Result<Extras> {
    Ok(Extras {
        blueprint_labels: labels(&described["blueprint_labels"])?,
        labels: labels(&described["labels"])?,
        resource_tags: Some(described["resource_tags"].clone()).filter(|tags| !tags.is_null()),
    })
}

/// `{key: {values: [..]}}` as `{key: [..]}`.
fn labels(declared: &Value) -> Result<Option<Value>> {
    let invalid = || Error::new(Code::InvalidPlugin, format!("Invalid labels: {declared}"));
    match declared {
        Value::Null => Ok(None),
        Value::Object(map) => {
            let flat = |(key, label): (&String, &Value)| {
                let values = label.get("values").filter(|values| values.is_array());
                Ok((key.clone(), values.cloned().ok_or_else(invalid)?))
            };
            map.iter().map(flat).collect::<Result<Map<_, _>>>().map(|map| Some(Value::Object(map)))
        }
        _ => Err(invalid()),
    }
}

/// The description as version 1.3 understands it; `None` when it understands it as it is.
pub(super) fn for_version_1_3(described: &Value) -> Option<Value> {
    let mut copy = described.clone();
    for path in SCHEMAS {
        replace(&mut copy, path, &simplified);
    }
    replace(&mut copy, RULES, &|rules| match rules {
        Value::Object(map) if !map.is_empty() => None,
        other => Some(other.clone()),
    });
    (copy != *described).then_some(copy)
}

/// A schema without what is younger than version 1.3; `None` when it has to go.
fn simplified(schema: &Value) -> Option<Value> {
    let Value::Object(map) = schema else { return Some(schema.clone()) };
    let mut map = map.clone();
    if map.get("type").and_then(Value::as_str).is_some_and(|kind| OBJECTS.contains(&kind)) {
        map.insert("type".to_owned(), "string".into());
        map.shift_remove("constraints");
        return Some(Value::Object(map));
    }
    map.get("item_type").is_none_or(Value::is_null).then_some(Value::Object(map))
}

/// Puts `change` of each value at `path` in its place; what becomes nothing goes with its key.
fn replace(value: &mut Value, path: &[&str], change: &dyn Fn(&Value) -> Option<Value>) {
    let (Some((step, rest)), Value::Object(map)) = (path.split_first(), value) else { return };
    let keys: Vec<String> = if *step == "*" { map.keys().cloned().collect() } else { vec![(*step).to_owned()] };
    for key in keys {
        let Some(child) = map.get_mut(&key) else { continue };
        if !rest.is_empty() {
            replace(child, rest, change);
            continue;
        }
        match change(child) {
            Some(changed) => *child = changed,
            None => drop(map.shift_remove(&key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_flattened_and_checked() {
        let described = parse("plugin.yaml", "labels: {env: {values: [a, b]}}\nresource_tags: {t: 1}").unwrap();
        let found = extras(&described).unwrap();
        assert_eq!((found.labels, found.blueprint_labels), (Some(json!({"env": ["a", "b"]})), None));
        assert_eq!(found.resource_tags, Some(json!({"t": 1})));
        for bad in ["labels: [a]", "labels: {env: {values: a}}", "labels: {env: [a]}"] {
            assert!(extras(&parse("p.yaml", bad).unwrap()).is_err(), "{bad}");
        }
        assert!(parse("p.yaml", "a: [").is_err());
        assert!(parse("p.yaml", "- a").is_err());
    }

    #[test]
    fn the_copy_for_older_blueprints_knows_no_objects() {
        let described = json!({
            "workflows": {"w": {"parameters": {
                "where": {"type": "deployment_id", "constraints": [{"labels": []}]},
                "all": {"type": "list", "item_type": "node_id"},
                "plain": {"default": 1},
            }, "availability_rules": {"node_instances_active": ["all"]}}},
            "inputs": {"i": {"type": "string"}},
        });
        let copy = for_version_1_3(&described).unwrap();
        assert_eq!(
            copy,
            json!({
                "workflows": {"w": {"parameters": {"where": {"type": "string"}, "plain": {"default": 1}}}},
                "inputs": {"i": {"type": "string"}},
            })
        );
        assert_eq!(for_version_1_3(&json!({"plugins": {"p": {"executor": "x"}}})), None);
    }
}
