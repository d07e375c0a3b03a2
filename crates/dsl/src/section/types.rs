//! Node types and relationship types: what both have, and inheritance (spec dsl.md section 3.4).

use std::rc::Rc;

use indexmap::IndexMap;

use super::interfaces::{self, Interfaces, Level};
use super::{Scope, properties};
use crate::diagnostic::nearest;
use crate::element::Element;
use crate::topology;
use crate::value::{self, Schema};

/// A type with everything it inherits.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) derived_from: Option<String>,
    pub(crate) properties: Schema,
    /// In the order of the names that [`parse`] was given.
    pub(crate) interfaces: Vec<Interfaces>,
    /// From the root to the type itself.
    pub(crate) hierarchy: Vec<String>,
}

/// Types by name in source order.
pub(crate) type Types = IndexMap<String, Rc<Type>>;

/// The types in a section; `kind` is how messages call them, `interface_keys` where their interfaces are.
pub(crate) fn parse(
    section: &Element<'_, '_>,
    kind: &str,
    interface_keys: &[&'static str],
    scope: &mut Scope<'_>,
) -> Types {
    let elements: IndexMap<String, Element<'_, '_>> =
        section.entries().map(|element| (element.name().into_owned(), element)).collect();
    let mut depends: IndexMap<&str, Vec<&str>> = IndexMap::with_capacity(elements.len());
    for (name, element) in &elements {
        let derived_from = element.get("derived_from");
        if let Some(parent) = derived_from.text().filter(|parent| !elements.contains_key(*parent)) {
            let message =
                format!("Missing definition for {kind} '{parent}' which is declared as derived by {kind} '{name}'");
            let hint = nearest(parent, elements.keys().map(String::as_str));
            scope.problems.push(derived_from.logic(103, message).with_hint(hint));
        }
        depends.insert(name, derived_from.text().into_iter().collect());
    }
    let ordered = topology::order(&depends);
    let Some(ordered) = scope.keep(ordered) else { return Types::new() };
    let mut done: IndexMap<&str, Rc<Type>> = IndexMap::with_capacity(elements.len());
    for name in ordered {
        let element = &elements[name];
        let parent = element.get("derived_from").text().and_then(|parent| done.get(parent)).cloned();
        if let Some(parsed) = one(element, name, parent.as_deref(), interface_keys, scope) {
            done.insert(name, Rc::new(parsed));
        }
    }
    elements.keys().filter_map(|name| Some((name.clone(), done.get(name.as_str())?.clone()))).collect()
}

fn one(
    element: &Element<'_, '_>,
    name: &str,
    parent: Option<&Type>,
    interface_keys: &[&'static str],
    scope: &mut Scope<'_>,
) -> Option<Type> {
    let written = properties::parse(&element.get("properties"), name, scope);
    let properties = match parent {
        Some(parent) => value::derive(&parent.properties, written.schema, &written.initial_defaults, &scope.data_types),
        None => Ok(written.schema),
    };
    let properties = scope.keep(properties.map_err(|problem| element.place_if_blueprint(problem)))?;
    // Declared runtime properties are checked and otherwise unused.
    properties::parse(&element.get("runtime_properties"), name, scope);
    let mut all = Vec::with_capacity(interface_keys.len());
    for (index, key) in interface_keys.iter().enumerate() {
        let own = interfaces::parse(&element.get(key), Level::Type, scope);
        all.push(match parent {
            Some(parent) => interfaces::over_type(&own, &parent.interfaces[index]),
            None => own,
        });
    }
    let mut hierarchy = parent.map(|parent| parent.hierarchy.clone()).unwrap_or_default();
    hierarchy.push(name.to_owned());
    let derived_from = element.get("derived_from").text().filter(|parent| !parent.is_empty()).map(str::to_owned);
    Some(Type { derived_from, properties, interfaces: all, hierarchy })
}

impl Type {
    /// Whether nodes of this type are hosts: any ancestor's name contains the host type's.
    pub(crate) fn is_host(&self) -> bool {
        self.hierarchy.iter().any(|name| name.contains("cloudify.nodes.Compute"))
    }

    /// Whether this is a containment relationship.
    pub(crate) fn is_contained_in(&self) -> bool {
        self.hierarchy.iter().any(|name| name == CONTAINED_IN)
    }
}

/// The base of containment relationships.
pub(crate) const CONTAINED_IN: &str = "cloudify.relationships.contained_in";
