//! Values of secrets against their JSON schemas, with refusals in the words that clients know.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::paths::LocationSegment;
use nephele_model::python_text::repr;
use nephele_model::{Error, Result};
use serde_json::{Map, Value};

/// Refuses a value that does not satisfy `schema`. Errors: `conflict_error`; `bad_parameters_error` for
/// a schema that is none.
pub(super) fn check(value: &Value, schema: &Map<String, Value>) -> Result<()> {
    let schema = Value::Object(schema.clone());
    let validator = jsonschema::validator_for(&schema)
        .map_err(|error| Error::bad_parameters(format!("Invalid secret JSON schema {}: {error}", repr(&schema))))?;
    let Err(error) = validator.validate(value) else { return Ok(()) };
    let location = error.schema_path().to_string();
    let mut place: Vec<&str> = location.split('/').filter(|part| !part.is_empty()).collect();
    let keyword = place.pop().unwrap_or_default();
    let part = schema.pointer(location.rsplit_once('/').map_or("", |(parent, _)| parent)).unwrap_or(&schema);
    let index = |parts: Vec<String>| -> String { parts.iter().flat_map(|part| ["[", part.as_str(), "]"]).collect() };
    let in_schema = index(place.into_iter().map(|part| repr(&Value::from(part))).collect());
    let on = error.instance_path().iter().map(|segment| match segment {
        LocationSegment::Property(name) => repr(&Value::from(name.as_ref())),
        LocationSegment::Index(number) => number.to_string(),
    });
    Err(Error::conflict(format!(
        "Error validating secret value: {}\n\nFailed validating '{keyword}' in schema{in_schema}:\n    {}\n\nOn instance{}:\n    {}",
        reason(&error),
        repr(part),
        index(on.collect()),
        repr(error.instance().as_ref()),
    )))
}

/// What is wrong, as Python's library puts it.
fn reason(error: &jsonschema::ValidationError<'_>) -> String {
    let instance = repr(error.instance().as_ref());
    match error.kind() {
        Kind::Type { kind: TypeKind::Single(wanted) } => format!("{instance} is not of type '{wanted}'"),
        Kind::Required { property } => format!("{} is a required property", repr(property)),
        Kind::Enum { options } => format!("{instance} is not one of {}", repr(options.as_ref())),
        Kind::Constant { expected_value } => format!("{} was expected", repr(expected_value.as_ref())),
        Kind::Minimum { limit } => format!("{instance} is less than the minimum of {}", repr(limit)),
        Kind::Maximum { limit } => format!("{instance} is greater than the maximum of {}", repr(limit)),
        Kind::MinLength { .. } | Kind::MinItems { .. } => format!("{instance} is too short"),
        Kind::MaxLength { .. } | Kind::MaxItems { .. } => format!("{instance} is too long"),
        Kind::Pattern { pattern } => format!("{instance} does not match {}", repr(&Value::from(pattern.as_str()))),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check;

    fn refused(value: &serde_json::Value, schema: &serde_json::Value) -> String {
        check(value, schema.as_object().unwrap()).unwrap_err().message().to_owned()
    }

    #[test]
    fn refusals_read_as_they_always_did() {
        assert_eq!(
            refused(&json!("x"), &json!({"type": "object"})),
            "Error validating secret value: 'x' is not of type 'object'\n\nFailed validating 'type' in schema:\n    \
             {'type': 'object'}\n\nOn instance:\n    'x'"
        );
        let schema =
            json!({"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"]});
        let nested = refused(&json!({"a": 1}), &schema);
        assert!(nested.contains("1 is less than the minimum of 3"), "{nested}");
        assert!(nested.contains("in schema['properties']['a']:\n    {'type': 'integer', 'minimum': 3}"), "{nested}");
        assert!(nested.ends_with("On instance['a']:\n    1"), "{nested}");
        assert!(refused(&json!({}), &schema).contains("'a' is a required property"));
        assert!(check(&json!({"a": 5}), schema.as_object().unwrap()).is_ok());
        assert!(refused(&json!(1), &json!({"type": "whatever"})).starts_with("Invalid secret JSON schema"));
    }
}
