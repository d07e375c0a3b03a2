//! `update_plugin`: the deployments of a blueprint go over to its copy with the new plugins, one after the other, and
//! the blueprint takes over the copy's plan (spec workflows.md section 11.1).
//!
//! Invariant: run again after a crash, it goes on with the deployment that it was at: one that follows the copy is
//! done, and one whose update has begun is waited for. It waits without a worker.

use std::sync::Arc;

use nephele_model::event::{NewEvent, Origin};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{DeploymentId, ExecutionId, TenantName};
use nephele_model::update::UpdateState;
use nephele_model::{Code, Error, Result, python_text};
use nephele_store::deployments::{self, Deployment};
use nephele_store::executions::{self, Execution};
use nephele_store::plugins_updates::{self as rows, PluginsUpdate, PluginsUpdateChanges};
use nephele_store::{Tx, blueprints, events, journal, tenants};
use serde_json::{Map, Value};

use super::WORKFLOW;
use crate::deployment_updates::UpdateRequest;
use crate::rows::failed;
use crate::workflows::upload::parameters;
use crate::{Ctx, Manager};

/// What the updates of deployments leave alone: rows change, instances do not.
const SKIPPED: [&str; 3] = ["skip_install", "skip_uninstall", "skip_reinstall"];
/// Switches that are passed on.
const PASSED_ON: [&str; 2] = ["auto_correct_types", "reevaluate_active_statuses"];

impl Manager {
    /// Updates the deployments and finalizes. Gives false when it was asked to stop.
    pub(crate) async fn update_plugins(self: &Arc<Self>, execution: &Execution) -> Result<bool> {
        let update = rows::of_execution(&*self.store, execution.storage_id).await.map_err(failed)?;
        let update = update.ok_or_else(|| Error::not_found(rows::RESOURCE.model, &execution.id))?;
        if update.state == UpdateState::Successful {
            return Ok(true);
        }
        let copy = update.temp_blueprint_fk.unwrap_or_default();
        let copy = blueprints::by_storage_id(&*self.store, copy).await.map_err(failed)?;
        let copy = copy.ok_or_else(|| Error::not_found("Blueprint", "with the new plugins"))?;
        let given = parameters(execution)?;
        let affected = given.get("deployments_per_tenant").cloned().unwrap_or_default();
        let text = format!(
            "Plugins update workflow, update_id={}, deployments_to_update=None, deployments_per_tenant={}",
            update.id,
            python_text::str(&affected)
        );
        self.stage(execution, text).await?;
        for (tenant, ids) in affected.as_object().into_iter().flatten() {
            let row = tenants::by_name(&*self.store, &TenantName::new(tenant)).await.map_err(failed)?;
            let Some(row) = row else { continue };
            let ctx = Ctx::internal(TenantName::new(tenant), row.id);
            let ctx = Ctx { user_id: execution.creator_id, username: execution.created_by.clone(), ..ctx };
            for id in ids.as_array().into_iter().flatten().filter_map(Value::as_str) {
                self.stage(execution, format!("Executing deployment update for deployment {id}...")).await?;
                let request = request(copy.id.as_str(), &given);
                let Some((status, run)) = self.update_one(&ctx, execution, id, request).await? else {
                    return Ok(false);
                };
                let mut text = format!(
                    "Deployment update of deployment {id} of {tenant} {status}. Plugins update ID {}.",
                    update.id
                );
                if let Some(run) = run {
                    text = format!("{text} Execution ID {run}.");
                }
                self.stage(execution, text).await?;
            }
        }
        self.stage(execution, "Finalizing plugins update...".to_owned()).await?;
        let ctx = Ctx::internal(execution.tenant_name.clone(), execution.tenant_id);
        self.finalize_plugins_update(&ctx, &update.id).await?;
        Ok(true)
    }

    /// Updates one deployment. Gives how that ended and by which execution; `None` when it was asked to stop.
    async fn update_one(
        &self,
        ctx: &Ctx,
        execution: &Execution,
        id: &str,
        request: UpdateRequest,
    ) -> Result<Option<(&'static str, Option<ExecutionId>)>> {
        let scope = self.scope(ctx, false).await?;
        let found = deployments::find(&*self.store, &scope, &DeploymentId::new(id)).await.map_err(failed)?;
        let Some(deployment) = found else { return Ok(Some(("failed", None))) };
        let begun = self.begun(&deployment, request.blueprint_id.as_deref()).await?;
        let run = match begun {
            Some(begun) => begun,
            None => match self.start_update(ctx, id, request).await {
                Ok(record) => {
                    let record = record.value().map_err(failed)?;
                    ExecutionId::new(record["execution_id"].as_str().unwrap_or_default())
                }
                Err(error) if error.code() == Code::InternalServer => return Err(error),
                Err(_) => return Ok(Some(("failed", None))),
            },
        };
        let ended = self.await_end(execution, &run).await?;
        Ok(ended.map(|ended| (ended.status.as_str(), Some(run))))
    }

    /// The execution that has begun to make a deployment follow the copy.
    async fn begun(&self, deployment: &Deployment, copy: Option<&str>) -> Result<Option<ExecutionId>> {
        let runs = executions::of_deployment(&*self.store, deployment.storage_id).await.map_err(failed)?;
        let to_copy = |run: &Execution| {
            let blueprint =
                parameters(run).ok().and_then(|given| given.get("blueprint_id")?.as_str().map(str::to_owned));
            run.workflow_id == "update" && blueprint.as_deref() == copy
        };
        Ok(runs.into_iter().rfind(to_copy).map(|run| run.id))
    }

    async fn stage(&self, execution: &Execution, message: String) -> Result<()> {
        let event = NewEvent {
            event_type: "workflow_stage".to_owned(),
            message,
            origin: Origin::default(),
            error_causes: None,
            timestamp: self.clock.now(),
            reported: None,
        };
        let run = journal::Run::from(execution).told_by(&self.settings.hostname);
        events::insert(&*self.store, &run, &[event], &[]).await.map_err(failed)
    }
}

fn request(copy: &str, given: &Map<String, Value>) -> UpdateRequest {
    let flag = |name: &str| given.get(name).is_some_and(python_text::is_truthy);
    let skipped = SKIPPED.iter().map(|name| ((*name).to_owned(), Value::Bool(true)));
    let passed_on = PASSED_ON.iter().map(|name| ((*name).to_owned(), Value::Bool(flag(name))));
    UpdateRequest {
        blueprint_id: Some(copy.to_owned()),
        force: flag("force"),
        switches: skipped.chain(passed_on).collect(),
        ..UpdateRequest::default()
    }
}

/// An update of plugins whose execution failed or was cancelled has failed: its deployments are the blueprint's again,
/// and the copy goes.
pub(crate) async fn end(tx: &Tx, execution: &Execution, status: ExecutionStatus) -> Result<()> {
    if execution.workflow_id != WORKFLOW || status == ExecutionStatus::Terminated {
        return Ok(());
    }
    let Some(update) = rows::of_execution(tx, execution.storage_id).await.map_err(failed)? else { return Ok(()) };
    let PluginsUpdate { storage_id, blueprint_fk, temp_blueprint_fk, .. } = update;
    let changes = PluginsUpdateChanges { state: Some(UpdateState::Failed), ..PluginsUpdateChanges::default() };
    rows::update(tx, storage_id, changes).await.map_err(failed)?;
    if let Some(copy) = temp_blueprint_fk {
        let now = nephele_store::Db::now(tx);
        deployments::move_to_blueprint(tx, copy, blueprint_fk, now).await.map_err(failed)?;
        blueprints::delete(tx, copy).await.map_err(failed)?;
    }
    Ok(())
}
