//! The way to the workflow executor.

use nephele_model::execution::CancelAction;
use nephele_model::id::ExecutionId;
use tokio::sync::{Notify, broadcast};

/// Tells the executor of new work and of requests to stop.
pub struct Control {
    stops: broadcast::Sender<(ExecutionId, CancelAction)>,
    work: Notify,
}

impl Default for Control {
    fn default() -> Self {
        Self { stops: broadcast::channel(1024).0, work: Notify::new() }
    }
}

impl Control {
    /// Asks the run of this execution to stop.
    pub fn cancel(&self, execution: ExecutionId, action: CancelAction) {
        // Nobody listens while no run is under way.
        let _ = self.stops.send((execution, action));
    }

    /// Says that an execution may be waiting to be started.
    pub fn wake(&self) {
        self.work.notify_one();
    }

    /// Requests to stop, from now on.
    pub fn stops(&self) -> broadcast::Receiver<(ExecutionId, CancelAction)> {
        self.stops.subscribe()
    }

    /// Returns when there may be work.
    pub async fn work(&self) {
        self.work.notified().await;
    }
}
