//! Starting a workflow: the checks in their order, then the row.

use nephele_model::execution::ExecutionStatus;
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::Deployment;
use nephele_store::executions::{self, Execution};
use nephele_store::{Db, Record};
use serde_json::{Map, Value};

use super::{NewRun, availability, dependents};
use crate::rows::failed;
use crate::{Ctx, Manager, parameters};

/// Seconds that running operations get after one failed, when the client does not say.
pub(crate) const WAIT_AFTER_FAIL: f64 = 600.0;

/// What a workflow is started with.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are the switches of the request")]
pub struct Start {
    /// The deployment.
    pub deployment_id: String,
    /// The workflow.
    pub workflow_id: String,
    /// Its parameters.
    pub parameters: Map<String, Value>,
    /// Take parameters that are not declared.
    pub allow_custom_parameters: bool,
    /// Run whatever stands in the way.
    pub force: bool,
    /// Only show what would be done.
    pub dry_run: bool,
    /// Wait for others instead of being refused.
    pub queue: bool,
    /// Seconds that running operations get after one failed.
    pub wait_after_fail: Option<f64>,
}

impl Manager {
    /// Accepts a run of a deployment's workflow.
    pub async fn start_execution(&self, ctx: &Ctx, start: Start) -> Result<Record> {
        ctx.not_while_cancelling()?;
        let deployment = self.find_deployment(ctx, &start.deployment_id).await?;
        let db: &dyn Db = &*self.store;
        demand_environment(db, &deployment).await?;
        if !start.force {
            dependents::demand_none(db, &deployment, &start.workflow_id).await?;
        }
        let declared = declared(&deployment, &start.workflow_id)?;
        let schema = declared["parameters"].as_object().cloned().unwrap_or_default();
        let workflow = &start.workflow_id;
        let given = parameters::complete(workflow, &schema, start.parameters, start.allow_custom_parameters)?;
        let given = parameters::typed(workflow, &schema, self.evaluate_parameters(ctx, &deployment.id, given).await?)?;
        if !start.force {
            availability::demand(db, &deployment, &start.workflow_id, &declared).await?;
        }
        let tx = self.begin_write().await?;
        tx.lock(&format!("deployment {}", deployment.storage_id)).await.map_err(failed)?;
        let running = executions::unfinished_of_deployment(&tx, deployment.storage_id).await.map_err(failed)?;
        let must_wait = !running.is_empty() && !start.force;
        if must_wait && !start.queue {
            return Err(occupied(&running));
        }
        let run = NewRun {
            workflow: &start.workflow_id,
            parameters: given,
            status: if must_wait { ExecutionStatus::Queued } else { ExecutionStatus::Pending },
            visibility: deployment.visibility,
            deployment: Some(&deployment),
            blueprint_id: None,
            is_dry_run: start.dry_run,
            allow_custom_parameters: start.allow_custom_parameters,
            wait_after_fail: start.wait_after_fail.unwrap_or(WAIT_AFTER_FAIL),
        };
        let (_, id) = self.accept(&tx, ctx, run).await?;
        tx.commit().await.map_err(failed)?;
        let accepted = self.get_execution(ctx, id.as_str(), None).await?;
        self.workflows.wake();
        Ok(accepted)
    }
}

/// What the deployment's plan says of a workflow.
fn declared(deployment: &Deployment, workflow: &str) -> Result<Value> {
    let workflows: Option<Map<String, Value>> =
        deployment.workflows.as_ref().map(nephele_store::Json::parse).transpose().map_err(failed)?;
    workflows.and_then(|mut workflows| workflows.swap_remove(workflow)).ok_or_else(|| {
        Error::new(
            Code::NonexistentWorkflow,
            format!("Workflow {workflow} does not exist in the deployment {}", deployment.id),
        )
    })
}

/// Refuses while the deployment's environment is not there.
async fn demand_environment(db: &dyn Db, deployment: &Deployment) -> Result<()> {
    let Some(create) = deployment.create_execution_fk else { return Ok(()) };
    let Some(create) = executions::by_storage_id(db, create).await.map_err(failed)? else { return Ok(()) };
    let (code, message) = match create.status {
        ExecutionStatus::Terminated => return Ok(()),
        ExecutionStatus::Pending => (
            Code::DeploymentEnvironmentCreationPending,
            "Deployment environment creation is still pending, try again in a minute".to_owned(),
        ),
        status if !status.is_final() => (
            Code::DeploymentEnvironmentCreationInProgress,
            "Deployment environment creation is still in progress, try again in a minute".to_owned(),
        ),
        _ => (
            Code::DeploymentCreation,
            format!(
                "Can't launch executions since environment creation for deployment {} has failed: {}",
                deployment.id,
                create.error.unwrap_or_default()
            ),
        ),
    };
    Err(Error::new(code, message))
}

fn occupied(running: &[Execution]) -> Error {
    let named: Vec<String> = running
        .iter()
        .map(|execution| {
            format!(
                "<Execution id=`{}` tenant=`{}` status=`{}` workflow_id=`{}`>",
                execution.id,
                execution.tenant_name,
                execution.status.as_str(),
                execution.workflow_id
            )
        })
        .collect();
    Error::new(
        Code::ExistingRunningExecution,
        format!(
            "The following executions are currently running for this deployment: [{}]. To execute this workflow anyway, \
             pass \"force=true\" as a query parameter to this request",
            named.join(", ")
        ),
    )
}
