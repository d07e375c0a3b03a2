//! What the manager does between the graphs of a workflow.
//!
//! Invariant: doing it again comes to the same, see [`nephele_engine::phases::Act`].

use std::sync::Arc;
use std::time::Duration;

use nephele_engine::phases::Act;
use nephele_model::Result;
use nephele_model::finding::Note;
use nephele_model::id::NodeInstanceId;
use nephele_store::executions::Execution;
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
        Ok(match act {
            Act::StartModification { wanted } => json!(self.begin_modification(&ctx, execution, wanted.clone()).await?),
            Act::FindStarted => json!(self.started_modification(execution).await?),
            Act::FinishModification(id) => json!(self.finish_modification_once(&ctx, id).await?),
            Act::RollBackModification(id) | Act::Abort(id) => json!(self.roll_back_modification_once(&ctx, id).await?),
            Act::ForgetHeals(instances) => json!(self.forget_heals(execution, instances).await?),
            Act::UninstallServices => json!(self.uninstall_services(&ctx, execution).await?),
        })
    }

    async fn forget_heals(&self, execution: &Execution, instances: &[String]) -> Result<()> {
        let note = |id: &String| (NodeInstanceId::new(id.as_str()), Note::HealForgotten);
        let notes: Vec<_> = instances.iter().map(note).collect();
        let tx = self.begin_write().await?;
        node_instances::note(&tx, execution.tenant_id, &notes).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
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
