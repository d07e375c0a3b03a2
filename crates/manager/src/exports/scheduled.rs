//! Snapshots that the manager makes by itself, as the setting `snapshot_schedule` says, and how many of them stay.
//!
//! Invariant: the next time is written in the transaction that begins a snapshot, so that no time is served twice, by
//! this manager or another. An old one goes only when as many newer ones are whole as `snapshot_keep` says. When a rule
//! is due: `execution_schedules/rule.rs`; who asks: `execution_schedules/scheduler.rs`.

use nephele_model::archive::ArchiveStatus;
use nephele_model::execution::ExecutionStatus;
use nephele_model::{Error, Result, Timestamp};
use nephele_store::exports as rows;
use nephele_store::{Db, Tx, executions, settings, tenants};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Kind;
use crate::execution_schedules::{Rule, next};
use crate::rows::failed;
use crate::{Ctx, Manager};

/// The setting that says when: `1 day`, a rule of RFC 5545, or nothing.
pub(crate) const SCHEDULE: &str = "snapshot_schedule";
/// The setting that says how many stay.
const KEEP: &str = "snapshot_keep";
/// The manager's own note of what comes next.
const NOTE: &str = "snapshot_due";

/// When the next snapshot is due, by which rule.
#[derive(Deserialize, Serialize)]
struct Note {
    /// The setting's text when this was reckoned.
    schedule: String,
    /// When the schedule was set, in microseconds.
    since: i64,
    /// When the next one is due, in microseconds; never when absent.
    due: Option<i64>,
}

impl Manager {
    /// Begins a snapshot if one is due. The first one is due when the schedule is set, if the rule does not name times
    /// of its own. While the whole manager is at work on something else it is put off.
    pub(crate) async fn begin_due_snapshot(&self) -> Result<()> {
        let schedule = self.snapshot_schedule().await?;
        let now = self.clock.now();
        let seen = note(&*self.store).await?.filter(|note| note.schedule == schedule);
        let is_due = seen.as_ref().is_none_or(|note| note.due.is_some_and(|due| due <= now.micros()));
        if schedule.is_empty() || !is_due || self.is_restoring() {
            return Ok(());
        }
        let rule = Rule::of_text(&schedule)?;
        let since = seen.map_or(now, |note| Timestamp::from_micros(note.since));
        // The rule counts in whole seconds.
        let first = Timestamp::from_micros(since.micros() / 1_000_000 * 1_000_000 - 1);
        let (first, following) = (next(&rule, since, None, first).await?, next(&rule, since, None, now).await?);

        let tx = self.begin_write().await?;
        tx.lock("snapshot schedule").await.map_err(failed)?;
        tx.lock("queue").await.map_err(failed)?;
        let present = note(&tx).await?.filter(|note| note.schedule == schedule);
        let due = present.map_or(first, |note| note.due.map(Timestamp::from_micros));
        let is_due = due.is_some_and(|due| due <= now);
        if is_due && executions::system_wide(&tx).await.map_err(failed)? {
            return Ok(());
        }
        let due = if is_due { following } else { due }.map(Timestamp::micros);
        let written = serde_json::to_string(&Note { schedule, since: since.micros(), due }).map_err(Error::internal)?;
        settings::put(&tx, NOTE, &written).await.map_err(failed)?;
        if is_due {
            self.place_scheduled(&tx, now).await?;
        }
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        Ok(())
    }

    /// When the next snapshot is due by itself.
    pub(crate) async fn next_snapshot(&self) -> Result<Option<Timestamp>> {
        let schedule = self.snapshot_schedule().await?;
        let note = note(&*self.store).await?.filter(|note| note.schedule == schedule);
        Ok(note.and_then(|note| note.due).map(Timestamp::from_micros))
    }

    async fn snapshot_schedule(&self) -> Result<String> {
        Ok(self.rest_setting(SCHEDULE).await?.as_str().unwrap_or_default().trim().to_owned())
    }

    /// Writes down a snapshot of everything, which belongs to the first administrator.
    async fn place_scheduled(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let tenant = tenants::DEFAULT_TENANT_ID;
        let found = tenants::by_id(tx, tenant).await.map_err(failed)?;
        let ctx = Ctx::internal(found.ok_or_else(|| Error::not_found("Tenant", tenant))?.name, tenant);
        let mut stamp = now.to_string();
        stamp.truncate("2026-01-31T12:00:00".len());
        let id = format!("scheduled-{}", stamp.replace(['-', ':'], ""));
        let parameters = ["include_credentials", "include_logs", "include_events"];
        let parameters: Map<String, Value> =
            parameters.into_iter().map(|name| (name.to_owned(), Value::Bool(true))).collect();
        self.place_export(tx, &ctx, Kind::Snapshot, &id, parameters, ExecutionStatus::Pending).await?;
        rows::set_scheduled(tx, tenant, &id).await.map_err(failed)
    }

    /// Deletes scheduled snapshots that are older than those that are to stay. Failed ones count for nothing.
    pub(super) async fn drop_old_snapshots(&self) -> Result<()> {
        let keep = self.rest_setting(KEEP).await?.as_u64().unwrap_or(1).max(1);
        let mut whole = 0;
        for export in rows::scheduled(&*self.store).await.map_err(failed)? {
            if whole < keep {
                whole += u64::from(export.status == ArchiveStatus::Created);
            } else if export.status != ArchiveStatus::Creating
                && let Err(error) = self.remove_export(Kind::Snapshot, &export).await
            {
                // One that others build on stays until those are gone.
                tracing::warn!(snapshot = %export.id, %error, "an old scheduled snapshot stays");
            }
        }
        Ok(())
    }
}

async fn note(db: &dyn Db) -> Result<Option<Note>> {
    let text = settings::get(db, NOTE).await.map_err(failed)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}
