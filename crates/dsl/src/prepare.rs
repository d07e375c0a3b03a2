//! From the plan of a blueprint to the plan of a deployment (spec dsl.md section 7.3).

mod dependencies;
mod inputs;

use std::collections::{BTreeSet, HashMap, HashSet};

use nephele_model::json::{List, Map, Value};

use crate::diagnostic::{Diagnostic, Fault};
use crate::function::evaluate::Evaluator;
use crate::function::plan_world::PlanWorld;
use crate::function::{self, scan};
use crate::instance_ids::InstanceIds;
use crate::multi_instance;
use crate::plan::{DeploymentPlan, Plan};

/// What the manager knows while a deployment is being prepared.
pub trait Catalog {
    /// Whether the secret exists; `None` when secrets cannot be had at all.
    fn has_secret(&self, name: &str) -> Option<bool>;
    /// Whether values can be looked up at all.
    fn has_values(&self) -> bool {
        true
    }
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
    pub constraints: &'a Map,
}

/// Instance ids by node.
pub type ExistingIds = HashMap<String, HashSet<String>>;

/// How [`prepare`] goes about it.
#[derive(Clone, Debug, Default)]
pub struct PrepareOptions {
    /// Evaluate no functions now; operations that have any are evaluated when they run.
    pub runtime_only_evaluation: bool,
    /// Turn strings into numbers and truth values where an input's type wants them.
    pub auto_correct_types: bool,
    /// Instance ids that are taken, by node.
    pub existing_ids: ExistingIds,
}

/// Fills in inputs, evaluates functions, checks secrets, and makes the node instances.
///
/// Errors: one [`Diagnostic`]; its kind tells missing and unknown inputs, violated constraints, unknown
/// secrets and failing functions apart.
pub fn prepare(
    plan: Plan,
    inputs: Map,
    catalog: &dyn Catalog,
    ids: &mut dyn InstanceIds,
    options: &PrepareOptions,
) -> Result<DeploymentPlan, Diagnostic> {
    let mut plan = plan.0;
    let inputs = inputs::complete(&plan, inputs, options.auto_correct_types, catalog)?;
    let nodes = plan.get("nodes").and_then(Value::as_array).map_or(&[][..], List::as_slice);
    let world = PlanWorld::new(inputs, nodes, options.runtime_only_evaluation);
    let evaluator = Evaluator::new(&world);
    scan::each(&mut plan, &mut |mut site| {
        if !function::is_anywhere_in(site.value) {
            return Ok(None);
        }
        let value = evaluator.evaluate(site.value, site.view, &mut site.path, 0);
        let value = value.map_err(function::Stop::into_diagnostic)?;
        if let (Some(node), Some(property)) = (&site.view.node, site.property) {
            world.settle_property(node, property, &value);
        }
        Ok((value != *site.value).then_some(value))
    })?;
    plan.insert("inputs".to_owned(), Value::Object(world.into_inputs()));
    let found = dependencies::find(&mut plan)?;
    check_secrets(&found.secrets, catalog)?;
    let mut deployment = expand(Plan(plan), ids, &options.existing_ids)?;
    let functions = dependencies::between_deployments(&found, deployment.node_instances());
    deployment.0.insert("inter_deployment_functions".to_owned(), Value::from(functions));
    Ok(deployment)
}

/// Makes the node instances of a plan and nothing else. `existing` are ids that are taken, by node.
pub fn expand(plan: Plan, ids: &mut dyn InstanceIds, existing: &ExistingIds) -> Result<DeploymentPlan, Diagnostic> {
    let mut plan = plan.0;
    let instances = multi_instance::expand(&plan, ids, existing)?;
    plan.insert("node_instances".to_owned(), Value::from(instances));
    Ok(DeploymentPlan(plan))
}

fn check_secrets(names: &BTreeSet<String>, catalog: &dyn Catalog) -> Result<(), Diagnostic> {
    let mut missing = Vec::new();
    for name in names {
        match catalog.has_secret(name) {
            Some(true) => {}
            Some(false) => missing.push(name.as_str()),
            None => {
                let message = "The get_secret intrinsic function is not supported";
                return Err(Diagnostic::new(Fault::UnsupportedGetSecret, message));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("Required secrets: [{}] don't exist in this tenant", missing.join(", "));
    Err(Diagnostic::new(Fault::UnknownSecret, message))
}
