//! Which process runs what, where several managers work on one database.
//!
//! Invariant: every execution under way is run by one process that lives, or will be within a lease and a beat: each
//! process says that it lives, dismisses those that do not, and takes up what nobody runs. One that was dismissed while
//! it was only stopped finds that its writes are refused ([`nephele_store::actor::Lease`]), lets everything go and begins
//! anew under another number. A start takes up at once what was run in the same data folder. With SQLite there is one
//! process, and nobody has to be asked.

use std::sync::Arc;
use std::time::Duration;

use nephele_bus::{Message, topology};
use nephele_model::execution::{CancelAction, ExecutionStatus};
use nephele_model::id::ExecutionId;
use nephele_model::{Error, Result};
use nephele_store::actor::Lease;
use nephele_store::executions::Execution;
use nephele_store::processes::{self, Process};
use nephele_store::{Actor, Db, executions};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::Manager;
use crate::rows::failed;

/// The shortest lease that makes sense: logins are believed for three quarters of it.
pub const SHORTEST: Duration = Duration::from_secs(2);
/// How often a process looks after its lease before it ends.
const BEATS: u32 = 5;
/// Looks between two at whether something queued may begin, should that have been missed.
const QUEUE: u32 = 10;
/// Looks in a row that must have gone well before others are dismissed: while the database was away, nobody could say
/// that it lives.
const CALM: u32 = 2;

impl Manager {
    /// The number of this process.
    pub(crate) fn process(&self) -> i64 {
        self.workflows.process()
    }

    /// The process that runs an execution, if it is another one, and how long that has been silent, in microseconds.
    pub(crate) async fn other_owner(&self, execution: &Execution) -> Result<Option<(Process, i64)>> {
        let Some(id) = execution.process.filter(|id| *id != self.process()) else { return Ok(None) };
        processes::by_id(&*self.store, id).await.map_err(failed)
    }

    /// What this run changes, it changes on behalf of whoever started it, and as long as this process runs it.
    pub(super) fn actor_of(&self, execution: &Execution) -> Actor {
        Actor {
            username: Some(execution.created_by.to_string()),
            execution_id: Some(execution.id.to_string()),
            lease: Some(Lease { process: self.process(), execution_fk: Some(execution.storage_id) }),
        }
    }

    /// Does `work` that one process does for all, if that is this one.
    pub(crate) async fn lead<T>(&self, work: impl Future<Output = Result<T>>) -> Result<Option<T>> {
        if !processes::leads(&*self.store, self.process()).await.map_err(failed)? {
            return Ok(None);
        }
        let lease = Some(Lease { process: self.process(), execution_fk: None });
        Actor { lease, ..Actor::default() }.act(work).await.map(Some)
    }

    /// Keeps this process's lease until `shutdown`, then leaves everything to others. Nothing else is done in between, so
    /// that nothing holds it up.
    pub(super) async fn keep_lease(self: Arc<Self>, shutdown: CancellationToken) {
        let mut is_first = true;
        while !shutdown.is_cancelled() {
            if (is_first || processes::are_several(&self.store))
                && let Err(error) = self.stay_enlisted().await
            {
                tracing::error!(?error, "this manager cannot say that it lives; trying again");
            }
            is_first = false;
            let next = tokio::time::timeout(self.beat(), self.workflows.refused.notified());
            let _ = shutdown.run_until_cancelled(next).await;
        }
        if let Err(error) = self.resign().await {
            tracing::warn!(?error, "others have to wait until this manager's lease ends");
        }
    }

    /// Takes up what nobody runs, until `shutdown`.
    pub(super) async fn look_around(self: Arc<Self>, shutdown: CancellationToken) {
        let (mut looks, mut calm) = (0_u32, CALM);
        while !shutdown.is_cancelled() {
            match self.look(&shutdown, looks.is_multiple_of(QUEUE), calm >= CALM).await {
                Ok(()) => calm = calm.saturating_add(1),
                Err(error) => {
                    calm = 0;
                    tracing::error!(?error, "what nobody runs cannot be looked for; trying again");
                }
            }
            looks = looks.wrapping_add(1);
            let _ = shutdown.run_until_cancelled(tokio::time::sleep(self.beat())).await;
        }
    }

    fn beat(&self) -> Duration {
        self.settings.lease / BEATS
    }

    async fn look(self: &Arc<Self>, shutdown: &CancellationToken, with_queue: bool, may_dismiss: bool) -> Result<()> {
        if processes::are_several(&self.store) {
            self.look_after_others(may_dismiss).await?;
        }
        for (execution, status) in processes::held(&*self.store, self.process()).await.map_err(failed)? {
            match asked(status) {
                // Another manager may have been asked.
                Some(action) if self.workflows.carries(&execution) => self.workflows.cancel(&execution, action),
                _ => self.clone().begin(execution, shutdown),
            }
        }
        for execution in processes::free_executions(&*self.store).await.map_err(failed)? {
            tracing::info!(%execution, "an execution goes on");
            self.clone().begin(execution, shutdown);
        }
        if with_queue {
            self.lead(Box::pin(self.begin_queued())).await?;
        }
        Ok(())
    }

    /// Says that this process lives. If others believed otherwise, it ends what they run now, and begins anew.
    async fn stay_enlisted(&self) -> Result<()> {
        if processes::renew(&*self.store, self.process()).await.map_err(failed)? {
            return Ok(());
        }
        for execution in self.workflows.abandon() {
            tracing::warn!(%execution, "this manager was silent for so long that others took over what it ran");
            self.let_go(&execution).await?;
        }
        self.verified.forget();
        self.workflows.set_process(enlist(&*self.store, &self.settings, &self.node).await?);
        Ok(())
    }

    async fn look_after_others(&self, may_dismiss: bool) -> Result<()> {
        if may_dismiss {
            let tx = self.begin_write().await?;
            let silent = processes::dismiss_silent(&tx).await.map_err(failed)?;
            tx.commit().await.map_err(failed)?;
            for (process, hostname) in silent {
                tracing::warn!(process, hostname, "a manager is silent; what it ran is taken over");
            }
        }
        // What is waited for here may end elsewhere.
        for execution in self.waiting.awaited() {
            let found = executions::by_id(&*self.store, &execution).await.map_err(failed)?;
            if found.is_none_or(|found| found.status.is_final()) {
                self.waiting.announce(&execution);
            }
        }
        Ok(())
    }

    /// Ends what this process still does for an execution that another one runs now.
    pub(super) async fn let_go(&self, execution: &ExecutionId) -> Result<()> {
        let body = json!({"service_task": {
            "task_name": "cancel-operation", "kwargs": {"execution_id": execution.as_str()},
        }});
        self.bus.publish(topology::manager_service(), Message::new(body)).await.map_err(Error::internal)?;
        for address in [topology::responses(execution), topology::workflow_answers(execution)] {
            self.bus.remove(address).await.map_err(Error::internal)?;
        }
        self.verified.forget_execution(execution);
        Ok(())
    }

    /// Ends the life of this process, so that others need not wait for it.
    async fn resign(&self) -> Result<()> {
        let tx = self.begin_write().await?;
        processes::dismiss(&tx, self.process()).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}

/// A process begins to live in a data folder; its number.
pub(crate) async fn enlist(db: &dyn Db, settings: &crate::Settings, node: &str) -> Result<i64> {
    let lease = i64::try_from(settings.lease.as_micros()).unwrap_or(i64::MAX);
    processes::insert(db, node, &settings.hostname, lease).await.map_err(failed)
}

/// How an execution in this status was asked to stop.
const fn asked(status: ExecutionStatus) -> Option<CancelAction> {
    match status {
        ExecutionStatus::Cancelling => Some(CancelAction::Cancel),
        ExecutionStatus::ForceCancelling => Some(CancelAction::Force),
        ExecutionStatus::KillCancelling => Some(CancelAction::Kill),
        _ => None,
    }
}
