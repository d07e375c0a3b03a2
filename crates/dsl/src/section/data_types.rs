//! Data types: named schemas for nested values (spec dsl.md sections 3.1 and 3.4).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use nephele_model::json::{Map, Value};
use nephele_model::python_text;
use nephele_yaml11::Node;

use super::refused::Section;
use super::{Scope, properties};
use crate::diagnostic::{Diagnostic, Fault, suggestion};
use crate::element::Element;
use crate::limit::{self, Extent};
use crate::topology;
use crate::value::{self, Schema};

/// The reference looks for types within types before it checks anything: whatever is no type, or no name of
/// one, ends it in Python's words. Errors: the problem, with the node that it is about.
pub(crate) fn check_type_names<'n>(section: &Element<'_, 'n>) -> Result<(), (Diagnostic, Option<&'n Arc<Node>>)> {
    let refuse = |element: &Element<'_, 'n>, fault, message| {
        Err((element.placed(Diagnostic::new(fault, message)), element.node()))
    };
    for element in section.entries() {
        if element.node().is_none_or(|node| node.entries().is_none()) {
            let message = format!("'{}' object has no attribute 'get'", python_text::type_name(&element.json()));
            return refuse(&element, Fault::DataTypeNotMapping, message);
        }
        let check = |name: &Element<'_, 'n>| match name.json() {
            value @ (Value::Object(_) | Value::Array(_)) => {
                let message = format!("unhashable type: '{}'", python_text::type_name(&value));
                refuse(name, Fault::DataTypeName, message)
            }
            _ => Ok(()),
        };
        check(&element.get("derived_from"))?;
        element.get("properties").entries().try_for_each(|property| check(&property.get("type")))?;
    }
    Ok(())
}

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
    let ordered = topology::order(&depends).map_err(|problem| through_properties(problem, &elements));
    let Some(ordered) = scope.keep(ordered.map_err(|problem| section.placed(problem))) else {
        return scope.refused.section(Section::DataTypes);
    };
    let mut done: IndexMap<&str, Map> = IndexMap::with_capacity(elements.len());
    let mut extents: HashMap<&str, Extent> = HashMap::with_capacity(elements.len());
    for name in ordered {
        let element = &elements[name];
        let data_type = one(element, name, scope);
        let extent = data_type.as_ref().map(|data_type| extent(data_type, &extents)).unwrap_or_default();
        extents.insert(name, extent);
        let bounded = extent.check(name).map_err(|problem| element.placed(problem));
        let data_type = data_type
            .filter(|data_type| scope.keep(bounded).is_some() && scope.has_room(limit::values_in(data_type), element));
        match data_type {
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

/// How large its values become; `known` are the types that it consists of.
fn extent(data_type: &Map, known: &HashMap<&str, Extent>) -> Extent {
    let text = |map: &Map, key: &str| map.get(key).and_then(Value::as_str).and_then(|name| known.get(name)).copied();
    let mut extent = Extent::default();
    for property in data_type.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::values) {
        extent.add(property.as_object().and_then(|property| text(property, "type")).unwrap_or_default());
    }
    extent.ancestors = text(data_type, "derived_from").map_or(0, |parent| parent.ancestors + 1);
    extent
}

/// The data type; nothing if it cannot be used.
fn one(element: &Element<'_, '_>, name: &str, scope: &mut Scope<'_>) -> Option<Map> {
    let written = properties::parse_inherited(&element.get("properties"), name, scope);
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

/// The reference names every element on the way around, from the type that is written first.
fn through_properties(problem: Diagnostic, elements: &IndexMap<String, Element<'_, '_>>) -> Diagnostic {
    let Some((intro, cycle)) = problem.message.split_once(": ") else { return problem };
    let mut names: Vec<&str> = cycle.split(" --> ").collect();
    names.pop();
    let first = (0..names.len()).min_by_key(|place| elements.get_index_of(names[*place])).unwrap_or(0);
    names.rotate_left(first);
    let mut steps: Vec<Cow<'_, str>> = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let next = names[(place + 1) % names.len()];
        steps.push(Cow::Borrowed(name));
        let element = &elements[*name];
        if element.get("derived_from").text() == Some(next) {
            continue;
        }
        let properties = element.get("properties");
        let property = properties.entries().find(|property| property.get("type").text() == Some(next));
        steps.push(Cow::Borrowed("properties"));
        steps.extend(property.map(|property| property.name()));
        steps.extend(["default", "type"].map(Cow::Borrowed));
    }
    if steps.get(1).is_some_and(|step| step == "properties") {
        // Properties come before the type that has them, and the first one before their list.
        let properties = elements[names[0]].get("properties");
        let is_first = properties.entries().next().is_some_and(|property| property.name() == steps[2]);
        steps.rotate_left(if is_first { 2 } else { 1 });
    }
    steps.push(steps[0].clone());
    Diagnostic { message: format!("{intro}: {}", steps.join(" --> ")), ..problem }
}

fn shown(element: &Element<'_, '_>, schema: Schema) -> Map {
    let mut data_type = Map::new();
    data_type.insert("properties".to_owned(), Value::Object(schema));
    for key in ["description", "derived_from", "version"] {
        data_type.insert(key.to_owned(), element.get(key).json());
    }
    data_type
}
