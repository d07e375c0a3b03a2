//! Waiting for executions to end without asking the database again and again.
//!
//! Invariant: whoever waits registers before looking at the row, so no end is missed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nephele_model::id::ExecutionId;
use tokio::sync::watch;

/// How long a request waits for a system workflow before it gives up (spec rest-api.md 1.14).
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// Those who wait, by execution.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<HashMap<ExecutionId, watch::Sender<bool>>>);

impl Waiting {
    /// Registers interest; resolve it with [`Ended::wait`].
    pub(crate) fn register(&self, execution: &ExecutionId) -> Ended {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, sender| sender.receiver_count() > 0);
        Ended(waiting.entry(execution.clone()).or_insert_with(|| watch::channel(false).0).subscribe())
    }

    /// The executions that somebody waits for.
    pub(crate) fn awaited(&self) -> Vec<ExecutionId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Wakes those who wait for this execution.
    pub(crate) fn announce(&self, execution: &ExecutionId) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(execution);
        if let Some(sender) = waiting {
            sender.send_replace(true);
        }
    }
}

/// The end of an execution, which may lie ahead.
pub(crate) struct Ended(watch::Receiver<bool>);

impl Ended {
    /// Returns true when the execution ended, false after `patience`.
    pub(crate) async fn wait(mut self, patience: Duration) -> bool {
        tokio::time::timeout(patience, self.0.wait_for(|ended| *ended)).await.is_ok_and(|ended| ended.is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_announcement_reaches_all_who_registered() {
        let waiting = Waiting::default();
        let id = ExecutionId::new("e1");
        let (first, second) = (waiting.register(&id), waiting.register(&id));
        let silent = waiting.register(&ExecutionId::new("e2"));
        waiting.announce(&id);
        assert!(first.wait(PATIENCE).await && second.wait(PATIENCE).await);
        assert!(!silent.wait(Duration::from_millis(10)).await);
    }
}
