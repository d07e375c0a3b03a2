//! Dialects: versions of the language under other names, whose words differ by their prefix alone.
//!
//! `nativeedge_1_0`, `dell_1_0` and `dell_1_1` are read as the newest version: `dell.nodes.Root` is
//! `cloudify.nodes.Root`, and so are interfaces, relationships and data types. What only says how a form
//! looks is left out. Plugins are looked for under the dialect's name first. Everything after this module knows one set of names. Invariant: a text of any other
//! version stays what it is, node for node, and what was shared in a text stays shared.

use std::collections::HashMap;
use std::sync::Arc;

use nephele_yaml11::{Entry, Node, Value};

use crate::import::text_in_place_of;
use crate::version::Version;

const VERSIONS: [&str; 3] = ["nativeedge_1_0", "dell_1_0", "dell_1_1"];
const PREFIXES: [&str; 2] = ["nativeedge", "dell"];
/// What the words after a prefix are about.
const KINDS: [&str; 6] = ["nodes", "interfaces", "relationships", "datatypes", "policies", "types"];
const TYPES: &str = "cloudify/types/types.yaml";
/// Functions of the manager's own plugin, and its name, and a property of the types for AWS.
const FUNCTIONS: [&str; 2] = ["ne_extensions.nativeedge_types.", "dell_extensions.dell_types."];
const OTHERS: [(&str, &str); 3] = [
    ("ne_extensions", "cfy_extensions"),
    ("dell_extensions", "cfy_extensions"),
    ("nativeedge_tagging", "cloudify_tagging"),
];
/// Keys that say how forms look, by their section; those of inputs stand in each of them.
const FORM: &str = "input_groups";
const OF_INPUTS: [&str; 2] = ["display", "allow_update"];

/// Whether a document declares a dialect.
pub(crate) fn is_declared(document: &Node) -> bool {
    let version = document.entry("tosca_definitions_version").and_then(|entry| entry.value.as_str());
    version.is_some_and(|version| VERSIONS.contains(&version))
}

/// The document in the words of the language itself.
pub(crate) fn translated(document: &Arc<Node>) -> Arc<Node> {
    let Some(entries) = document.entries() else { return Arc::clone(document) };
    let mut words = Words::default();
    let entries = entries.iter().filter(|entry| entry.key.as_str() != Some(FORM)).map(|entry| {
        let value = match entry.key.as_str() {
            Some("tosca_definitions_version") if is_declared(document) => {
                text_in_place_of(&entry.value, Version::LATEST.to_string())
            }
            Some("inputs") => without_form(&words.of(&entry.value)),
            _ => words.of(&entry.value),
        };
        Entry { key: words.of(&entry.key), value }
    });
    with(document, Value::Mapping(entries.collect()))
}

/// Nodes in other words, by where they are, so that what is shared is translated once.
#[derive(Default)]
struct Words(HashMap<*const Node, Arc<Node>>);

impl Words {
    fn of(&mut self, node: &Arc<Node>) -> Arc<Node> {
        if let Some(known) = self.0.get(&Arc::as_ptr(node)) {
            return Arc::clone(known);
        }
        let translated = match &node.value {
            Value::String(text) => word(text).map_or_else(|| Arc::clone(node), |word| text_in_place_of(node, word)),
            Value::Sequence(items) => with(node, Value::Sequence(items.iter().map(|item| self.of(item)).collect())),
            Value::Mapping(entries) => {
                let entry = |entry: &Entry| Entry { key: self.of(&entry.key), value: self.of(&entry.value) };
                with(node, Value::Mapping(entries.iter().map(entry).collect()))
            }
            _ => Arc::clone(node),
        };
        self.0.insert(Arc::as_ptr(node), Arc::clone(&translated));
        translated
    }
}

/// The import of the plugin that a dialect has under another name: `nativeedge-aws-plugin` and `aws-plugin` are
/// `cloudify-aws-plugin`. Versions are not kept, since those of the one say nothing of the other.
pub(crate) fn plugin_in_place_of(import: &str) -> Option<String> {
    let name = import.strip_prefix("plugin:")?.split('?').next().unwrap_or_default();
    let kind = name.strip_suffix("-plugin")?;
    let kind = kind.strip_prefix("nativeedge-").unwrap_or(kind);
    (!kind.starts_with("cloudify-") && !kind.is_empty()).then(|| format!("plugin:cloudify-{kind}-plugin"))
}

/// The language's own word, if this is a dialect's.
fn word(text: &str) -> Option<String> {
    if let Some((_, word)) = OTHERS.iter().find(|(other, _)| *other == text) {
        return Some((*word).to_owned());
    }
    if let Some(function) = FUNCTIONS.iter().find_map(|prefix| text.strip_prefix(prefix)) {
        return Some(format!("cfy_extensions.cloudify_types.{function}"));
    }
    let (prefix, rest) = text.split_once(['.', '/'])?;
    if !PREFIXES.contains(&prefix) {
        return None;
    }
    if rest == "types/types.yaml" {
        return Some(TYPES.to_owned());
    }
    let (kind, name) = rest.split_once('.')?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    (KINDS.contains(&kind) && is_name).then(|| format!("cloudify.{rest}"))
}

fn without_form(inputs: &Arc<Node>) -> Arc<Node> {
    let Some(entries) = inputs.entries() else { return Arc::clone(inputs) };
    let inputs_only = entries.iter().map(|entry| {
        let fields = entry.value.entries().filter(|fields| fields.iter().any(is_of_form));
        let value = fields.map_or_else(
            || Arc::clone(&entry.value),
            |fields| {
                with(&entry.value, Value::Mapping(fields.iter().filter(|field| !is_of_form(field)).cloned().collect()))
            },
        );
        Entry { key: Arc::clone(&entry.key), value }
    });
    with(inputs, Value::Mapping(inputs_only.collect()))
}

fn is_of_form(field: &Entry) -> bool {
    field.key.as_str().is_some_and(|name| OF_INPUTS.contains(&name))
}

fn with(node: &Node, value: Value) -> Arc<Node> {
    Arc::new(Node { span: node.span, source: node.source, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_translated() {
        for (text, expected) in [
            ("dell.nodes.Root", Some("cloudify.nodes.Root")),
            ("nativeedge.interfaces.lifecycle", Some("cloudify.interfaces.lifecycle")),
            ("dell.types.aws.SourceSpecification", Some("cloudify.types.aws.SourceSpecification")),
            ("nativeedge/types/types.yaml", Some(TYPES)),
            ("dell.com", None),
            ("dell.nodes.of our own", None),
            ("nativeedge.nativeedge_plugin.tasks.upload_binary", None),
            ("dell_extensions.dell_types.component.create", Some("cfy_extensions.cloudify_types.component.create")),
            ("ne_extensions", Some("cfy_extensions")),
            ("our ne_extensions", None),
            ("nativeedge_tagging", Some("cloudify_tagging")),
            ("adell.nodes.Root", None),
        ] {
            assert_eq!(word(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn plugins_have_names_of_their_own() {
        for (import, expected) in [
            ("plugin:nativeedge-aws-plugin?version=>=3.0.0.0,<4.0.0.0", Some("plugin:cloudify-aws-plugin")),
            ("plugin:fabric-plugin", Some("plugin:cloudify-fabric-plugin")),
            ("plugin:cloudify-aws-plugin", None),
            ("plugin:nephele-rest", None),
            ("plugin:-plugin", None),
            ("parts.yaml", None),
        ] {
            assert_eq!(plugin_in_place_of(import).as_deref(), expected, "{import}");
        }
    }
}
