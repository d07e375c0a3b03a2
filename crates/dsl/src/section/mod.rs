//! The sections of a blueprint, one file each; every one turns its elements into its part of the plan.
//!
//! They run in the order of their dependencies: data types, plugins, types, node templates, groups and
//! policies; then those that stand alone. A section gathers all its problems, and remembers the names that nobody can use
//! because of them ([`refused`]).

pub(crate) mod data_types;
pub(crate) mod deployment_settings;
pub(crate) mod groups;
pub(crate) mod inputs;
pub(crate) mod interfaces;
pub(crate) mod labels;
pub(crate) mod merging;
pub(crate) mod node_plugins;
pub(crate) mod nodes;
pub(crate) mod operations;
pub(crate) mod outputs;
pub(crate) mod planned_interfaces;
pub(crate) mod plugins;
pub(crate) mod policies;
pub(crate) mod properties;
pub(crate) mod refused;
pub(crate) mod relationships;
pub(crate) mod scaling_groups;
pub(crate) mod types;
pub(crate) mod workflows;

use std::collections::HashSet;

use crate::diagnostic::Diagnostic;
use crate::element::Element;
use crate::import::Imports;
use crate::limit::Made;
use crate::problems::Problems;
use crate::schema::check::Gate;
use crate::value::DataTypes;

use refused::Refused;

/// What sections know of each other, and where their problems go.
pub(crate) struct Scope<'a> {
    pub(crate) gate: Gate,
    pub(crate) imports: &'a dyn Imports,
    /// Folders in which scripts may lie.
    pub(crate) resource_bases: Vec<String>,
    /// Namespaces of imported blueprints, whose scripts were checked when those were parsed.
    pub(crate) blueprint_namespaces: HashSet<String>,
    pub(crate) data_types: DataTypes,
    pub(crate) plugins: plugins::Plugins,
    pub(crate) problems: &'a mut Problems,
    pub(crate) refused: Refused,
    pub(crate) made: Made,
}

impl Scope<'_> {
    /// The value, or its problem kept and nothing.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        self.problems.keep(result)
    }

    /// Whether there is room for so many values more, which come with `element`.
    pub(crate) fn has_room(&mut self, values: usize, element: &Element<'_, '_>) -> bool {
        let Err(problem) = self.made.add(values) else { return true };
        self.problems.extend(problem.map(|problem| element.placed(problem)));
        false
    }
}
