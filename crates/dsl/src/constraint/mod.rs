//! Constraints on the values of inputs (spec dsl.md section 3.5).

mod operator;
mod pattern;

use std::borrow::Cow;

use nephele_model::json::{List, Map, Text, Value};
use nephele_model::python_text;

use crate::diagnostic::{Diagnostic, Fault, suggestion};
use crate::function;
use crate::value;

pub use operator::{holds, incomparable};
pub(crate) use pattern::is_valid as is_regex;

/// What an operator takes as its argument.
#[derive(Clone, Copy)]
enum Argument {
    Scalar,
    TwoScalars,
    Sequence,
    Regex,
    Text,
    Dict,
}

impl Argument {
    /// What to write, for people.
    const fn hint(self) -> &'static str {
        match self {
            Self::Scalar => "write a number",
            Self::TwoScalars => "write a list of two numbers",
            Self::Sequence => "write a list",
            Self::Regex => "write a regular expression",
            Self::Text => "write a text",
            Self::Dict => "write a mapping",
        }
    }
}

/// Every operator with its argument.
const OPERATORS: &[(&str, Argument)] = &[
    ("equal", Argument::Scalar),
    ("greater_than", Argument::Scalar),
    ("greater_or_equal", Argument::Scalar),
    ("less_than", Argument::Scalar),
    ("less_or_equal", Argument::Scalar),
    ("in_range", Argument::TwoScalars),
    ("valid_values", Argument::Sequence),
    ("length", Argument::Scalar),
    ("min_length", Argument::Scalar),
    ("max_length", Argument::Scalar),
    ("pattern", Argument::Regex),
    ("filter_id", Argument::Text),
    ("labels", Argument::Sequence),
    ("tenants", Argument::Sequence),
    ("name_pattern", Argument::Dict),
    ("deployment_id", Argument::Text),
];

/// Types that need to know of a deployment or a blueprint.
const IN_DEPLOYMENT_OR_BLUEPRINT: &[&str] = &["scaling_group", "operation_name", "node_id", "node_type"];
/// Types that need to know of a deployment.
const IN_DEPLOYMENT: &[&str] = &["capability_value", "node_instance"];

/// The manager's knowledge of which values exist; see [`crate::Catalog`].
pub(crate) type Lookup<'a> = &'a dyn crate::prepare::Catalog;

/// All operators as messages list them: with the reference's classes, which are called like them.
fn known_operators() -> String {
    let class = |name: &str| -> String {
        let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
        name.split('_').map(capital).collect()
    };
    let shown = OPERATORS.iter().map(|(name, _)| format!("'{name}': <class 'dsl_parser.constraints.{}'>", class(name)));
    format!("{{{}}}", shown.collect::<Vec<_>>().join(", "))
}

/// Checks how a constraint is written. Errors: 103 for the operator, 212 for its argument.
pub(crate) fn check_definition(definition: &Map, input: &str) -> Result<(), Diagnostic> {
    if definition.is_empty() {
        let message = format!("Empty constraint operator name given. Allowed operators: {}", known_operators());
        return Err(Diagnostic::new(Fault::UnknownConstraint, message));
    }
    let Some((name, argument)) = operator(definition) else {
        return Err(Diagnostic::new(Fault::ConstraintWithoutOperator, "list index out of range"));
    };
    let Some((_, kind)) = OPERATORS.iter().find(|(known, _)| known == name) else {
        let message = format!("No such constraint operator '{name}'. Allowed operators: {}", known_operators());
        let hint = suggestion(name, OPERATORS.iter().map(|(name, _)| *name));
        let brief = format!("There is no constraint operator '{name}'");
        return Err(Diagnostic::new(Fault::UnknownConstraint, message).with_brief(brief).with_hint(hint));
    };
    if function::recognise(argument).is_some() || takes(*kind, argument) {
        return Ok(());
    }
    let message = format!(
        "Invalid constraint operator argument \"{}\", for constraint operator \"{name}\" in \"{input}\".",
        python_text::str(argument)
    );
    Err(Diagnostic::new(Fault::ConstraintArgument, message).with_hint(Some(kind.hint().to_owned())))
}

fn operator(definition: &Map) -> Option<(&Text, &Value)> {
    definition.iter().find(|(name, _)| *name != "error_message")
}

fn takes(kind: Argument, argument: &Value) -> bool {
    match kind {
        Argument::Scalar => argument.is_number(),
        Argument::TwoScalars => {
            matches!(argument.as_array().map(List::as_slice), Some([low, high]) if low.is_number() && high.is_number())
        }
        Argument::Sequence => argument.is_array(),
        Argument::Regex => argument.as_str().is_some_and(is_regex),
        Argument::Text => argument.is_string(),
        Argument::Dict => argument.is_object(),
    }
}

/// Checks a value against the constraints of its definition, such as that of a workflow's parameter. Of types whose values
/// are names of things that exist nothing is checked: nobody is asked what exists.
///
/// Errors: those of an input's value.
pub fn check(name: &str, definition: &Map, value: &Value) -> Result<(), Diagnostic> {
    let is_of_object = |key| definition.get(key).and_then(Value::as_str).is_some_and(value::is_object_type);
    let constraints = of(definition)?;
    if constraints.is_empty() || is_of_object("type") || is_of_object("item_type") {
        return Ok(());
    }
    check_value(name, definition, constraints, value, None)
}

/// Checks an input's value against its definition (`type`, `item_type`, `constraints`).
///
/// Errors: [`Fault::ConstraintViolated`], 105 for items of the wrong type, 213 for a function as value.
pub(crate) fn check_value(
    input: &str,
    definition: &Map,
    constraints: &[Value],
    value: &Value,
    lookup: Option<Lookup<'_>>,
) -> Result<(), Diagnostic> {
    let text = |key: &str| definition.get(key).and_then(Value::as_str);
    let type_name = text("type");
    let (Some("list"), Some(item_type)) = (type_name, text("item_type")) else {
        return check_one(input, constraints, value, type_name, lookup);
    };
    for item in items(value)?.iter() {
        if !value::fits(item, item_type) {
            let message = format!(
                "Property type validation failed in '{input}': the defined type is '{item_type}', yet it was assigned \
                 with the value '{}'",
                python_text::str(item)
            );
            return Err(Diagnostic::new(Fault::TypeMismatch, message));
        }
        check_one(input, constraints, item, Some(item_type), lookup)?;
    }
    Ok(())
}

/// The constraints in a definition. Errors: they are no list.
pub(crate) fn of(definition: &Map) -> Result<&[Value], Diagnostic> {
    match definition.get("constraints") {
        None => Ok(&[]),
        Some(Value::Array(constraints)) => Ok(constraints),
        Some(other) => Err(not_iterable(other)),
    }
}

/// What Python finds when it goes through a value.
fn items(value: &Value) -> Result<Cow<'_, [Value]>, Diagnostic> {
    match value {
        Value::Array(items) => Ok(Cow::Borrowed(items)),
        Value::String(text) => Ok(text.chars().map(|character| Value::from(character.to_string())).collect()),
        Value::Object(map) => Ok(map.keys().map(|key| Value::from(key.as_str())).collect()),
        other => Err(not_iterable(other)),
    }
}

fn not_iterable(value: &Value) -> Diagnostic {
    Diagnostic::new(Fault::ConstraintNotList, format!("'{}' object is not iterable", python_text::type_name(value)))
}

fn check_one(
    input: &str,
    constraints: &[Value],
    value: &Value,
    type_name: Option<&str>,
    lookup: Option<Lookup<'_>>,
) -> Result<(), Diagnostic> {
    if !constraints.is_empty() && function::recognise(value).is_some() {
        let message = format!(
            "Input value {}, of input {input}, cannot contain an intrinsic function and also have constraints.",
            python_text::str(value)
        );
        return Err(Diagnostic::new(Fault::FunctionWithConstraints, message));
    }
    let constraints: Vec<(&str, &Value, Option<String>)> = constraints
        .iter()
        .filter_map(Value::as_object)
        .filter_map(|definition| {
            let (name, argument) = operator(definition)?;
            let error_message = definition.get("error_message").filter(|message| python_text::is_truthy(*message));
            Some((name.as_str(), argument, error_message.map(python_text::str)))
        })
        .collect();
    let object_type = type_name.filter(|name| value::is_object_type(name));
    if let Some(type_name) = object_type {
        let lookup =
            lookup.ok_or_else(|| violation("Invalid call to validate_input_value: value_getter not set".to_owned()))?;
        check_scope(input, &constraints, value, type_name, lookup)?;
    }
    let mut of_manager = Vec::new();
    for (name, argument, error_message) in constraints {
        if is_for_manager(name, type_name) {
            of_manager.push((name, argument));
        } else if !holds(name, argument, value)? {
            let rest = error_message.map_or_else(
                || format!("violates constraint {}.", operator_text(name, argument)),
                |message| format!("is invalid. {message}"),
            );
            return Err(violation(format!("Value {} of input {input} {rest}", python_text::str(value))));
        }
    }
    let mut query = Map::new();
    let mut shown = Vec::new();
    for (name, argument) in of_manager {
        query.insert(query_parameter(name, type_name)?.to_owned(), argument.clone());
        shown.push(operator_text(name, argument));
    }
    let needed = type_name.is_some_and(|name| IN_DEPLOYMENT.contains(&name)) || !query.is_empty();
    if needed && !exists(lookup, type_name.unwrap_or("None"), value, &query) {
        let message = format!(
            "Value '{}' of input '{input}' does not match any relevant entity or violates at least one of the \
             constraints: {}.",
            python_text::str(value),
            shown.join(", ")
        );
        return Err(violation(message));
    }
    Ok(())
}

/// Does the type have the deployment or blueprint it needs, and does the value exist at all?
fn check_scope(
    input: &str,
    constraints: &[(&str, &Value, Option<String>)],
    value: &Value,
    type_name: &str,
    lookup: Lookup<'_>,
) -> Result<(), Diagnostic> {
    let named = constraints.iter().any(|(name, ..)| *name == "deployment_id");
    let in_deployment = lookup.has_deployment();
    if IN_DEPLOYMENT_OR_BLUEPRINT.contains(&type_name) && !named && !in_deployment && !lookup.has_blueprint() {
        let message =
            format!("Input '{input}' of type '{type_name}' lacks 'blueprint_id' or 'deployment_id' constraint.");
        return Err(violation(message));
    }
    if IN_DEPLOYMENT.contains(&type_name) && !named && !in_deployment {
        return Err(violation(format!("Input '{input}' of type '{type_name}' lacks 'deployment_id' constraint.")));
    }
    let scoped = IN_DEPLOYMENT_OR_BLUEPRINT.contains(&type_name) || IN_DEPLOYMENT.contains(&type_name);
    if (!scoped || (!named && in_deployment)) && !exists(Some(lookup), type_name, value, &Map::new()) {
        let message = format!(
            "Value '{}' of '{input}' is not a valid value for data type '{type_name}'.",
            python_text::str(value)
        );
        return Err(violation(message));
    }
    Ok(())
}

fn exists(lookup: Option<Lookup<'_>>, data_type: &str, value: &Value, constraints: &Map) -> bool {
    lookup.is_some_and(|lookup| lookup.contains(&crate::prepare::ValueQuery { data_type, value, constraints }))
}

/// Whether only the manager can check a constraint on values of a type.
fn is_for_manager(name: &str, type_name: Option<&str>) -> bool {
    match name {
        "valid_values" => type_name.is_some_and(is_scoped),
        _ => matches!(name, "filter_id" | "labels" | "tenants" | "deployment_id" | "name_pattern"),
    }
}

/// Whether values of a type are those of a deployment or blueprint.
fn is_scoped(type_name: &str) -> bool {
    IN_DEPLOYMENT_OR_BLUEPRINT.contains(&type_name) || IN_DEPLOYMENT.contains(&type_name)
}

/// The query parameter of a constraint that only the manager can check.
fn query_parameter(name: &str, type_name: Option<&str>) -> Result<&'static str, Diagnostic> {
    let type_name = type_name.unwrap_or("None");
    let top = matches!(type_name, "deployment_id" | "blueprint_id");
    let parameter = match name {
        "valid_values" if is_scoped(type_name) => Some("valid_values"),
        "filter_id" if top => Some("filter_id"),
        "labels" if top => Some("labels"),
        "tenants" if top => Some("tenants"),
        "deployment_id" if is_scoped(type_name) => Some("deployment_id"),
        "name_pattern" => match type_name {
            "blueprint_id" | "node_id" | "node_instance" => Some("id_specs"),
            "deployment_id" => Some("display_name_specs"),
            "secret_key" => Some("key_specs"),
            "node_type" => Some("type_specs"),
            "capability_value" => Some("capability_key_specs"),
            "scaling_group" => Some("scaling_group_name_specs"),
            "operation_name" => Some("operation_name_specs"),
            _ => None,
        },
        _ => None,
    };
    parameter.ok_or_else(|| violation(format!("'{name}' constraint is not defined for '{type_name}' data types")))
}

fn operator_text(name: &str, argument: &Value) -> String {
    let arguments = match argument {
        Value::Array(items) => items.iter().map(python_text::str).collect::<Vec<_>>().join(", "),
        other => python_text::str(other),
    };
    format!("{name}({arguments}) operator")
}

fn violation(message: String) -> Diagnostic {
    Diagnostic::new(Fault::ConstraintViolated, message)
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;

    #[test]
    fn definitions_are_checked() {
        let check = |value: Value| check_definition(value.as_object().unwrap(), "i").map_err(|problem| problem.code());
        assert_eq!(check(json!({"equal": 3})), Ok(()));
        assert_eq!(check(json!({"equal": true})), Err(Some(212)));
        assert_eq!(check(json!({"equals": 3})), Err(Some(103)));
        assert_eq!(check(json!({})), Err(Some(103)));
        assert_eq!(check(json!({"equal": {"get_input": "x"}})), Ok(()));
        assert_eq!(check(json!({"pattern": "("})), Err(Some(212)));
    }
}
