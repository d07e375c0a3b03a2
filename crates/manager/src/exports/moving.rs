//! A whole database into another one, of the other kind or of the same: `nephele db move`.
//!
//! Invariant: what is read is of one instant, what is written is there as a whole or not at all, and nothing is said to have
//! come over before both sides were read and found equal, table by table. Memory does not grow with what is moved.

use std::sync::Arc;

use nephele_model::{Clock, Error, Result};
use nephele_store::dump::{Dump, Place};
use nephele_store::load::{self, Load};
use nephele_store::{Store, processes};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::measures::is_live;
use crate::rows::failed;

/// A table that came over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MovedTable {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// What its rows add up to, in whatever order they come; the same on both databases.
    pub checksum: String,
}

/// What the rows of a table add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    digest: u128,
}

impl Sum {
    fn add_all(&mut self, rows: Vec<Map<String, Value>>) {
        for row in rows {
            self.add(row);
        }
    }

    fn add(&mut self, mut row: Map<String, Value>) {
        row.sort_keys();
        let digest = Sha256::digest(Value::Object(row).to_string());
        let number = digest.iter().take(16).fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
        self.rows += 1;
        self.digest = self.digest.wrapping_add(number);
    }
}

/// Copies every row of the database `from` into the database `to`, which must hold nothing, and compares both. Errors say what is
/// in the way; then `to` holds nothing still.
pub async fn move_database(from: &str, to: &str, clock: Arc<dyn Clock>) -> Result<Vec<MovedTable>> {
    let source = Store::look(from, Arc::clone(&clock)).await.map_err(failed)?;
    let target = Store::look(to, Arc::clone(&clock)).await.map_err(failed)?;
    let moved = match demand_movable(&source, &target).await {
        Ok(()) => copy(&source, &target).await,
        Err(error) => Err(error),
    };
    source.close().await;
    target.close().await;
    moved
}

/// Nobody works on the source, both have the schema of this program, and the target holds nothing.
async fn demand_movable(source: &Store, target: &Store) -> Result<()> {
    let known = nephele_store::schema();
    match nephele_store::applied(source).await {
        Ok(applied) if applied == known => {}
        Ok(applied) => {
            return Err(Error::conflict(format!(
                "the database to be moved has schema {applied}, and this program moves schema {known}; start a manager of this \
                 version on it once, stop it and try again"
            )));
        }
        Err(_) => return Err(Error::conflict("the database to be moved is none of a manager")),
    }
    let heartbeats = processes::heartbeats(source).await.map_err(failed)?;
    let live = heartbeats.iter().filter(|heart| is_live(heart)).count();
    if processes::are_several(source) && live > 0 {
        return Err(Error::conflict(format!(
            "{live} managers work on the database to be moved; stop them, or wait for their leases to end"
        )));
    }
    if let Some(table) = load::occupied(target).await.map_err(failed)? {
        return Err(Error::conflict(format!(
            "the database to move into is not empty: there are rows in `{table}`; give an empty one"
        )));
    }
    match nephele_store::applied(target).await {
        Ok(applied) if applied > known => Err(Error::conflict(format!(
            "the database to move into has schema {applied}, and this program knows schema {known}"
        ))),
        _ => target.bring_up_to_date().await.map_err(failed),
    }
}

async fn copy(source: &Store, target: &Store) -> Result<Vec<MovedTable>> {
    let dump = Dump::begin(source).await.map_err(failed)?;
    let mut load = Load::whole(target).await.map_err(failed)?;
    load.clear().await.map_err(failed)?;
    let mut sums = Vec::new();
    for table in load.tables().to_owned() {
        let (mut sum, mut place) = (Sum::default(), None);
        while let Some(rows) = read(&dump, &table, &mut place).await? {
            load.insert(&table, &rows).await.map_err(failed)?;
            sum.add_all(rows);
        }
        sums.push((table, sum));
    }
    let tx = load.finish().await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    drop(dump);
    compare(target, sums).await
}

/// The next rows of a table; none at the end.
async fn read(dump: &Dump, table: &str, place: &mut Option<Place>) -> Result<Option<Vec<Map<String, Value>>>> {
    let (rows, next) = dump.rows(table, place.as_ref()).await.map_err(failed)?;
    *place = next;
    let rows = rows.iter().map(|row| serde_json::from_str(row)).collect::<serde_json::Result<Vec<_>>>();
    let rows = rows.map_err(Error::internal)?;
    Ok((!rows.is_empty()).then_some(rows))
}

/// Reads what came over, and holds it against what was sent.
async fn compare(target: &Store, sent: Vec<(String, Sum)>) -> Result<Vec<MovedTable>> {
    let dump = Dump::begin(target).await.map_err(failed)?;
    let mut moved = Vec::new();
    for (table, sent) in sent {
        let (mut sum, mut place) = (Sum::default(), None);
        while let Some(rows) = read(&dump, &table, &mut place).await? {
            sum.add_all(rows);
        }
        if sum != sent {
            return Err(Error::internal(format!(
                "`{table}` came over with {} rows ({:032x}) instead of {} ({:032x}); do not use the new database",
                sum.rows, sum.digest, sent.rows, sent.digest
            )));
        }
        moved.push(MovedTable { table, rows: sum.rows, checksum: format!("{:032x}", sum.digest) });
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sum(rows: &[Value]) -> Sum {
        let mut sum = Sum::default();
        sum.add_all(rows.iter().filter_map(Value::as_object).cloned().collect());
        sum
    }

    #[test]
    fn order_does_not_matter_and_everything_else_does() {
        let (one, two) = (json!({"id": 1, "name": "a"}), json!({"id": 2, "name": null}));
        let turned = json!({"name": "a", "id": 1});
        assert_eq!(sum(&[one.clone(), two.clone()]), sum(&[two.clone(), turned]));
        for other in [vec![one.clone()], vec![one.clone(), one.clone()], vec![one, json!({"id": 2, "name": ""})]] {
            assert_ne!(sum(&other), sum(&[json!({"id": 1, "name": "a"}), two.clone()]));
        }
    }
}
