//! Where deep pages of lists begin.
//!
//! Clients ask for pages by number, and a database counts its way through all rows before one. So the
//! sort keys of every [`STEP`]th row, the rungs of a list's ladder, are found once and remembered: a
//! page is then read from the rung before it. A ladder grows as deep as it was asked for, and is as
//! true as `remembered` says.

use std::sync::Arc;
use std::time::Instant;

use sea_query::Value;

use crate::backend::{Row, Sql};
use crate::column::{Bind as _, Column as _};
use crate::db::Db;
use crate::error::Result;
use crate::filter::Conditions;
use crate::remembered::{Found, Remembered};
use crate::writes::Writes;

/// Rows between two rungs.
const STEP: u64 = 250;
/// Lists with ladders that are remembered.
const LADDERS: usize = 32;

const INTEGERS: [&str; 4] = ["r.storage_id", "r.created_at", "r.uploaded_at", "r.\"timestamp\""];

/// One key of a list's order.
pub(crate) struct Key {
    pub(crate) sql: String,
    pub(crate) descending: bool,
    /// Where nulls go, if there can be any.
    pub(crate) nulls: &'static str,
    pub(crate) kind: KeyKind,
}

/// What the values of a key are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Int,
    Text,
    /// They may be null, or stand elsewhere: no rung can be made of them.
    Other,
}

impl Key {
    /// One of those that a resource's rows are always sorted by in the end.
    pub(crate) fn last(sql: &str, descending: bool) -> Self {
        let kind = if INTEGERS.contains(&sql) { KeyKind::Int } else { KeyKind::Other };
        Self { sql: sql.to_owned(), descending, nulls: "", kind }
    }

    fn read(&self, row: &Row, index: usize) -> Result<Value> {
        Ok(if self.kind == KeyKind::Int { i64::read(row, index)?.bind() } else { String::read(row, index)?.bind() })
    }
}

/// `ORDER BY` without the words.
pub(crate) fn order(keys: &[Key]) -> String {
    let key = |key: &Key| format!("{}{}{}", key.sql, if key.descending { " DESC" } else { "" }, key.nulls);
    keys.iter().map(key).collect::<Vec<_>>().join(", ")
}

/// A list that is to be walked through in its order.
pub struct Walk<'a> {
    pub(crate) table: &'static str,
    /// The joins that the keys need.
    pub(crate) joins: String,
    pub(crate) condition: String,
    pub(crate) values: Vec<Value>,
    pub(crate) keys: &'a [Key],
}

/// A place in a list: a rung, and how many rows to go on from it.
pub struct Place {
    rung: Option<Rung>,
    rest: u64,
}

type Rung = Vec<Value>;

impl Place {
    /// From the beginning.
    pub(crate) const fn start(rest: u64) -> Self {
        Self { rung: None, rest }
    }

    /// Only rows from the rung on; gives how many of them come before the place.
    pub(crate) fn require(self, keys: &[Key], conditions: &mut Conditions) -> u64 {
        if let Some(rung) = self.rung {
            let condition = from(keys, &rung, conditions);
            conditions.require(condition);
        }
        self.rest
    }
}

/// That a row is the rung's or comes after it.
fn from(keys: &[Key], rung: &[Value], conditions: &mut Conditions) -> String {
    let mut condition = String::new();
    for (position, (key, value)) in keys.iter().zip(rung).enumerate().rev() {
        let value = conditions.bind(value.clone());
        let (sql, after) = (&key.sql, if key.descending { "<" } else { ">" });
        condition = if position + 1 == keys.len() {
            format!("{sql} {after}= {value}")
        } else {
            format!("{sql} {after}= {value} AND ({sql} {after} {value} OR ({condition}))")
        };
    }
    condition
}

/// The ladders of all lists.
pub(crate) struct Ladders {
    writes: Arc<Writes>,
    known: Remembered<Arc<Ladder>>,
}

#[derive(Clone)]
struct Ladder {
    /// The keys of the rows at 1, 2, … times [`STEP`].
    rungs: Vec<Rung>,
    /// The list ends before the next rung.
    is_whole: bool,
    found: Found,
}

impl Ladder {
    fn reaches(&self, offset: u64) -> bool {
        self.is_whole || self.rungs.len() as u64 >= offset / STEP
    }

    fn place(&self, offset: u64) -> Place {
        let count = (offset / STEP).min(self.rungs.len() as u64);
        let rung = usize::try_from(count).ok().and_then(|count| self.rungs.get(count.checked_sub(1)?));
        rung.map_or(Place::start(offset), |rung| Place { rung: Some(rung.clone()), rest: offset - count * STEP })
    }
}

impl Ladders {
    pub(crate) fn new(writes: &Arc<Writes>) -> Self {
        Self { writes: Arc::clone(writes), known: Remembered::new(Arc::clone(writes), LADDERS) }
    }

    /// Where to read on from for the row at `offset`.
    pub(crate) async fn place(&self, db: &dyn Db, walk: Walk<'_>, offset: u64) -> Result<Place> {
        if offset < STEP || walk.keys.iter().any(|key| key.kind == KeyKind::Other) {
            return Ok(Place::start(offset));
        }
        let list = Sql::new(
            format!("FROM {} r{} WHERE {} ORDER BY {}", walk.table, walk.joins, walk.condition, order(walk.keys)),
            walk.values.clone(),
        );
        let name = list.key();
        let deep_enough = || self.known.get(&name).filter(|ladder| ladder.reaches(offset));
        if let Some(ladder) = deep_enough() {
            return Ok(ladder.place(offset));
        }
        let _alone = self.known.alone(&name).await;
        if let Some(ladder) = deep_enough() {
            return Ok(ladder.place(offset));
        }
        let known = self.known.get(&name).filter(|ladder| self.writes.is_still(&ladder.found.moment));
        let ladder = known.map_or_else(|| Ladder::new(self.writes.found(list.text())), Arc::unwrap_or_clone);
        let mut growing = Growing { known: &self.known, name, ladder, began: Instant::now() };
        while !growing.ladder.reaches(offset) {
            match next(db, &walk, growing.ladder.rungs.last()).await? {
                Some(rung) => growing.ladder.rungs.push(rung),
                None => growing.ladder.is_whole = true,
            }
        }
        Ok(growing.ladder.place(offset))
    }
}

/// A ladder that grows. It is kept as far as it got, also when who asked has gone meanwhile.
struct Growing<'a> {
    known: &'a Remembered<Arc<Ladder>>,
    name: String,
    ladder: Ladder,
    began: Instant,
}

impl Drop for Growing<'_> {
    fn drop(&mut self) {
        self.ladder.found.cost += self.began.elapsed();
        self.ladder.found.rows = self.ladder.rungs.len() as u64 * STEP;
        self.known.keep(std::mem::take(&mut self.name), self.ladder.found.clone(), Arc::new(self.ladder.clone()));
    }
}

impl Ladder {
    const fn new(found: Found) -> Self {
        Self { rungs: Vec::new(), is_whole: false, found }
    }
}

/// The rung after one; `None` when the list ends before.
async fn next(db: &dyn Db, walk: &Walk<'_>, rung: Option<&Rung>) -> Result<Option<Rung>> {
    let mut conditions = Conditions::of(walk.condition.clone(), walk.values.clone());
    if let Some(rung) = rung {
        let after = from(walk.keys, rung, &mut conditions);
        conditions.require(after);
    }
    let columns: Vec<_> = walk.keys.iter().map(|key| key.sql.as_str()).collect();
    let text = format!(
        "SELECT {} FROM {} r{} WHERE {} ORDER BY {} LIMIT 1 OFFSET {STEP}",
        columns.join(", "),
        walk.table,
        walk.joins,
        conditions.sql(),
        order(walk.keys),
    );
    let rows = db.fetch(Sql::new(text, conditions.values)).await?;
    let read = |row| walk.keys.iter().enumerate().map(|(index, key)| key.read(row, index)).collect();
    rows.first().map(read).transpose()
}
