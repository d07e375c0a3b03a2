//! What a text of the language defines and refers to, with places.

use nephele_yaml11::{Entry, Node, Span, Value};

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Node,
    Input,
    NodeType,
    Relationship,
    DataType,
}

/// A name at a place.
#[derive(Clone, Debug)]
pub(super) struct Symbol {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) span: Span,
    /// Whether it is defined here, and how.
    pub(super) definition: Option<Definition>,
}

/// What a definition says of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Definition {
    pub(super) derived_from: Option<String>,
    pub(super) description: Option<String>,
    /// Properties of types, with their own descriptions.
    pub(super) properties: Vec<(String, String)>,
    /// The type of an input or a node.
    pub(super) of_type: Option<String>,
    pub(super) default: Option<String>,
}

const SECTIONS: &[(&str, Kind)] = &[
    ("node_templates", Kind::Node),
    ("inputs", Kind::Input),
    ("node_types", Kind::NodeType),
    ("relationships", Kind::Relationship),
    ("data_types", Kind::DataType),
];

/// Everything in a text; nothing if it is not YAML.
pub(super) fn of(text: &str) -> Vec<Symbol> {
    let Ok(Some(root)) = nephele_yaml11::load(text) else { return Vec::new() };
    let mut found = Vec::new();
    for (section, kind) in SECTIONS {
        let entries = root.entry(section).and_then(|entry| entry.value.entries()).unwrap_or_default();
        for entry in entries {
            if let Some(name) = entry.key.as_str() {
                let definition = Some(definition(&entry.value));
                found.push(Symbol { kind: *kind, name: name.to_owned(), span: entry.key.span, definition });
            }
        }
    }
    references(&root, &mut found);
    found
}

fn text(node: &Node, key: &str) -> Option<String> {
    node.entry(key).and_then(|entry| entry.value.as_str()).map(str::to_owned)
}

fn definition(node: &Node) -> Definition {
    let properties = node.entry("properties").and_then(|entry| entry.value.entries()).unwrap_or_default();
    let property = |entry: &Entry| {
        let name = entry.key.as_str().unwrap_or_default().to_owned();
        let kind = text(&entry.value, "type").map(|kind| format!("{kind}. ")).unwrap_or_default();
        (name, kind + &text(&entry.value, "description").unwrap_or_default())
    };
    let default = node.entry("default").map(|entry| match &entry.value.value {
        Value::String(text) => text.to_string(),
        other => format!("{other:?}"),
    });
    Definition {
        derived_from: text(node, "derived_from"),
        description: text(node, "description"),
        properties: properties.iter().map(property).collect(),
        of_type: text(node, "type"),
        default,
    }
}

/// Names where they are used.
fn references(node: &Node, found: &mut Vec<Symbol>) {
    let mut add = |kind: Kind, node: &Node| {
        if let Some(name) = node.as_str() {
            found.push(Symbol { kind, name: name.to_owned(), span: node.span, definition: None });
        }
    };
    for entry in node.entries().unwrap_or_default() {
        let value = &entry.value;
        match entry.key.as_str() {
            Some("get_input") => {
                add(Kind::Input, value.items().and_then(|items| items.first()).unwrap_or(value));
            }
            Some("get_property" | "get_attribute" | "get_attributes_list" | "get_attributes_dict") => {
                if let Some(first) = value.items().and_then(|items| items.first()) {
                    add(Kind::Node, first);
                }
            }
            Some("target") => add(Kind::Node, value),
            Some("derived_from" | "type") => {
                // Which of the three it is shows only by the name.
                let is_relationship = value.as_str().is_some_and(|name| name.contains("relationship"));
                add(if is_relationship { Kind::Relationship } else { Kind::NodeType }, value);
            }
            Some("members" | "targets") => {
                for item in value.items().unwrap_or_default() {
                    add(Kind::Node, item);
                }
            }
            _ => {}
        }
    }
    for entry in node.entries().unwrap_or_default() {
        references(&entry.value, found);
    }
    for item in node.items().unwrap_or_default() {
        references(item, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_and_uses_are_found() {
        let text = "inputs:\n  port: {default: 80}\nnode_templates:\n  web:\n    type: T\n    relationships:\n    - target: db\n  \
                    db:\n    type: T\n    properties: {p: {get_input: port}, q: {get_property: [web, p]}}\n";
        let found = of(text);
        let count = |kind, name: &str| found.iter().filter(|symbol| symbol.kind == kind && symbol.name == name).count();
        assert_eq!(count(Kind::Node, "web"), 2);
        assert_eq!(count(Kind::Node, "db"), 2);
        assert_eq!(count(Kind::Input, "port"), 2);
        assert_eq!(count(Kind::NodeType, "T"), 2);
        assert!(of("a: [").is_empty());
    }
}
