//! The open database.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Clock, Timestamp};

use crate::backend::{Backend, Dialect, Open, Row, Sql};
use crate::column::Column as _;
use crate::counts::Counts;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::field::Resource;
use crate::record::Record;
use crate::scope::Scope;
use crate::statements::Statements;
use crate::summary::{self, Group};
use crate::{migrate, query};

/// An open database. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Store {
    backend: Backend,
    clock: Arc<dyn Clock>,
    counts: Arc<Counts>,
    statements: Statements,
}

impl Store {
    /// Opens `sqlite:///path/to/file` (made if it is not there) or `postgres://user@host/database`
    /// and brings the schema up to date.
    pub async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        let backend = Backend::connect(url).await?;
        migrate::run(&backend).await?;
        Ok(Self { backend, clock, counts: Arc::default(), statements: Statements::default() })
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
        let (clock, counts) = (Arc::clone(&self.clock), Arc::clone(&self.counts));
        Tx::new(open, self.backend.dialect(), clock, counts, self.statements.clone())
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
        self.backend.write(sql).inspect(|_| self.counts.forget()).boxed()
    }

    fn execute(&self, sql: Sql) -> BoxFuture<'_, Result<u64>> {
        self.statements.note();
        self.backend.execute(sql).inspect(|_| self.counts.forget()).boxed()
    }

    fn count(&self, sql: Sql) -> BoxFuture<'_, Result<u64>> {
        async move {
            let (key, moment) = (sql.key(), self.counts.moment());
            if let Some(total) = self.counts.get(&key) {
                return Ok(total);
            }
            self.statements.note();
            let rows = self.backend.fetch(sql).await?;
            let total = rows.first().map_or(Ok(0), |row| i64::read(row, 0))?.unsigned_abs();
            if self.backend.dialect() == Dialect::Lite {
                self.counts.remember(moment, key, total);
            }
            Ok(total)
        }
        .boxed()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
