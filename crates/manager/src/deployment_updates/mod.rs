//! Updates of deployments: what was changed, step by step, and by which execution. Rows that workflows and
//! restores write are in `record.rs`.
//!
//! The workflow `update` (`crates/engine/src/lifecycle/update/mod.rs`) carries an update out; what the manager does for it is
//! in `act.rs`: `prepare.rs` finds out what changes, `apply.rs` makes the deployment follow its new plan, `finish.rs`
//! drops what went.
//!
//! Invariant: an update that a client begins comes with its execution; when that ends without the update
//! saying how, the update has failed (`executions/status.rs`). Source: spec rest-api.md section 2.3.

mod act;
mod apply;
mod changes;
mod finish;
pub(crate) mod foresee;
mod instead;
mod of_many;
mod prepare;
mod record;

use nephele_model::execution::ExecutionStatus;
use nephele_model::page::{ListQuery, Page};
use nephele_model::update::UpdateState;
use nephele_model::{Code, Error, Result};
use nephele_store::deployment_updates::{self as rows, NewUpdate, UpdateChanges};
use nephele_store::deployments::Deployment;
use nephele_store::{Json, Record, Tx, execution_groups, executions};
use serde_json::{Map, Value, json};

use crate::executions::{NewRun, dependents};
use crate::rows::failed;
use crate::waiting::PATIENCE;
use crate::{Ctx, Manager};

pub use record::{UpdatePatch, UpdateRecord};

/// The workflow that carries out an update.
pub(crate) const WORKFLOW: &str = "update";
/// A workflow that updates deployments one after the other: theirs join its groups.
pub(crate) const OF_MANY: &str = "csys_update_deployment";

/// The switches of an update, and what they are when nobody says.
pub const SWITCHES: [(&str, bool); 11] = [
    ("reevaluate_active_statuses", false),
    ("auto_correct_types", false),
    ("update_plugins", true),
    ("install_first", false),
    ("ignore_failure", false),
    ("skip_reinstall", false),
    ("skip_uninstall", false),
    ("skip_install", false),
    ("skip_drift_check", false),
    ("force_reinstall", false),
    ("skip_heal", false),
];

/// What the workflow takes beside them.
const PARAMETERS: [&str; 7] =
    ["blueprint_id", "workflow_id", "inputs", "reinstall_list", "runtime_only_evaluation", "preview", "force"];

/// What a deployment is to become.
#[derive(Debug, Default)]
pub struct UpdateRequest {
    /// The id of the update; made up when absent.
    pub id: Option<String>,
    /// The blueprint that it is to follow; the present one when absent.
    pub blueprint_id: Option<String>,
    /// Inputs that change.
    pub inputs: Map<String, Value>,
    /// Node instances to install again.
    pub reinstall_list: Vec<Value>,
    /// Only tell what would change.
    pub preview: bool,
    /// Update whatever depends on it.
    pub force: bool,
    /// Whether functions are evaluated at run time only; as before when absent.
    pub runtime_only_evaluation: Option<bool>,
    /// A workflow to run instead of the usual ones.
    pub workflow_id: Option<String>,
    /// [`SWITCHES`] that were given.
    pub switches: Map<String, Value>,
}

impl UpdateRequest {
    /// The request that these parameters of the workflow `update` come from.
    ///
    /// Error: `illegal_execution_parameters_error`.
    pub(crate) fn of_parameters(parameters: Map<String, Value>) -> Result<Self> {
        let mut request = Self::default();
        for (name, value) in parameters.into_iter().filter(|(_, value)| !value.is_null()) {
            let refuse = |problem: &str| {
                Error::new(Code::IllegalExecutionParameters, format!("Parameter `{name}` of an update {problem}"))
            };
            match (name.as_str(), value) {
                ("blueprint_id", Value::String(id)) => request.blueprint_id = Some(id),
                ("workflow_id", Value::String(id)) => request.workflow_id = Some(id),
                ("inputs", Value::Object(inputs)) => request.inputs = inputs,
                ("reinstall_list", Value::Array(ids)) => request.reinstall_list = ids,
                ("runtime_only_evaluation", Value::Bool(is)) => request.runtime_only_evaluation = Some(is),
                ("preview", Value::Bool(is)) => request.preview = is,
                ("force", Value::Bool(is)) => request.force = is,
                (switch, Value::Bool(is)) if SWITCHES.iter().any(|(known, _)| *known == switch) => {
                    request.switches.insert(name, is.into());
                }
                (other, _) if PARAMETERS.contains(&other) => return Err(refuse("has a value of another type")),
                (other, _) if SWITCHES.iter().any(|(known, _)| *known == other) => {
                    return Err(refuse("must be true or false"));
                }
                _ => return Err(refuse("does not exist")),
            }
        }
        Ok(request)
    }
}

impl Manager {
    /// One page of updates.
    pub async fn list_updates(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, &rows::RESOURCE, query).await
    }

    /// One update with its steps.
    pub async fn get_update(&self, ctx: &Ctx, id: &str, include: Option<&[String]>) -> Result<Record> {
        self.get(ctx, &rows::RESOURCE, id, include).await
    }

    /// Begins to update a deployment; a preview is waited for.
    ///
    /// Error: `dependent_exists_error`, which leaves a failed update behind.
    pub async fn start_update(&self, ctx: &Ctx, deployment: &str, mut request: UpdateRequest) -> Result<Record> {
        let blueprint = match &request.blueprint_id {
            Some(id) => Some(self.find_blueprint(ctx, id).await?),
            None => None,
        };
        let deployment = self.writable_deployment(ctx, deployment).await?;
        let (old_inputs, new_inputs) = merged_inputs(&deployment, &request)?;
        let id = request.id.take().unwrap_or_else(|| format!("{}-{}", deployment.id, uuid::Uuid::new_v4()));
        let runtime_only = request.runtime_only_evaluation.unwrap_or(deployment.runtime_only_evaluation);
        let changes = UpdateChanges {
            old_inputs: Some(Json::of(&old_inputs)),
            new_inputs: Some(Json::of(&new_inputs)),
            runtime_only_evaluation: Some(runtime_only),
            old_blueprint_fk: Some(Some(deployment.blueprint_fk)),
            new_blueprint_fk: Some(Some(blueprint.as_ref().map_or(deployment.blueprint_fk, |row| row.storage_id))),
            ..UpdateChanges::default()
        };
        let blueprint_id = blueprint.map_or_else(|| deployment.blueprint_id.to_string(), |row| row.id.to_string());
        let (preview, force) = (request.preview, request.force);
        let arguments = arguments(request, &id, &blueprint_id, runtime_only);

        let tx = self.begin_write().await?;
        let refused = if force { None } else { dependents::demand_none(&tx, &deployment, WORKFLOW, false).await.err() };
        if refused.as_ref().is_some_and(|error| error.code() != Code::DependentExists) {
            return Err(refused.unwrap_or_else(|| Error::internal("an update was refused")));
        }
        // What will not run has no place among what begins.
        let status = if refused.is_some() { ExecutionStatus::Queued } else { ExecutionStatus::Pending };
        let run = NewRun { status, overlaps: true, ..NewRun::of(&deployment, WORKFLOW, arguments) };
        let (key, execution) = self.accept(&tx, ctx, run).await?;
        self.insert_update(&tx, ctx, &deployment, &id, key, changes).await?;
        self.join_groups(&tx, ctx, key).await?;
        if let Some(error) = refused {
            let reason = format!("Error preparing execution: {error}");
            if let Some(execution) = executions::by_storage_id(&tx, key).await.map_err(failed)? {
                self.move_to(&tx, &execution, ExecutionStatus::Failed, Some(&reason)).await?;
            }
            tx.commit().await.map_err(failed)?;
            return Err(error);
        }
        let ended = self.waiting.register(&execution);
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        if preview {
            ended.wait(PATIENCE).await;
        }
        self.get_update(ctx, &id, None).await
    }

    async fn insert_update(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        deployment: &Deployment,
        id: &str,
        execution_fk: i64,
        changes: UpdateChanges,
    ) -> Result<()> {
        let row = NewUpdate {
            id: id.to_owned(),
            visibility: deployment.visibility,
            tenant_id: deployment.tenant_id,
            creator_id: ctx.user_id,
            created_at: self.clock.now(),
            state: UpdateState::Updating,
            deployment_fk: deployment.storage_id,
            execution_fk: Some(execution_fk),
        };
        let key = rows::insert(tx, row).await.map_err(failed)?;
        rows::update(tx, key, changes).await.map_err(failed)
    }

    /// An update that a workflow over many deployments asks for is one of its groups.
    async fn join_groups(&self, tx: &Tx, ctx: &Ctx, execution_fk: i64) -> Result<()> {
        let Some(calling) = ctx.execution.as_ref().filter(|calling| calling.workflow == OF_MANY) else {
            return Ok(());
        };
        let Some(calling) = executions::by_id(tx, &calling.id).await.map_err(failed)? else { return Ok(()) };
        for group in execution_groups::of_execution(tx, calling.storage_id).await.map_err(failed)? {
            execution_groups::add(tx, group.storage_id, &[execution_fk]).await.map_err(failed)?;
        }
        Ok(())
    }
}

/// The deployment's inputs before the update and afterwards.
fn merged_inputs(deployment: &Deployment, request: &UpdateRequest) -> Result<(Map<String, Value>, Map<String, Value>)> {
    let old = match &deployment.inputs {
        Some(inputs) => inputs.parse::<Option<Map<String, Value>>>().map_err(failed)?.unwrap_or_default(),
        None => Map::new(),
    };
    let mut new = old.clone();
    new.extend(request.inputs.clone());
    Ok((old, new))
}

/// The parameters of the workflow.
fn arguments(request: UpdateRequest, id: &str, blueprint: &str, runtime_only: bool) -> Map<String, Value> {
    let given = json!({
        "update_id": id, "blueprint_id": blueprint, "inputs": request.inputs, "preview": request.preview,
        "runtime_only_evaluation": runtime_only, "force": request.force, "workflow_id": request.workflow_id,
        "reinstall_list": request.reinstall_list,
    });
    let mut arguments = match given {
        Value::Object(given) => given,
        _ => Map::new(),
    };
    arguments.extend(SWITCHES.map(|(name, default)| (name.to_owned(), default.into())));
    arguments.extend(request.switches);
    arguments
}
