//! What the manager does between the graphs of a workflow.
//!
//! Invariant: doing it again comes to the same, see [`nephele_engine::phases::Act`].

use std::sync::Arc;
use std::time::Duration;

use nephele_engine::Topology;
use nephele_engine::phases::Act;
use nephele_model::execution::ExecutionStatus;
use nephele_model::finding::Note;
use nephele_model::id::{ExecutionId, NodeInstanceId};
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::Deployment;
use nephele_store::executions::{self, Execution};
use nephele_store::{execution_groups, node_instances};
use serde_json::{Value, json};

use crate::deployment_groups::{GroupChange, GroupUpdate};
use crate::executions::dependents;
use crate::rows::failed;
use crate::workflows::upload::parameters;
use crate::{Ctx, Manager, NewExecutionGroup};

/// Between two looks at executions that are waited for.
const LOOK: Duration = Duration::from_secs(1);
/// How many services are uninstalled at a time.
const CONCURRENCY: i64 = 5;

impl Manager {
    /// Does what a workflow asks for. Gives what the workflow wants to know of it.
    pub(super) async fn perform_act(self: &Arc<Self>, execution: &Execution, act: &Act) -> Result<Value> {
        let ctx = Ctx::internal(execution.tenant_name.clone(), execution.tenant_id);
        if let Some((instances, note)) = act.note() {
            return Ok(json!(self.note_all(execution, &instances, note).await?));
        }
        Ok(match act {
            Act::StartModification { wanted } => json!(self.begin_modification(&ctx, execution, wanted.clone()).await?),
            Act::FindStarted => json!(self.started_modification(execution.deployment_fk.unwrap_or_default()).await?),
            Act::FinishModification(id) => json!(self.finish_modification_once(&ctx, id).await?),
            Act::RollBackModification(id) | Act::Abort(id) => json!(self.roll_back_modification_once(&ctx, id).await?),
            Act::AwaitExecution(id) => json!(self.await_execution(execution, &ExecutionId::new(id)).await?),
            Act::PrepareUpdate | Act::EndPreview | Act::ApplyUpdate | Act::StartWorkflow(_) | Act::FinishUpdate => {
                self.act_on_update(&ctx, execution, act).await?
            }
            Act::UninstallServices => json!(self.uninstall_services(&ctx, execution).await?),
            Act::ForgetHeals(_) | Act::MarkDrifted(_) | Act::ForgetDrift(_) | Act::ForgetUpdates(_) => Value::Null,
        })
    }

    /// In a dry run nothing is done: what the workflow wants to know is foreseen, with the deployment that it
    /// then finds, if that would be another one.
    pub(super) async fn pretend_act(
        self: &Arc<Self>,
        execution: &Execution,
        act: &Act,
    ) -> Result<(Value, Option<Topology>)> {
        Ok(match act {
            // These change nothing of the deployment.
            Act::PrepareUpdate | Act::EndPreview => (self.perform_act(execution, act).await?, None),
            _ => self.imagine_act(&self.deployment_of(execution).await?, act).await?,
        })
    }

    /// What would come of an act, and the deployment that the workflow would then find, if it would be another one.
    /// Reads only.
    pub(crate) async fn imagine_act(&self, deployment: &Deployment, act: &Act) -> Result<(Value, Option<Topology>)> {
        Ok(match act {
            Act::StartModification { wanted } => {
                let ctx = Ctx::internal(deployment.tenant_name.clone(), deployment.tenant_id);
                let (made, topology) = self.foresee_modification(&ctx, deployment, wanted).await?;
                (json!(made), Some(topology))
            }
            Act::FindStarted => (json!(self.started_modification(deployment.storage_id).await?), None),
            _ => (Value::Null, None),
        })
    }

    /// Notes the same about instances.
    async fn note_all(&self, execution: &Execution, instances: &[String], note: Note) -> Result<()> {
        let notes: Vec<_> = instances.iter().map(|id| (NodeInstanceId::new(id.as_str()), note.clone())).collect();
        let tx = self.begin_write().await?;
        node_instances::note(&tx, execution.tenant_id, &notes).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Waits for another execution. Error: that it did not end well, or that this one was asked to stop meanwhile.
    async fn await_execution(&self, execution: &Execution, id: &ExecutionId) -> Result<()> {
        let text = match self.await_end(execution, id).await? {
            Some(other) if other.status == ExecutionStatus::Terminated => return Ok(()),
            Some(other) => {
                let (workflow, status) = (&other.workflow_id, other.status.as_str());
                let reason = other.error.unwrap_or_default();
                format!("Execution {id} of workflow `{workflow}` ended as {status}: {reason}")
            }
            None => format!("Asked to stop while waiting for execution {id}, which goes on"),
        };
        Err(Error::new(Code::IllegalAction, text))
    }

    /// Waits until another execution has ended; `None` when this one is asked to stop meanwhile.
    pub(crate) async fn await_end(&self, execution: &Execution, id: &ExecutionId) -> Result<Option<Execution>> {
        loop {
            let ended = self.waiting.register(id);
            let other = executions::by_id(&*self.store, id).await.map_err(failed)?;
            let other = other.ok_or_else(|| Error::not_found("Execution", id))?;
            if other.status.is_final() {
                return Ok(Some(other));
            }
            if self.asked_to_stop(execution).await?.is_some() {
                return Ok(None);
            }
            ended.wait(LOOK).await;
        }
    }

    /// Uninstalls the services of the execution's deployment in the way in which it is uninstalled itself,
    /// and waits until they have ended, however, or until it is asked to stop itself.
    async fn uninstall_services(self: &Arc<Self>, ctx: &Ctx, execution: &Execution) -> Result<()> {
        let deployment = self.deployment_of(execution).await?;
        let services = dependents::services(&*self.store, &deployment).await?;
        let started = format!("{}_services_uninstall", execution.id);
        let scope = self.scope(ctx, false).await?;
        if execution_groups::find(&*self.store, &scope, &started).await.map_err(failed)?.is_none() {
            if services.is_empty() {
                return Ok(());
            }
            let group = format!("{}_services_uninstall", deployment.id);
            let members = GroupChange { deployment_ids: Some(services), ..GroupChange::default() };
            self.put_deployment_group(ctx, &group, GroupUpdate { members, ..GroupUpdate::default() }).await?;
            let new = NewExecutionGroup {
                id: Some(started.clone()),
                deployment_group_id: group,
                workflow_id: execution.workflow_id.clone(),
                default_parameters: parameters(execution)?,
                concurrency: CONCURRENCY,
                ..NewExecutionGroup::default()
            };
            self.start_execution_group(ctx, new).await?;
        }
        self.wait_for_group(ctx, execution, &started).await?;
        match self.delete_deployment_group(ctx, &format!("{}_services_uninstall", deployment.id)).await {
            // An earlier start of this execution had come as far as this.
            Err(error) if error.code() == nephele_model::Code::NotFound => Ok(()),
            deleted => deleted,
        }
    }

    async fn wait_for_group(&self, ctx: &Ctx, execution: &Execution, group: &str) -> Result<()> {
        let group = self.own_execution_group(ctx, group).await?;
        loop {
            let runs = execution_groups::executions(&*self.store, group.storage_id).await.map_err(failed)?;
            if runs.iter().all(|(_, _, status)| status.is_final()) || self.asked_to_stop(execution).await?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
