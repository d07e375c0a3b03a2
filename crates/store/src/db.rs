//! Where a statement runs: on the store, standing alone, or in a transaction.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use nephele_model::{Clock, Timestamp};
use sea_query::Value;
use tokio::sync::Mutex;

use crate::backend::{Dialect, Open, Row, Sql};
use crate::column::Column;
use crate::error::Result;
use crate::places::{Place, Walk};
use crate::statements::Statements;
use crate::writes::{Writes, Written};

/// What table functions run on: a [`crate::Store`] or a [`Tx`]. Only this crate implements it.
pub trait Db: Send + Sync {
    #[doc(hidden)]
    fn dialect(&self) -> Dialect;
    #[doc(hidden)]
    fn fetch(&self, sql: Sql) -> BoxFuture<'_, Result<Vec<Row>>>;
    #[doc(hidden)]
    fn write(&self, sql: Sql) -> BoxFuture<'_, Result<Vec<Row>>>;
    #[doc(hidden)]
    fn execute(&self, sql: Sql) -> BoxFuture<'_, Result<u64>>;
    /// The number that a counting statement gives.
    #[doc(hidden)]
    fn count(&self, sql: Sql) -> BoxFuture<'_, Result<u64>> {
        async move {
            let rows = self.fetch(sql).await?;
            Ok(rows.first().map_or(Ok(0), |row| i64::read(row, 0))?.unsigned_abs())
        }
        .boxed()
    }
    /// Where to begin to read so that a list's row at `offset` is found without passing all before it.
    #[doc(hidden)]
    fn place<'a>(&'a self, _walk: Walk<'a>, offset: u64) -> BoxFuture<'a, Result<Place>> {
        futures::future::ready(Ok(Place::start(offset))).boxed()
    }
    /// The present instant of the store's clock.
    fn now(&self) -> Timestamp;
}

impl dyn Db + '_ {
    /// Every row of a query as a `T`.
    pub(crate) async fn all<T: FromRow>(&self, text: String, values: Vec<Value>) -> Result<Vec<T>> {
        self.fetch(Sql::new(text, values)).await?.iter().map(T::from_row).collect()
    }

    /// The first row of a query as a `T`.
    pub(crate) async fn first<T: FromRow>(&self, text: String, values: Vec<Value>) -> Result<Option<T>> {
        self.fetch(Sql::new(text, values)).await?.first().map(T::from_row).transpose()
    }

    /// The first column of each row.
    pub(crate) async fn column<T: Column>(&self, text: &'static str, values: Vec<Value>) -> Result<Vec<T>> {
        self.fetch(Sql::new(text, values)).await?.iter().map(|row| T::read(row, 0)).collect()
    }

    /// The first column of the first row, which must be there: for counts.
    pub(crate) async fn number(&self, text: &'static str, values: Vec<Value>) -> Result<i64> {
        Ok(self.column(text, values).await?.first().copied().unwrap_or_default())
    }

    /// Runs a statement for its effect.
    pub(crate) async fn run(&self, text: &'static str, values: Vec<Value>) -> Result<u64> {
        self.execute(Sql::new(text, values)).await
    }
}

/// A struct that can be read from a row.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &Row) -> Result<Self>;
}

/// A transaction. Dropped without [`Tx::commit`], it leaves no trace.
///
/// On SQLite there is one at a time; on PostgreSQL take [`Tx::lock`] where two must not decide at
/// once.
pub struct Tx {
    open: Mutex<Began>,
    dialect: Dialect,
    clock: Arc<dyn Clock>,
    writes: Arc<Writes>,
    statements: Statements,
}

struct Began {
    open: Open,
    written: Written,
}

impl Tx {
    pub(crate) fn new(
        open: Open,
        dialect: Dialect,
        clock: Arc<dyn Clock>,
        writes: Arc<Writes>,
        statements: Statements,
    ) -> Self {
        let began = Began { open, written: Written::default() };
        Self { open: Mutex::new(began), dialect, clock, writes, statements }
    }

    /// Makes everything done in the transaction lasting and visible.
    pub async fn commit(self) -> Result<()> {
        let Began { open, written } = self.open.into_inner();
        let committed = open.commit().await;
        self.writes.note_all(written);
        committed
    }

    /// Waits until no other transaction holds this key; held until the end of the transaction.
    pub async fn lock(&self, key: &str) -> Result<()> {
        if self.dialect == Dialect::Pg {
            let db: &dyn Db = self;
            db.run("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", vec![key.into()]).await?;
        }
        Ok(())
    }
}

impl Db for Tx {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn fetch(&self, sql: Sql) -> BoxFuture<'_, Result<Vec<Row>>> {
        self.statements.note();
        async move {
            let mut began = self.open.lock().await;
            began.written.add(sql.text());
            began.open.fetch(sql).await
        }
        .boxed()
    }

    fn write(&self, sql: Sql) -> BoxFuture<'_, Result<Vec<Row>>> {
        self.fetch(sql)
    }

    fn execute(&self, sql: Sql) -> BoxFuture<'_, Result<u64>> {
        self.statements.note();
        async move {
            let mut began = self.open.lock().await;
            began.written.add(sql.text());
            began.open.execute(sql).await
        }
        .boxed()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
