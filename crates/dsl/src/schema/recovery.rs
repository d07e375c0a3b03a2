//! After a misspelled section: what it was probably meant to be, so that one wrong letter does not make
//! everything wrong that refers to the section.

use std::sync::Arc;

use nephele_yaml11::{Entry, Node, Value};

use super::Field;
use super::grammar::SECTIONS;
use crate::diagnostic::nearest;
use crate::import::text_in_place_of;

/// A tree with likely names of sections.
pub(crate) struct Likely {
    pub(crate) tree: Arc<Node>,
    /// The sections that were found under another name.
    pub(crate) sections: Vec<&'static Field>,
}

/// The tree with its unknown sections under the nearest names that are not taken; nothing if there are none.
pub(crate) fn with_likely_sections(tree: &Arc<Node>) -> Option<Likely> {
    let written = tree.entries()?;
    let free: Vec<&'static Field> = SECTIONS.iter().filter(|field| tree.entry(field.name).is_none()).collect();
    let mut sections: Vec<&'static Field> = Vec::new();
    let entries = written.iter().map(|entry| {
        let name = entry.key.as_str().filter(|name| SECTIONS.iter().all(|field| field.name != *name));
        let near = name.and_then(|name| nearest(name, free.iter().map(|field| field.name)));
        let Some(field) = free.iter().find(|field| near == Some(field.name)) else { return entry.clone() };
        if sections.iter().any(|taken| taken.name == field.name) {
            return entry.clone();
        }
        sections.push(field);
        Entry { key: text_in_place_of(&entry.key, field.name.to_owned()), value: Arc::clone(&entry.value) }
    });
    let value = Value::Mapping(entries.collect());
    let tree = Arc::new(Node { span: tree.span, source: tree.source, value });
    (!sections.is_empty()).then_some(Likely { tree, sections })
}
