//! From the plan of a blueprint to the plan of a deployment (spec dsl.md section 7.3).

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::diagnostic::Diagnostic;
use crate::instance_ids::InstanceIds;
use crate::plan::{DeploymentPlan, Plan};

/// What the manager knows while a deployment is being prepared.
pub trait Catalog {
    /// Whether the secret exists; `None` when secrets cannot be had at all.
    fn has_secret(&self, name: &str) -> Option<bool>;
    /// Whether a value names something that exists, for inputs typed `node_id`, `secret_key` and the like.
    fn contains(&self, query: &ValueQuery<'_>) -> bool;
    /// Whether values of the deployment at hand are meant when no constraint names one.
    fn has_deployment(&self) -> bool {
        false
    }
    /// Whether values of the blueprint at hand are meant when no constraint names one.
    fn has_blueprint(&self) -> bool {
        false
    }
}

/// A question to the [`Catalog`]: is `value` an existing `data_type` that the constraints let through?
#[derive(Clone, Copy, Debug)]
pub struct ValueQuery<'a> {
    /// The input's type, such as `deployment_id`.
    pub data_type: &'a str,
    /// The value that was given.
    pub value: &'a Value,
    /// Constraints as query parameters, such as `deployment_id`, `labels`, `id_specs`.
    pub constraints: &'a Map<String, Value>,
}

/// How [`prepare`] goes about it.
#[derive(Clone, Debug, Default)]
pub struct PrepareOptions {
    /// Evaluate no functions now; operations that have any are evaluated when they run.
    pub runtime_only_evaluation: bool,
    /// Turn strings into numbers and truth values where an input's type wants them.
    pub auto_correct_types: bool,
    /// Instance ids that are taken, by node.
    pub existing_ids: HashMap<String, HashSet<String>>,
}

/// Fills in inputs, evaluates functions, checks secrets, and makes the node instances.
///
/// Errors: one [`Diagnostic`]; its kind tells missing and unknown inputs, violated constraints, unknown
/// secrets and failing functions apart.
pub fn prepare(
    plan: Plan,
    inputs: Map<String, Value>,
    catalog: &dyn Catalog,
    ids: &mut dyn InstanceIds,
    options: &PrepareOptions,
) -> Result<DeploymentPlan, Diagnostic> {
    let _ = (inputs, catalog, ids, options);
    Ok(DeploymentPlan(plan.0))
}
