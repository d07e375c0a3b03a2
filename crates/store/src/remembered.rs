//! What was found out about lists with much reading, remembered until it is no longer true: totals,
//! and where deep pages begin.
//!
//! Invariant: what was cheap to find out is never older than the last write to a table that it was
//! read from. What was dear (it took [`MANY`] rows) may be used for at most [`OLDEST`] although such a
//! table has been written, so that lists stay fast while events pour in; finding it out then takes at
//! most a twentieth of the time. See `writes` for how writes are noticed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::writes::{Moment, Writes};

/// What took so many rows may be used for a while although it may have changed.
const MANY: u64 = 20_000;
/// How many times its cost such a thing is used for.
const WORTH: u32 = 20;
/// But not longer than this.
const OLDEST: Duration = Duration::from_secs(10);
/// How long writes of other processes may go unnoticed.
const ELSEWHERE: Duration = Duration::from_secs(1);

/// Values by statement and its values.
pub(crate) struct Remembered<V> {
    writes: Arc<Writes>,
    most: usize,
    known: Mutex<HashMap<String, Known<V>>>,
    /// One lock for each value that is being found out.
    searches: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

struct Known<V> {
    value: V,
    found: Found,
}

/// When something was found out, and what that took.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) moment: Moment,
    pub(crate) began: Instant,
    pub(crate) cost: Duration,
    /// The rows that were counted.
    pub(crate) rows: u64,
}

impl<V: Clone> Remembered<V> {
    /// Remembers at most `most` values.
    pub(crate) fn new(writes: Arc<Writes>, most: usize) -> Self {
        Self { writes, most, known: Mutex::default(), searches: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &str) -> Option<V> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|known| self.holds(known)).map(|known| known.value.clone())
    }

    /// Waits until nobody else finds out this value, which may be known then: many readers of one
    /// list do not all count its rows.
    pub(crate) async fn alone(&self, key: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let search = {
            let mut searches = self.searches.lock().unwrap_or_else(PoisonError::into_inner);
            searches.retain(|_, search| Arc::strong_count(search) > 1);
            Arc::clone(searches.entry(key.to_owned()).or_default())
        };
        search.lock_owned().await
    }

    /// Keeps what was found out. The search must have begun after `found` was made.
    pub(crate) fn keep(&self, key: String, found: Found, value: V) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.most {
            known.retain(|_, known| self.holds(known));
        }
        if known.len() >= self.most {
            known.clear();
        }
        known.insert(key, Known { value, found });
    }

    fn holds(&self, known: &Known<V>) -> bool {
        let Found { moment, began, cost, rows } = &known.found;
        let age = began.elapsed();
        let unchanged = self.writes.is_still(moment) && (self.writes.all_are_seen() || age < ELSEWHERE);
        unchanged || *rows >= MANY && age < OLDEST.min(*cost * WORTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered() -> (Arc<Writes>, Remembered<u64>) {
        let writes = Arc::new(Writes::new(true));
        (Arc::clone(&writes), Remembered::new(writes, 2))
    }

    #[test]
    fn a_write_to_one_of_its_tables_ends_what_was_cheap() {
        let (writes, totals) = remembered();
        let found = || writes.found("SELECT count(*) FROM nodes r JOIN tenants t ON TRUE");
        totals.keep("a".to_owned(), found(), 1);
        writes.note("INSERT INTO events (id) VALUES ($1)");
        assert_eq!(totals.get("a"), Some(1));
        writes.note("UPDATE tenants SET name = $1");
        assert_eq!(totals.get("a"), None);
        let before = found();
        writes.note("DELETE FROM blueprints");
        totals.keep("a".to_owned(), before, 2);
        assert_eq!(totals.get("a"), None, "what was counted before is not taken");
    }

    #[test]
    fn what_was_dear_outlives_writes_for_a_while() {
        let (writes, totals) = remembered();
        let cost = Duration::from_secs(1);
        totals.keep("a".to_owned(), Found { cost, rows: MANY, ..writes.found("FROM events") }, 1);
        writes.note("INSERT INTO events (id) VALUES ($1)");
        assert_eq!(totals.get("a"), Some(1));
    }

    #[tokio::test]
    async fn one_search_for_a_value_at_a_time() {
        let (_, totals) = remembered();
        let first = totals.alone("a").await;
        drop(totals.alone("b").await);
        assert!(futures::FutureExt::now_or_never(totals.alone("a")).is_none());
        drop(first);
        drop(totals.alone("a").await);
        assert_eq!(totals.searches.lock().unwrap().len(), 1, "locks that nobody holds are forgotten");
    }

    #[test]
    fn no_more_is_remembered_than_was_allowed() {
        let (writes, totals) = remembered();
        for key in ["a", "b", "c"] {
            totals.keep(key.to_owned(), writes.found("FROM events"), 1);
        }
        assert_eq!((totals.get("a"), totals.get("c")), (None, Some(1)));
    }
}
