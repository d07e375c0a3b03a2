//! `POST /executions`: starting a workflow now, or at a given time.

use std::sync::Arc;

use nephele_model::{Error, Result, Timestamp};
use nephele_store::Db;
use serde_json::{Map, Value, json};

use super::demand_execution_inside;
use super::place::{Wish, demand_environment};
use crate::rows::failed;
use crate::{Ctx, Manager};

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
    /// When it is to begin, in UTC unless it names a zone; at once when absent.
    pub scheduled_time: Option<String>,
}

impl Manager {
    /// Accepts a run of a deployment's workflow.
    pub async fn start_execution(self: &Arc<Self>, ctx: &Ctx, start: Start) -> Result<Value> {
        ctx.not_while_cancelling()?;
        let deployment = self.find_deployment(ctx, &start.deployment_id).await?;
        demand_execution_inside(ctx, deployment.tenant_id, &start.deployment_id)?;
        let scheduled = start.scheduled_time.clone();
        let wish = start.wish();
        if let Some(time) = scheduled {
            self.schedule_once(ctx, &deployment, wish, self.future(&time)?).await?;
            return Ok(scheduled_execution());
        }
        let db: &dyn Db = &*self.store;
        demand_environment(db, &deployment).await?;
        let ready = self.make_ready(ctx, &deployment, &wish).await?;
        let tx = self.begin_write().await?;
        let (_, id) = self.place(&tx, ctx, &deployment, &wish, ready).await?;
        tx.commit().await.map_err(failed)?;
        let accepted = self.get_execution(ctx, id.as_str(), None).await?;
        self.workflows.wake();
        accepted.value().map_err(failed)
    }

    /// A time that lies ahead. Error: `bad_parameters_error`.
    fn future(&self, text: &str) -> Result<Timestamp> {
        const FORMAT: &str = "\nExpected format: YYYYMMDDHHMM+HHMM or YYYYMMDDHHMM-HHMM i.e: 201801012230-0500 \
                              (Jan-01-18 10:30pm EST)";
        let refuse = |problem: &str| {
            Error::bad_parameters(format!("Date `{text}` {problem}, please provide valid date. {FORMAT}"))
        };
        let time = Timestamp::parse_typed(text).ok_or_else(|| refuse("cannot be read"))?;
        if time > self.clock.now() { Ok(time) } else { Err(refuse("has already passed")) }
    }
}

impl Start {
    fn wish(self) -> Wish {
        Wish {
            allow_custom_parameters: self.allow_custom_parameters,
            force: self.force,
            dry_run: self.dry_run,
            queue: self.queue,
            wait_after_fail: self.wait_after_fail.unwrap_or(WAIT_AFTER_FAIL),
            ..Wish::new(self.workflow_id, self.parameters)
        }
    }
}

/// What is answered to a start in the future: no execution is there yet, so that it has no id.
fn scheduled_execution() -> Value {
    json!({
        "created_at": null, "visibility": null, "id": null, "ended_at": null, "error": null,
        "is_system_workflow": null, "parameters": null, "status": "scheduled", "workflow_id": null,
        "started_at": null, "scheduled_for": null, "is_dry_run": null, "resume": null, "total_operations": 0,
        "finished_operations": 0, "allow_custom_parameters": false, "blueprint_id": null,
        "deployment_display_name": null, "deployment_id": null, "status_display": "scheduled", "tenant_name": null,
        "created_by": null, "resource_availability": null, "private_resource": false,
    })
}
