//! The workflow executor: takes accepted executions and carries them to their end.
//!
//! Invariant: an execution that is not in a final state is either being run here or by another manager, or waits for
//! something named, or is found within seconds by whoever lives (`lease.rs`). Nothing is decided in memory
//! alone: the engine's steps are journaled before they are acted on, messages leave through the
//! outbox in the same transaction.
//!
//! `lease.rs` says which process runs what; `run.rs` carries one execution; `lifecycle.rs` the workflows over node
//! instances, `acts.rs` what they have the manager do; `custom.rs` those that plugins and blueprints bring; `upload.rs`
//! and `environment.rs` those that the manager runs on itself; `journal.rs` ties the engine to the store; `outbox.rs`
//! sends what was journaled.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nephele_bus::topology;
use nephele_engine::driver;
use nephele_model::execution::CancelAction;
use nephele_model::id::{ExecutionId, TaskId};
use nephele_model::task::TaskDecision;
use nephele_store::processes;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::Manager;

mod acts;
pub(crate) mod catalog;
mod custom;
mod declared;
mod deployment_rows;
pub(crate) mod environment;
mod journal;
pub(crate) mod lease;
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
    running: Mutex<HashMap<ExecutionId, Running>>,
    /// The number of this process.
    process: AtomicI64,
    /// Says that a write was refused since others run what it was for.
    refused: Notify,
    natives: native::Attempts,
    outbox: Notify,
}

/// A run that this process has taken, or is about to take.
struct Running {
    steering: Option<Steering>,
    /// Ends it at once.
    stop: CancellationToken,
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
        match self.lock().get(execution).and_then(|running| running.steering.as_ref()) {
            Some(Steering::Engine(handle)) => {
                handle.send(nephele_engine::Event::CancelAsked(action));
            }
            // Whoever does not listen any more has ended.
            Some(Steering::Process(asked)) => drop(asked.send(action)),
            None => {}
        }
    }

    /// Whether this manager carries the execution.
    pub(crate) fn carries(&self, execution: &ExecutionId) -> bool {
        self.lock().contains_key(execution)
    }

    /// Tells the engine's run of this execution what was decided about a task; false if it has none.
    pub(crate) fn decide(&self, execution: &ExecutionId, task: TaskId, decision: TaskDecision) -> bool {
        match self.lock().get(execution).and_then(|running| running.steering.as_ref()) {
            Some(Steering::Engine(handle)) => handle.send(nephele_engine::Event::Decided(task, decision)),
            _ => false,
        }
    }

    /// Says that the outbox holds something to send.
    pub fn wake(&self) {
        self.outbox.notify_one();
    }

    /// Marks an execution as being run here until what it gives is dropped; `None` when it already is.
    fn enter(self: &Arc<Self>, execution: &ExecutionId, shutdown: &CancellationToken) -> Option<Entered> {
        let mut running = self.lock();
        if running.contains_key(execution) {
            return None;
        }
        let stop = shutdown.child_token();
        running.insert(execution.clone(), Running { steering: None, stop: stop.clone() });
        Some(Entered { control: Arc::clone(self), execution: execution.clone(), stop })
    }

    fn steer(&self, execution: &ExecutionId, steering: impl Into<Steering>) {
        if let Some(running) = self.lock().get_mut(execution) {
            running.steering = Some(steering.into());
        }
    }

    /// Ends everything that is being run here, and tells what that was.
    fn abandon(&self) -> Vec<ExecutionId> {
        let running = std::mem::take(&mut *self.lock());
        for run in running.values() {
            run.stop.cancel();
        }
        running.into_keys().collect()
    }

    fn process(&self) -> i64 {
        self.process.load(Ordering::Relaxed)
    }

    pub(crate) fn set_process(&self, process: i64) {
        self.process.store(process, Ordering::Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ExecutionId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run's place among those that are being run here. It goes with the run, however that ends, a panic included.
struct Entered {
    control: Arc<Control>,
    execution: ExecutionId,
    stop: CancellationToken,
}

impl Drop for Entered {
    fn drop(&mut self) {
        // One that was abandoned may have been taken again since.
        if !self.stop.is_cancelled() {
            self.control.lock().remove(&self.execution);
        }
    }
}

impl Manager {
    /// Runs workflows until `shutdown`. What is under way then stays journaled and goes on at the
    /// next start, or at once where another manager lives.
    pub async fn run_workflows(self: Arc<Self>, shutdown: CancellationToken) -> nephele_model::Result<()> {
        let mut orders =
            self.bus.subscribe(topology::executions(), 256).await.map_err(nephele_model::Error::internal)?;
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(outbox::pump(self.clone())));
        tokio::spawn(self.clone().run_natives(shutdown.clone()));
        tokio::spawn(self.clone().tidy(shutdown.clone()));
        tokio::spawn(self.clone().look_around(shutdown.clone()));
        let lease = tokio::spawn(self.clone().keep_lease(shutdown.clone()));
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
        lease.await.map_err(nephele_model::Error::internal)
    }

    fn begin(self: Arc<Self>, execution: ExecutionId, shutdown: &CancellationToken) {
        let Some(entered) = self.workflows.enter(&execution, shutdown) else { return };
        let (stop, shutdown) = (entered.stop.clone(), shutdown.clone());
        let work = async move {
            self.carry(&execution).await;
            drop(entered);
            // An order that came while it was being run found it taken and was dropped.
            if self.is_open(&execution).await {
                self.begin(execution, &shutdown);
            }
        };
        tokio::spawn(stop.run_until_cancelled_owned(work));
    }

    /// Whether this process has work to do for an execution.
    async fn is_open(&self, execution: &ExecutionId) -> bool {
        processes::holds(&*self.store, execution, self.process()).await.unwrap_or_default()
    }
}
