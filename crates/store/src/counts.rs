//! Totals of lists, remembered as long as nothing is written.
//!
//! Clients poll lists again and again, and a total costs a look at every row that matches. One
//! process owns a SQLite file, so that it knows of every write; with PostgreSQL nothing is remembered.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

const MOST: usize = 1000;

/// Totals by statement and values.
#[derive(Default)]
pub(crate) struct Counts {
    /// Grows with each write, once it is visible.
    writes: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The number of writes that the totals include.
    writes: u64,
    totals: HashMap<String, u64>,
}

impl Counts {
    /// Something was written: nothing is known any more.
    pub(crate) fn forget(&self) {
        self.writes.fetch_add(1, Ordering::SeqCst);
    }

    /// The moment to count at; to be asked for before counting, and given to [`Self::remember`].
    pub(crate) fn moment(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    pub(crate) fn get(&self, key: &str) -> Option<u64> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.writes == self.moment() { known.totals.get(key).copied() } else { None }
    }

    pub(crate) fn remember(&self, moment: u64, key: String, total: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.writes < moment || known.totals.len() >= MOST {
            known.totals.clear();
            known.writes = moment.max(known.writes);
        }
        if known.writes == moment {
            known.totals.insert(key, total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn a_write_makes_all_totals_unknown() {
        let counts = Counts::default();
        let moment = counts.moment();
        counts.remember(moment, "a".to_owned(), 1);
        assert_eq!(counts.get("a"), Some(1));
        counts.forget();
        assert_eq!(counts.get("a"), None);
        counts.remember(counts.moment(), "b".to_owned(), 2);
        counts.remember(moment, "a".to_owned(), 1);
        assert_eq!((counts.get("a"), counts.get("b")), (None, Some(2)), "what was counted before is not taken");
    }
}
