//! Names that exist and cannot be used: whoever uses them makes no mistake of their own.
//!
//! One unknown type must not make every node of that type a problem, nor one unreadable import everything
//! that it would have brought.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::is_slip;

/// The sections whose names others refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Section {
    DataTypes,
    Inputs,
    Plugins,
    NodeTypes,
    Relationships,
    PolicyTypes,
    PolicyTriggers,
    NodeTemplates,
    Groups,
}

impl Section {
    pub(crate) const ALL: [Self; 9] = [
        Self::DataTypes,
        Self::Inputs,
        Self::Plugins,
        Self::NodeTypes,
        Self::Relationships,
        Self::PolicyTypes,
        Self::PolicyTriggers,
        Self::NodeTemplates,
        Self::Groups,
    ];

    /// The section's key.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::DataTypes => "data_types",
            Self::Inputs => "inputs",
            Self::Plugins => "plugins",
            Self::NodeTypes => "node_types",
            Self::Relationships => "relationships",
            Self::PolicyTypes => "policy_types",
            Self::PolicyTriggers => "policy_triggers",
            Self::NodeTemplates => "node_templates",
            Self::Groups => "groups",
        }
    }
}

/// What was refused, or could not be read.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    names: HashMap<Section, HashSet<String>>,
    sections: HashSet<Section>,
}

impl Refused {
    /// One name cannot be used.
    pub(crate) fn name(&mut self, section: Section, name: &str) {
        self.names.entry(section).or_default().insert(name.to_owned());
    }

    /// Nobody knows which names the section would have.
    pub(crate) fn section(&mut self, section: Section) {
        self.sections.insert(section);
    }

    /// Whether the name was refused.
    pub(crate) fn has(&self, section: Section, name: &str) -> bool {
        self.names.get(&section).is_some_and(|names| names.contains(name))
    }

    /// Whether a name that is not `known` is no mistake of whoever uses it. Where anything may be missing,
    /// what differs from a known name by a slip of the hand is still a mistake.
    pub(crate) fn excuses<'a>(&self, section: Section, name: &str, known: impl IntoIterator<Item = &'a str>) -> bool {
        self.has(section, name) || (self.sections.contains(&section) && !is_slip(name, known))
    }

    /// The names of a section that cannot be used.
    pub(crate) fn names(&self, section: Section) -> impl Iterator<Item = &str> {
        self.names.get(&section).into_iter().flatten().map(String::as_str)
    }

    /// Whether the section lacks anything.
    pub(crate) fn lacks(&self, section: Section) -> bool {
        self.sections.contains(&section) || self.names.contains_key(&section)
    }
}
