//! The parameters of a run: what the workflow declares, merged with what was given.
//!
//! Invariant: what comes out has every declared parameter that has a value, in its declared type.
//! Source: spec workflows.md section 5.9; every refusal is `illegal_execution_parameters_error`.

use nephele_model::{Code, Error, Result};
use serde_json::{Map, Number, Value};

/// Merges `given` with the `declared` parameters of `workflow` (`{name: {default, type, required}}`). Functions
/// in the result are to be evaluated before [`typed`] looks at it.
///
/// `custom` allows parameters that are not declared.
pub(crate) fn complete(
    workflow: &str,
    declared: &Map<String, Value>,
    given: Map<String, Value>,
    custom: bool,
) -> Result<Map<String, Value>> {
    let refuse = |message: String| Err(Error::new(Code::IllegalExecutionParameters, message));
    let unknown: Vec<&str> = given.keys().filter(|name| !declared.contains_key(*name)).map(String::as_str).collect();
    if !custom && !unknown.is_empty() {
        return refuse(format!(
            "Workflow \"{workflow}\" does not have the following parameters declared: {}. Remove these parameters or use \
             the flag for allowing custom parameters",
            unknown.join(",")
        ));
    }
    let mut merged = given;
    let mut missing = Vec::new();
    for (name, schema) in declared {
        if !merged.contains_key(name) {
            match schema.get("default") {
                Some(default) => drop(merged.insert(name.clone(), default.clone())),
                None if schema.get("required").and_then(Value::as_bool).unwrap_or(true) => missing.push(name.as_str()),
                None => {}
            }
        }
    }
    if !missing.is_empty() {
        return refuse(format!(
            "Workflow \"{workflow}\" must be provided with the following parameters to execute: {}",
            missing.join(",")
        ));
    }
    Ok(merged)
}

/// The parameters in their declared types.
pub(crate) fn typed(
    workflow: &str,
    declared: &Map<String, Value>,
    mut merged: Map<String, Value>,
) -> Result<Map<String, Value>> {
    let mut wrong = Vec::new();
    for (name, schema) in declared {
        let Some(kind) = schema.get("type").and_then(Value::as_str) else { continue };
        if let Some(value) = merged.get_mut(name)
            && !value.is_null()
        {
            match convert(value, kind) {
                Some(converted) => *value = converted,
                None => wrong.push(format!("{name} must be of type {kind}")),
            }
        }
    }
    if !wrong.is_empty() {
        return Err(Error::new(
            Code::IllegalExecutionParameters,
            format!("Workflow \"{workflow}\" was given parameters of the wrong type: {}", wrong.join(", ")),
        ));
    }
    Ok(merged)
}

/// The value in the wanted type, where that is possible without losing anything. Types of the
/// blueprint's own and references to other objects pass as they are.
fn convert(value: &Value, kind: &str) -> Option<Value> {
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
        ("string", Value::Number(_) | Value::Bool(_)) => Some(value.to_string().into()),
        ("boolean", Value::Bool(_))
        | ("string", Value::String(_))
        | ("list", Value::Array(_))
        | ("dict", Value::Object(_)) => Some(value.clone()),
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
        });
        let (Value::Object(declared), Value::Object(given)) = (declared, given) else { unreachable!() };
        let merged = complete("scale", &declared, given, custom).and_then(|merged| typed("scale", &declared, merged));
        merged.map(Value::Object).map_err(|error| error.message().to_owned())
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
        assert!(merged(json!({"name": 1, "delta": "x"}), false).unwrap_err().contains("delta must be of type integer"));
        assert!(merged(json!({"name": 1, "delta": 1.5}), false).is_err());
    }
}
