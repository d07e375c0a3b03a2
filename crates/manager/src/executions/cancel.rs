//! Asking a run to stop, and what else can be asked of one; going on is in `resume.rs`, starting again in `rerun.rs`.

use nephele_model::execution::{CancelAction, ExecutionStatus};
use nephele_model::id::ExecutionId;
use nephele_model::{Code, Error, Result};
use nephele_store::executions::{self, Execution};
use nephele_store::{Record, deployments};
use serde_json::{Map, Value};

use super::demand_execution_inside;
use super::place::components;
use crate::rows::failed;
use crate::{Ctx, Manager};

/// What can be asked of an execution, by its wire name.
const ACTIONS: [&str; 7] = ["cancel", "force-cancel", "kill", "resume", "force-resume", "requeue", "rerun"];

impl Manager {
    /// `POST /executions/ID`. With `parameters`, what is resumed has these from then on.
    pub async fn act_on_execution(
        &self,
        ctx: &Ctx,
        id: &str,
        action: &str,
        parameters: Option<Map<String, Value>>,
    ) -> Result<Record> {
        let scope = self.scope(ctx, false).await?;
        if !ACTIONS.contains(&action) {
            return Err(Error::bad_parameters(format!(
                "Invalid action: {action}, Valid action values are: [{}]",
                ACTIONS.map(|name| format!("'{name}'")).join(", ")
            )));
        }
        let found = executions::find(&*self.store, &scope, &ExecutionId::new(id)).await.map_err(failed)?;
        let execution =
            found.ok_or_else(|| Error::new(Code::NotFound, format!("Requested `Execution` ['{id}'] was not found")))?;
        demand_execution_inside(ctx, execution.tenant_id, id)?;
        match parameters {
            None if action == "rerun" => {
                let again = self.rerun(ctx, &execution).await?;
                return self.get_execution(ctx, again.as_str(), None).await;
            }
            None => self.act(&execution.id, action, false).await?,
            Some(given) if action.ends_with("resume") => {
                self.resume(&execution.id, action == "force-resume", false, Some((ctx, given))).await?;
            }
            Some(_) => {
                let message = format!("`parameters` can be changed by the action `resume`, not by `{action}`");
                return Err(Error::bad_parameters(message));
            }
        }
        self.act_on_components(&execution, action).await?;
        self.get_execution(ctx, id, None).await
    }

    /// Does what `action` says. With `in_line`, what is resumed waits for its turn.
    pub(crate) async fn act(&self, id: &ExecutionId, action: &str, in_line: bool) -> Result<()> {
        match action {
            "resume" => self.resume(id, false, in_line, None).await,
            "force-resume" => self.resume(id, true, in_line, None).await,
            "force-cancel" => self.cancel(id, CancelAction::Force).await,
            "kill" => self.cancel(id, CancelAction::Kill).await,
            _ => self.cancel(id, CancelAction::Cancel).await,
        }
    }

    /// The components of a deployment stop and go on with it, each by its latest execution.
    async fn act_on_components(&self, execution: &Execution, action: &str) -> Result<()> {
        let resumes = action.ends_with("resume");
        let scope = self.scope(&Ctx::internal(execution.tenant_name.clone(), execution.tenant_id), false).await?;
        let (mut seen, mut pending) = (Vec::new(), Vec::new());
        if let Some(deployment) = execution.deployment_fk {
            seen.push(deployment);
            pending = components(&*self.store, deployment).await?;
        }
        while let Some(id) = pending.pop() {
            let found = deployments::find(&*self.store, &scope, &id).await.map_err(failed)?;
            let Some(component) = found.filter(|component| !seen.contains(&component.storage_id)) else { continue };
            seen.push(component.storage_id);
            let runs = executions::of_deployment(&*self.store, component.storage_id).await.map_err(failed)?;
            let Some(latest) = runs.last() else { continue };
            let stopped = matches!(latest.status, ExecutionStatus::Cancelled | ExecutionStatus::Failed);
            let concerned =
                if resumes { stopped && latest.workflow_id != "install" } else { !latest.status.is_final() };
            if !concerned {
                continue;
            }
            pending.extend(components(&*self.store, component.storage_id).await?);
            match self.act(&latest.id, action, false).await {
                // It ended, or is ending, on its own.
                Err(error) if matches!(error.code(), Code::IllegalAction | Code::Conflict) => {}
                acted => acted?,
            }
        }
        Ok(())
    }

    async fn cancel(&self, id: &ExecutionId, action: CancelAction) -> Result<()> {
        let tx = self.begin_write().await?;
        tx.lock(&format!("execution {id}")).await.map_err(failed)?;
        let found = executions::by_id(&tx, id).await.map_err(failed)?;
        let execution = found.ok_or_else(|| Error::not_found("Execution", id))?;
        if execution.status.is_final() {
            let force = if action == CancelAction::Force { "force-" } else { "" };
            return Err(Error::new(
                Code::IllegalAction,
                format!("Can't {force}cancel execution {id} because it's in status {}", execution.status.as_str()),
            ));
        }
        let status = execution.status.after_cancel(id.as_str(), action)?;
        self.move_to(&tx, &execution, status, Some("")).await?;
        if !status.is_final() {
            // If no run is under way, this makes the executor see the request.
            self.order_run(&tx, id).await?;
        }
        tx.commit().await.map_err(failed)?;
        self.workflows.cancel(id, action);
        self.after_move(&execution, status).await;
        Ok(())
    }
}
