//! The workflow executor: takes accepted executions and carries them to their end.
//!
//! Invariant: an execution that is not in a final state is either being run here, or waits for
//! something named, or will be found by the scan at the next start. Nothing is decided in memory
//! alone: the engine's steps are journaled before they are acted on, messages leave through the
//! outbox in the same transaction.
//!
//! `run.rs` carries one execution; `lifecycle.rs` the workflows over node instances, `acts.rs` what they have the
//! manager do; `custom.rs` those that plugins and blueprints bring; `upload.rs` and `environment.rs` those that
//! the manager runs on itself; `journal.rs` ties the engine to the store;
//! `outbox.rs` sends what was journaled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use nephele_bus::topology;
use nephele_engine::driver;
use nephele_model::execution::CancelAction;
use nephele_model::id::{ExecutionId, TaskId};
use nephele_model::task::TaskDecision;
use nephele_store::executions;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{Manager, rows};

mod acts;
pub(crate) mod catalog;
mod custom;
mod declared;
mod deployment_rows;
pub(crate) mod environment;
mod journal;
mod lifecycle;
pub(crate) mod native;
pub(crate) mod outbox;
mod run;
mod source;
mod source_plugins;
pub(crate) mod upload;

/// What other use cases tell the executor, and what it knows of running executions.
#[derive(Default)]
pub struct Control {
    running: Mutex<HashMap<ExecutionId, Option<Steering>>>,
    natives: native::Attempts,
    outbox: Notify,
}

/// The way to a run that is under way.
enum Steering {
    /// The engine's.
    Engine(driver::Handle),
    /// A process's, on a worker.
    Process(mpsc::UnboundedSender<CancelAction>),
}

impl From<driver::Handle> for Steering {
    fn from(handle: driver::Handle) -> Self {
        Self::Engine(handle)
    }
}

impl Control {
    /// Asks the run of this execution to stop. A run that has not begun yet sees its status.
    pub fn cancel(&self, execution: &ExecutionId, action: CancelAction) {
        match self.lock().get(execution) {
            Some(Some(Steering::Engine(handle))) => {
                handle.send(nephele_engine::Event::CancelAsked(action));
            }
            // Whoever does not listen any more has ended.
            Some(Some(Steering::Process(asked))) => drop(asked.send(action)),
            _ => {}
        }
    }

    /// Whether this manager carries the execution.
    pub(crate) fn carries(&self, execution: &ExecutionId) -> bool {
        self.lock().contains_key(execution)
    }

    /// Tells the engine's run of this execution what was decided about a task; false if it has none.
    pub(crate) fn decide(&self, execution: &ExecutionId, task: TaskId, decision: TaskDecision) -> bool {
        match self.lock().get(execution) {
            Some(Some(Steering::Engine(handle))) => handle.send(nephele_engine::Event::Decided(task, decision)),
            _ => false,
        }
    }

    /// Says that the outbox holds something to send.
    pub fn wake(&self) {
        self.outbox.notify_one();
    }

    /// Marks an execution as being run here; `None` when it already is.
    fn enter(&self, execution: &ExecutionId) -> Option<()> {
        let mut running = self.lock();
        if running.contains_key(execution) {
            return None;
        }
        running.insert(execution.clone(), None);
        Some(())
    }

    fn steer(&self, execution: &ExecutionId, steering: impl Into<Steering>) {
        self.lock().insert(execution.clone(), Some(steering.into()));
    }

    fn leave(&self, execution: &ExecutionId) {
        self.lock().remove(execution);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ExecutionId, Option<Steering>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Manager {
    /// Runs workflows until `shutdown`. What is under way then stays journaled and goes on at the
    /// next start.
    pub async fn run_workflows(self: Arc<Self>, shutdown: CancellationToken) -> nephele_model::Result<()> {
        // Requests of earlier runs that still wait in the outbox must find that they are void.
        executions::revoke_tokens(&*self.store).await.map_err(rows::failed)?;
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(outbox::pump(self.clone())));
        tokio::spawn(self.clone().run_natives(shutdown.clone()));
        self.clone().go_on(&shutdown).await?;
        let mut orders =
            self.bus.subscribe(topology::executions(), 256).await.map_err(nephele_model::Error::internal)?;
        while let Some(Some(order)) = shutdown.run_until_cancelled(orders.next()).await {
            if let Some(id) = order.message.body["id"].as_str() {
                self.clone().begin(ExecutionId::new(id), &shutdown);
            } else {
                tracing::warn!(body = %order.message.body, "a workflow message without an id was dropped");
            }
            if let Err(error) = order.ack().await {
                tracing::warn!(%error, "a workflow message could not be acknowledged");
            }
        }
        Ok(())
    }

    /// Takes up what an earlier process left unfinished.
    async fn go_on(self: Arc<Self>, shutdown: &CancellationToken) -> nephele_model::Result<()> {
        nephele_store::outbox::release(&*self.store).await.map_err(rows::failed)?;
        for execution in executions::unfinished(&*self.store).await.map_err(rows::failed)? {
            if execution.status.is_active() {
                tracing::info!(execution = %execution.id, "an execution goes on after a restart");
                self.clone().begin(execution.id, shutdown);
            }
        }
        Ok(())
    }

    fn begin(self: Arc<Self>, execution: ExecutionId, shutdown: &CancellationToken) {
        if self.workflows.enter(&execution).is_none() {
            return;
        }
        let work = async move {
            loop {
                self.carry(&execution).await;
                self.workflows.leave(&execution);
                // An order that came while it was being run found it taken and was dropped.
                if !self.is_open(&execution).await || self.workflows.enter(&execution).is_none() {
                    return;
                }
            }
        };
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(work));
    }

    /// Whether an execution has work to be done for it.
    async fn is_open(&self, execution: &ExecutionId) -> bool {
        let found = executions::by_id(&*self.store, execution).await;
        found.is_ok_and(|found| found.is_some_and(|execution| execution.status.is_active()))
    }
}
