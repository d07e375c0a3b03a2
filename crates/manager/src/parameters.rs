//! The parameters of a run: what the workflow declares, merged with what was given.
//!
//! Invariant: what comes out has every declared parameter that has a value, in its declared type.
//! Source: spec workflows.md section 5.9; every refusal is `illegal_execution_parameters_error`.

use nephele_dsl::constraint;
use nephele_model::{Code, Error, Result, json};
use serde_json::{Map, Number, Value};

/// Refuses parameters of `workflow` that are not `declared` (`{name: {default, type, required}}`), unless
/// `custom` allows them, and fills in the defaults.
pub(crate) fn complete(
    workflow: &str,
    declared: &Map<String, Value>,
    mut given: Map<String, Value>,
    custom: bool,
) -> Result<Map<String, Value>> {
    let unknown: Vec<&str> = given.keys().filter(|name| !declared.contains_key(*name)).map(String::as_str).collect();
    if !custom && !unknown.is_empty() {
        return Err(refused(format!(
            "Workflow \"{workflow}\" does not have the following parameters declared: {}. Remove these parameters or use \
             the flag for allowing custom parameters",
            unknown.join(",")
        )));
    }
    for (name, schema) in declared {
        if let (false, Some(default)) = (given.contains_key(name), schema.get("default")) {
            given.insert(name.clone(), default.clone());
        }
    }
    Ok(given)
}

/// Brings parameters into their declared types, and refuses those that violate constraints or are missing.
pub(crate) fn check(
    workflow: &str,
    declared: &Map<String, Value>,
    mut given: Map<String, Value>,
) -> Result<Map<String, Value>> {
    let mut wrong = Vec::new();
    for (name, schema) in declared {
        let Some(kind) = schema.get("type").and_then(Value::as_str) else { continue };
        let item = schema.get("item_type").and_then(Value::as_str);
        if let Some(value) = given.get_mut(name).filter(|value| !value.is_null()) {
            if let Some(converted) = convert(value, kind, item) {
                *value = converted;
            } else {
                let items = item.map_or_else(String::new, |item| format!(" of {item}s"));
                wrong.push(format!("Parameter \"{name}\" must be of type {kind}{items}"));
            }
        }
    }
    if !wrong.is_empty() {
        return Err(refused(wrong.join("\n")));
    }
    let violations: Vec<String> =
        declared.iter().filter_map(|(name, schema)| violation(name, schema, &given)).collect();
    if !violations.is_empty() {
        return Err(refused(violations.join("\n")));
    }
    let missing = |(name, schema): &(&String, &Value)| {
        !given.contains_key(*name) && schema.get("required").and_then(Value::as_bool).unwrap_or(true)
    };
    let missing: Vec<&str> = declared.iter().filter(missing).map(|(name, _)| name.as_str()).collect();
    if !missing.is_empty() {
        return Err(refused(format!(
            "Workflow \"{workflow}\" must be provided with the following parameters to execute: {}",
            missing.join(",")
        )));
    }
    Ok(given)
}

/// How a value that was given violates its parameter's constraints, if it does.
fn violation(name: &str, schema: &Value, given: &Map<String, Value>) -> Option<String> {
    let value = given.get(name).filter(|value| !value.is_null())?;
    schema.get("constraints").filter(|constraints| !constraints.is_null())?;
    let schema = json::Map::from(schema.as_object()?.clone());
    let problem = constraint::check(name, &schema, &json::Value::from(value.clone())).err()?;
    Some(format!("Parameter \"{name}\" does not meet its constraints: {}", problem.reference_text()))
}

fn refused(message: String) -> Error {
    Error::new(Code::IllegalExecutionParameters, message)
}

/// The value in the wanted type, where that is possible without losing anything. Types of the
/// blueprint's own and references to other objects pass as they are.
fn convert(value: &Value, kind: &str, item: Option<&str>) -> Option<Value> {
    match (kind, value) {
        ("integer", Value::Number(number)) => (!number.is_f64()).then(|| value.clone()),
        ("integer", Value::String(text)) => text.trim().parse::<i64>().ok().map(Value::from),
        ("float", Value::Number(number)) => number.as_f64().and_then(Number::from_f64).map(Value::Number),
        ("float", Value::String(text)) => text.trim().parse().ok().and_then(Number::from_f64).map(Value::Number),
        ("boolean", Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            _ => None,
        },
        ("boolean", Value::Bool(_)) | ("string", Value::String(_)) | ("dict", Value::Object(_)) => Some(value.clone()),
        ("list", Value::Array(list)) => match item {
            Some(item) => list.iter().map(|value| convert(value, item, None)).collect(),
            None => Some(value.clone()),
        },
        // Lists come as text from forms.
        ("list", Value::String(text)) => serde_json::from_str(text).ok().filter(Value::is_array),
        ("dict", Value::String(text)) => serde_json::from_str(text).ok().filter(Value::is_object),
        ("integer" | "float" | "boolean" | "string" | "list" | "dict", _) => None,
        _ => Some(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(given: Value, custom: bool) -> Result<Value, String> {
        let declared = json!({
            "delta": {"type": "integer", "default": 1},
            "name": {},
            "note": {"required": false},
            "flag": {"type": "boolean", "default": null},
            "size": {"type": "integer", "required": false, "constraints": [{"in_range": [1, 5]}]},
        });
        let (Value::Object(declared), Value::Object(given)) = (declared, given) else { unreachable!() };
        let completed = complete("scale", &declared, given, custom);
        let checked = completed.and_then(|given| check("scale", &declared, given));
        checked.map(Value::Object).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn defaults_fill_and_types_are_corrected() {
        assert_eq!(merged(json!({"name": "a"}), false), Ok(json!({"name": "a", "delta": 1, "flag": null})));
        assert_eq!(
            merged(json!({"name": 1, "delta": "3", "flag": "True"}), false),
            Ok(json!({"name": 1, "delta": 3, "flag": true}))
        );
        assert_eq!(merged(json!({"name": 1, "zz": 2}), true).unwrap()["zz"], 2);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert!(merged(json!({}), false).unwrap_err().ends_with("parameters to execute: name"));
        assert!(merged(json!({"name": 1, "zz": 2}), false).unwrap_err().contains("declared: zz."));
        assert!(
            merged(json!({"name": 1, "delta": "x"}), false).unwrap_err().contains("\"delta\" must be of type integer")
        );
        assert!(merged(json!({"name": 1, "delta": 1.5}), false).is_err());
        assert_eq!(merged(json!({"name": 1, "size": "5"}), false).unwrap()["size"], 5);
        let violated = merged(json!({"name": 1, "size": 6}), false).unwrap_err();
        assert!(violated.starts_with("Parameter \"size\" does not meet its constraints: Value 6"), "{violated}");
    }
}
