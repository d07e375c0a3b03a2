//! Whether this process was stopped for a while: by a signal, or with its machine.
//!
//! Invariant: whoever asks after such a pause hears of it, whether anything else has run since or not. What was believed
//! before it may hold no more: another manager may have taken over the runs that operations belong to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What counts as a pause; shorter than any lease of a manager.
const LONG: Duration = Duration::from_secs(1);
/// How often [`Pauses::count`] must be called for nothing else to look like a pause.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// The pauses of this process.
#[derive(Clone)]
pub(crate) struct Pauses(Arc<Mutex<(Instant, u64)>>);

impl Pauses {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new((Instant::now(), 0))))
    }

    /// How many there were so far.
    pub(crate) fn count(&self) -> u64 {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, count) = *seen;
        *seen = (Instant::now(), count + u64::from(last.elapsed() > LONG));
        seen.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_noticed_by_whoever_asks_first() {
        let pauses = Pauses::new();
        assert_eq!((pauses.count(), pauses.count()), (0, 0));
        pauses.0.lock().unwrap().0 -= LONG * 2;
        assert_eq!((pauses.count(), pauses.count()), (1, 1));
    }
}
