//! Runs of workflows: accepting, listing, stopping, and every change of their status.
//!
//! Invariant: an execution's row, its deployment's status and the message that starts it are written
//! in one transaction. Rows are made by [`Manager::accept`](crate::Manager) alone and change their
//! status through `status.rs`, `cancel.rs`, `resume.rs` and `queue.rs`. Source of the rules: spec rest-api.md
//! section 2.4, workflows.md sections 5.7 to 5.9.

pub(crate) mod availability;
mod cancel;
mod delete;
pub(crate) mod dependents;
mod grid;
pub(crate) mod place;
mod plan;
mod queue;
mod record;
mod rerun;
mod resume;
mod start;
pub(crate) mod status;
mod tasks;
mod token;
mod why;

use nephele_bus::{Message, topology};
use nephele_model::deployment::{DeploymentStatus, InstallationStatus};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::ExecutionId;
use nephele_model::instance::InstanceState;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Permission, Result, Visibility};
use nephele_store::deployments::{self, Deployment, DeploymentChanges};
use nephele_store::executions::{self, Execution, NewExecution};
use nephele_store::{Db, Json, Record, Tx, node_instances, outbox};
use serde_json::{Map, Value, json};

use crate::deployments::tree;
use crate::rows::failed;
use crate::{Ctx, Manager};

pub use delete::Deletion;
pub use grid::RunsGrid;
pub use plan::PlanRequest;
pub(crate) use queue::{Freed, MOST_RUNNING};
pub use record::NewExecutionRecord;
pub use start::Start;
pub(crate) use start::WAIT_AFTER_FAIL;
pub use why::{Explanation, Wait};

/// What an execution is accepted with.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(crate) struct NewRun<'a> {
    pub(crate) workflow: &'a str,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) status: ExecutionStatus,
    pub(crate) visibility: Visibility,
    pub(crate) deployment: Option<&'a Deployment>,
    pub(crate) blueprint_id: Option<String>,
    /// Whether nothing else may run beside it.
    pub(crate) is_system: bool,
    /// Whether it may begin beside one of those.
    pub(crate) overlaps: bool,
    pub(crate) is_dry_run: bool,
    pub(crate) allow_custom_parameters: bool,
    pub(crate) wait_after_fail: f64,
    /// Whether it is to begin whatever the rules say.
    pub(crate) is_forced: bool,
    /// The execution that it does again.
    pub(crate) rerun_of: Option<ExecutionId>,
}

impl<'a> NewRun<'a> {
    /// A run of a deployment's workflow, to begin at once.
    pub(crate) fn of(deployment: &'a Deployment, workflow: &'a str, parameters: Map<String, Value>) -> Self {
        let (visibility, deployment) = (deployment.visibility, Some(deployment));
        Self { visibility, deployment, ..Self::internal(workflow, parameters) }
    }

    /// A run of one of the manager's own workflows, to begin at once.
    pub(crate) const fn internal(workflow: &'a str, parameters: Map<String, Value>) -> Self {
        Self {
            workflow,
            parameters,
            status: ExecutionStatus::Pending,
            visibility: Visibility::Tenant,
            deployment: None,
            blueprint_id: None,
            is_system: false,
            overlaps: false,
            is_dry_run: false,
            allow_custom_parameters: true,
            wait_after_fail: WAIT_AFTER_FAIL,
            is_forced: false,
            rerun_of: None,
        }
    }
}

impl Manager {
    /// One page of executions; those of the system where they are asked for.
    pub async fn list_executions(&self, ctx: &Ctx, query: &ListQuery, system: bool) -> Result<Page<Record>> {
        let resource = if system { &executions::DETAILS } else { &executions::RESOURCE };
        self.list(ctx, resource, query).await
    }

    /// One execution.
    pub async fn get_execution(&self, ctx: &Ctx, id: &str, include: Option<&[String]>) -> Result<Record> {
        self.get(ctx, &executions::DETAILS, id, include).await
    }

    /// Whether a queued execution could begin now.
    pub async fn should_start(&self, ctx: &Ctx, id: &str) -> Result<bool> {
        let execution = self.find_execution(ctx, id).await?;
        let Some(deployment) = execution.deployment_fk else { return Ok(true) };
        let active = executions::active_of_deployment(&*self.store, deployment).await.map_err(failed)?;
        Ok(active.iter().all(|other| other.id == execution.id))
    }

    pub(crate) async fn find_execution(&self, ctx: &Ctx, id: &str) -> Result<Execution> {
        let scope = self.scope(ctx, false).await?;
        let execution = executions::find(&*self.store, &scope, &ExecutionId::new(id)).await.map_err(failed)?;
        execution.ok_or_else(|| Error::not_found("Execution", id))
    }

    /// The execution that the caller may steer: of a global deployment of another tenant only with
    /// `execute_global_workflow`.
    pub(crate) async fn own_execution(&self, ctx: &Ctx, id: &str) -> Result<Execution> {
        let execution = self.find_execution(ctx, id).await?;
        demand_execution_inside(ctx, execution.tenant_id, id)?;
        Ok(execution)
    }

    /// Stores an execution and, if it may begin, the message that begins it. Gives its row and id.
    /// While the manager itself is being worked on, all others wait.
    pub(crate) async fn accept(&self, tx: &Tx, ctx: &Ctx, mut run: NewRun<'_>) -> Result<(i64, ExecutionId)> {
        let begins = run.status == ExecutionStatus::Pending && !run.is_system && !run.overlaps;
        if begins && executions::system_wide(tx).await.map_err(failed)? {
            run.status = ExecutionStatus::Queued;
        }
        let id = ExecutionId::new(uuid::Uuid::new_v4().to_string());
        let tenant_id = run.deployment.map_or_else(|| ctx.tenant_id.unwrap_or_default(), |row| row.tenant_id);
        let row = NewExecution {
            id: id.clone(),
            visibility: run.visibility,
            tenant_id,
            creator_id: ctx.user_id,
            created_at: self.clock.now(),
            scheduled_for: None,
            status: run.status,
            workflow_id: run.workflow.to_owned(),
            parameters: Json::of(&run.parameters),
            is_system_workflow: run.is_system,
            is_dry_run: run.is_dry_run,
            allow_custom_parameters: run.allow_custom_parameters,
            is_forced: run.is_forced,
            token: None,
            deployment_fk: run.deployment.map(|row| row.storage_id),
            blueprint_id: run.blueprint_id.or_else(|| run.deployment.map(|row| row.blueprint_id.to_string())),
            wait_after_fail: run.wait_after_fail,
            rerun_of: run.rerun_of.map(|id| id.to_string()),
            process: (run.status != ExecutionStatus::Queued).then(|| self.process()),
        };
        let storage_id = executions::insert(tx, row).await.map_err(failed)?;
        if let Some(deployment) = run.deployment
            && run.status == ExecutionStatus::Pending
        {
            refresh_deployment(tx, deployment.storage_id, storage_id, run.status).await?;
        }
        match run.status {
            ExecutionStatus::Pending => self.order_run(tx, &id).await?,
            status => self.note_hook(tx, storage_id, status).await?,
        }
        Ok((storage_id, id))
    }

    /// Puts the message into the outbox that makes the executor look at an execution.
    pub(crate) async fn order_run(&self, tx: &Tx, id: &ExecutionId) -> Result<()> {
        let row = self.own_row(&topology::executions(), Message::new(json!({"id": id})));
        outbox::insert(tx, vec![row]).await.map_err(failed)
    }
}

/// Refuses what has to run alone while others run, in the wording that clients know.
pub(crate) fn others_run(running: &[ExecutionId]) -> Error {
    let ids: Vec<&str> = running.iter().map(ExecutionId::as_str).collect();
    Error::new(
        Code::ExistingRunningExecution,
        format!("Cannot start execution because there are other executions running e.g.: {}", ids.join(", ")),
    )
}

/// Refuses to run something, or to steer a run, in another tenant without the permission for that.
pub(crate) fn demand_execution_inside(ctx: &Ctx, tenant_id: i64, id: &str) -> Result<()> {
    if Some(tenant_id) == ctx.tenant_id || ctx.may(Permission::ExecuteGlobalWorkflow) {
        return Ok(());
    }
    Err(Error::forbidden(format!(
        "User `{}` is not allowed to execute workflows on a global deployment {id} from a different tenant",
        ctx.username
    )))
}

/// Brings a deployment's own words in step with its latest execution.
pub(crate) async fn refresh_deployment(
    db: &dyn Db,
    deployment_fk: i64,
    execution_fk: i64,
    status: ExecutionStatus,
) -> Result<()> {
    restate_deployment(db, deployment_fk, Some((execution_fk, status))).await
}

/// Brings a deployment's own words in step with its node instances and its latest execution.
pub(crate) async fn restate_deployment(
    db: &dyn Db,
    deployment_fk: i64,
    latest: Option<(i64, ExecutionStatus)>,
) -> Result<()> {
    let states = node_instances::count_by_state(db, deployment_fk).await.map_err(failed)?;
    let all_started = states.iter().all(|(state, _)| *state == InstanceState::STARTED);
    let installation = if all_started { InstallationStatus::Active } else { InstallationStatus::Inactive };
    let changes = DeploymentChanges {
        latest_execution_fk: Some(latest.map(|(execution, _)| execution)),
        installation_status: Some(installation),
        deployment_status: Some(DeploymentStatus::derive(latest.map(|(_, status)| status), installation)),
        ..DeploymentChanges::default()
    };
    deployments::update(db, deployment_fk, changes).await.map_err(failed)?;
    tree::recount(db, [deployment_fk]).await
}
