//! The two databases: pools, transactions, statements and rows. Nothing outside this file knows
//! which database it talks to, except where [`Dialect`] is asked for, and nothing outside it marks
//! SQL text as safe.
//!
//! SQLite: one connection writes (every write transaction is `BEGIN IMMEDIATE`, so that it never
//! fails half-way for want of the lock), several read. PostgreSQL: one pool for everything.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sea_query::{Value, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Decode, Postgres, Row as _, Sqlite, Transaction, Type, ValueRef as _};

use crate::actor::Actor;
use crate::column::Bind as _;
use crate::error::{Error, Result};

const READERS: u32 = 8;
const PG_CONNECTIONS: u32 = 16;
/// How long a transaction may do nothing, in milliseconds: a process that is stopped in one holds up nobody for longer.
const IDLE: &str = "10000";
const STATEMENTS: usize = 200;
const ROW_BUFFER: usize = 1024;
/// Of each SQLite connection, in KiB below zero: the inner pages of the large tables' indexes fit in.
const PAGE_CACHE: &str = "-16000";

/// Which SQL is spoken, for the few statements that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL.
    Pg,
    /// SQLite.
    Lite,
}

/// A statement with its values; placeholders are `$1`, `$2`, ...
pub struct Sql {
    text: Cow<'static, str>,
    values: Vec<Value>,
    cached: bool,
}

impl Sql {
    /// A statement whose text comes back often enough to be kept prepared.
    pub(crate) fn new(text: impl Into<Cow<'static, str>>, values: Vec<Value>) -> Self {
        Self { text: text.into(), values, cached: true }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The same text for the same statement and values.
    pub(crate) fn key(&self) -> String {
        format!("{} {:?}", self.text, self.values)
    }

    /// A statement whose text is unlikely to come back.
    pub(crate) fn once(text: String, values: Vec<Value>) -> Self {
        Self { text: Cow::Owned(text), values, cached: false }
    }
}

/// A row of either database.
pub enum Row {
    Pg(PgRow),
    Lite(SqliteRow),
}

impl Row {
    pub(crate) fn is_null(&self, index: usize) -> Result<bool> {
        Ok(match self {
            Self::Pg(row) => row.try_get_raw(index)?.is_null(),
            Self::Lite(row) => row.try_get_raw(index)?.is_null(),
        })
    }

    pub(crate) fn raw<'r, T>(&'r self, index: usize) -> Result<T>
    where
        T: Decode<'r, Postgres> + Type<Postgres> + Decode<'r, Sqlite> + Type<Sqlite>,
    {
        Ok(match self {
            Self::Pg(row) => row.try_get(index)?,
            Self::Lite(row) => row.try_get(index)?,
        })
    }
}

/// The pools of an open database.
#[derive(Clone)]
pub(crate) enum Backend {
    Pg(PgPool),
    Lite { reader: SqlitePool, writer: SqlitePool, actor: Told },
}

/// The actor that SQLite's triggers were told last; `None` when that is not certain.
type Told = Arc<Mutex<Option<Actor>>>;

/// A transaction of either database.
pub(crate) enum Open {
    Pg(Transaction<'static, Postgres>),
    /// With the actor that its writes are logged under, to be remembered once they are there.
    Lite(Transaction<'static, Sqlite>, Actor, Told),
}

macro_rules! fetch {
    ($sql:expr, $executor:expr, $row:path) => {{
        let Sql { text, values, cached } = $sql;
        let query = sqlx::query_with(AssertSqlSafe(text), SqlxValues(Values(values))).persistent(cached);
        query.fetch_all($executor).await?.into_iter().map($row).collect()
    }};
}

macro_rules! execute {
    ($sql:expr, $executor:expr) => {{
        let Sql { text, values, cached } = $sql;
        let query = sqlx::query_with(AssertSqlSafe(text), SqlxValues(Values(values))).persistent(cached);
        query.execute($executor).await?.rows_affected()
    }};
}

macro_rules! pool_measures {
    ($name:literal, $pool:expr) => {
        crate::measures::Pool {
            name: $name,
            open: $pool.size(),
            idle: $pool.num_idle(),
            most: $pool.options().get_max_connections(),
        }
    };
}

impl Backend {
    /// Connects to `sqlite:///path/to/file` or `postgres://...`.
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url)
                .map_err(|error| Error::Url(format!("The database URL cannot be read: {error}")))?
                .statement_cache_capacity(STATEMENTS)
                // Compiling one of our long statements takes a second, running it a millisecond.
                .options([("idle_in_transaction_session_timeout", IDLE), ("jit", "off")]);
            let pool = PgPoolOptions::new().max_connections(PG_CONNECTIONS).connect_with(options).await?;
            return Ok(Self::Pg(pool));
        }
        let Some(path) = url.strip_prefix("sqlite://") else {
            return Err(Error::Url("The database URL must begin with sqlite:// or postgres://".to_owned()));
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(STATEMENTS)
            .row_buffer_size(ROW_BUFFER)
            .pragma("temp_store", "memory")
            .pragma("cache_size", PAGE_CACHE);
        // A file does not hang up: asking each time whether it is still there would double the work.
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false);
        let writer = pool(1).connect_with(options.clone()).await?;
        let reader = pool(READERS).connect_lazy_with(options.pragma("query_only", "on"));
        Ok(Self::Lite { reader, writer, actor: Told::default() })
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Pg(_) => Dialect::Pg,
            Self::Lite { .. } => Dialect::Lite,
        }
    }

    pub(crate) async fn begin(&self) -> Result<Open> {
        let present = Actor::present();
        match self {
            Self::Pg(pool) => {
                let mut tx = pool.begin().await?;
                if present != Actor::default() {
                    let told: Vec<Row> = fetch!(tell_pg(present), &mut *tx, Row::Pg);
                    if told.is_empty() {
                        return Err(Error::Fenced);
                    }
                }
                Ok(Open::Pg(tx))
            }
            Self::Lite { writer, actor, .. } => {
                let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
                // Until the commit nothing is certain: the end may take the row back.
                if take(actor).as_ref() != Some(&present) {
                    execute!(tell_lite(&present), &mut *tx);
                }
                Ok(Open::Lite(tx, present, actor.clone()))
            }
        }
    }

    /// A transaction that sees one instant and writes nothing.
    pub(crate) async fn begin_reading(&self) -> Result<Open> {
        Ok(match self {
            Self::Pg(pool) => Open::Pg(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?),
            // Nothing is written, so nobody needs to be told of.
            Self::Lite { reader, .. } => Open::Lite(reader.begin().await?, Actor::default(), Told::default()),
        })
    }

    /// Reads.
    pub(crate) async fn fetch(&self, sql: Sql) -> Result<Vec<Row>> {
        Ok(match self {
            Self::Pg(pool) => fetch!(sql, pool, Row::Pg),
            Self::Lite { reader, .. } => fetch!(sql, reader, Row::Lite),
        })
    }

    /// Writes and gives back what the statement returns.
    pub(crate) async fn write(&self, sql: Sql) -> Result<Vec<Row>> {
        Ok(match self {
            Self::Pg(pool) if Actor::present() == Actor::default() => fetch!(sql, pool, Row::Pg),
            Self::Pg(_) => {
                let mut tx = self.begin().await?;
                let rows = tx.fetch(sql).await?;
                tx.commit().await?;
                rows
            }
            Self::Lite { writer, actor, .. } => {
                let mut connection = writer.acquire().await?;
                tell(&mut connection, actor).await?;
                fetch!(sql, &mut *connection, Row::Lite)
            }
        })
    }

    /// Writes and gives back the number of rows that were touched.
    pub(crate) async fn execute(&self, sql: Sql) -> Result<u64> {
        Ok(match self {
            Self::Pg(pool) if Actor::present() == Actor::default() => execute!(sql, pool),
            Self::Pg(_) => {
                let mut tx = self.begin().await?;
                let touched = tx.execute(sql).await?;
                tx.commit().await?;
                touched
            }
            Self::Lite { writer, actor, .. } => {
                let mut connection = writer.acquire().await?;
                tell(&mut connection, actor).await?;
                execute!(sql, &mut *connection)
            }
        })
    }

    /// Has `allow` asked before each commit of SQLite's writer.
    pub(crate) async fn ask_before_commits(&self, allow: impl FnMut() -> bool + Send + 'static) -> Result<()> {
        if let Self::Lite { writer, .. } = self {
            writer.acquire().await?.lock_handle().await?.set_commit_hook(allow);
        }
        Ok(())
    }

    pub(crate) fn pools(&self) -> Vec<crate::measures::Pool> {
        match self {
            Self::Pg(pool) => vec![pool_measures!("all", pool)],
            Self::Lite { reader, writer, .. } => {
                vec![pool_measures!("reading", reader), pool_measures!("writing", writer)]
            }
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Pg(pool) => pool.close().await,
            Self::Lite { reader, writer, .. } => {
                reader.close().await;
                writer.close().await;
            }
        }
    }
}

/// Tells SQLite's triggers who writes, unless they know.
async fn tell(connection: &mut SqliteConnection, told: &Told) -> Result<()> {
    let present = Actor::present();
    if take(told).as_ref() != Some(&present) {
        execute!(tell_lite(&present), &mut *connection);
    }
    remember(told, present);
    Ok(())
}

fn tell_lite(actor: &Actor) -> Sql {
    let values = vec![actor.username.as_deref().bind(), actor.execution_id.as_deref().bind()];
    Sql::new("UPDATE audit_actor SET creator_name = $1, execution_id = $2", values)
}

/// For one transaction; outside of it PostgreSQL's triggers know nobody. Finds no row when the actor's lease has ended;
/// if it has not, the lock keeps it from ending before the transaction does. Locks of others on the row do not conflict,
/// and neither does saying that the process lives.
fn tell_pg(actor: Actor) -> Sql {
    const TELL: &str = "SELECT set_config('nephele.username', $1, true), set_config('nephele.execution_id', $2, true)";
    let mut values = vec![actor.username.unwrap_or_default().bind(), actor.execution_id.unwrap_or_default().bind()];
    let Some(lease) = actor.lease else { return Sql::new(TELL, values) };
    values.push(lease.process.bind());
    let right = match lease.execution_fk {
        None => "NOT EXISTS (SELECT 1 FROM processes q WHERE q.id < p.id)",
        Some(execution) => {
            values.push(execution.bind());
            "EXISTS (SELECT 1 FROM executions e WHERE e.storage_id = $4 AND e.process = p.id)"
        }
    };
    Sql::new(format!("{TELL} FROM processes p WHERE p.id = $3 AND {right} FOR KEY SHARE OF p"), values)
}

fn take(told: &Told) -> Option<Actor> {
    told.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn remember(told: &Told, actor: Actor) {
    *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(actor);
}

impl Open {
    pub(crate) async fn fetch(&mut self, sql: Sql) -> Result<Vec<Row>> {
        Ok(match self {
            Self::Pg(tx) => fetch!(sql, &mut **tx, Row::Pg),
            Self::Lite(tx, ..) => fetch!(sql, &mut **tx, Row::Lite),
        })
    }

    pub(crate) async fn execute(&mut self, sql: Sql) -> Result<u64> {
        Ok(match self {
            Self::Pg(tx) => execute!(sql, &mut **tx),
            Self::Lite(tx, ..) => execute!(sql, &mut **tx),
        })
    }

    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Pg(tx) => tx.commit().await?,
            Self::Lite(tx, actor, told) => {
                tx.commit().await?;
                remember(&told, actor);
            }
        }
        Ok(())
    }
}
