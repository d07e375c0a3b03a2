//! Starts what is due: schedules of deployments, and snapshots (`exports/scheduled.rs`).
//!
//! Invariant: the next time is written in the transaction that starts the execution, so that no time is
//! served twice, by this manager or another. A start that comes too late is left out: later than the
//! schedule's `slip` and a minute. While maintenance mode is on, nothing is started and nothing is missed
//! but what then comes too late. Source: spec workflows.md section 8, rest-api.md section 2.4.

use std::sync::Arc;
use std::time::Duration;

use nephele_model::execution::ExecutionStatus;
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::Deployment;
use nephele_store::execution_schedules::{self as rows, ExecutionSchedule, ExecutionScheduleChanges};
use nephele_store::{deployments, maintenance, tenants, users};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::next;
use super::rule::Rule;
use crate::executions::WAIT_AFTER_FAIL;
use crate::executions::place::{Ready, Wish};
use crate::rows::failed;
use crate::{Ctx, Manager};

/// The longest sleep: clocks are set, other managers write schedules too, and leave them to this one.
const REST: Duration = Duration::from_secs(5);
/// The delay that every start is forgiven, in microseconds.
const MINUTE: i64 = 60_000_000;

impl Manager {
    /// Starts schedules when they are due, until `shutdown`; of several managers one does.
    pub async fn run_schedules(self: Arc<Self>, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            if let Err(error) = self.lead(Box::pin(self.start_due())).await {
                tracing::error!(?error, "schedules could not be looked through; trying again");
            }
            let pause = self.pause().await;
            let wait = tokio::time::timeout(pause, self.schedules_changed.notified());
            let _ = shutdown.run_until_cancelled(wait).await;
        }
    }

    /// How long nothing is due.
    async fn pause(&self) -> Duration {
        let now = self.clock.now();
        // One that is due already waits for something else to end.
        let snapshot = self.next_snapshot().await.ok().flatten().filter(|due| *due > now);
        let due = rows::next_due(&*self.store).await.ok().flatten();
        match due.into_iter().chain(snapshot).min() {
            Some(next) => {
                let ahead = next.micros().saturating_sub(now.micros()).max(10_000);
                Duration::from_micros(ahead.unsigned_abs()).min(REST)
            }
            None => REST,
        }
    }

    /// Starts everything that is due. One that cannot be started does not hold up the others.
    pub(crate) async fn start_due(self: &Arc<Self>) -> Result<()> {
        if maintenance::get(&*self.store).await.map_err(failed)?.is_some_and(|state| state.status == "activated") {
            return Ok(());
        }
        for key in rows::due(&*self.store).await.map_err(failed)? {
            if let Err(error) = self.serve(key).await {
                tracing::error!(schedule = key, ?error, "a schedule could not be served");
            }
        }
        self.begin_due_snapshot().await
    }

    async fn serve(self: &Arc<Self>, key: i64) -> Result<()> {
        let Some(seen) = rows::by_storage_id(&*self.store, key).await.map_err(failed)? else { return Ok(()) };
        match self.serve_once(&seen, true).await {
            Err(error) if error.code() != Code::InternalServer => {
                tracing::warn!(schedule = %seen.id, %error, "a schedule's execution was refused");
                self.serve_once(&seen, false).await
            }
            served => served,
        }
    }

    /// Moves a schedule on to its next time, and starts its execution unless `start` is false.
    async fn serve_once(self: &Arc<Self>, seen: &ExecutionSchedule, start: bool) -> Result<()> {
        let now = self.clock.now();
        let Some(due) = seen.next_occurrence.filter(|due| *due <= now) else { return Ok(()) };
        let late = now.micros() - due.micros();
        let in_time = late <= seen.slip.saturating_mul(MINUTE).saturating_add(MINUTE);
        let failed_before = seen.stop_on_fail && seen.latest_execution_status == Some(ExecutionStatus::Failed);
        let busy = seen.latest_execution_status.is_some_and(|status| !status.is_final());
        let wanted = if start && in_time && !failed_before && !busy { Some(self.ready_for(seen).await?) } else { None };
        let rule: Rule = seen.rule.parse().map_err(failed)?;
        let mut changes = ExecutionScheduleChanges {
            next_occurrence: Some(next(&rule, seen.since.unwrap_or(now), seen.until, now).await?),
            enabled: failed_before.then_some(false),
            ..ExecutionScheduleChanges::default()
        };
        let tx = self.begin_write().await?;
        tx.lock(&format!("schedule {}", seen.storage_id)).await.map_err(failed)?;
        let present = rows::by_storage_id(&tx, seen.storage_id).await.map_err(failed)?;
        if present.is_none_or(|present| !present.enabled || present.next_occurrence != Some(due)) {
            // Another manager was faster, or somebody changed it.
            return Ok(());
        }
        if let Some((ctx, deployment, wish, ready)) = wanted {
            let (execution, _) = self.place(&tx, &ctx, &deployment, &wish, ready).await?;
            changes.latest_execution_fk = Some(execution);
        }
        rows::update(&tx, seen.storage_id, changes).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        Ok(())
    }

    async fn ready_for(self: &Arc<Self>, schedule: &ExecutionSchedule) -> Result<(Ctx, Deployment, Wish, Ready)> {
        let ctx = self.creator_of(schedule).await?;
        let deployment = deployments::by_storage_id(&*self.store, schedule.deployment_fk).await.map_err(failed)?;
        let deployment = deployment.ok_or_else(|| Error::not_found("Deployment", &schedule.id))?;
        let wish = wish(schedule)?;
        let ready = self.make_ready(&ctx, &deployment, &wish).await?;
        Ok((ctx, deployment, wish, ready))
    }

    /// Executions of a schedule belong to who made it.
    async fn creator_of(&self, schedule: &ExecutionSchedule) -> Result<Ctx> {
        let tenant = tenants::by_id(&*self.store, schedule.tenant_id).await.map_err(failed)?;
        let tenant = tenant.ok_or_else(|| Error::not_found("Tenant", schedule.tenant_id))?;
        let user = users::by_id(&*self.store, schedule.creator_id).await.map_err(failed)?;
        let user = user.ok_or_else(|| Error::not_found("User", schedule.creator_id))?;
        let internal = Ctx::internal(tenant.name, tenant.id);
        Ok(Ctx { user_id: user.id, username: user.username, ..internal })
    }
}

fn wish(schedule: &ExecutionSchedule) -> Result<Wish> {
    let parse = |json: Option<&nephele_store::Json>| -> Result<Map<String, Value>> {
        Ok(json.map(nephele_store::Json::parse).transpose().map_err(failed)?.unwrap_or_default())
    };
    let arguments = parse(schedule.execution_arguments.as_ref())?;
    let flag = |name: &str| arguments.get(name).and_then(Value::as_bool).unwrap_or(false);
    Ok(Wish {
        allow_custom_parameters: flag("allow_custom_parameters"),
        force: flag("force"),
        dry_run: flag("is_dry_run"),
        queue: true,
        wait_after_fail: arguments.get("wait_after_fail").and_then(Value::as_f64).unwrap_or(WAIT_AFTER_FAIL),
        ..Wish::new(schedule.workflow_id.clone(), parse(schedule.parameters.as_ref())?)
    })
}
