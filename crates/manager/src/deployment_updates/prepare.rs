//! The first part of an update: the plan that the deployment is to follow, and what that changes. Touches nothing
//! but the update's own row, so that a preview may stop here.
//!
//! Invariant: plan, steps and changes are written together and once: an update that has a plan is prepared, and
//! whoever goes on with it after a crash finds the same new instances.

use nephele_dsl::diff::{self, Deployed, Step};
use nephele_dsl::{Current, DeploymentPlan, Plan, PrepareOptions, RandomIds, modify};
use nephele_model::json::{Map, Value};
use nephele_model::{Code, Error, Result, python_text};
use nephele_store::deployment_updates::{self as rows, Undertaking, UpdateChanges};
use nephele_store::deployments::Deployment;
use nephele_store::executions::Execution;
use nephele_store::{Json, blueprints, node_instances, nodes};

use super::apply::Prepared;
use super::changes::{self, InstanceChanges};
use super::record;
use crate::rows::failed;
use crate::workflows::environment::{read_plan, refused};
use crate::workflows::upload::{blocking, parameters};
use crate::{Ctx, Manager};

impl Manager {
    /// Prepares an update, unless that is done.
    ///
    /// Errors: those of the plan for the new inputs; `unsupported_change_in_deployment_update` for what no update can
    /// change.
    pub(crate) async fn prepare_update(&self, execution: &Execution, update: &Undertaking) -> Result<()> {
        if update.deployment_plan.is_some() {
            return Ok(());
        }
        let deployment = self.deployment_of(execution).await?;
        let inputs = match &update.new_inputs {
            Some(inputs) => inputs.parse::<Option<Map>>().map_err(failed)?.unwrap_or_default(),
            None => Map::default(),
        };
        let target = Target {
            blueprint_fk: update.new_blueprint_fk.unwrap_or(deployment.blueprint_fk),
            old_blueprint_fk: update.old_blueprint_fk,
            inputs,
            runtime_only_evaluation: update.runtime_only_evaluation,
            auto_correct_types: parameters(execution)?.get("auto_correct_types").is_some_and(python_text::is_truthy),
        };
        let (steps, prepared) = self.compare(deployment, target).await?;
        let changes = UpdateChanges {
            deployment_plan: Some(Json::of(&prepared.plan)),
            deployment_update_nodes: Some(Json::of(&prepared.nodes)),
            deployment_update_node_instances: Some(Json::of(&prepared.instances)),
            ..UpdateChanges::default()
        };

        let tx = self.begin_write().await?;
        rows::delete_steps(&tx, update.storage_id).await.map_err(failed)?;
        let steps = record::new_steps(update, &steps)?;
        rows::insert_steps(&tx, steps).await.map_err(failed)?;
        rows::update(&tx, update.storage_id, changes).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// What an update to this target would change. Reads only.
    ///
    /// Errors: those of [`Self::prepare_update`].
    pub(super) async fn compare(&self, deployment: Deployment, target: Target) -> Result<(Vec<Step>, Prepared)> {
        let ctx = Ctx::internal(deployment.tenant_name.clone(), deployment.tenant_id);
        let nodes = values(self.all_of(&ctx, &deployment, &nodes::RESOURCE).await?);
        let instances = values(self.all_of(&ctx, &deployment, &node_instances::RESOURCE).await?);
        let before = match target.old_blueprint_fk.filter(|old| *old != target.blueprint_fk) {
            Some(old) => blueprints::plan(&*self.store, old).await.map_err(failed)?,
            None => None,
        };
        let plan = self.new_plan(&ctx, target, nodes.clone()).await?;
        blocking(move || compare(&deployment, plan, &nodes, &instances, before.as_ref())).await?
    }

    /// The plan of the blueprint with the inputs that it declares and the numbers of instances that there are.
    async fn new_plan(&self, ctx: &Ctx, target: Target, nodes: Vec<Value>) -> Result<DeploymentPlan> {
        let stored = blueprints::plan(&*self.store, target.blueprint_fk).await.map_err(failed)?;
        let stored = stored.ok_or_else(|| {
            Error::new(Code::DeploymentCreation, "The blueprint of the update has no plan; upload it again")
        })?;
        let read = move || {
            let mut plan = Value::Object(read_plan(stored.as_str())?.0);
            changes::keep_counts(&mut plan, &nodes);
            Ok::<_, serde_json::Error>(Plan(plan.as_object().cloned().unwrap_or_default()))
        };
        let plan = blocking(read).await?.map_err(Error::internal)?;
        let inputs: Map = target.inputs.into_iter().filter(|(name, _)| plan.inputs().contains_key(name)).collect();
        let catalog = self.known(&self.scope(ctx, false).await?, &plan, &inputs).await?;
        let options = PrepareOptions {
            runtime_only_evaluation: target.runtime_only_evaluation,
            auto_correct_types: target.auto_correct_types,
            ..PrepareOptions::default()
        };
        let prepared = blocking(move || nephele_dsl::prepare(plan, inputs, &catalog, &mut RandomIds, &options)).await?;
        prepared.map_err(|problem| refused(&problem))
    }
}

/// What a deployment is to become.
pub(super) struct Target {
    /// The row of the blueprint that it is to follow.
    pub(super) blueprint_fk: i64,
    /// The row of the blueprint that it followed before.
    pub(super) old_blueprint_fk: Option<i64>,
    /// All inputs; those that the blueprint does not declare do not count.
    pub(super) inputs: Map,
    pub(super) runtime_only_evaluation: bool,
    pub(super) auto_correct_types: bool,
}

fn compare(
    deployment: &Deployment,
    plan: DeploymentPlan,
    nodes: &[Value],
    instances: &[Value],
    before: Option<&Json>,
) -> Result<(Vec<Step>, Prepared)> {
    let section = |stored: Option<&Json>| -> Result<Map> {
        let parsed: Option<Option<Map>> = stored.map(Json::parse).transpose().map_err(failed)?;
        Ok(parsed.flatten().unwrap_or_default())
    };
    let (outputs, workflows) = (section(deployment.outputs.as_ref())?, section(deployment.workflows.as_ref())?);
    let (groups, capabilities) = (section(deployment.groups.as_ref())?, section(deployment.capabilities.as_ref())?);
    let (inputs, scaling_groups) = (section(deployment.inputs.as_ref())?, section(deployment.scaling_groups.as_ref())?);
    let workflows = as_shown(workflows);
    let deployed = Deployed {
        description: deployment.description.as_deref(),
        nodes,
        outputs: &outputs,
        workflows: &workflows,
        groups: &groups,
        capabilities: &capabilities,
        inputs: &inputs,
    };
    let diff::Steps { supported: steps, unsupported, .. } = diff::steps(deployed, &plan);
    if !unsupported.is_empty() {
        return Err(not_supported(&unsupported));
    }
    let counts = changes::counts(&plan, nodes);
    let modified = modify(plan.nodes(), &scaling_groups, Current { nodes, instances }, &counts, &mut RandomIds)
        .map_err(|problem| refused(&problem))?;
    let mut of_nodes = changes::of_nodes(&steps, &plan, nodes);
    if let Some(before) = before {
        of_nodes.cda_plugins_to_uninstall = changes::central_plugins_gone(&before.parse().map_err(failed)?, &plan);
    }
    let instances = InstanceChanges::new(modified, &steps);
    Ok((steps, Prepared { plan, nodes: of_nodes, instances }))
}

/// Workflows as a deployment shows them, with whether they can run now: the original compares those with its plan,
/// so that each workflow is a step of each update.
fn as_shown(mut workflows: Map) -> Map {
    for workflow in workflows.values_mut().filter_map(Value::as_object_mut) {
        workflow.insert("is_available", Value::Bool(true));
    }
    workflows
}

fn not_supported(steps: &[Step]) -> Error {
    let line = |step: &Step| {
        let shown = serde_json::json!(step);
        let path: Vec<String> = shown["entity_id"].as_array().into_iter().flatten().map(python_text::str).collect();
        format!("{} {} {}", python_text::str(&shown["action"]), python_text::str(&shown["entity_type"]), path.join("/"))
    };
    let lines: Vec<String> = steps.iter().map(line).collect();
    Error::new(
        Code::UnsupportedChangeInDeploymentUpdate,
        format!(
            "Cannot update: unsupported steps found: {}. An update cannot change the type of a node, what it is contained \
             in, properties of a relationship, or groups",
            lines.join(", ")
        ),
    )
}

fn values(records: Vec<serde_json::Value>) -> Vec<Value> {
    records.into_iter().map(Value::from).collect()
}
