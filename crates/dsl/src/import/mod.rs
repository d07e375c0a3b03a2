//! Imports: from one main text to one merged tree.
//!
//! The crate does no I/O: [`Imports`] fetches. [`Resolver`] is the implementation to start from: it
//! knows the built-in types and resolver rules and asks a [`Fetch`] for the rest.

pub(crate) mod check;
pub(crate) mod location;
mod merge;
mod namespace;
mod properties;
mod resolver;
pub(crate) mod traversal;
mod tree;

pub use resolver::{Fetch, Resolver, Rule};
pub(crate) use tree::text_in_place_of;

use nephele_model::json::Map;

use crate::diagnostic::{Diagnostic, Fault};
use crate::version::Version;

/// Where imported texts come from, and which scripts exist.
///
/// Locations are `file:...`, `http(s)://...`, `ftp://...`, `plugin:...`, `blueprint:...`, or
/// `resource:...` for a path that only the file server may know. A relative import is asked for at
/// several locations one after the other (spec dsl.md section 2.2); the first one that is found wins.
pub trait Imports {
    /// The text at `location`; `version` is that of the main blueprint.
    fn fetch(&self, location: &str, version: Version) -> Result<Fetched, ImportError>;

    /// Whether a file exists at `location`: a `file:`/`http(s):` location for scripts (below the
    /// folder of the main text or an additional source), or a bare path for an import's name.
    fn exists(&self, location: &str) -> bool;
}

/// What an import turned out to be.
#[derive(Clone, Debug)]
pub enum Fetched {
    /// A YAML text.
    Text(String),
    /// The YAML text of an installed plugin, with the labels and tags that its record has.
    Plugin {
        /// The plugin's YAML.
        text: String,
        /// Label key to list of values.
        blueprint_labels: Map,
        /// Label key to list of values.
        labels: Map,
        /// Tag to value.
        resource_tags: Map,
    },
    /// The main text of another blueprint; its own imports are relative to it and come from the same
    /// [`Imports`].
    Blueprint {
        /// The text.
        main: crate::source::Source,
        /// As [`crate::Options::resources_base`], for that blueprint.
        resources_base: Option<String>,
    },
}

/// Why an import cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ImportError {
    /// What a client sees.
    pub fault: Fault,
    /// What went wrong.
    pub message: String,
    /// What to do, for people.
    pub hint: Option<String>,
}

impl ImportError {
    /// Nothing is at `location`.
    pub fn unreachable(location: &str, reason: &str) -> Self {
        Self::new(Fault::ImportFailed, format!("Import failed: Unable to open import url {location}; {reason}"))
    }

    /// A plugin or blueprint that the manager does not have.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Fault::ImportNotFound, message)
    }

    /// Any other reason.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), hint: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ImportError> for Diagnostic {
    fn from(error: ImportError) -> Self {
        Self::new(error.fault, error.message).with_hint(error.hint)
    }
}
