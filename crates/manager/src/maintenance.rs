//! Maintenance mode: the manager finishes what runs, then takes no more work until it ends.
//!
//! Invariant: while the mode is on or coming, nothing queued begins. It is coming as long as an
//! execution has not ended, and on from the first look after that. Which requests are refused is
//! spec rest-api.md section 1.12.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nephele_model::{Code, Error, Result};
use nephele_store::{executions, maintenance};
use serde_json::{Value, json};

use crate::rows::failed;
use crate::{Ctx, Manager};

/// How long the state is believed: another manager on the same database may change it.
const FRESH: Duration = Duration::from_secs(2);

/// What may be asked at any time, by the first segment of the path.
const ALWAYS: [&str; 15] = [
    "brokers",
    "managers",
    "db-nodes",
    "cluster",
    "config",
    "status",
    "version",
    "license",
    "maintenance",
    "cluster-status",
    "metrics",
    "file-server-auth",
    "ok",
    "snapshots",
    "snapshot-status",
];

/// What is refused while the mode is coming: work that would begin.
const BEGINS_WORK: [&str; 4] = ["/executions", "/deployments/{id}", "/deployment-modifications", "/snapshots/{id}"];

/// Where maintenance mode stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Off.
    #[default]
    Deactivated,
    /// Comes when the last execution has ended.
    Activating,
    /// On.
    Activated,
}

/// The mode as it was read last.
#[derive(Default)]
pub(crate) struct Known(Mutex<Option<(Instant, Mode)>>);

impl Known {
    fn find(&self) -> Option<Mode> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(since, _)| since.elapsed() < FRESH).map(|(_, mode)| *mode)
    }

    fn set(&self, mode: Option<Mode>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mode.map(|mode| (Instant::now(), mode));
    }
}

impl Manager {
    /// Refuses a request for a route (its path in the route table) if the mode forbids it.
    pub async fn demand_service(&self, path: &str, changes_something: bool) -> Result<()> {
        if changes_something && self.is_restoring() {
            return Err(Error::new(
                Code::InSnapshotRestore,
                "A snapshot is being restored, and what is changed meanwhile would be lost; try again when it is done",
            ));
        }
        match self.mode().await? {
            Mode::Activated if !ALWAYS.contains(&path.split('/').nth(1).unwrap_or_default()) => {
                Err(refused(Code::MaintenanceModeActive))
            }
            Mode::Activating
                if path == "/snapshots/{id}/restore" || (changes_something && BEGINS_WORK.contains(&path)) =>
            {
                Err(refused(Code::EnteringMaintenanceMode))
            }
            _ => Ok(()),
        }
    }

    /// Where the mode stands. If it was only waiting for executions that have ended, it is on now.
    pub async fn mode(&self) -> Result<Mode> {
        if let Some(mode) = self.maintenance.find().filter(|mode| *mode != Mode::Activating) {
            return Ok(mode);
        }
        let stored = maintenance::get(&*self.store).await.map_err(failed)?;
        let mut mode = match stored.as_ref().map(|state| state.status.as_str()) {
            None => Mode::Deactivated,
            Some("activated") => Mode::Activated,
            Some(_) => Mode::Activating,
        };
        if mode == Mode::Activating && self.remaining().await?.is_empty() {
            maintenance::complete(&*self.store).await.map_err(failed)?;
            mode = Mode::Activated;
        }
        self.maintenance.set(Some(mode));
        Ok(mode)
    }

    /// The mode is read anew next time.
    pub(crate) fn forget_mode(&self) {
        self.maintenance.set(None);
    }

    /// `GET /maintenance`.
    pub async fn maintenance_state(&self) -> Result<Value> {
        let remaining = match self.mode().await? {
            Mode::Activating => Value::Array(self.remaining().await?),
            _ => Value::Null,
        };
        let state = maintenance::get(&*self.store).await.map_err(failed)?;
        Ok(shape(state.as_ref(), state.as_ref().map_or("deactivated", |state| &state.status), &remaining))
    }

    /// Begins the mode. Error: `not_modified` when it is on or coming.
    pub async fn begin_maintenance(&self, ctx: &Ctx) -> Result<Value> {
        let tx = self.begin_write().await?;
        tx.lock("maintenance").await.map_err(failed)?;
        if maintenance::get(&tx).await.map_err(failed)?.is_some() {
            return Err(Error::new(Code::NotModified, "Maintenance mode is already on"));
        }
        let remaining = self.remaining().await?;
        maintenance::begin(&tx, ctx.user_id, remaining.is_empty()).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.maintenance.set(None);
        let state = maintenance::get(&*self.store).await.map_err(failed)?;
        // Clients get the list in a list of one, as ever.
        Ok(shape(state.as_ref(), state.as_ref().map_or("", |state| &state.status), &json!([remaining])))
    }

    /// Ends the mode and lets queued executions begin. Error: `not_modified` when it is off.
    pub async fn end_maintenance(&self) -> Result<Value> {
        let tx = self.begin_write().await?;
        tx.lock("maintenance").await.map_err(failed)?;
        let state = maintenance::get(&tx).await.map_err(failed)?;
        if !maintenance::delete(&tx).await.map_err(failed)? {
            return Err(Error::new(Code::NotModified, "Maintenance mode is already off"));
        }
        tx.commit().await.map_err(failed)?;
        self.maintenance.set(None);
        self.begin_queued().await?;
        Ok(shape(state.as_ref(), "deactivated", &Value::Null))
    }

    /// Executions that have not ended.
    async fn remaining(&self) -> Result<Vec<Value>> {
        let open = executions::unfinished(&*self.store).await.map_err(failed)?;
        let show = |execution: &executions::Execution| {
            json!({
                "id": execution.id,
                "status": execution.status.as_str(),
                "deployment_id": execution.deployment_id,
                "workflow_id": execution.workflow_id,
            })
        };
        Ok(open.iter().map(show).collect())
    }
}

fn refused(code: Code) -> Error {
    Error::new(code, "Your request was rejected since Cloudify manager is currently in maintenance mode")
}

fn shape(state: Option<&maintenance::Maintenance>, status: &str, remaining: &Value) -> Value {
    let time = |at: Option<nephele_model::Timestamp>| at.map_or(json!(""), |at| json!(at));
    json!({
        "status": status,
        "activated_at": time(state.and_then(|state| state.activated_at)),
        "activation_requested_at": time(state.map(|state| state.activation_requested_at)),
        "remaining_executions": remaining,
        "requested_by": state.and_then(|state| state.requested_by.as_ref()).map_or("", |user| user.as_str()),
    })
}
