//! The open database.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Clock, Timestamp};

use crate::backend::{Backend, Dialect, Open, Row, Sql};
use crate::column::Column as _;
use crate::db::{Db, Tx};
use crate::error::{Error, Result};
use crate::field::Resource;
use crate::places::{Ladders, Place, Walk};
use crate::record::Record;
use crate::remembered::Remembered;
use crate::scope::Scope;
use crate::statements::Statements;
use crate::summary::{self, Group};
use crate::writes::Writes;
use crate::{audit, migrate, query};

/// An open database. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Store {
    backend: Backend,
    clock: Arc<dyn Clock>,
    writes: Arc<Writes>,
    totals: Arc<Remembered<u64>>,
    ladders: Arc<Ladders>,
    statements: Statements,
}

/// Totals of lists that are remembered.
const TOTALS: usize = 1000;

impl Store {
    /// Opens `sqlite:///path/to/file` (made if it is not there) or `postgres://user@host/database`
    /// and brings the schema up to date.
    pub async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        let store = Self::look(url, clock).await?;
        store.bring_up_to_date().await?;
        Ok(store)
    }

    /// Opens a database as it is: its schema may be another one, or none. What it is has to be asked before anything else is.
    pub async fn look(url: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        let backend = Backend::connect(url).await?;
        // One process owns a SQLite file.
        let writes = Arc::new(Writes::new(backend.dialect() == Dialect::Lite));
        Ok(Self {
            backend,
            clock,
            totals: Arc::new(Remembered::new(Arc::clone(&writes), TOTALS)),
            ladders: Arc::new(Ladders::new(&writes)),
            writes,
            statements: Statements::default(),
        })
    }

    /// Brings the schema up to date.
    pub async fn bring_up_to_date(&self) -> Result<()> {
        migrate::run(&self.backend).await?;
        audit::install(&self.backend).await
    }

    /// Begins a transaction that writes.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(self.transaction(self.backend.begin().await?))
    }

    /// Begins a transaction that only reads, all of it as it is now.
    pub(crate) async fn begin_reading(&self) -> Result<Tx> {
        Ok(self.transaction(self.backend.begin_reading().await?))
    }

    fn transaction(&self, open: Open) -> Tx {
        let (clock, writes) = (Arc::clone(&self.clock), Arc::clone(&self.writes));
        Tx::new(open, self.backend.dialect(), clock, writes, self.statements.clone())
    }

    /// One page of a resource's records, as the caller may see them.
    ///
    /// Errors: [`crate::Error::Query`] for a field, filter or sort key that the resource does not have.
    pub async fn list(&self, resource: &Resource, scope: &Scope, query: &ListQuery) -> Result<Page<Record>> {
        query::list(self, resource, scope, query).await
    }

    /// How many of a resource's rows there are by the values of some fields, as the caller may see them.
    ///
    /// Errors: [`crate::Error::Query`] for a filter that the resource does not have.
    pub async fn summarize(
        &self,
        resource: &Resource,
        scope: &Scope,
        query: &ListQuery,
        fields: &[&str],
    ) -> Result<Page<Group>> {
        summary::summarize(self, resource, scope, query, fields).await
    }

    /// The record with this key (id, or name where a resource has no id), if the caller may see it.
    ///
    /// Errors: [`crate::Error::Query`] for an unknown field in `include`.
    pub async fn get(
        &self,
        resource: &Resource,
        scope: &Scope,
        key: &str,
        include: Option<&[String]>,
    ) -> Result<Option<Record>> {
        query::get(self, resource, scope, key, include).await
    }

    /// How many statements have been sent to the database so far, by this store, its clones and their
    /// transactions. What a use case costs is the difference.
    pub fn statements(&self) -> u64 {
        self.statements.sent()
    }

    /// The pools of connections.
    pub fn pools(&self) -> Vec<crate::measures::Pool> {
        self.backend.pools()
    }

    /// Has `allow` asked before each commit on SQLite; one that is refused is taken back, as if the process had died
    /// before it. Tests of crashes count and end writes with it.
    pub async fn ask_before_commits(&self, allow: impl FnMut() -> bool + Send + 'static) -> Result<()> {
        self.backend.ask_before_commits(allow).await
    }

    /// Waits for running statements and closes all connections.
    pub async fn close(&self) {
        self.backend.close().await;
    }
}

impl Db for Store {
    fn dialect(&self) -> Dialect {
        self.backend.dialect()
    }

    fn fetch(&self, sql: Sql) -> BoxFuture<'_, Result<Vec<Row>>> {
        self.statements.note();
        self.backend.fetch(sql).boxed()
    }

    fn write(&self, sql: Sql) -> BoxFuture<'_, Result<Vec<Row>>> {
        self.statements.note();
        let text = sql.text().to_owned();
        self.backend.write(sql).inspect(move |_| self.writes.note(&text)).boxed()
    }

    fn execute(&self, sql: Sql) -> BoxFuture<'_, Result<u64>> {
        self.statements.note();
        let text = sql.text().to_owned();
        self.backend.execute(sql).inspect(move |_| self.writes.note(&text)).boxed()
    }

    fn count(&self, sql: Sql) -> BoxFuture<'_, Result<u64>> {
        async move {
            let key = sql.key();
            if let Some(total) = self.totals.get(&key) {
                return Ok(total);
            }
            // Who asked may go before it is counted: the next one then need not begin anew.
            let (store, counting) = (self.clone(), self.totals.alone(&key).await);
            let count = async move {
                let _alone = counting;
                if let Some(total) = store.totals.get(&key) {
                    return Ok(total);
                }
                let mut found = store.writes.found(sql.text());
                let rows = store.fetch(sql).await?;
                let total = rows.first().map_or(Ok(0), |row| i64::read(row, 0))?.unsigned_abs();
                (found.cost, found.rows) = (found.began.elapsed(), total);
                store.totals.keep(key, found, total);
                Ok(total)
            };
            tokio::spawn(count).await.map_err(|_| Error::Backend(sqlx::Error::WorkerCrashed))?
        }
        .boxed()
    }

    fn place<'a>(&'a self, walk: Walk<'a>, offset: u64) -> BoxFuture<'a, Result<Place>> {
        self.ladders.place(self, walk, offset).boxed()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
