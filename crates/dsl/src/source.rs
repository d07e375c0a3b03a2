//! Texts and where they came from.
//!
//! Every node of a blueprint knows the number of its source; [`Sources`] turns it into a name.

use std::collections::HashSet;
use std::sync::Arc;

use nephele_yaml11::Node;

/// A text with the location that relative imports start from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Such as `file:blueprint.yaml` or `https://example.org/b.yaml`; relative imports replace what
    /// follows the last `/`. Absent for a text without a home.
    pub location: Option<String>,
    /// The YAML text.
    pub text: String,
}

impl Source {
    /// A text at a location.
    pub fn new(location: impl Into<String>, text: impl Into<String>) -> Self {
        Self { location: Some(location.into()), text: text.into() }
    }

    /// A text without a location.
    pub fn unnamed(text: impl Into<String>) -> Self {
        Self { location: None, text: text.into() }
    }
}

/// The locations of everything read so far, by number, and what of it the grammar refused.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    names: Vec<Option<String>>,
    refused: HashSet<*const Node>,
    /// Whether the texts are in a dialect: the main one is, and it is read first.
    pub(crate) is_dialect: bool,
}

impl Sources {
    pub(crate) fn add(&mut self, location: Option<String>) -> u32 {
        self.names.push(location);
        u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn name(&self, number: u32) -> Option<&str> {
        self.names.get(number as usize)?.as_deref()
    }

    /// The place of a location in the order of reading: the main text comes first.
    pub(crate) fn rank(&self, location: Option<&str>) -> usize {
        self.names.iter().position(|name| name.as_deref() == location).unwrap_or(usize::MAX)
    }

    /// Remembers nodes that hold something which the grammar refused.
    pub(crate) fn refuse(&mut self, nodes: HashSet<*const Node>) {
        self.refused = nodes;
    }

    /// Whether the node holds something which the grammar refused.
    pub(crate) fn is_refused(&self, node: &Arc<Node>) -> bool {
        self.refused.contains(&Arc::as_ptr(node))
    }
}
