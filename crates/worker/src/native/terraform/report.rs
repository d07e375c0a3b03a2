//! What runtime properties tell of a module: `outputs`, `resources`, and what a plan would change.
//!
//! Invariant: what Terraform calls sensitive stands there only if the blueprint asks for it.

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Map, Value, json};

use crate::intake::client_failure;
use crate::native::task::{Task, mapping};

/// What stands in place of a sensitive value.
const SENSITIVE: &str = "(sensitive)";

/// Notes what `show -json` tells of the state.
pub(super) async fn note(task: &Task, config: &Map<String, Value>, source: &str, shown: &Value) -> Result<(), Failure> {
    let hides = config.get("obfuscate_sensitive").is_none_or(python_text::is_truthy);
    let mut outputs = mapping("outputs", shown["values"].get("outputs"))?;
    let secrets = mapping("store_output_secrets", config.get("store_output_secrets"))?;
    for (name, output) in outputs.iter_mut().filter(|(_, output)| output.is_object()) {
        if output["sensitive"] == true {
            for text in text_of(&output["value"]) {
                task.operation.logs.hide(text);
            }
        }
        if let Some(key) = secrets.get(name).map(python_text::str) {
            let value = match &output["value"] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let stored = task.operation.client.secrets().put(&key, &value).await;
            stored.map_err(|error| client_failure(&error))?;
            output["value"] = json!({"get_secret": key});
        } else if hides && output["sensitive"] == true {
            output["value"] = json!(SENSITIVE);
        }
    }
    let mut resources = Map::new();
    collect(&shown["values"]["root_module"], hides, &mut resources);
    let largest = task.setting("max_runtime_property_size").and_then(Value::as_u64);
    let size = Value::Object(resources.clone()).to_string().len() as u64;
    if largest.is_some_and(|largest| size > largest) {
        let text = "The resources are not noted: they have more bytes than `max_runtime_property_size` allows";
        task.operation.logs.log("warning", text);
        resources = Map::new();
    }
    let source = source.to_owned();
    let (outputs, resources) = (Value::Object(outputs), Value::Object(resources));
    // A provider may copy a secret to where nobody calls it sensitive.
    let [outputs, resources] = [outputs, resources].map(|told| if hides { task.redacted(&told) } else { told });
    task.session
        .change(move |properties| {
            properties.insert("outputs".to_owned(), outputs);
            properties.insert("resources".to_owned(), resources);
            properties.insert("last_source_location".to_owned(), Value::from(source));
        })
        .await?;
    Ok(())
}

/// What a plan would do, by address: the actions, and the values before and after.
pub(super) fn changes(plan: &Value) -> Value {
    let changes = plan["resource_changes"].as_array().into_iter().flatten();
    let changing = changes.filter(|change| change["change"]["actions"] != json!(["no-op"]));
    let one = |change: &Value| {
        let part = |name: &str| masked(&change["change"][name], &change["change"][format!("{name}_sensitive")]);
        let told = json!({"actions": change["change"]["actions"], "before": part("before"), "after": part("after")});
        (change["address"].as_str().unwrap_or_default().to_owned(), told)
    };
    Value::Object(changing.map(one).collect())
}

/// The resources of a module and those below it, by address.
fn collect(module: &Value, hides: bool, resources: &mut Map<String, Value>) {
    for resource in module["resources"].as_array().into_iter().flatten() {
        let mut told = Map::new();
        for name in ["mode", "type", "name", "provider_name"] {
            told.insert(name.to_owned(), resource[name].clone());
        }
        let sensitive = if hides { &resource["sensitive_values"] } else { &Value::Null };
        told.insert("values".to_owned(), masked(&resource["values"], sensitive));
        resources.insert(resource["address"].as_str().unwrap_or_default().to_owned(), Value::Object(told));
    }
    for child in module["child_modules"].as_array().into_iter().flatten() {
        collect(child, hides, resources);
    }
}

/// A value without the parts that another one marks as sensitive.
fn masked(value: &Value, sensitive: &Value) -> Value {
    match (value, sensitive) {
        (_, Value::Bool(true)) => json!(SENSITIVE),
        (Value::Object(fields), Value::Object(_)) => {
            let field = |(name, field): (&String, &Value)| (name.clone(), masked(field, &sensitive[name.as_str()]));
            Value::Object(fields.iter().map(field).collect())
        }
        (Value::Array(items), Value::Array(_)) => {
            items.iter().enumerate().map(|(index, item)| masked(item, &sensitive[index])).collect()
        }
        _ => value.clone(),
    }
}

/// The texts within a value.
fn text_of(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(text_of).collect(),
        Value::Object(fields) => fields.values().flat_map(text_of).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensitive_parts_are_left_out_wherever_they_are() {
        let value = json!({"name": "db", "password": "p", "users": [{"name": "a", "key": "k"}, {"name": "b"}]});
        let sensitive = json!({"password": true, "users": [{"key": true}, {}]});
        let expected =
            json!({"name": "db", "password": SENSITIVE, "users": [{"name": "a", "key": SENSITIVE}, {"name": "b"}]});
        assert_eq!(masked(&value, &sensitive), expected);
        assert_eq!(masked(&value, &Value::Bool(true)), json!(SENSITIVE));
        assert_eq!(masked(&value, &Value::Bool(false)), value);
    }

    #[test]
    fn a_plan_tells_what_changes_and_nothing_else() {
        let plan = json!({"resource_changes": [
            {"address": "a.same", "change": {"actions": ["no-op"], "before": {}, "after": {}}},
            {"address": "a.new", "change": {"actions": ["create"], "before": null, "after": {"k": "s", "n": 1},
                "before_sensitive": false, "after_sensitive": {"k": true}}},
        ]});
        let expected = json!({"a.new": {"actions": ["create"], "before": null, "after": {"k": SENSITIVE, "n": 1}}});
        assert_eq!(changes(&plan), expected);
    }
}
