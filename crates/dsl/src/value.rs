//! Values against schemas: types, data types, defaults, required properties (spec dsl.md sections
//! 3.1 to 3.3).
//!
//! A schema is a JSON object of property name to `{required, default, description, type, ...}`, which
//! is also how plans show it.

use indexmap::IndexMap;
use nephele_model::json::{Map, Text, Value};
use nephele_model::python_text;

use crate::diagnostic::{Diagnostic, Fault, nearest, suggestion};
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

/// A value that does not fit, and the way to it from where the check began.
#[derive(Debug)]
pub(crate) struct Misfit {
    pub(crate) problem: Diagnostic,
    pub(crate) at: Vec<String>,
}

/// Completes instance properties from a schema; the result is in schema order.
///
/// Errors, all that there are: 105, 106, 107, 219.
pub(crate) fn merge(rules: &Rules<'_>, given: Map, schema: &Schema) -> Result<Map, Vec<Misfit>> {
    let mut found = Vec::new();
    let merged = merge_at(rules, given, schema, None, &mut Vec::new(), &mut found);
    if found.is_empty() { Ok(merged) } else { Err(found) }
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
    found: &mut Vec<Misfit>,
) -> Map {
    let mut meant = Vec::new();
    for unknown in given.keys().filter(|key| !schema.contains_key(key)) {
        let message = worded(rules.undefined, rules.owner, &dotted(path, unknown));
        meant.extend(nearest(unknown, schema.keys().map(Text::as_str)));
        let hint = suggestion(unknown, schema.keys().map(Text::as_str));
        let problem = Diagnostic::new(Fault::UndefinedProperty, message).with_hint(hint);
        found.push(Misfit { problem, at: path.iter().cloned().chain([unknown.to_string()]).collect() });
    }
    let default = |key: &str| -> Option<&Value> {
        derived.and_then(|map| map.get(key)).or_else(|| schema.get(key).and_then(default_of))
    };
    let external = given.get("use_external_resource").or_else(|| default("use_external_resource"));
    let is_external = external.is_some_and(python_text::is_truthy);
    if external.is_some_and(|value| function::recognise(value).is_some()) {
        let message =
            "Only boolean values are allowed for `use_external_resource` property, don't use intrinsic functions.";
        let at = path.iter().cloned().chain(["use_external_resource".to_owned()]).collect();
        found.push(Misfit { problem: Diagnostic::new(Fault::ExternalResourceFunction, message), at });
    }
    let mut merged = Map::with_capacity(schema.len());
    for (key, property) in schema {
        let inherited = default(key);
        let Some(value) = given.shift_remove(key).or_else(|| inherited.cloned()) else {
            let required = property.get("required").is_none_or(python_text::is_truthy) && !is_external;
            if required && rules.complete && !meant.contains(&key.as_str()) {
                let message = worded(rules.missing, rules.owner, &dotted(path, key));
                found.push(Misfit { problem: Diagnostic::new(Fault::MissingProperty, message), at: path.clone() });
            }
            continue;
        };
        path.push(key.as_str().to_owned());
        let type_name = property.get("type").and_then(Value::as_str);
        if let Some(value) = parse_at(rules, value, type_name, inherited, path, found) {
            merged.insert(key.clone(), value);
        }
        path.pop();
    }
    merged
}

/// Checks one value against a type and completes it from data types.
///
/// `path` names the property within the owner, empty for the value itself. Errors, all that there are:
/// 105, 106, 107.
pub(crate) fn parse(
    rules: &Rules<'_>,
    value: Value,
    type_name: Option<&str>,
    derived: Option<&Value>,
    path: &mut Vec<String>,
) -> Result<Value, Vec<Misfit>> {
    let mut found = Vec::new();
    match parse_at(rules, value, type_name, derived, path, &mut found) {
        Some(value) if found.is_empty() => Ok(value),
        _ => Err(found),
    }
}

fn parse_at(
    rules: &Rules<'_>,
    value: Value,
    type_name: Option<&str>,
    derived: Option<&Value>,
    path: &mut Vec<String>,
    found: &mut Vec<Misfit>,
) -> Option<Value> {
    let Some(type_name) = type_name else { return Some(value) };
    if function::recognise(&value).is_some() {
        return Some(value);
    }
    let mut refuse = |fault, message| found.push(Misfit { problem: Diagnostic::new(fault, message), at: path.clone() });
    if is_primitive(type_name) {
        if fits(&value, type_name) {
            return Some(value);
        }
    } else if let Some(data_type) = rules.data_types.get(type_name) {
        if let Value::Object(given) = value {
            let schema = data_type.get("properties").and_then(Value::as_object).unwrap_or(crate::plan::empty());
            let derived = derived.and_then(Value::as_object);
            return Some(Value::Object(merge_at(rules, given, schema, derived, path, found)));
        }
    } else {
        let message = format!(
            "Unexpected type defined in property schema for property '{}' - unknown type is '{type_name}'",
            path.join(".")
        );
        refuse(Fault::UnresolvedType, message);
        return None;
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
    refuse(Fault::TypeMismatch, message);
    None
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
/// the default of one and the same data type is completed from the parent's default. Misfits are told
/// from the type that both belong to.
pub(crate) fn derive(
    parent: &Schema,
    mut child: Schema,
    initial_defaults: &Map,
    data_types: &DataTypes,
) -> Result<Schema, Vec<Misfit>> {
    if child.is_empty() {
        return Ok(parent.clone());
    }
    let mut found = Vec::new();
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
        match parse(&rules, initial, Some(&type_name), Some(inherited_default), &mut Vec::new()) {
            Ok(merged) if python_text::is_truthy(&merged) => {
                own.insert("default".to_owned(), merged);
            }
            Ok(_) => {}
            Err(misfits) => found.extend(misfits.into_iter().map(|misfit| {
                let way = ["properties".to_owned(), key.to_string(), "default".to_owned()];
                Misfit { at: way.into_iter().chain(misfit.at).collect(), ..misfit }
            })),
        }
    }
    if found.is_empty() { Ok(child) } else { Err(found) }
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

    fn wrong(result: Result<Map, Vec<Misfit>>) -> Vec<(Fault, String)> {
        result.unwrap_err().into_iter().map(|misfit| (misfit.problem.fault, misfit.at.join("."))).collect()
    }

    #[test]
    fn properties_come_in_schema_order_with_defaults() {
        let types = DataTypes::new();
        let schema = map(json!({"a": {"default": 1}, "b": {}, "c": {"required": false}}));
        let merged = merge(&rules(&types), map(json!({"b": 2})), &schema).unwrap();
        assert_eq!(Value::Object(merged).to_string(), r#"{"a":1,"b":2}"#);
        assert_eq!(merge(&rules(&types), map(json!({})), &schema).unwrap_err()[0].problem.message, "'n' lacks 'b'");
    }

    #[test]
    fn every_misfit_is_found_at_its_place() {
        let types =
            DataTypes::from([("address".to_owned(), map(json!({"properties": {"port": {"type": "integer"}}})))]);
        let schema = map(json!({"host": {}, "to": {"type": "address"}, "size": {"type": "integer"}}));
        let given = map(json!({"hots": "h", "to": {"port": "x", "colour": 1}, "size": "y"}));
        let expected = [
            (Fault::UndefinedProperty, "hots"),
            (Fault::UndefinedProperty, "to.colour"),
            (Fault::TypeMismatch, "to.port"),
            (Fault::TypeMismatch, "size"),
        ];
        let found = wrong(merge(&rules(&types), given, &schema));
        assert_eq!(found, expected.map(|(fault, at)| (fault, at.to_owned())), "'host' was misspelled, not left out");
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
        assert!(wrong[0].problem.message.contains("property 'to.port' type is 'integer'"), "{wrong:?}");
    }

    #[test]
    fn strings_are_cast_where_a_number_is_wanted() {
        assert_eq!(cast(json!(" 12 "), "integer"), json!(12));
        assert_eq!(cast(json!("true"), "boolean"), json!(true));
        assert_eq!(cast(json!("True"), "boolean"), json!("True"));
        assert_eq!(cast(json!("x"), "integer"), json!("x"));
    }
}
