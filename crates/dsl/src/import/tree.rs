//! A blueprint as top-level sections, which is what imports merge.

use std::sync::Arc;

use indexmap::IndexMap;
use nephele_model::python_text;
use nephele_yaml11::{Entry, Node, Span, Value};

use crate::diagnostic::{Diagnostic, Fault};

/// Sections by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    pub(crate) sections: IndexMap<String, Section>,
}

/// A top-level key with its value; a mapping is held entry by entry.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) key: Arc<Node>,
    pub(crate) value: Arc<Node>,
    pub(crate) items: Option<IndexMap<String, Item>>,
}

/// An entry of a section.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) key: Arc<Node>,
    pub(crate) value: Arc<Node>,
    /// It came with the built-in types: never prefixed, overwritten by later copies.
    pub(crate) is_builtin: bool,
}

impl Tree {
    /// The sections of a document; whatever has no text as key is left out.
    pub(crate) fn new(root: &Node) -> Self {
        let sections = root.entries().unwrap_or_default().iter().filter_map(|entry| {
            let items = entry.value.entries().map(|entries| entries.iter().map(item).collect());
            let section = Section { key: Arc::clone(&entry.key), value: Arc::clone(&entry.value), items };
            Some((entry.key.as_str()?.to_owned(), section))
        });
        Self { sections: sections.collect() }
    }

    /// The value of a section.
    pub(crate) fn value(&self, section: &str) -> Option<&Arc<Node>> {
        self.sections.get(section).map(|section| &section.value).filter(|value| !value.is_null())
    }

    /// An entry of a section.
    pub(crate) fn item(&self, section: &str, name: &str) -> Option<&Item> {
        self.sections.get(section)?.items.as_ref()?.get(name)
    }

    /// Whether this is a file of built-in types: it brings the root node type itself. Errors: the sections
    /// that tell are no mappings, which the reference words in its own way.
    pub(crate) fn is_builtin_types(&self) -> Result<bool, Diagnostic> {
        for name in ["metadata", "node_types"] {
            if let Some(section) = self.sections.get(name).filter(|section| section.items.is_none()) {
                return Err(no_mapping(&section.value));
            }
        }
        Ok(self.has_root_type())
    }

    pub(crate) fn has_root_type(&self) -> bool {
        self.item("node_types", "cloudify.nodes.Root").is_some_and(|root| !root.is_builtin && !root.value.is_null())
    }

    /// Back to a document.
    pub(crate) fn into_node(self, span: Span, source: u32) -> Arc<Node> {
        let entries = self.sections.into_values().map(|section| {
            let value = match section.items {
                None => section.value,
                Some(items) => Arc::new(Node {
                    span: section.value.span,
                    source: section.value.source,
                    value: Value::Mapping(
                        items.into_values().map(|item| Entry { key: item.key, value: item.value }).collect(),
                    ),
                }),
            };
            Entry { key: section.key, value }
        });
        Arc::new(Node { span, source, value: Value::Mapping(entries.collect()) })
    }
}

/// Something is looked for in what is no mapping.
pub(crate) fn no_mapping(node: &Node) -> Diagnostic {
    let kind = python_text::type_name(&crate::element::json(node));
    let message = format!("Value is expected to be a dictionary while it is of type {kind}");
    Diagnostic::new(Fault::SectionNotMapping, message)
}

fn item(entry: &Entry) -> (String, Item) {
    let name = match entry.key.as_str() {
        Some(name) => name.to_owned(),
        None => crate::element::json(&entry.key).to_string(),
    };
    (name, Item { key: Arc::clone(&entry.key), value: Arc::clone(&entry.value), is_builtin: false })
}

/// A new text node in the place of another.
pub(crate) fn text_in_place_of(node: &Node, text: String) -> Arc<Node> {
    Arc::new(Node { span: node.span, source: node.source, value: Value::String(text.into()) })
}
