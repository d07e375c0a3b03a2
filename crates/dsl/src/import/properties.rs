//! Values that an import gives to the properties of the plugins it brings (spec dsl.md section 2.7).

use nephele_model::python_text;
use std::sync::Arc;

use indexmap::IndexMap;
use nephele_yaml11::{Entry, Node, Value};

use super::tree::{Tree, no_mapping, text_in_place_of};
use crate::diagnostic::{Diagnostic, Fault, suggestion};
use crate::element::json;
use crate::function;

/// Writes the values into the plugins of `tree`, and what cannot be written to `found`: 220, 221, and what
/// is no mapping.
pub(crate) fn set(tree: &mut Tree, given: Option<&Arc<Node>>, found: &mut Vec<Diagnostic>) {
    let Some(section) = tree.sections.get_mut("plugins") else { return };
    let Some(plugins) = section.items.as_mut() else { return found.push(no_mapping(&section.value)) };
    for plugin in plugins.values_mut() {
        if plugin.value.entries().is_none() {
            found.push(no_mapping(&plugin.value));
        }
        let Some(declared) = plugin.value.entry("properties") else { continue };
        let properties = match set_of_plugin(&declared.value, given) {
            Ok(properties) => properties,
            Err(problem) => {
                found.push(problem);
                continue;
            }
        };
        let key = Arc::clone(&declared.key);
        let entries = plugin.value.entries().unwrap_or_default().iter().map(|entry| {
            if entry.key.value == key.value {
                Entry { key: Arc::clone(&key), value: Arc::clone(&properties) }
            } else {
                entry.clone()
            }
        });
        plugin.value = with(&plugin.value, entries.collect());
    }
}

fn set_of_plugin(declared: &Arc<Node>, given: Option<&Arc<Node>>) -> Result<Arc<Node>, Diagnostic> {
    let mut rest: IndexMap<&str, &Arc<Node>> = given
        .and_then(|given| given.entries())
        .unwrap_or_default()
        .iter()
        .filter_map(|entry| Some((entry.key.as_str()?, &entry.value)))
        .collect();
    let mut problems = Vec::new();
    let mut entries = Vec::new();
    for property in declared.entries().ok_or_else(|| no_mapping(declared))? {
        let name = property.key.as_str().unwrap_or_default();
        if property.value.entries().is_none() {
            return Err(no_mapping(&property.value));
        }
        let Some(value) = rest.shift_remove(name) else {
            entries.push(property.clone());
            continue;
        };
        let Some(type_name) = property.value.entry("type").and_then(|entry| entry.value.as_str()) else {
            return Err(Diagnostic::new(Fault::UntypedPluginProperty, "'NoneType' object has no attribute 'value'"));
        };
        let shown = json(value);
        if fits(&shown, type_name)? || function::recognise(&shown).is_some() {
            let own = property.value.entries().unwrap_or_default();
            let mut fields: Vec<Entry> =
                own.iter().filter(|field| field.key.as_str() != Some("value")).cloned().collect();
            fields.push(Entry { key: text_in_place_of(value, "value".to_owned()), value: Arc::clone(value) });
            entries.push(Entry { key: Arc::clone(&property.key), value: with(&property.value, fields) });
        } else {
            problems
                .push(format!("Property {name}: value '{}' should be of type {type_name}", python_text::str(&shown)));
        }
    }
    if !rest.is_empty() {
        let names = python_text::names(rest.keys().copied());
        problems.push(format!("Properties for imported plugin are redundant: {names}, consider updating import lines"));
    }
    if problems.is_empty() {
        return Ok(with(declared, entries));
    }
    let declared = declared.entries().unwrap_or_default().iter().filter_map(|property| property.key.as_str());
    let hint = rest.keys().next().and_then(|name| suggestion(name, declared));
    Err(Diagnostic::new(Fault::ImportProperties, problems.join(".  ")).with_hint(hint))
}

fn fits(value: &nephele_model::json::Value, type_name: &str) -> Result<bool, Diagnostic> {
    let integer = value.is_i64() || value.is_u64() || value.is_boolean();
    Ok(match type_name {
        "string" => value.is_string() || integer,
        "integer" => integer,
        "float" => value.is_number() || integer,
        "boolean" => value.is_boolean(),
        "list" => value.is_array(),
        _ => {
            let message = "Properties should either be strings, integers, floats, booleans, or lists.";
            return Err(Diagnostic::new(Fault::MalformedImport, message));
        }
    })
}

fn with(node: &Node, entries: Vec<Entry>) -> Arc<Node> {
    Arc::new(Node { span: node.span, source: node.source, value: Value::Mapping(entries.into()) })
}
