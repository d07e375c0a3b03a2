//! Executions as they are written down by whoever restores them: with their own id, times and status.
//!
//! Invariant: a status that is given is taken as it is, and nothing runs because of it.

use std::sync::Arc;

use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{BlueprintId, ExecutionId};
use nephele_model::{Code, Error, Permission, Result, Timestamp};
use nephele_store::blueprints::{self, BlueprintChanges};
use nephele_store::deployments::{self, Deployment, DeploymentChanges};
use nephele_store::executions::{self, Execution, ExecutionChanges, NewExecution};
use nephele_store::processes::NOBODY;
use nephele_store::{Json, Record, Tx};
use serde_json::{Map, Value};

use super::place::declared;
use super::{Start, demand_execution_inside};
use crate::rows::failed;
use crate::{Ctx, Manager, parameters};

/// An execution with what only administrators may say of one.
#[derive(Debug, Default)]
pub struct NewExecutionRecord {
    /// What anyone may say; the deployment may be empty.
    pub start: Start,
    /// Its id.
    pub id: Option<String>,
    /// Its status.
    pub status: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// Whether it kept all others waiting.
    pub is_system_workflow: bool,
    /// Who started it.
    pub created_by: Option<String>,
    /// When it was accepted.
    pub created_at: Option<Timestamp>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl NewExecutionRecord {
    /// Whether it says more than a start does.
    pub fn is_special(&self) -> bool {
        let given = [&self.id, &self.status, &self.error, &self.created_by];
        let times = [self.created_at, self.started_at, self.ended_at];
        given.iter().any(|text| text.is_some())
            || times.iter().any(Option::is_some)
            || self.is_system_workflow
            || self.start.deployment_id.is_empty()
    }
}

impl Manager {
    /// Writes down an execution. Without a status it is started like any other.
    pub async fn record_execution(self: &Arc<Self>, ctx: &Ctx, new: NewExecutionRecord) -> Result<Value> {
        let creator_id = self.new_owner(ctx, new.created_by.clone()).await?;
        if new.created_at.is_some() || new.started_at.is_some() || new.ended_at.is_some() {
            ctx.demand(Permission::SetTimestamp)?;
        }
        let details = new.error.is_some() || new.status.is_some() || new.id.is_some() || new.is_system_workflow;
        if details || new.start.deployment_id.is_empty() {
            ctx.demand(Permission::SetExecutionDetails)?;
        }
        let Some(status) = &new.status else {
            if new.start.deployment_id.is_empty() {
                let message = format!("Builtin workflow {} does not exist", new.start.workflow_id);
                return Err(Error::new(Code::NonexistentWorkflow, message));
            }
            return self.start_execution(ctx, new.start).await;
        };
        if new.start.scheduled_time.is_some() {
            return Err(Error::bad_parameters("A status cannot be forced when scheduling an execution."));
        }
        let status = ExecutionStatus::parse(status).ok_or_else(|| {
            let valid: Vec<&str> = ExecutionStatus::ALL.iter().map(|status| status.as_str()).collect();
            Error::bad_parameters(format!(
                "Force status was set to invalid state \"{status}\". Valid states are: {}",
                valid.join(",")
            ))
        })?;
        let deployment = match new.start.deployment_id.as_str() {
            "" => None,
            id => Some(self.find_deployment(ctx, id).await?),
        };
        if let Some(deployment) = &deployment {
            demand_execution_inside(ctx, deployment.tenant_id, deployment.id.as_str())?;
        }
        let id = new.id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let row = self.record_row(ctx, &new, &id, status, deployment.as_ref(), creator_id)?;
        let tx = self.begin_write().await?;
        let storage_id = executions::insert(&tx, row).await.map_err(failed)?;
        let changes = ExecutionChanges {
            started_at: Some(new.started_at),
            ended_at: Some(new.ended_at),
            error: Some(new.error),
            ..ExecutionChanges::default()
        };
        executions::update(&tx, storage_id, changes).await.map_err(failed)?;
        self.link(&tx, ctx, storage_id).await?;
        tx.commit().await.map_err(failed)?;
        let record: Record = self.get_execution(ctx, &id, None).await?;
        record.value().map_err(failed)
    }

    fn record_row(
        &self,
        ctx: &Ctx,
        new: &NewExecutionRecord,
        id: &str,
        status: ExecutionStatus,
        deployment: Option<&Deployment>,
        creator_id: Option<i64>,
    ) -> Result<NewExecution> {
        let given = new.start.parameters.clone();
        let workflow = &new.start.workflow_id;
        let parameters = match deployment.map(|deployment| declared(deployment, workflow)) {
            Some(Ok(declared)) => {
                let schema: Map<String, Value> = declared["parameters"].as_object().cloned().unwrap_or_default();
                parameters::complete(workflow, &schema, given, new.start.allow_custom_parameters)?
            }
            // What the manager runs itself is declared nowhere.
            _ => given,
        };
        Ok(NewExecution {
            id: ExecutionId::new(id),
            visibility: deployment.map_or(nephele_model::Visibility::Tenant, |row| row.visibility),
            tenant_id: deployment.map_or_else(|| ctx.tenant_id.unwrap_or_default(), |row| row.tenant_id),
            creator_id: creator_id.unwrap_or(ctx.user_id),
            created_at: new.created_at.unwrap_or_else(|| self.clock.now()),
            scheduled_for: None,
            status,
            workflow_id: workflow.clone(),
            parameters: Json::of(&parameters),
            is_system_workflow: new.is_system_workflow,
            is_dry_run: new.start.dry_run,
            allow_custom_parameters: new.start.allow_custom_parameters,
            is_forced: new.start.force,
            token: None,
            deployment_fk: deployment.map(|row| row.storage_id),
            wait_after_fail: new.start.wait_after_fail.unwrap_or(super::WAIT_AFTER_FAIL),
            blueprint_id: deployment.map(|row| row.blueprint_id.to_string()),
            rerun_of: None,
            process: Some(NOBODY),
        })
    }

    /// Makes what an execution is about point to it, unless that points to a younger one.
    async fn link(&self, tx: &Tx, ctx: &Ctx, storage_id: i64) -> Result<()> {
        let found = executions::by_storage_id(tx, storage_id).await.map_err(failed)?;
        let Some(execution) = found.filter(|execution| begun(execution.status)) else { return Ok(()) };
        if let Some(key) = execution.deployment_fk {
            let Some(deployment) = deployments::by_storage_id(tx, key).await.map_err(failed)? else { return Ok(()) };
            let is_create = execution.workflow_id == "create_deployment_environment";
            let latest = is_younger(tx, &execution, deployment.latest_execution_fk).await?;
            let create = is_create && is_younger(tx, &execution, deployment.create_execution_fk).await?;
            let changes = DeploymentChanges {
                latest_execution_fk: latest.then_some(Some(storage_id)),
                create_execution_fk: create.then_some(Some(storage_id)),
                ..DeploymentChanges::default()
            };
            return deployments::update(tx, key, changes).await.map_err(failed);
        }
        if execution.workflow_id != "upload_blueprint" {
            return Ok(());
        }
        let parameters: Map<String, Value> =
            execution.parameters.as_ref().and_then(|json| json.parse().ok()).unwrap_or_default();
        let Some(id) = parameters.get("blueprint_id").and_then(Value::as_str) else { return Ok(()) };
        let scope = self.scope(ctx, false).await?;
        let found = blueprints::find(tx, &scope, &BlueprintId::new(id)).await.map_err(failed)?;
        let blueprint = found.ok_or_else(|| Error::not_found("Blueprint", id))?;
        if is_younger(tx, &execution, blueprint.upload_execution_fk).await? {
            let changes =
                BlueprintChanges { upload_execution_fk: Some(Some(storage_id)), ..BlueprintChanges::default() };
            blueprints::update(tx, blueprint.storage_id, changes).await.map_err(failed)?;
        }
        Ok(())
    }
}

const fn begun(status: ExecutionStatus) -> bool {
    !matches!(status, ExecutionStatus::Pending | ExecutionStatus::Queued | ExecutionStatus::Scheduled)
}

async fn is_younger(tx: &Tx, execution: &Execution, other: Option<i64>) -> Result<bool> {
    let Some(other) = other else { return Ok(true) };
    let other = executions::by_storage_id(tx, other).await.map_err(failed)?;
    Ok(other.is_none_or(|other| execution.started_at.is_some() && other.started_at < execution.started_at))
}
