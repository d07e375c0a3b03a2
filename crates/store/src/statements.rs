//! How many statements were sent: what tells a use case that reads in sets from one that asks row by row.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The count of one open database; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Statements(Arc<AtomicU64>);

impl Statements {
    /// One more is being sent.
    pub(crate) fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
