//! Values against schemas: types, data types, defaults, required properties (spec dsl.md sections
//! 3.1 to 3.3).
//!
//! A schema is a JSON object of property name to `{required, default, description, type, ...}`, which
//! is also how plans show it.

use indexmap::IndexMap;
use nephele_model::json::{Map, Text, Value};
use nephele_model::python_text;

use crate::diagnostic::{Diagnostic, Kind, nearest};
use crate::function;

/// Data types by name, as plans show them.
pub(crate) type DataTypes = IndexMap<String, Map>;

/// A schema: property name to its definition.
pub(crate) type Schema = Map;

/// Types of the language itself.
pub(crate) const PRIMITIVES: &[&str] = &["string", "integer", "float", "boolean", "list", "dict", "regex", "textarea"];

/// Types whose values name something that the manager has; they exist since version 1.4.
pub(crate) const OBJECT_TYPES: &[&str] = &[
    "blueprint_id",
    "deployment_id",
    "capability_value",
    "scaling_group",
    "node_id",
    "node_type",
    "node_instance",
    "secret_key",
];

/// The object type that came with version 1.5.
pub(crate) const OPERATION_NAME: &str = "operation_name";

/// Whether a type needs no definition.
pub(crate) fn is_primitive(name: &str) -> bool {
    PRIMITIVES.contains(&name) || is_object_type(name)
}

/// Whether values of a type name something that the manager has.
pub(crate) fn is_object_type(name: &str) -> bool {
    OBJECT_TYPES.contains(&name) || name == OPERATION_NAME
}

/// How values are checked: against which data types, and how failures are worded. `{0}` in the wordings
/// stands for the owner, `{1}` for the property.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) data_types: &'a DataTypes,
    pub(crate) undefined: &'a str,
    pub(crate) missing: &'a str,
    pub(crate) owner: &'a str,
    /// Whether an absent required property is a failure or left out.
    pub(crate) complete: bool,
}

/// Completes instance properties from a schema; the result is in schema order.
///
/// Errors: 105, 106, 107, 219.
pub(crate) fn merge(rules: &Rules<'_>, given: Map, schema: &Schema) -> Result<Map, Diagnostic> {
    merge_at(rules, given, schema, None, &mut Vec::new())
}

/// The default of a property, if it has one (even null).
pub(crate) fn default_of(property: &Value) -> Option<&Value> {
    property.get("default")
}

fn merge_at(
    rules: &Rules<'_>,
    mut given: Map,
    schema: &Schema,
    derived: Option<&Map>,
    path: &mut Vec<String>,
) -> Result<Map, Diagnostic> {
    if let Some(unknown) = given.keys().find(|key| !schema.contains_key(key)) {
        let message = worded(rules.undefined, rules.owner, &dotted(path, unknown));
        let hint = nearest(unknown, schema.keys().map(Text::as_str));
        return Err(Diagnostic::new(Kind::Logic, Some(106), message).with_hint(hint));
    }
    let default = |key: &str| -> Option<&Value> {
        derived.and_then(|map| map.get(key)).or_else(|| schema.get(key).and_then(default_of))
    };
    let external = given.get("use_external_resource").or_else(|| default("use_external_resource"));
    let external = match external {
        Some(value) if function::recognise(value).is_some() => {
            return Err(Diagnostic::new(
                Kind::Logic,
                Some(219),
                "Only boolean values are allowed for `use_external_resource` property, don't use intrinsic functions.",
            ));
        }
        Some(value) => python_text::is_truthy(value),
        None => false,
    };
    let mut merged = Map::with_capacity(schema.len());
    for (key, property) in schema {
        let inherited = default(key);
        let Some(value) = given.shift_remove(key).or_else(|| inherited.cloned()) else {
            let required = property.get("required").is_none_or(python_text::is_truthy) && !external;
            if required && rules.complete {
                let message = worded(rules.missing, rules.owner, &dotted(path, key));
                return Err(Diagnostic::new(Kind::Logic, Some(107), message));
            }
            continue;
        };
        path.push(key.as_str().to_owned());
        let value = parse_at(rules, value, property.get("type").and_then(Value::as_str), inherited, path)?;
        path.pop();
        merged.insert(key.clone(), value);
    }
    Ok(merged)
}

/// Checks one value against a type and completes it from data types.
///
/// `path` names the property within the owner, empty for the value itself. Errors: 105, 106, 107.
pub(crate) fn parse(
    rules: &Rules<'_>,
    value: Value,
    type_name: Option<&str>,
    derived: Option<&Value>,
    path: &mut Vec<String>,
) -> Result<Value, Diagnostic> {
    parse_at(rules, value, type_name, derived, path)
}

fn parse_at(
    rules: &Rules<'_>,
    value: Value,
    type_name: Option<&str>,
    derived: Option<&Value>,
    path: &mut Vec<String>,
) -> Result<Value, Diagnostic> {
    let Some(type_name) = type_name else { return Ok(value) };
    if function::recognise(&value).is_some() {
        return Ok(value);
    }
    if is_primitive(type_name) {
        if fits(&value, type_name) {
            return Ok(value);
        }
    } else if let Some(data_type) = rules.data_types.get(type_name) {
        if let Value::Object(given) = value {
            let schema = data_type.get("properties").and_then(Value::as_object).unwrap_or(crate::plan::empty());
            let derived = derived.and_then(Value::as_object);
            return merge_at(rules, given, schema, derived, path).map(Value::Object);
        }
    } else {
        let message = format!(
            "Unexpected type defined in property schema for property '{}' - unknown type is '{type_name}'",
            path.join(".")
        );
        return Err(Diagnostic::new(Kind::Runtime, None, message));
    }
    let what = if path.is_empty() {
        format!("the defined type is '{type_name}'")
    } else {
        format!("property '{}' type is '{type_name}'", path.join("."))
    };
    let message = format!(
        "Property type validation failed in '{}': {what}, yet it was assigned with the value '{}'",
        rules.owner,
        python_text::str(&value)
    );
    Err(Diagnostic::new(Kind::Logic, Some(105), message))
}

/// Whether a value is of a primitive type. Object types and strings take anything.
pub(crate) fn fits(value: &Value, type_name: &str) -> bool {
    match type_name {
        "integer" => value.is_i64() || value.is_u64(),
        "float" => value.is_number(),
        "boolean" => value.is_boolean(),
        "regex" => value.as_str().is_some_and(crate::constraint::is_regex),
        "list" => value.is_array(),
        "dict" => value.is_object(),
        _ => true,
    }
}

/// A schema over the one it derives from. A property of the child replaces the parent's, except that
/// the default of one and the same data type is completed from the parent's default.
pub(crate) fn derive(
    parent: &Schema,
    mut child: Schema,
    initial_defaults: &Map,
    data_types: &DataTypes,
) -> Result<Schema, Diagnostic> {
    for (key, inherited) in parent {
        let Some(own) = child.get_mut(key).and_then(Value::as_object_mut) else {
            child.insert(key.clone(), inherited.clone());
            continue;
        };
        let Some(type_name) = own.get("type").and_then(Value::as_str).map(str::to_owned) else { continue };
        let same = inherited.get("type").and_then(Value::as_str) == Some(&type_name);
        let inherited_default = inherited.get("default").filter(|value| !value.is_null());
        let (true, Some(inherited_default)) = (same && data_types.contains_key(&type_name), inherited_default) else {
            continue;
        };
        let rules = Rules {
            data_types,
            undefined: "illegal state",
            missing: "illegal state",
            owner: "illegal state",
            complete: false,
        };
        let initial = initial_defaults.get(key).filter(|value| !value.is_null()).cloned();
        let initial = initial.unwrap_or_else(|| Value::Object(Map::new()));
        let merged = parse(&rules, initial, Some(&type_name), Some(inherited_default), &mut Vec::new())?;
        if python_text::is_truthy(&merged) {
            own.insert("default".to_owned(), merged);
        }
    }
    Ok(child)
}

/// Turns text into what `type_name` wants, if it can be.
pub(crate) fn cast(value: Value, type_name: &str) -> Value {
    let Value::String(text) = &value else { return value };
    let trimmed = text.trim();
    let cast = match type_name {
        "integer" => trimmed.replace('_', "").parse::<i64>().ok().map(Value::from),
        "float" => trimmed.replace('_', "").parse::<f64>().ok().map(Value::from).filter(Value::is_number),
        "boolean" if text == "true" => Some(Value::Bool(true)),
        "boolean" if text == "false" => Some(Value::Bool(false)),
        _ => None,
    };
    cast.unwrap_or(value)
}

fn dotted(path: &[String], last: &str) -> String {
    path.iter().map(String::as_str).chain([last]).collect::<Vec<_>>().join(".")
}

fn worded(wording: &str, owner: &str, property: &str) -> String {
    wording.replace("{0}", owner).replace("{1}", property)
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;

    fn rules(data_types: &DataTypes) -> Rules<'_> {
        Rules { data_types, undefined: "'{0}' has no '{1}'", missing: "'{0}' lacks '{1}'", owner: "n", complete: true }
    }

    fn map(value: Value) -> Map {
        serde_json::from_value(value.into()).unwrap()
    }

    #[test]
    fn properties_come_in_schema_order_with_defaults() {
        let types = DataTypes::new();
        let schema = map(json!({"a": {"default": 1}, "b": {}, "c": {"required": false}}));
        let merged = merge(&rules(&types), map(json!({"b": 2})), &schema).unwrap();
        assert_eq!(Value::Object(merged).to_string(), r#"{"a":1,"b":2}"#);
        assert_eq!(merge(&rules(&types), map(json!({})), &schema).unwrap_err().message, "'n' lacks 'b'");
        assert_eq!(merge(&rules(&types), map(json!({"x": 1})), &schema).unwrap_err().code, Some(106));
    }

    #[test]
    fn data_types_complete_nested_values() {
        let types = DataTypes::from([(
            "address".to_owned(),
            map(json!({"properties": {"host": {}, "port": {"type": "integer", "default": 80}}})),
        )]);
        let schema = map(json!({"to": {"type": "address"}}));
        let merged = merge(&rules(&types), map(json!({"to": {"host": "h"}})), &schema).unwrap();
        assert_eq!(merged["to"], json!({"host": "h", "port": 80}));
        let wrong = merge(&rules(&types), map(json!({"to": {"host": "h", "port": true}})), &schema).unwrap_err();
        assert!(wrong.message.contains("property 'to.port' type is 'integer'"), "{}", wrong.message);
    }

    #[test]
    fn strings_are_cast_where_a_number_is_wanted() {
        assert_eq!(cast(json!(" 12 "), "integer"), json!(12));
        assert_eq!(cast(json!("true"), "boolean"), json!(true));
        assert_eq!(cast(json!("True"), "boolean"), json!("True"));
        assert_eq!(cast(json!("x"), "integer"), json!("x"));
    }
}
