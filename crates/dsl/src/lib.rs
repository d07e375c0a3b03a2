//! Blueprints: from text to plan, from plan to deployment plan, and functions at run time.
//!
//! Three doors: [`parse`] (upload), [`prepare`] (deployment creation), [`evaluate`] (operations, outputs,
//! capabilities). The crate does no I/O: imports come through [`Imports`], knowledge of the manager through
//! [`Catalog`] and [`Storage`]. Everything is linear in the blueprint. Specification: spec dsl.md.

mod blueprint;
mod blueprint_text;
pub mod builtin;
pub mod constraint;
mod diagnostic;
mod dialect;
pub mod diff;
mod element;
mod equality;
mod function;
mod import;
mod instance_ids;
mod limit;
mod locate;
mod multi_instance;
mod plan;
mod prepare;
mod problems;
mod schedule_time;
mod schema;
mod section;
mod source;
mod topology;
mod value;
mod version;

pub use diagnostic::{Diagnostic, Fault, Kind, Place, Quote, Severity, UNUSED, Wording};
pub use function::{
    Context, Extension, GroupCapability, Instance, Lookup, Node, Related, Relationship, ScalingGroup, Stop, Storage,
    all, capability_part, evaluate, evaluate_capabilities, evaluate_capability, evaluate_instance, evaluate_node,
    evaluate_outputs, is_anywhere_in as has_functions, with_extensions,
};
pub use import::{Fetch, Fetched, ImportError, Imports, Resolver, Rule};
pub use instance_ids::{CountedIds, InstanceIds, RandomIds};
pub use multi_instance::{Change, Changes, Current, Modified, modify};
pub use plan::{DeploymentPlan, Plan};
pub use prepare::{Catalog, ExistingIds, PrepareOptions, ValueQuery, expand, prepare};
pub use section::merging::{Merge, merge_interfaces, merge_operation};
pub use source::Source;
pub use version::Version;

/// What [`parse`] checks, and where relative imports and scripts are looked for besides the main text.
#[derive(Clone, Debug)]
pub struct Options {
    /// Refuse what the blueprint's version does not have.
    pub validate_version: bool,
    /// Check every intrinsic function.
    pub validate_functions: bool,
    /// Check the defaults of inputs against their constraints.
    pub validate_input_defaults: bool,
    /// Joined with relative imports.
    pub resources_base: Option<String>,
    /// Locations of folders that scripts may also lie in.
    pub additional_sources: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            validate_version: true,
            validate_functions: true,
            validate_input_defaults: true,
            resources_base: None,
            additional_sources: Vec::new(),
        }
    }
}

/// A blueprint that is in order.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Its plan, ready to be stored as JSON.
    pub plan: Plan,
    /// What is probably not meant, such as two relationships to one target.
    pub warnings: Vec<Diagnostic>,
}

/// Parses a blueprint and everything it imports.
///
/// Errors: every problem found, first the one that the reference would report, then the others in the order
/// of the texts; warnings last.
pub fn parse(main: &Source, imports: &dyn Imports, options: &Options) -> Result<Parsed, Vec<Diagnostic>> {
    blueprint::parse(main, imports, options)
}
