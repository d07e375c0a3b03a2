//! Property schemas of types, and what they have in common with those of inputs (spec dsl.md 3.1).

use nephele_model::json::{Map, Value};

use super::Scope;
use crate::diagnostic::{Diagnostic, nearest};
use crate::element::Element;
use crate::schema::check::{Gate, too_new};
use crate::value::{self, DataTypes, OBJECT_TYPES, OPERATION_NAME, PRIMITIVES, Rules, Schema};
use crate::version::Version;

/// A schema together with the defaults as they were written, before data types completed them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) schema: Schema,
    pub(crate) initial_defaults: Map,
}

/// The property schemas under `properties`; `owner` is the type they belong to.
pub(crate) fn parse(properties: &Element<'_, '_>, owner: &str, scope: &mut Scope<'_>) -> Written {
    let (written, problems) = read(properties, owner, scope.gate, &scope.data_types);
    scope.problems.extend(problems);
    written
}

/// As [`parse`], against data types that are still growing.
pub(crate) fn read(
    properties: &Element<'_, '_>,
    owner: &str,
    gate: Gate,
    data_types: &DataTypes,
) -> (Written, Vec<Diagnostic>) {
    let (mut written, mut problems) = (Written::default(), Vec::new());
    for property in properties.entries() {
        match one(&property, owner, gate, data_types) {
            Ok((schema, initial)) => {
                written.schema.insert(property.name().into_owned(), Value::Object(schema));
                written.initial_defaults.insert(property.name().into_owned(), initial);
            }
            Err(problem) => problems.push(problem),
        }
    }
    (written, problems)
}

fn one(
    property: &Element<'_, '_>,
    owner: &str,
    gate: Gate,
    data_types: &DataTypes,
) -> Result<(Map, Value), Diagnostic> {
    let type_element = property.get("type");
    check_type(&type_element, gate, data_types)?;
    let type_name = type_element.text();
    let default = property.get("default");
    let initial = default.json();
    let of_data_type = type_name.is_some_and(|name| !value::is_primitive(name));
    let parsed = match (&initial, of_data_type) {
        (Value::Null, false) => Value::Null,
        (initial, _) => {
            let start = if initial.is_null() { Value::Object(Map::new()) } else { initial.clone() };
            let rules = Rules {
                data_types,
                undefined: "Undefined property {1} in default value of type {0}",
                missing: "illegal state",
                owner,
                complete: false,
            };
            let mut path = vec![property.name().into_owned()];
            value::parse(&rules, start, type_name, None, &mut path)
                .map_err(|problem| default.place_if_blueprint(problem))?
        }
    };
    let mut schema = Map::new();
    insert_written(&mut schema, &property.get("required"));
    if default.is_written() || !parsed.is_null() {
        schema.insert("default".to_owned(), parsed);
    }
    insert_written(&mut schema, &property.get("description"));
    insert_written(&mut schema, &type_element);
    Ok((schema, initial))
}

/// Adds the element under its own name if it is written.
pub(crate) fn insert_written(schema: &mut Map, element: &Element<'_, '_>) {
    if element.is_written() {
        schema.insert(element.name().into_owned(), element.json());
    }
}

/// Refuses type names that nobody defined (103), and those that came later than the blueprint (102).
pub(crate) fn check_type(element: &Element<'_, '_>, gate: Gate, data_types: &DataTypes) -> Result<(), Diagnostic> {
    let Some(name) = element.text() else { return Ok(()) };
    if !name.is_empty() && !value::is_primitive(name) && !data_types.contains_key(name) {
        let known = PRIMITIVES.iter().copied().chain(data_types.keys().map(String::as_str));
        return Err(element.logic(103, format!("Illegal type name '{name}'")).with_hint(nearest(name, known)));
    }
    let since = if OBJECT_TYPES.contains(&name) {
        Version::V1_4
    } else if name == OPERATION_NAME {
        Version::V1_5
    } else {
        return Ok(());
    };
    too_new(element, since, gate).map_or(Ok(()), Err)
}
