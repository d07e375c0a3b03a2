//! Relationship types, and the relationships of node templates (spec dsl.md section 4.2).

use nephele_model::json::{Map, Value};

use super::Scope;
use super::interfaces::{self, Interfaces, Level};
use super::nodes::Templates;
use super::operations::{self, Owner};
use super::planned_interfaces::OfTypes;
use super::types::{self, Type, Types};
use crate::diagnostic::{Diagnostic, nearest};
use crate::element::Element;
use crate::value::{self, Rules};

/// The two sides, as their interfaces and operations are called.
pub(crate) const SIDES: [(&str, &str); 2] =
    [("source_interfaces", "source_operations"), ("target_interfaces", "target_operations")];

/// The relationship types; their operations are checked even when nothing uses them.
pub(crate) fn parse_types(section: &Element<'_, '_>, scope: &mut Scope<'_>) -> Types {
    let parsed = types::parse(section, "relationship", &SIDES.map(|(interfaces, _)| interfaces), scope);
    for element in section.entries() {
        let name = element.name();
        let Some(relationship) = parsed.get(name.as_ref()) else { continue };
        let context = format!("Relationship '{name}'");
        let operations = relationship.interfaces.iter().flat_map(Interfaces::values).flatten();
        for (operation_name, operation) in operations {
            if operation.implementation.is_empty() {
                continue;
            }
            let owner = Owner { kind: "operation", name: operation_name, code: 19, context: &context };
            let found = operations::target(&operation.implementation, &operation.inputs, owner, scope);
            scope.keep(found.map_err(|problem| element.place_if_blueprint(problem)));
        }
    }
    parsed
}

/// A relationship type as plans show it.
pub(crate) fn type_to_json(name: &str, relationship: &Type) -> Value {
    let mut map = Map::new();
    if let Some(parent) = &relationship.derived_from {
        map.insert("derived_from".to_owned(), Value::from(parent.clone()));
    }
    map.insert("properties".to_owned(), Value::Object(relationship.properties.clone()));
    for ((key, _), side) in SIDES.iter().zip(&relationship.interfaces) {
        map.insert((*key).to_owned(), Value::Object(interfaces::to_json(side)));
    }
    map.insert("name".to_owned(), Value::from(name.to_owned()));
    map.insert("type_hierarchy".to_owned(), hierarchy(relationship));
    Value::Object(map)
}

fn hierarchy(relationship: &Type) -> Value {
    Value::Array(relationship.hierarchy.iter().map(Value::from).collect())
}

/// A relationship of a node template.
pub(crate) struct Relationship {
    pub(crate) type_name: String,
    pub(crate) target: String,
    pub(crate) contained_in: bool,
    /// As plans show it.
    pub(crate) planned: Map,
}

/// Parses relationships; remembers what each side of a type becomes on its own.
#[derive(Default)]
pub(crate) struct Relationships {
    plain: [OfTypes; 2],
}

impl Relationships {
    /// One relationship of `node`. Errors: 23, 25, 26, and those of properties and operations.
    pub(crate) fn parse(
        &mut self,
        element: &Element<'_, '_>,
        node: &str,
        templates: &Templates<'_, '_>,
        relationship_types: &Types,
        scope: &mut Scope<'_>,
    ) -> Result<Relationship, Diagnostic> {
        let (type_element, target_element) = (element.get("type"), element.get("target"));
        let type_name = type_element.text().unwrap_or_default();
        let target = target_element.text().unwrap_or_default();
        check_target(&target_element, node, target, templates)?;
        let Some(relationship_type) = relationship_types.get(type_name) else {
            let message = format!(
                "A relationship instance under node '{node}' declares an undefined relationship type '{type_name}'"
            );
            let hint = nearest(type_name, relationship_types.keys().map(String::as_str));
            return Err(type_element.logic(26, message).with_hint(hint));
        };
        let properties = parse_properties(element, node, target, type_name, relationship_type, templates, scope)?;
        let mut planned = Map::with_capacity(8);
        planned.insert("type".to_owned(), Value::from(type_name.to_owned()));
        planned.insert("properties".to_owned(), Value::Object(properties));
        let mut operations = Vec::with_capacity(2);
        for (index, (key, operations_key)) in SIDES.iter().enumerate() {
            let own = element.get(key);
            let template = interfaces::parse(&own, Level::Template, scope);
            let at = if index == 0 { node } else { target };
            let context = format!("in relationship of type '{type_name}' in node '{at}'");
            let of_type = &relationship_type.interfaces[index];
            let side = self.plain[index]
                .over_template(type_name, &template, of_type, 19, &context, scope)
                .map_err(|problem| own.place_if_blueprint(problem))?;
            planned.insert((*key).to_owned(), Value::Object(side.interfaces));
            operations.push(((*operations_key).to_owned(), Value::Object(side.operations)));
        }
        planned.insert("type_hierarchy".to_owned(), hierarchy(relationship_type));
        planned.insert("target_id".to_owned(), Value::from(target.to_owned()));
        planned.extend(operations);
        Ok(Relationship {
            type_name: type_name.to_owned(),
            target: target.to_owned(),
            contained_in: relationship_type.is_contained_in(),
            planned,
        })
    }
}

fn check_target(
    element: &Element<'_, '_>,
    node: &str,
    target: &str,
    templates: &Templates<'_, '_>,
) -> Result<(), Diagnostic> {
    // The reference prints the name of the key, `type`, where the type was meant; clients see that.
    if !templates.contains_key(target) {
        let message = format!(
            "A relationship instance under node '{node}' of type 'type' declares an undefined target node '{target}'"
        );
        let hint = nearest(target, templates.keys().map(AsRef::as_ref));
        return Err(element.logic(25, message).with_hint(hint));
    }
    if target == node {
        let message = format!(
            "A relationship instance under node '{node}' of type 'type' illegally declares the source node as the \
             target node"
        );
        return Err(element.logic(23, message));
    }
    Ok(())
}

fn parse_properties(
    element: &Element<'_, '_>,
    node: &str,
    target: &str,
    type_name: &str,
    relationship_type: &Type,
    templates: &Templates<'_, '_>,
    scope: &Scope<'_>,
) -> Result<Map, Diagnostic> {
    let properties = element.get("properties");
    if type_name == "cloudify.relationships.depends_on_lifecycle_operation" {
        check_lifecycle_operation(&properties, node, target, type_name, templates)?;
    }
    let rules = Rules {
        data_types: &scope.data_types,
        undefined: "'{0}' node relationship '{1}' property is not part of the derived relationship type properties schema",
        missing: "'{0}' node relationship does not provide a value for mandatory '{1}' property which is part of its \
                  relationship type schema",
        owner: node,
        complete: true,
    };
    value::merge(&rules, properties.json_map(), &relationship_type.properties)
        .map_err(|problem| properties.place_if_blueprint(problem))
}

/// The operation that is depended on must be written in the target template itself.
fn check_lifecycle_operation(
    properties: &Element<'_, '_>,
    node: &str,
    target: &str,
    type_name: &str,
    templates: &Templates<'_, '_>,
) -> Result<(), Diagnostic> {
    let Some(operation) = properties.get("operation").text().filter(|operation| !operation.is_empty()) else {
        let message =
            format!("For \"{node}\" node, please supply \"{type_name}\" with a defined lifecycle operation target ");
        return Err(properties.logic(215, message));
    };
    let interfaces = templates[target].get("interfaces");
    if !interfaces.get("cloudify.interfaces.lifecycle").get(operation).is_written() {
        let message = format!(
            "Please define \"{operation}\" operation in the target node \"{target}\" for \"{node}\" node's \
             \"{type_name}\" relationship"
        );
        return Err(properties.logic(216, message));
    }
    Ok(())
}
