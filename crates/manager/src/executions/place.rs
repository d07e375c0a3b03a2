//! Finding a place for a run: what it begins with, whether it may, and whether it must wait.
//!
//! Invariant: [`Manager::place`] is the one way by which a deployment's workflow is started, whoever
//! asks: a request, a group of executions, a schedule. The checks come in the order in which clients
//! know their refusals (spec rest-api.md section 2.4).

use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{DeploymentId, ExecutionId};
use nephele_model::{Code, Error, Permission, Result, Visibility};
use nephele_store::deployments::{self, Deployment};
use nephele_store::executions::{self, Execution};
use nephele_store::{Db, Json, Tx, node_instances};
use serde_json::{Map, Value};

use super::{NewRun, WAIT_AFTER_FAIL, availability, dependents};
use crate::deployment_updates::OF_MANY;
use crate::rows::failed;
use crate::{Ctx, Manager, parameters};

/// How a workflow is to be run, whatever the deployment.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are the switches of the request")]
pub(crate) struct Wish {
    pub(crate) workflow: String,
    pub(crate) parameters: Map<String, Value>,
    /// Take parameters that are not declared.
    pub(crate) allow_custom_parameters: bool,
    /// Run whatever stands in the way.
    pub(crate) force: bool,
    /// Only show what would be done.
    pub(crate) dry_run: bool,
    /// Wait for others instead of being refused.
    pub(crate) queue: bool,
    /// Wait even if nothing stands in the way: others of its group have their turn.
    pub(crate) in_line: bool,
    /// Seconds that running operations get after one failed.
    pub(crate) wait_after_fail: f64,
    /// The execution that is done again.
    pub(crate) rerun_of: Option<ExecutionId>,
}

impl Wish {
    /// The workflow with these parameters, to run at once, and to be refused if it cannot.
    pub(crate) const fn new(workflow: String, parameters: Map<String, Value>) -> Self {
        Self {
            workflow,
            parameters,
            allow_custom_parameters: false,
            force: false,
            dry_run: false,
            queue: false,
            in_line: false,
            wait_after_fail: WAIT_AFTER_FAIL,
            rerun_of: None,
        }
    }
}

/// A wish that a deployment's plan allows.
pub(crate) struct Ready {
    pub(super) declared: Value,
    pub(super) parameters: Map<String, Value>,
}

/// Parameters as they are given.
pub(super) struct Given<'a> {
    pub(super) workflow: &'a str,
    pub(super) values: Map<String, Value>,
    /// Take those that are not declared.
    pub(super) allow_custom: bool,
}

impl Manager {
    /// What the deployment makes of a wish: the caller may wish it, nobody needs what it takes down, the
    /// workflow is there, its parameters are whole.
    pub(crate) async fn make_ready(&self, ctx: &Ctx, deployment: &Deployment, wish: &Wish) -> Result<Ready> {
        demand_own_or_global(ctx, deployment)?;
        if !wish.force {
            let recursive =
                wish.workflow == "uninstall" && wish.parameters.get("recursive") == Some(&Value::Bool(true));
            dependents::demand_none(&*self.store, deployment, &wish.workflow, recursive).await?;
        }
        let declared = declared(deployment, &wish.workflow)?;
        let given = Given {
            workflow: &wish.workflow,
            values: wish.parameters.clone(),
            allow_custom: wish.allow_custom_parameters,
        };
        let parameters = self.whole_parameters(ctx, deployment, &declared, given).await?;
        Ok(Ready { declared, parameters })
    }

    /// The parameters of a run as its workflow declares them: with defaults, evaluated, of the right types.
    pub(super) async fn whole_parameters(
        &self,
        ctx: &Ctx,
        deployment: &Deployment,
        declared: &Value,
        given: Given<'_>,
    ) -> Result<Map<String, Value>> {
        let schema = declared["parameters"].as_object().cloned().unwrap_or_default();
        let takes_others = given.allow_custom || given.workflow == OF_MANY;
        let values = parameters::complete(given.workflow, &schema, given.values, takes_others)?;
        let values = self.evaluate_parameters(ctx, &deployment.id, values).await?;
        parameters::check(given.workflow, &schema, values)
    }

    /// Makes ready, stores and begins a run, or lets it wait for others. Gives its id.
    pub(crate) async fn place_and_wake(&self, ctx: &Ctx, deployment: &Deployment, wish: &Wish) -> Result<ExecutionId> {
        let ready = self.make_ready(ctx, deployment, wish).await?;
        let tx = self.begin_write().await?;
        let (_, id) = self.place(&tx, ctx, deployment, wish, ready).await?;
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        Ok(id)
    }

    /// Stores the run, to begin at once or to wait for others. Gives its row and id.
    pub(crate) async fn place(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        deployment: &Deployment,
        wish: &Wish,
        ready: Ready,
    ) -> Result<(i64, ExecutionId)> {
        tx.lock(&format!("deployment {}", deployment.storage_id)).await.map_err(failed)?;
        let running = executions::unfinished_of_deployment(tx, deployment.storage_id).await.map_err(failed)?;
        let occupied_by = if wish.force { &[][..] } else { &running[..] };
        let must_wait = wish.in_line || !occupied_by.is_empty();
        if !occupied_by.is_empty() && !wish.queue {
            return Err(occupied(occupied_by));
        }
        if !must_wait && !wish.force {
            availability::demand(tx, deployment, &wish.workflow, &ready.declared).await?;
        }
        let cascading = !must_wait && ready.declared["is_cascading"] == true;
        let status = if must_wait { ExecutionStatus::Queued } else { ExecutionStatus::Pending };
        let placed = self.accept(tx, ctx, run(deployment, wish, &ready, status)).await?;
        if cascading {
            self.place_in_components(tx, ctx, deployment, wish, &ready).await?;
        }
        Ok(placed)
    }

    /// A cascading workflow runs in the deployments of the components as well, and in theirs.
    pub(super) async fn place_in_components(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        deployment: &Deployment,
        wish: &Wish,
        ready: &Ready,
    ) -> Result<()> {
        let mut seen = vec![deployment.storage_id];
        let mut pending = components(tx, deployment.storage_id).await?;
        let scope = self.scope(ctx, false).await?;
        while let Some(id) = pending.pop() {
            let Some(component) = deployments::find(tx, &scope, &id).await.map_err(failed)? else { continue };
            if seen.contains(&component.storage_id) {
                continue;
            }
            seen.push(component.storage_id);
            pending.extend(components(tx, component.storage_id).await?);
            let busy = executions::unfinished_of_deployment(tx, component.storage_id).await.map_err(failed)?;
            let waits = !busy.is_empty() && !wish.force;
            let status = if waits { ExecutionStatus::Queued } else { ExecutionStatus::Pending };
            self.accept(tx, ctx, run(&component, wish, ready, status)).await?;
        }
        Ok(())
    }
}

fn run<'a>(deployment: &'a Deployment, wish: &'a Wish, ready: &Ready, status: ExecutionStatus) -> NewRun<'a> {
    NewRun {
        status,
        is_dry_run: wish.dry_run,
        allow_custom_parameters: wish.allow_custom_parameters,
        wait_after_fail: wish.wait_after_fail,
        is_forced: wish.force,
        rerun_of: wish.rerun_of.clone(),
        ..NewRun::of(deployment, &wish.workflow, ready.parameters.clone())
    }
}

/// The deployments that the components of a deployment stand for.
pub(super) async fn components(db: &dyn Db, deployment_fk: i64) -> Result<Vec<DeploymentId>> {
    let noted = node_instances::runtime_of_type(db, deployment_fk, "cloudify.nodes.Component").await.map_err(failed)?;
    let id = |noted: &Json| Some(noted.value().ok()?["deployment"]["id"].as_str()?.into());
    Ok(noted.iter().filter_map(id).collect())
}

/// What the deployment's plan says of a workflow.
pub(crate) fn declared(deployment: &Deployment, workflow: &str) -> Result<Value> {
    let workflows: Option<Map<String, Value>> =
        deployment.workflows.as_ref().map(Json::parse).transpose().map_err(failed)?;
    let own = workflows.and_then(|mut workflows| workflows.swap_remove(workflow));
    // What the manager offers for every deployment.
    let offered = (workflow == OF_MANY).then(|| Value::Object(Map::new()));
    own.or(offered).ok_or_else(|| {
        Error::new(
            Code::NonexistentWorkflow,
            format!("Workflow {workflow} does not exist in the deployment {}", deployment.id),
        )
    })
}

fn demand_own_or_global(ctx: &Ctx, deployment: &Deployment) -> Result<()> {
    let foreign = deployment.visibility == Visibility::Global && Some(deployment.tenant_id) != ctx.tenant_id;
    if foreign && !ctx.may(Permission::ExecuteGlobalWorkflow) {
        return Err(Error::forbidden(format!(
            "User `{}` is not allowed to execute workflows on a global deployment {} from a different tenant",
            ctx.username, deployment.id
        )));
    }
    Ok(())
}

/// Refuses while the deployment's environment is not there.
pub(super) async fn demand_environment(db: &dyn Db, deployment: &Deployment) -> Result<()> {
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

pub(super) fn occupied(running: &[Execution]) -> Error {
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
