//! Which tables were written, and how often: what `remembered` asks whether something still holds.
//!
//! Tables are read off the statements' text, which is all our own. A deletion counts as a write to
//! every table, since it may cascade; so does any text that is not understood.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::remembered::Found;

/// Filled by triggers, with writes to any table.
const AUDIT_LOG: &str = "audit_log";

/// The writes of one open database.
pub(crate) struct Writes {
    /// No other process writes the database.
    alone: bool,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    any: u64,
    all: u64,
    tables: HashMap<String, u64>,
}

/// How often certain tables had been written.
#[derive(Clone)]
pub(crate) struct Moment {
    all: u64,
    tables: Vec<(String, u64)>,
}

/// What a transaction or a statement has written.
#[derive(Default)]
pub(crate) struct Written {
    all: bool,
    tables: Vec<String>,
}

impl Writes {
    pub(crate) fn new(alone: bool) -> Self {
        Self { alone, counts: Mutex::default() }
    }

    /// Whether every write to the database is noticed here.
    pub(crate) const fn all_are_seen(&self) -> bool {
        self.alone
    }

    /// The moment to read at, for a statement.
    fn moment(&self, text: &str) -> Moment {
        let mut words = words(text);
        let mut tables = Vec::new();
        while let Some(word) = words.next() {
            if matches!(word, "FROM" | "JOIN")
                && let Some(table) = words.next().filter(|table| !table.is_empty())
            {
                tables.push(table.to_owned());
            }
        }
        tables.sort_unstable();
        tables.dedup();
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let tables = tables.into_iter().map(|table| (counts.of(&table), table)).map(|(count, table)| (table, count));
        Moment { all: counts.all, tables: tables.collect() }
    }

    /// What is found out by a statement from now on, its cost to be added.
    pub(crate) fn found(&self, text: &str) -> Found {
        Found { moment: self.moment(text), began: Instant::now(), cost: Duration::ZERO, rows: 0 }
    }

    /// Whether nothing was written since to the tables of the moment.
    pub(crate) fn is_still(&self, moment: &Moment) -> bool {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all == moment.all && moment.tables.iter().all(|(table, count)| counts.of(table) == *count)
    }

    /// A statement has taken effect.
    pub(crate) fn note(&self, text: &str) {
        let mut written = Written::default();
        written.add(text);
        self.note_all(written);
    }

    /// Everything that a transaction wrote has taken effect.
    pub(crate) fn note_all(&self, written: Written) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.any += u64::from(written.all || !written.tables.is_empty());
        counts.all += u64::from(written.all);
        for table in written.tables {
            *counts.tables.entry(table).or_default() += 1;
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
}

impl Counts {
    fn of(&self, table: &str) -> u64 {
        if table == AUDIT_LOG { self.any } else { self.tables.get(table).copied().unwrap_or_default() }
    }
}

impl Written {
    /// Adds what a statement writes; nothing, if it reads. No statement writes in its `WITH`.
    pub(crate) fn add(&mut self, text: &str) {
        let mut words = words(text).filter(|word| !word.is_empty());
        let table = match words.next() {
            Some("SELECT" | "WITH") => return,
            Some("UPDATE") => words.next(),
            Some("INSERT") => words.nth(1),
            _ => None,
        };
        match table {
            Some(table) if !self.tables.iter().any(|known| known == table) => self.tables.push(table.to_owned()),
            Some(_) => {}
            None => self.all = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_tell_their_tables() {
        let mut written = Written::default();
        for text in
            ["SELECT 1 FROM a", "INSERT INTO b (c) VALUES (1)", "UPDATE d AS r SET e = 1", "UPDATE \"d\" SET e = 1"]
        {
            written.add(text);
        }
        assert_eq!((written.all, written.tables.join(" ")), (false, "b d".to_owned()));
        written.add("DELETE FROM f");
        assert!(written.all);
        let moment =
            Writes::new(true).moment("SELECT x FROM a r LEFT JOIN b ON b.x = (SELECT y FROM c) JOIN (SELECT 1) d");
        assert_eq!(moment.tables.iter().map(|(table, _)| table.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn the_audit_log_grows_with_every_write() {
        let writes = Writes::new(true);
        let moment = writes.moment("SELECT 1 FROM audit_log");
        writes.note("UPDATE tenants SET name = $1");
        assert!(!writes.is_still(&moment));
    }
}
