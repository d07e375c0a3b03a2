//! Whole tables as JSON, row by row: what snapshots are made of.
//!
//! Invariant: everything that one [`Dump`] reads is of one instant, and nobody waits for it.

use crate::backend::{Dialect, Sql};
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::store::Store;

/// Rows that are read at a time.
const ROWS: usize = 1000;

/// Reads everything as it was when it began.
pub struct Dump {
    tx: Tx,
}

/// Where reading a table has come to.
pub struct Place(String);

impl Dump {
    /// Begins to read.
    pub async fn begin(store: &Store) -> Result<Self> {
        Ok(Self { tx: store.begin_reading().await? })
    }

    /// The names of all tables, without those of the migrations.
    pub async fn tables(&self) -> Result<Vec<String>> {
        let db: &dyn Db = &self.tx;
        let text = match self.tx.dialect() {
            Dialect::Pg => {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = current_schema() \
                 AND table_type = 'BASE TABLE' AND table_name NOT LIKE '\\_%' ORDER BY 1"
            }
            Dialect::Lite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
                 AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY 1"
            }
        };
        db.column(text, Vec::new()).await
    }

    /// The next rows of a table, each as a JSON object of its columns, and where to go on; nothing at
    /// the end. `table` is one of [`Self::tables`].
    pub async fn rows(&self, table: &str, after: Option<&Place>) -> Result<(Vec<String>, Option<Place>)> {
        let text = match self.tx.dialect() {
            Dialect::Pg => format!(
                "SELECT CAST(r.ctid AS TEXT), CAST(row_to_json(r) AS TEXT) FROM {table} r \
                 WHERE r.ctid > CAST($1 AS TID) ORDER BY r.ctid LIMIT {ROWS}"
            ),
            Dialect::Lite => format!(
                "SELECT CAST(r.rowid AS TEXT), json_object({}) FROM {table} r \
                 WHERE r.rowid > CAST($1 AS INTEGER) ORDER BY r.rowid LIMIT {ROWS}",
                self.columns(table).await?
            ),
        };
        let first = if self.tx.dialect() == Dialect::Pg { "(0,0)" } else { "0" };
        let after = after.map_or(first, |place| &place.0);
        let db: &dyn Db = &self.tx;
        let rows: Vec<(String, String)> = db.all(text, vec![after.into()]).await?;
        let last = rows.last().map(|(place, _)| Place(place.clone()));
        Ok((rows.into_iter().map(|(_, row)| row).collect(), last))
    }

    async fn columns(&self, table: &str) -> Result<String> {
        let rows = self.tx.fetch(Sql::new("SELECT name FROM pragma_table_info($1)", vec![table.into()])).await?;
        let names: Vec<String> = rows.iter().map(|row| row.raw(0)).collect::<Result<_>>()?;
        let pairs: Vec<String> = names.iter().map(|name| format!("'{name}', r.\"{name}\"")).collect();
        Ok(pairs.join(", "))
    }
}
