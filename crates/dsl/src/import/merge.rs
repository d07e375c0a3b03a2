//! One file after the other into one tree (spec dsl.md section 2.6).

use std::sync::Arc;

use indexmap::IndexMap;
use indexmap::map::Entry as Slot;
use nephele_yaml11::{Entry, Node, Value};

use super::namespace::{self, prefixed};
use super::tree::{Item, Section, Tree, text_in_place_of};
use crate::diagnostic::{Diagnostic, Fault};
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

/// Two definitions that exclude each other.
pub(crate) struct Clash {
    pub(crate) problem: Diagnostic,
    /// Such as `node_templates.web`.
    pub(crate) path: String,
    /// The key of the one that is left out.
    pub(crate) key: Arc<Node>,
    /// The key of the one that stays.
    pub(crate) first: Arc<Node>,
}

/// Adds a file to what is merged already, and what cannot be added to `clashes`: 3, 4.
pub(crate) fn merge(
    into: &mut Tree,
    from: Tree,
    version: Version,
    namespace: Option<&str>,
    is_builtin: bool,
    clashes: &mut Vec<Clash>,
) {
    for (name, mut section) in from.sections {
        if is_builtin {
            section.items.iter_mut().flat_map(IndexMap::values_mut).for_each(|item| item.is_builtin = true);
        }
        if matches!(name.as_str(), "dsl_definitions" | "imports" | "tosca_definitions_version") {
            continue;
        }
        let Some(existing) = into.sections.get_mut(&name) else {
            let mut target = Section { items: section.items.as_ref().map(|_| IndexMap::new()), ..section.clone() };
            merge_section(&mut target, section, &name, namespace, clashes);
            into.sections.insert(name, target);
            continue;
        };
        match name.as_str() {
            "description" | "metadata" => {}
            "imported_blueprints" => merge_lists(existing, &section),
            "namespaces_mapping" => merge_section(existing, section, &name, namespace, clashes),
            mergeable
                if MERGEABLE.contains(&mergeable)
                    || (version >= Version::V1_3 && MERGEABLE_SINCE_1_3.contains(&mergeable)) =>
            {
                merge_section(existing, section, &name, namespace, clashes);
            }
            other => {
                let mut message = format!("Import failed: non-mergeable field: '{other}'");
                if MERGEABLE_SINCE_1_3.contains(&other) {
                    message += ". ";
                    message += other;
                    message += " can be imported multiple times only from cloudify_dsl_1_3 and above.";
                }
                let problem = Diagnostic::new(Fault::UnmergeableSection, message);
                clashes.push(Clash { problem, path: name, key: section.key, first: Arc::clone(&existing.key) });
            }
        }
    }
}

fn merge_section(into: &mut Section, from: Section, name: &str, namespace: Option<&str>, clashes: &mut Vec<Clash>) {
    let Some(items) = from.items else { return };
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
            Slot::Occupied(mut slot) => {
                let merged = match name {
                    "workflows" => merge_workflow(&slot.get().value, &item.value),
                    "node_templates" => merge_template(&slot.get().value, &item.value),
                    _ => None,
                };
                if let Some(merged) = merged {
                    slot.get_mut().value = merged;
                    continue;
                }
                let problem = if name == "workflows" {
                    Diagnostic::new(Fault::WorkflowConflict, "string indices must be integers")
                } else {
                    let message =
                        format!("Import failed: Could not merge '{name}' due to conflict on '{}'", slot.key());
                    Diagnostic::new(Fault::ImportConflict, message)
                };
                let path = format!("{name}.{}", slot.key());
                clashes.push(Clash { problem, path, key: item.key, first: Arc::clone(&slot.get().key) });
            }
        }
    }
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
    into.value = with(&into.value, Value::Sequence(items.into()));
}

/// Fields that the first definition lacks are added; a mere text has no fields.
fn merge_workflow(first: &Arc<Node>, second: &Arc<Node>) -> Option<Arc<Node>> {
    let (own, other) = (first.entries()?, second.entries()?);
    let mut entries = own.to_vec();
    entries.extend(other.iter().filter(|entry| own.iter().all(|known| known.key.value != entry.key.value)).cloned());
    Some(with(first, Value::Mapping(entries.into())))
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
    let mut entries = vec![Entry { key, value: with(&relationships.value, Value::Sequence(joined.into())) }];
    let rest = own.iter().chain(other).filter(|entry| entry.key.as_str() != Some("relationships"));
    entries.extend(rest.cloned());
    Some(with(first, Value::Mapping(entries.into())))
}

fn with(node: &Node, value: Value) -> Arc<Node> {
    Arc::new(Node { span: node.span, source: node.source, value })
}
