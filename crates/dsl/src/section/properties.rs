//! Property schemas of types, and what they have in common with those of inputs (spec dsl.md 3.1).

use nephele_model::json::{Map, Value};

use super::Scope;
use super::refused::Section;
use crate::diagnostic::{Diagnostic, Fault, suggestion};
use crate::element::Element;
use crate::schema::check::too_new;
use crate::value::{self, OBJECT_TYPES, OPERATION_NAME, PRIMITIVES, Rules, Schema};
use crate::version::Version;

/// A schema together with the defaults as they were written, before data types completed them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) schema: Schema,
    pub(crate) initial_defaults: Map,
}

/// The property schemas under `properties`; `owner` is the type they belong to.
pub(crate) fn parse(properties: &Element<'_, '_>, owner: &str, scope: &mut Scope<'_>) -> Written {
    let mut written = Written::default();
    for property in properties.entries() {
        let (schema, initial) = one(&property, owner, scope);
        written.schema.insert(property.name().into_owned(), Value::Object(schema));
        written.initial_defaults.insert(property.name().into_owned(), initial);
    }
    written
}

/// As [`parse`], of types that others derive from: there a property must say at least `{}`.
pub(crate) fn parse_inherited(properties: &Element<'_, '_>, owner: &str, scope: &mut Scope<'_>) -> Written {
    // The reference has no words for it.
    let empty = properties.entries().filter(|property| property.node().is_none());
    scope.problems.extend(empty.map(|property| property.problem(Fault::EmptyProperty, "")));
    parse(properties, owner, scope)
}

/// The schema of a property and its default as it was written. One that cannot be used takes anything.
fn one(property: &Element<'_, '_>, owner: &str, scope: &mut Scope<'_>) -> (Map, Value) {
    let anything = || (Map::from_iter([("required".to_owned(), Value::Bool(false))]), Value::Null);
    let type_element = property.get("type");
    if property.is_doubtful() || scope.keep(check_type(&type_element, scope)).is_none() {
        return anything();
    }
    let type_name = type_element.text().filter(|name| is_known(name, scope));
    let default = property.get("default");
    let initial = default.json();
    let of_data_type = type_name.is_some_and(|name| !value::is_primitive(name));
    let parsed = match (&initial, of_data_type) {
        (Value::Null, false) => Value::Null,
        (initial, _) => {
            let start = if initial.is_null() { Value::Object(Map::new()) } else { initial.clone() };
            let rules = Rules {
                data_types: &scope.data_types,
                undefined: "Undefined property {1} in default value of type {0}",
                missing: "illegal state",
                owner,
                complete: false,
            };
            let mut path = vec![property.name().into_owned()];
            match value::parse(&rules, start, type_name, None, &mut path) {
                Ok(parsed) => parsed,
                Err(misfits) => {
                    scope.problems.report(default.misfits(misfits, 1));
                    return anything();
                }
            }
        }
    };
    let mut schema = Map::new();
    insert_written(&mut schema, &property.get("required"));
    if default.is_written() || !parsed.is_null() {
        schema.insert("default".to_owned(), parsed);
    }
    insert_written(&mut schema, &property.get("description"));
    if type_name.is_some() {
        insert_written(&mut schema, &type_element);
    }
    (schema, initial)
}

/// Adds the element under its own name if it is written.
pub(crate) fn insert_written(schema: &mut Map, element: &Element<'_, '_>) {
    if element.is_written() {
        schema.insert(element.name().into_owned(), element.json());
    }
}

/// Refuses type names that nobody defined (103), and those that came later than the blueprint (102).
pub(crate) fn check_type(element: &Element<'_, '_>, scope: &Scope<'_>) -> Result<(), Diagnostic> {
    let Some(name) = element.text() else { return Ok(()) };
    let known = PRIMITIVES.iter().copied().chain(scope.data_types.keys().map(String::as_str));
    if !is_known(name, scope) && !scope.refused.excuses(Section::DataTypes, name, known.clone()) {
        let known = known.chain(scope.refused.names(Section::DataTypes));
        let problem = element.problem(Fault::UnknownDataType, format!("Illegal type name '{name}'"));
        return Err(problem.with_hint(suggestion(name, known)));
    }
    let since = if OBJECT_TYPES.contains(&name) {
        Version::V1_4
    } else if name == OPERATION_NAME {
        Version::V1_5
    } else {
        return Ok(());
    };
    too_new(element, since, scope.gate).map_or(Ok(()), Err)
}

/// Whether values can be checked against a type. An empty name is none.
pub(crate) fn is_known(name: &str, scope: &Scope<'_>) -> bool {
    name.is_empty() || value::is_primitive(name) || scope.data_types.contains_key(name)
}
