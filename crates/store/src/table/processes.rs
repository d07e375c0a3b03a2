//! Processes of managers, and what each has to itself: the executions that it runs, messages for its own bus, and, for
//! the oldest, what one does for all.
//!
//! Invariant: an execution is run by one process at most, and by one that lives. Whoever has not spoken for as long as
//! its lease is dismissed: its row, its hold on executions and on messages and the tokens that it
//! made for its work go in one transaction. It may not know that, so
//! what it writes by right of its lease names the process ([`crate::actor::Lease`]), holds its row until the end of the
//! transaction, and is refused when the row is gone. Only the database's clock is asked.

use nephele_model::Timestamp;
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::ExecutionId;

use super::executions::ACTIVE;
use crate::backend::{Dialect, Sql};
use crate::column::{row, values};
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::store::Store;

/// In the place of a process where nobody is to run an execution unless that is asked for: it was only written down.
pub const NOBODY: i64 = 0;
/// That no process which lives has an execution or a message `r`.
const FREE: &str = "NOT EXISTS (SELECT 1 FROM processes p WHERE p.id = r.process)";

row! {
    /// A process of a manager.
    pub struct Process {
        /// Its number, which no other process gets.
        id: i64,
        /// The id of its data folder.
        node: String,
        /// The name of its manager.
        hostname: String,
        /// When it last said that it lives.
        seen_at: Timestamp,
        /// How long it is believed to live after that, in microseconds.
        lease: i64,
    }
}

/// Whether several processes may work on the database. A SQLite file has one.
pub fn are_several(store: &Store) -> bool {
    (store as &dyn Db).dialect() == Dialect::Pg
}

/// A process begins to live; its number.
pub async fn insert(db: &dyn Db, node: &str, hostname: &str, lease: i64) -> Result<i64> {
    let text =
        format!("INSERT INTO processes (node, hostname, seen_at, lease) VALUES ($1, $2, {}, $3) RETURNING id", now(db));
    let rows = db.write(Sql::new(text, values![node, hostname, lease])).await?;
    rows.first().map_or(Ok(0), |row| row.raw(0))
}

/// A process says that it lives. False when it was dismissed.
pub async fn renew(db: &dyn Db, id: i64) -> Result<bool> {
    let text = format!("UPDATE processes SET seen_at = {} WHERE id = $1", now(db));
    Ok(db.execute(Sql::new(text, values![id])).await? > 0)
}

/// The process with this number, and how long it has been silent, in microseconds.
pub async fn by_id(db: &dyn Db, id: i64) -> Result<Option<(Process, i64)>> {
    let found: Option<Process> =
        db.first(format!("SELECT {} FROM processes r WHERE r.id = $1", Process::COLUMNS), values![id]).await?;
    let Some(found) = found else { return Ok(None) };
    let rows = db.fetch(Sql::new(format!("SELECT {}", now(db)), values![])).await?;
    let present: i64 = rows.first().map_or(Ok(0), |row| row.raw(0))?;
    let silent = present - found.seen_at.micros();
    Ok(Some((found, silent)))
}

/// A process, and how long it has been silent.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// The id of its data folder.
    pub node: String,
    /// For how long it has not said that it lives, in microseconds.
    pub silent: i64,
    /// For how long it is believed to live, in microseconds.
    pub lease: i64,
}

/// The heartbeats of all processes.
pub async fn heartbeats(db: &dyn Db) -> Result<Vec<Heartbeat>> {
    let text = format!("SELECT r.node, {} - r.seen_at, r.lease FROM processes r ORDER BY r.id", now(db));
    let found: Vec<(String, i64, i64)> = db.all(text, values![]).await?;
    Ok(found.into_iter().map(|(node, silent, lease)| Heartbeat { node, silent: silent.max(0), lease }).collect())
}

/// The numbers of all that live.
pub async fn all(db: &dyn Db) -> Result<Vec<i64>> {
    db.column("SELECT id FROM processes ORDER BY id", values![]).await
}

/// Whether this process does what one does for all: it is the oldest.
pub async fn leads(db: &dyn Db, id: i64) -> Result<bool> {
    Ok(all(db).await?.first() == Some(&id))
}

/// Dismisses the processes of this data folder, in which no two live at once; with a SQLite file all, since it has one.
pub async fn dismiss_former(tx: &Tx, node: &str) -> Result<()> {
    let db: &dyn Db = tx;
    match db.dialect() {
        Dialect::Pg => db.run("DELETE FROM processes WHERE node = $1", values![node]).await?,
        Dialect::Lite => db.run("DELETE FROM processes", values![]).await?,
    };
    free(db, Locked::Wait).await
}

/// Dismisses those whose lease has run out, unless a transaction of theirs is still open: it ends by itself, or the
/// database ends it. Gives their numbers and names.
pub async fn dismiss_silent(tx: &Tx) -> Result<Vec<(i64, String)>> {
    let db: &dyn Db = tx;
    let locking = if db.dialect() == Dialect::Pg { " FOR UPDATE SKIP LOCKED" } else { "" };
    let text = format!(
        "DELETE FROM processes WHERE id IN (SELECT p.id FROM processes p WHERE p.seen_at + p.lease < {}{locking}) \
         RETURNING id, hostname",
        now(db)
    );
    let rows = db.write(Sql::new(text, values![])).await?;
    let found = rows.iter().map(|row| Ok((row.raw(0)?, row.raw(1)?))).collect::<Result<Vec<(i64, String)>>>()?;
    if !found.is_empty() {
        free(db, Locked::Skip).await?;
    }
    Ok(found)
}

/// A process ends, and leaves everything to others.
pub async fn dismiss(tx: &Tx, id: i64) -> Result<()> {
    let db: &dyn Db = tx;
    db.run("DELETE FROM processes WHERE id = $1", values![id]).await?;
    free(db, Locked::Wait).await
}

/// What to do about rows that a transaction of somebody else holds.
#[derive(Clone, Copy)]
enum Locked {
    /// It has ended or will soon: a former process of the same folder is dead.
    Wait,
    /// Its process may be stopped in it. Whoever takes the execution ends its token ([`take`]).
    Skip,
}

/// Frees what processes that are gone held. Requests of their runs and hooks that are still on their way find their tokens
/// void.
async fn free(db: &dyn Db, locked: Locked) -> Result<()> {
    let locking = match (db.dialect(), locked) {
        (Dialect::Pg, Locked::Skip) => " FOR UPDATE OF r SKIP LOCKED",
        _ => "",
    };
    let executions = format!(
        "UPDATE executions SET process = NULL, token = NULL WHERE storage_id IN \
         (SELECT r.storage_id FROM executions r WHERE {ACTIVE} AND r.process <> $1 AND {FREE}{locking})"
    );
    db.execute(Sql::new(executions, values![NOBODY])).await?;
    let messages = format!(
        "UPDATE outbox SET process = NULL, claimed_until = 0 WHERE id IN \
         (SELECT r.id FROM outbox r WHERE r.process IS NOT NULL AND {FREE}{locking})"
    );
    db.execute(Sql::new(messages, values![])).await?;
    let tokens = format!("DELETE FROM tokens AS r WHERE r.process IS NOT NULL AND {FREE}");
    db.execute(Sql::new(tokens, values![])).await?;
    Ok(())
}

/// Takes an execution, unless another process that lives runs it. Gives whether it is this process's now; never, if that
/// was dismissed.
pub async fn take(db: &dyn Db, execution: &ExecutionId, id: i64) -> Result<bool> {
    let text = format!(
        "UPDATE executions AS r SET process = $2, token = CASE WHEN r.process = $2 THEN r.token END WHERE r.id = $1 AND (r.process = $2 OR {FREE}) \
         AND EXISTS (SELECT 1 FROM processes p WHERE p.id = $2)"
    );
    Ok(db.execute(Sql::new(text, values![execution, id])).await? > 0)
}

/// The executions under way that a process runs, and where they stand.
pub async fn held(db: &dyn Db, id: i64) -> Result<Vec<(ExecutionId, ExecutionStatus)>> {
    db.all(format!("SELECT r.id, r.status FROM executions r WHERE {ACTIVE} AND r.process = $1"), values![id]).await
}

/// Whether an execution is under way, and this process, which lives, runs it.
pub async fn holds(db: &dyn Db, execution: &ExecutionId, id: i64) -> Result<bool> {
    let text = format!(
        "SELECT CAST(1 AS BIGINT) FROM executions r JOIN processes p ON p.id = r.process \
         WHERE r.id = $1 AND p.id = $2 AND {ACTIVE}"
    );
    Ok(db.first::<(i64,)>(text, values![execution, id]).await?.is_some())
}

/// Executions under way that somebody should run, and nobody who lives does. The oldest first.
pub async fn free_executions(db: &dyn Db) -> Result<Vec<ExecutionId>> {
    let text = format!(
        "SELECT r.id FROM executions r WHERE {ACTIVE} AND coalesce(r.process, -1) <> $1 \
         AND {FREE} ORDER BY r.storage_id"
    );
    let found: Vec<(ExecutionId,)> = db.all(text, values![NOBODY]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// The present instant of the database, in microseconds.
fn now(db: &dyn Db) -> &'static str {
    match db.dialect() {
        Dialect::Pg => "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
        Dialect::Lite => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
    }
}
