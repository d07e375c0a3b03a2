//! One file after the other into one tree (spec dsl.md section 2.6).

use std::sync::Arc;

use indexmap::IndexMap;
use indexmap::map::Entry as Slot;
use nephele_yaml11::{Entry, Node, Value};

use super::namespace::{self, prefixed};
use super::tree::{Item, Section, Tree, text_in_place_of};
use crate::diagnostic::{Diagnostic, Kind};
use crate::schema::grammar::SECTIONS;
use crate::schema::{Rule, Shape};
use crate::version::Version;

/// Sections of which each file may bring a part.
const MERGEABLE: &[&str] = &[
    "node_types",
    "plugins",
    "workflows",
    "relationships",
    "policy_types",
    "groups",
    "policy_triggers",
    "data_types",
    "interfaces",
];
/// The same from version 1.3 on.
const MERGEABLE_SINCE_1_3: &[&str] =
    &["inputs", "outputs", "node_templates", "capabilities", "blueprint_labels", "labels", "resource_tags"];
/// Of these the first file's counts.
const FIRST_WINS: &[&str] = &["blueprint_labels", "labels", "resource_tags"];

/// Adds a file to what is merged already. Errors: 3, 4.
pub(crate) fn merge(
    into: &mut Tree,
    from: Tree,
    version: Version,
    namespace: Option<&str>,
    is_builtin: bool,
) -> Result<(), Diagnostic> {
    for (name, mut section) in from.sections {
        if is_builtin {
            section.items.iter_mut().flat_map(IndexMap::values_mut).for_each(|item| item.is_builtin = true);
        }
        if matches!(name.as_str(), "dsl_definitions" | "imports" | "tosca_definitions_version") {
            continue;
        }
        let Some(existing) = into.sections.get_mut(&name) else {
            let mut target = Section { items: section.items.as_ref().map(|_| IndexMap::new()), ..section.clone() };
            merge_section(&mut target, section, &name, namespace)?;
            into.sections.insert(name, target);
            continue;
        };
        match name.as_str() {
            "description" | "metadata" => {}
            "imported_blueprints" => merge_lists(existing, &section),
            "namespaces_mapping" => merge_section(existing, section, &name, namespace)?,
            mergeable
                if MERGEABLE.contains(&mergeable)
                    || (version >= Version::V1_3 && MERGEABLE_SINCE_1_3.contains(&mergeable)) =>
            {
                merge_section(existing, section, &name, namespace)?;
            }
            other => {
                let mut message = format!("Import failed: non-mergeable field: '{other}'");
                if MERGEABLE_SINCE_1_3.contains(&other) {
                    message += ". ";
                    message += other;
                    message += " can be imported multiple times only from cloudify_dsl_1_3 and above.";
                }
                return Err(Diagnostic::new(Kind::Logic, Some(3), message));
            }
        }
    }
    Ok(())
}

fn merge_section(into: &mut Section, from: Section, name: &str, namespace: Option<&str>) -> Result<(), Diagnostic> {
    let Some(items) = from.items else { return Ok(()) };
    let target = into.items.get_or_insert_default();
    let rule = entry_rule(name);
    for (key, mut item) in items {
        let mut key = key;
        if let Some(namespace) = namespace.filter(|_| !item.is_builtin) {
            key = prefixed(namespace, &key);
            item.key = text_in_place_of(&item.key, key.clone());
            if let Some(rule) = rule {
                item.value = namespace::apply(&item.value, rule, namespace);
            }
        }
        let overridable = item.is_builtin || key.starts_with("cloudify.");
        match target.entry(key) {
            Slot::Vacant(slot) => {
                slot.insert(item);
            }
            Slot::Occupied(mut slot) if slot.get().value.is_null() || overridable => {
                // The place of the first, the content of the last.
                let kept = Arc::clone(&slot.get().key);
                slot.insert(Item { key: kept, ..item });
            }
            Slot::Occupied(_) if FIRST_WINS.contains(&name) => {}
            Slot::Occupied(mut slot) if name == "workflows" => {
                let merged = merge_workflow(&slot.get().value, &item.value)?;
                slot.get_mut().value = merged;
            }
            Slot::Occupied(mut slot) => {
                let merged =
                    (name == "node_templates").then(|| merge_template(&slot.get().value, &item.value)).flatten();
                let Some(merged) = merged else {
                    let message =
                        format!("Import failed: Could not merge '{name}' due to conflict on '{}'", slot.key());
                    return Err(Diagnostic::new(Kind::Logic, Some(4), message));
                };
                slot.get_mut().value = merged;
            }
        }
    }
    Ok(())
}

/// The rule of a section's entries.
fn entry_rule(section: &str) -> Option<&'static Rule> {
    match SECTIONS.iter().find(|field| field.name == section)?.rule.shape {
        Shape::Dict(rule) => Some(rule),
        _ => None,
    }
}

fn merge_lists(into: &mut Section, from: &Section) {
    let Some(own) = into.value.items() else { return };
    let mut items = own.to_vec();
    for item in from.value.items().unwrap_or_default() {
        if !items.iter().any(|known| known.value == item.value) {
            items.push(Arc::clone(item));
        }
    }
    into.value = with(&into.value, Value::Sequence(items));
}

/// Fields that the first definition lacks are added.
fn merge_workflow(first: &Arc<Node>, second: &Arc<Node>) -> Result<Arc<Node>, Diagnostic> {
    let (Some(own), Some(other)) = (first.entries(), second.entries()) else {
        return Err(Diagnostic::new(Kind::Type, None, "string indices must be integers"));
    };
    let mut entries = own.to_vec();
    entries.extend(other.iter().filter(|entry| own.iter().all(|known| known.key.value != entry.key.value)).cloned());
    Ok(with(first, Value::Mapping(entries)))
}

/// A template that has only relationships extends another one; nothing else can be merged.
fn merge_template(first: &Arc<Node>, second: &Arc<Node>) -> Option<Arc<Node>> {
    let relationships = first.entry("relationships")?;
    let (own, other) = (first.entries()?, second.entries()?);
    let only_relationships = other.len() == 1 && second.entry("relationships").is_some();
    let extends = own.len() == 1 && (second.entry("type").is_some() || only_relationships);
    if !extends && !only_relationships {
        return None;
    }
    let joined: Vec<Arc<Node>> = relationships
        .value
        .items()?
        .iter()
        .chain(second.entry("relationships").and_then(|entry| entry.value.items()).unwrap_or_default())
        .cloned()
        .collect();
    let key = Arc::clone(&relationships.key);
    let mut entries = vec![Entry { key, value: with(&relationships.value, Value::Sequence(joined)) }];
    let rest = own.iter().chain(other).filter(|entry| entry.key.as_str() != Some("relationships"));
    entries.extend(rest.cloned());
    Some(with(first, Value::Mapping(entries)))
}

fn with(node: &Node, value: Value) -> Arc<Node> {
    Arc::new(Node { span: node.span, source: node.source, value })
}
