//! Node types and relationship types: what both have, and inheritance (spec dsl.md section 3.4).

use std::rc::Rc;

use indexmap::IndexMap;
use nephele_model::json::{List, Value};

use super::interfaces::{self, Interfaces, Level};
use super::refused::Section;
use super::{Scope, properties};
use crate::diagnostic::{Fault, suggestion};
use crate::element::Element;
use crate::value::{self, Schema};
use crate::{limit, topology};

/// A type with everything it inherits.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) derived_from: Option<String>,
    pub(crate) properties: Schema,
    /// In the order of the names that [`parse`] was given.
    pub(crate) interfaces: Vec<Interfaces>,
    /// Names from the root to the type itself, as every node and relationship of the type shows them.
    pub(crate) hierarchy: List,
}

/// Types by name in source order.
pub(crate) type Types = IndexMap<String, Rc<Type>>;

/// Which types are read.
#[derive(Clone, Copy)]
pub(crate) struct Family {
    /// How messages call them.
    pub(crate) kind: &'static str,
    pub(crate) section: Section,
    /// Where their interfaces are.
    pub(crate) interface_keys: &'static [&'static str],
}

/// Node types.
pub(crate) const NODE_TYPES: Family =
    Family { kind: "type", section: Section::NodeTypes, interface_keys: &["interfaces"] };

/// The types in a section, apart from those that cannot be used.
pub(crate) fn parse(section: &Element<'_, '_>, family: Family, scope: &mut Scope<'_>) -> Types {
    let elements: IndexMap<String, Element<'_, '_>> =
        section.entries().map(|element| (element.name().into_owned(), element)).collect();
    let mut depends: IndexMap<&str, Vec<&str>> = IndexMap::with_capacity(elements.len());
    for (name, element) in &elements {
        let derived_from = element.get("derived_from");
        let unknown = derived_from.text().filter(|parent| !elements.contains_key(*parent));
        let known = || elements.keys().map(String::as_str);
        if let Some(parent) = unknown.filter(|parent| !scope.refused.excuses(family.section, parent, known())) {
            let kind = family.kind;
            let message =
                format!("Missing definition for {kind} '{parent}' which is declared as derived by {kind} '{name}'");
            let hint = suggestion(parent, known());
            scope.problems.push(derived_from.problem(Fault::UnknownParentType, message).with_hint(hint));
        }
        if unknown.is_some() || element.is_doubtful() {
            scope.refused.name(family.section, name);
        }
        depends.insert(name, derived_from.text().into_iter().collect());
    }
    let ordered = topology::order(&depends);
    let Some(ordered) = scope.keep(ordered.map_err(|problem| section.placed(problem))) else {
        scope.refused.section(family.section);
        return Types::new();
    };
    let mut done: IndexMap<&str, Rc<Type>> = IndexMap::with_capacity(elements.len());
    for name in ordered {
        let element = &elements[name];
        let parent = element.get("derived_from").text();
        let inherited = parent.and_then(|parent| done.get(parent)).cloned();
        let parsed = one(element, name, inherited.as_deref(), family, scope);
        let is_refused = |name| scope.refused.has(family.section, name);
        match parsed.filter(|_| !is_refused(name) && !parent.is_some_and(is_refused)) {
            Some(parsed) => {
                done.insert(name, Rc::new(parsed));
            }
            None => scope.refused.name(family.section, name),
        }
    }
    elements.keys().filter_map(|name| Some((name.clone(), done.get(name.as_str())?.clone()))).collect()
}

fn one(
    element: &Element<'_, '_>,
    name: &str,
    parent: Option<&Type>,
    family: Family,
    scope: &mut Scope<'_>,
) -> Option<Type> {
    let written = properties::parse_inherited(&element.get("properties"), name, scope);
    let properties = match parent {
        Some(parent) => value::derive(&parent.properties, written.schema, &written.initial_defaults, &scope.data_types),
        None => Ok(written.schema),
    };
    let properties = properties.map_err(|misfits| scope.problems.report(element.misfits(misfits, 0))).ok()?;
    // Declared runtime properties are checked and otherwise unused.
    properties::parse_inherited(&element.get("runtime_properties"), name, scope);
    let mut all = Vec::with_capacity(family.interface_keys.len());
    for (index, key) in family.interface_keys.iter().enumerate() {
        let own = interfaces::parse(&element.get(key), Level::Type, scope);
        all.push(match parent {
            Some(parent) => interfaces::over_type(&own, &parent.interfaces[index]),
            None => own,
        });
    }
    let mut hierarchy = parent.map(|parent| parent.hierarchy.clone()).unwrap_or_default();
    hierarchy.push(Value::from(name));
    let derived_from = element.get("derived_from");
    let bounded = limit::check_ancestors(name, hierarchy.len() - 1).map_err(|problem| derived_from.placed(problem));
    scope.keep(bounded)?;
    let operations: usize = all.iter().flatten().map(|(_, operations)| operations.len()).sum();
    if !scope.has_room(properties.len() + operations, element) {
        return None;
    }
    let derived_from = derived_from.text().filter(|parent| !parent.is_empty()).map(str::to_owned);
    Some(Type { derived_from, properties, interfaces: all, hierarchy })
}

impl Type {
    /// Whether nodes of this type are hosts: any ancestor's name contains the host type's.
    pub(crate) fn is_host(&self) -> bool {
        self.names().any(|name| name.contains("cloudify.nodes.Compute"))
    }

    /// Whether this is a containment relationship.
    pub(crate) fn is_contained_in(&self) -> bool {
        self.names().any(|name| name == CONTAINED_IN)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.hierarchy.iter().filter_map(Value::as_str)
    }

    /// Its own name.
    pub(crate) fn shown_name(&self) -> Value {
        self.hierarchy.last().cloned().unwrap_or_default()
    }
}

/// The base of containment relationships.
pub(crate) const CONTAINED_IN: &str = "cloudify.relationships.contained_in";
