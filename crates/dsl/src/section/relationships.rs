//! Relationship types, and the relationships of node templates (spec dsl.md section 4.2).

use nephele_model::json::{Map, Text, Value};

use super::Scope;
use super::interfaces::{self, Interfaces, Level};
use super::nodes::Templates;
use super::operations::{self, Operation, Owner};
use super::planned_interfaces::{OfTypes, Side};
use super::refused::Section;
use super::types::{self, Family, Type, Types};
use crate::diagnostic::{Diagnostic, Fault, suggestion};
use crate::element::Element;
use crate::value::{self, Misfit, Rules};
use crate::{limit, locate};

/// The two sides, as their interfaces and operations are called.
pub(crate) const SIDES: [(&str, &str); 2] =
    [("source_interfaces", "source_operations"), ("target_interfaces", "target_operations")];

const FAMILY: Family =
    Family { kind: "relationship", section: Section::Relationships, interface_keys: &[SIDES[0].0, SIDES[1].0] };

/// The relationship types; their operations are checked even when nothing uses them.
pub(crate) fn parse_types(section: &Element<'_, '_>, scope: &mut Scope<'_>) -> Types {
    let parsed = types::parse(section, FAMILY, scope);
    for element in section.entries() {
        let name = element.name();
        let Some(relationship) = parsed.get(name.as_ref()) else { continue };
        let context = format!("Relationship '{name}'");
        for (interface, operations) in relationship.interfaces.iter().flatten() {
            for (operation_name, operation) in operations {
                if operation.implementation.is_empty() {
                    continue;
                }
                let fault = Fault::UnmappedRelationshipOperation;
                let owner = Owner { kind: "operation", name: operation_name, fault, context: &context };
                let found = operations::target(&operation.implementation, &operation.inputs, owner, scope);
                scope.keep(found.map_err(|problem| {
                    let path = format!(".{interface}.{operation_name}.implementation");
                    element.quoted(locate::of_relationship_type(&element, &path, problem))
                }));
            }
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
    let show = if relationship.derived_from.is_some() { Operation::to_json } else { Operation::to_json_as_written };
    for ((key, _), side) in SIDES.iter().zip(&relationship.interfaces) {
        map.insert((*key).to_owned(), Value::Object(interfaces::to_json(side, show)));
    }
    map.insert("name".to_owned(), Value::from(name.to_owned()));
    map.insert("type_hierarchy", Value::Array(relationship.hierarchy.clone()));
    Value::Object(map)
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
pub(crate) struct Relationships {
    plain: [OfTypes; 2],
    /// [`SIDES`], in one place for all relationships.
    names: [(Text, Text); 2],
}

impl Default for Relationships {
    fn default() -> Self {
        Self {
            plain: Default::default(),
            names: SIDES.map(|(interfaces, operations)| (interfaces.into(), operations.into())),
        }
    }
}

impl Relationships {
    /// One relationship of a node template, as far as it is in order; nothing if nothing is written. What
    /// is wrong goes into `found`: 23, 25, 26, and the problems of properties and operations.
    pub(crate) fn parse(
        &mut self,
        element: &Element<'_, '_>,
        template: &Element<'_, '_>,
        templates: &Templates<'_, '_>,
        relationship_types: &Types,
        scope: &mut Scope<'_>,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Relationship> {
        if element.node().is_none() {
            let message = "Expected exactly one result for requirement 'relationship_type' but found none";
            found.push(element.problem(Fault::MissingKey, message));
            return None;
        }
        let node = template.name();
        let node = node.as_ref();
        let (type_element, target_element) = (element.get("type"), element.get("target"));
        let type_name = type_element.text().unwrap_or_default();
        let target = target_element.text().unwrap_or_default();
        let is_target = check_target(&target_element, node, target, templates, scope);
        let is_target = is_target.map_err(|problem| found.push(problem)).is_ok() && templates.contains_key(target);
        let nothing = Interfaces::new();
        let known = relationship_types.get(type_name);
        let names = relationship_types.keys().map(String::as_str);
        if known.is_none() && !scope.refused.excuses(Section::Relationships, type_name, names.clone()) {
            let message = format!(
                "A relationship instance under node '{node}' declares an undefined relationship type '{type_name}'"
            );
            let hint = suggestion(type_name, names.chain(scope.refused.names(Section::Relationships)));
            let brief = format!("The relationship type '{type_name}' does not exist");
            let problem = type_element.problem(Fault::UnknownRelationshipType, message);
            found.push(problem.with_brief(brief).with_hint(hint));
        }
        let properties = element.get("properties");
        let awaits = is_target && known.is_some() && type_name == LIFECYCLE_OPERATION;
        let awaited = if awaits { check_lifecycle_operation(&properties, node, target, templates) } else { Ok(()) };
        let merged = match known.filter(|_| awaited.is_ok()) {
            Some(known) => merge_properties(&properties, node, known, scope),
            None => Ok(properties.json_map()),
        };
        found.extend(awaited.err());
        let merged = merged.unwrap_or_else(|misfits| {
            found.extend(properties.misfits(misfits, 0));
            properties.json_map()
        });
        let merged = if scope.has_room(limit::values_in(&merged), &properties) { merged } else { Map::new() };
        let mut planned = Map::with_capacity(8);
        planned.insert("type", known.map_or_else(|| Value::from(type_name), |known| known.shown_name()));
        planned.insert("properties", Value::Object(merged));
        let mut operations = Vec::with_capacity(2);
        for (index, (key, _)) in SIDES.iter().enumerate() {
            let own = interfaces::parse(&element.get(key), Level::Template, scope);
            let at = if index == 0 { node } else { target };
            let context = format!("in relationship of type '{type_name}' in node '{at}'");
            let fault = Fault::UnmappedRelationshipOperation;
            let of_type = known.map_or(&nothing, |known| &known.interfaces[index]);
            let mut misplanned = Vec::new();
            let side = Side { fault, context: &context };
            let side = self.plain[index].over_template(type_name, &own, of_type, side, scope, &mut misplanned);
            found.extend(misplanned.into_iter().map(|one| {
                let problem = locate::of_relationship(element, &one.path(), one.problem);
                // What runs an operation is looked for once the whole node is known.
                let is_of_inputs = problem.fault == Fault::MissingOperationInput;
                if is_of_inputs { element.quoted(problem) } else { template.quoted(problem) }
            }));
            planned.insert(self.names[index].0.clone(), Value::Object(side.interfaces));
            operations.push((self.names[index].1.clone(), Value::Object(side.operations)));
        }
        let type_hierarchy = known.map(|known| known.hierarchy.clone()).unwrap_or_default();
        planned.insert("type_hierarchy", Value::Array(type_hierarchy));
        planned.insert("target_id", Value::from(target));
        planned.extend(operations);
        Some(Relationship {
            type_name: type_name.to_owned(),
            target: target.to_owned(),
            contained_in: known.is_some_and(|known| known.is_contained_in()),
            planned,
        })
    }
}

fn check_target(
    element: &Element<'_, '_>,
    node: &str,
    target: &str,
    templates: &Templates<'_, '_>,
    scope: &Scope<'_>,
) -> Result<(), Diagnostic> {
    // The reference prints the name of the key, `type`, where the type was meant; clients see that.
    if !templates.contains_key(target) {
        let known = templates.keys().map(AsRef::as_ref);
        if scope.refused.excuses(Section::NodeTemplates, target, known.clone()) {
            return Ok(());
        }
        let message = format!(
            "A relationship instance under node '{node}' of type 'type' declares an undefined target node '{target}'"
        );
        let hint = suggestion(target, known);
        let brief = format!("The relationship's target '{target}' does not exist");
        return Err(element.problem(Fault::UnknownTarget, message).with_brief(brief).with_hint(hint));
    }
    if target == node {
        let message = format!(
            "A relationship instance under node '{node}' of type 'type' illegally declares the source node as the \
             target node"
        );
        let brief = format!("The node '{node}' has a relationship to itself");
        return Err(element.problem(Fault::RelationshipToItself, message).with_brief(brief));
    }
    Ok(())
}

fn merge_properties(
    properties: &Element<'_, '_>,
    node: &str,
    relationship_type: &Type,
    scope: &Scope<'_>,
) -> Result<Map, Vec<Misfit>> {
    let rules = Rules {
        data_types: &scope.data_types,
        undefined: "'{0}' node relationship '{1}' property is not part of the derived relationship type properties schema",
        missing: "'{0}' node relationship does not provide a value for mandatory '{1}' property which is part of its \
                  relationship type schema",
        owner: node,
        complete: true,
    };
    value::merge(&rules, properties.json_map(), &relationship_type.properties)
}

/// The relationship type that waits for an operation of its target.
const LIFECYCLE_OPERATION: &str = "cloudify.relationships.depends_on_lifecycle_operation";

/// The operation that is depended on must be written in the target template itself.
fn check_lifecycle_operation(
    properties: &Element<'_, '_>,
    node: &str,
    target: &str,
    templates: &Templates<'_, '_>,
) -> Result<(), Diagnostic> {
    let Some(operation) = properties.get("operation").text().filter(|operation| !operation.is_empty()) else {
        let message = format!(
            "For \"{node}\" node, please supply \"{LIFECYCLE_OPERATION}\" with a defined lifecycle operation target "
        );
        return Err(properties.problem(Fault::LifecycleWithoutOperation, message));
    };
    let interfaces = templates[target].get("interfaces");
    let lifecycle = interfaces.get("cloudify.interfaces.lifecycle");
    if !lifecycle.get(operation).is_written() {
        let message = format!(
            "Please define \"{operation}\" operation in the target node \"{target}\" for \"{node}\" node's \
             \"{LIFECYCLE_OPERATION}\" relationship"
        );
        let written: Vec<_> = lifecycle.entries().map(|entry| entry.name()).collect();
        let hint = suggestion(operation, written.iter().map(AsRef::as_ref));
        return Err(properties.problem(Fault::LifecycleOperationMissing, message).with_hint(hint));
    }
    Ok(())
}
