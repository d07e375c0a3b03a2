//! The values of a deployment's inputs (spec dsl.md section 7.3).

use nephele_model::json::{Map, Text, Value};
use nephele_model::python_text;

use super::Catalog;
use crate::constraint;
use crate::diagnostic::{Diagnostic, Fault, Kind, did_you_mean};
use crate::plan::empty;
use crate::value::{self, DataTypes, Rules};

/// The given inputs completed by defaults, in the order of the given ones first.
///
/// Errors: missing and unknown inputs, violated constraints, 213, 214.
pub(crate) fn complete(
    plan: &Map,
    mut given: Map,
    auto_correct: bool,
    catalog: &dyn Catalog,
) -> Result<Map, Diagnostic> {
    let declared = plan.get("inputs").and_then(Value::as_object).unwrap_or(empty());
    let data_types = data_types(plan);
    let mut missing = Vec::new();
    for (name, definition) in declared {
        let definition = definition.as_object().unwrap_or(empty());
        let type_name = definition.get("type").and_then(Value::as_str);
        let rules = Rules {
            data_types: &data_types,
            undefined: "Undefined property {1} in value of input {0}.",
            missing: "Value of input {0} is missing property {1}.",
            owner: name,
            complete: true,
        };
        let default = definition.get("default").filter(|default| !default.is_null());
        let mut input = match given.get_mut(name) {
            Some(input) => input.take(),
            None => match default.cloned().or_else(|| of_nothing(&rules, type_name)) {
                Some(default) => default,
                None if definition.get("required").is_none_or(python_text::is_truthy) => {
                    missing.push(name.as_str());
                    continue;
                }
                None => {
                    given.insert(name.clone(), Value::Null);
                    continue;
                }
            },
        };
        if auto_correct {
            input = value::cast(input, type_name.unwrap_or_default());
        }
        let constraints = constraint::of(definition)?;
        constraint::check_value(name, definition, constraints, &input, catalog.has_values().then_some(catalog))?;
        let parsed = value::parse(&rules, input, type_name, None, &mut Vec::new());
        let input = match parsed.map_err(|misfits| misfits.into_iter().next()) {
            Ok(input) => input,
            Err(Some(misfit)) => return Err(of_input(misfit.problem)),
            Err(None) => continue,
        };
        given.insert(name.clone(), input);
    }
    let known = python_text::names(declared.keys().map(Text::as_str));
    if !missing.is_empty() {
        let message =
            format!("Required inputs {} were not specified - expected inputs: {known}", python_text::names(missing));
        return Err(Diagnostic::new(Fault::MissingInput, message));
    }
    let unknown: Vec<&str> = given.keys().map(Text::as_str).filter(|name| !declared.contains_key(name)).collect();
    if let Some(first) = unknown.first() {
        let hint = did_you_mean(first, declared.keys().map(Text::as_str));
        let message = format!("Unknown inputs {} specified - expected inputs: {known}", python_text::names(unknown));
        return Err(Diagnostic::new(Fault::UnknownInput, message).with_hint(hint));
    }
    Ok(given)
}

/// A value's problem as a problem of the input.
fn of_input(problem: Diagnostic) -> Diagnostic {
    let fault = if problem.kind() == Kind::Logic { Fault::InputMismatch } else { problem.fault };
    Diagnostic { fault, ..problem }
}

/// What a data type makes of an empty value: something, if all its members have defaults.
fn of_nothing(rules: &Rules<'_>, type_name: Option<&str>) -> Option<Value> {
    let parsed = value::parse(rules, Value::Object(Map::new()), type_name, None, &mut Vec::new());
    parsed.ok().filter(python_text::is_truthy)
}

fn data_types(plan: &Map) -> DataTypes {
    let types = plan.get("data_types").and_then(Value::as_object).into_iter().flatten();
    types.filter_map(|(name, data_type)| Some((name.as_str().to_owned(), data_type.as_object()?.clone()))).collect()
}
