//! Moving an execution from status to status, with everything that follows.

use nephele_model::blueprint::BlueprintState;
use nephele_model::event::{NewEvent, Origin};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{BlueprintId, ExecutionId};
use nephele_model::{Code, Error, Result};
use nephele_store::blueprints::{self, BlueprintChanges};
use nephele_store::executions::{self, Execution, ExecutionChanges};
use nephele_store::{Db, Record, Scope, Tx, deployment_groups, deployment_updates, events, execution_groups};
use serde_json::{Map, Value};

use super::{Freed, refresh_deployment};
use crate::deployments::tree;
use crate::rows::failed;
use crate::{Ctx, Manager};

impl Manager {
    /// `PATCH /executions/ID`: what a worker says of its run.
    pub async fn update_execution_status(&self, ctx: &Ctx, id: &str, status: &str, error: &str) -> Result<Record> {
        let execution = self.own_execution(ctx, id).await?;
        let status = ExecutionStatus::parse(status).ok_or_else(|| {
            let valid: Vec<String> =
                ExecutionStatus::ALL.iter().map(|status| format!("'{}'", status.as_str())).collect();
            Error::bad_parameters(format!("Invalid status: {status}, Valid statuses are: [{}]", valid.join(", ")))
        })?;
        let is_own = ctx.execution.as_ref().is_some_and(|own| own.id == execution.id);
        match self.set_status(&execution.id, status, Some(error)).await {
            // It was asked to stop while its last step ended, and has nothing more to do.
            Err(refused)
                if is_own
                    && status == ExecutionStatus::Terminated
                    && refused.code() == Code::InvalidExceptionStatusUpdate =>
            {
                self.set_status(&execution.id, ExecutionStatus::Cancelled, Some("")).await.map_err(|_| refused)?;
            }
            moved => moved?,
        }
        self.get_execution(ctx, id, None).await
    }

    /// Moves an execution to a status, with all that follows: times, the deployment's own status, the
    /// end of a deployment that was deleted, waiting requests and queued executions.
    ///
    /// `error` is stored if given. Error: `invalid_exception_status_update` for a move that is not
    /// allowed; moving to the present status is, and does nothing.
    pub async fn set_status(&self, id: &ExecutionId, status: ExecutionStatus, error: Option<&str>) -> Result<()> {
        let impossible = if status.is_final() { self.end_dependencies(id).await? } else { None };
        let (status, error) = match &impossible {
            Some(reason) => (ExecutionStatus::Failed, Some(reason.as_str())),
            None => (status, error),
        };
        let tx = self.begin_write().await?;
        tx.lock(&format!("execution {id}")).await.map_err(failed)?;
        let found = executions::by_id(&tx, id).await.map_err(failed)?;
        let execution = found.ok_or_else(|| Error::not_found("Execution", id))?;
        if execution.status == status {
            return Ok(());
        }
        if !execution.status.may_become(status) {
            return Err(Error::new(
                Code::InvalidExceptionStatusUpdate,
                format!(
                    "Invalid relationship - can't change status from {} to {}",
                    execution.status.as_str(),
                    status.as_str()
                ),
            ));
        }
        self.move_to(&tx, &execution, status, error).await?;
        tx.commit().await.map_err(failed)?;
        self.after_move(&execution, status).await;
        Ok(())
    }

    /// Before an execution ends: whom its deployment needs now. Gives the reason why it can only have failed.
    pub(crate) async fn end_dependencies(&self, id: &ExecutionId) -> Result<Option<String>> {
        let Some(execution) = executions::by_id(&*self.store, id).await.map_err(failed)? else { return Ok(None) };
        if execution.status.is_final() {
            return Ok(None);
        }
        Ok(self.update_dependencies(&execution).await?.err())
    }

    /// The rows of a move, in the caller's transaction; an end lets others begin.
    pub(crate) async fn move_to(
        &self,
        tx: &Tx,
        execution: &Execution,
        status: ExecutionStatus,
        error: Option<&str>,
    ) -> Result<()> {
        if !status.is_final() {
            return self.write_move(tx, execution, status, error).await;
        }
        // Before any row: whoever begins what is queued holds this while it writes rows of deployments.
        tx.lock("queue").await.map_err(failed)?;
        self.write_move(tx, execution, status, error).await?;
        // One that kept all others waiting makes room for any of them.
        let freed = if execution.is_system_workflow { Freed::Anything } else { Freed::By(execution) };
        self.dequeue(tx, freed).await
    }

    /// The rows of a move alone.
    pub(super) async fn write_move(
        &self,
        tx: &Tx,
        execution: &Execution,
        status: ExecutionStatus,
        error: Option<&str>,
    ) -> Result<()> {
        let key = execution.storage_id;
        self.note_hook(tx, key, status).await?;
        executions::set_status(tx, key, execution.status, status, error).await.map_err(failed)?;
        if status == ExecutionStatus::Started {
            let changes = ExecutionChanges { started_at: Some(Some(self.clock.now())), ..ExecutionChanges::default() };
            executions::update(tx, key, changes).await.map_err(failed)?;
        }
        if status == ExecutionStatus::Started || status.is_final() {
            tell_groups(tx, execution, status, error).await?;
        }
        if let Some(deployment) = execution.deployment_fk {
            if ends_deployment(execution, status) {
                tree::fell(tx, deployment).await?;
            } else {
                refresh_deployment(tx, deployment, key, status).await?;
            }
        }
        if execution.workflow_id == "upload_blueprint" && status.is_final() {
            end_upload(tx, execution, status, error).await?;
        }
        if execution.deployment_fk.is_none() && status.is_final() {
            crate::exports::end(tx, execution, status, error).await?;
        }
        if status.is_final() {
            crate::plugins_updates::run::end(tx, execution, status).await?;
        }
        if execution.workflow_id == "update" && status.is_final() {
            deployment_updates::fail_unfinished(tx, key).await.map_err(failed)?;
        }
        Ok(())
    }

    /// What follows once the rows are there.
    pub(crate) async fn after_move(&self, execution: &Execution, status: ExecutionStatus) {
        self.verified.forget_execution(&execution.id);
        if let (true, Some(deployment)) = (ends_deployment(execution, status), &execution.deployment_id) {
            let folder = self.files.deployment(&execution.tenant_name, deployment);
            // The environment's deletion removes it; what is left after a forced end goes here.
            let _ = tokio::fs::remove_dir_all(folder).await;
        }
        if status.is_final() {
            self.waiting.announce(&execution.id);
        }
        self.workflows.wake();
    }
}

/// Tells the groups of an execution where it stands, and sorts its deployment by how it ended.
async fn tell_groups(tx: &Tx, execution: &Execution, status: ExecutionStatus, error: Option<&str>) -> Result<()> {
    for group in execution_groups::of_execution(tx, execution.storage_id).await.map_err(failed)? {
        let mut message = format!("execution '{}' changed state to '{}'", execution.id, status.as_str());
        if let Some(error) = error.filter(|error| !error.is_empty()) {
            message = format!("{message} with error '{error}'");
        }
        let event = NewEvent {
            event_type: "execution_state_change".to_owned(),
            message,
            origin: Origin::default(),
            error_causes: None,
            timestamp: (tx as &dyn Db).now(),
            reported: None,
        };
        events::insert_of_group(tx, group.storage_id, execution.tenant_id, &[event], &[]).await.map_err(failed)?;
        let target = match status {
            ExecutionStatus::Terminated => group.success_group_fk,
            ExecutionStatus::Failed => group.failed_group_fk,
            _ => None,
        };
        if let (Some(target), Some(deployment)) = (target, execution.deployment_fk) {
            deployment_groups::add(tx, target, &[deployment]).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// Whether the deployment goes with this end of its execution.
fn ends_deployment(execution: &Execution, status: ExecutionStatus) -> bool {
    if execution.workflow_id != "delete_deployment_environment" {
        return false;
    }
    let forced = || parameters(execution).get("force") == Some(&Value::Bool(true));
    status == ExecutionStatus::Terminated || (status == ExecutionStatus::Failed && forced())
}

fn parameters(execution: &Execution) -> Map<String, Value> {
    execution.parameters.as_ref().and_then(|json| json.parse().ok()).unwrap_or_default()
}

/// A blueprint whose upload ended without saying so itself has failed; it can be uploaded again.
pub(crate) async fn end_upload(
    tx: &Tx,
    execution: &Execution,
    status: ExecutionStatus,
    error: Option<&str>,
) -> Result<()> {
    let scope = Scope {
        tenant_id: execution.tenant_id,
        tenant_name: execution.tenant_name.clone(),
        user_id: execution.creator_id,
        is_administrator: true,
        all_tenants: Vec::new(),
    };
    let parameters = parameters(execution);
    let Some(id) = parameters.get("blueprint_id").and_then(Value::as_str) else { return Ok(()) };
    let Some(blueprint) = blueprints::find(tx, &scope, &BlueprintId::new(id)).await.map_err(failed)? else {
        return Ok(());
    };
    let ended = blueprint.state == BlueprintState::Uploaded || blueprint.state.is_failed();
    if ended || blueprint.upload_execution_fk != Some(execution.storage_id) {
        return Ok(());
    }
    let reason = error.filter(|text| !text.is_empty()).unwrap_or(match status {
        ExecutionStatus::Cancelled => "The upload was cancelled",
        _ => "The upload ended early; upload the blueprint again",
    });
    let changes = BlueprintChanges {
        state: Some(BlueprintState::FailedUploading),
        error: Some(Some(reason.to_owned())),
        ..BlueprintChanges::default()
    };
    blueprints::update(tx, blueprint.storage_id, changes).await.map_err(failed)
}
