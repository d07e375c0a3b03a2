//! Data types: named schemas for nested values (spec dsl.md sections 3.1 and 3.4).

use indexmap::IndexMap;
use nephele_model::json::{Map, Value};

use super::refused::Section;
use super::{Scope, properties};
use crate::diagnostic::{Fault, suggestion};
use crate::element::Element;
use crate::topology;
use crate::value::{self, Schema};

/// Fills `scope.data_types` from the section.
pub(crate) fn parse(section: &Element<'_, '_>, scope: &mut Scope<'_>) {
    let elements: IndexMap<String, Element<'_, '_>> =
        section.entries().map(|element| (element.name().into_owned(), element)).collect();
    let mut depends: IndexMap<&str, Vec<&str>> = IndexMap::with_capacity(elements.len());
    for (name, element) in &elements {
        if value::is_primitive(name) {
            let message = format!("Can't redefine primitive type {name}");
            scope.problems.push(element.problem(Fault::ReservedTypeName, message));
        }
        let derived_from = element.get("derived_from");
        let unknown = derived_from.text().filter(|parent| !elements.contains_key(*parent));
        let known = || elements.keys().map(String::as_str);
        if let Some(parent) = unknown.filter(|parent| !scope.refused.excuses(Section::DataTypes, parent, known())) {
            let message = format!(
                "Missing definition for data type '{parent}' which is declared as derived by data type '{name}'"
            );
            let hint = suggestion(parent, known());
            scope.problems.push(derived_from.problem(Fault::UnknownParentType, message).with_hint(hint));
        }
        if unknown.is_some() || element.is_doubtful() {
            scope.refused.name(Section::DataTypes, name);
        }
        let properties = element.get("properties");
        let components = properties.entries().filter_map(|property| property.get("type").text()).collect::<Vec<_>>();
        depends.insert(name, derived_from.text().into_iter().chain(components).collect());
    }
    let ordered = topology::order(&depends);
    let Some(ordered) = scope.keep(ordered.map_err(|problem| section.placed(problem))) else {
        return scope.refused.section(Section::DataTypes);
    };
    let mut done: IndexMap<&str, Map> = IndexMap::with_capacity(elements.len());
    for name in ordered {
        match one(&elements[name], name, scope) {
            Some(data_type) => {
                scope.data_types.insert(name.to_owned(), data_type.clone());
                done.insert(name, data_type);
            }
            None => scope.refused.name(Section::DataTypes, name),
        }
    }
    let in_source_order = elements.keys().filter_map(|name| Some((name.clone(), done.swap_remove(name.as_str())?)));
    scope.data_types = in_source_order.collect();
}

/// The data type; nothing if it cannot be used.
fn one(element: &Element<'_, '_>, name: &str, scope: &mut Scope<'_>) -> Option<Map> {
    let written = properties::parse(&element.get("properties"), name, scope);
    let derived_from = element.get("derived_from");
    let parent = derived_from.text().and_then(|parent| scope.data_types.get(parent));
    let derived = match parent.and_then(|parent| parent.get("properties")).and_then(Value::as_object) {
        Some(parent) => value::derive(parent, written.schema, &written.initial_defaults, &scope.data_types),
        None => Ok(written.schema),
    };
    let schema = match derived {
        Ok(schema) => schema,
        Err(misfits) => {
            scope.problems.report(element.misfits(misfits, 0));
            return None;
        }
    };
    let is_refused = |name| scope.refused.has(Section::DataTypes, name);
    (!is_refused(name) && !derived_from.text().is_some_and(is_refused)).then(|| shown(element, schema))
}

fn shown(element: &Element<'_, '_>, schema: Schema) -> Map {
    let mut data_type = Map::new();
    data_type.insert("properties".to_owned(), Value::Object(schema));
    for key in ["description", "derived_from", "version"] {
        data_type.insert(key.to_owned(), element.get(key).json());
    }
    data_type
}
