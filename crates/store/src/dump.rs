//! Whole tables as JSON, row by row: what snapshots are made of.
//!
//! Invariant: everything that one [`Dump`] reads is of one instant, and nobody waits for it. Both databases
//! give the same text for the same row, and the rows of a table with a key of its own in the order of that key.

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

/// A column and its type, in capitals.
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: String,
}

impl Dump {
    /// Begins to read.
    pub async fn begin(store: &Store) -> Result<Self> {
        Ok(Self { tx: store.begin_reading().await? })
    }

    /// The names of all tables, without those of the migrations.
    pub async fn tables(&self) -> Result<Vec<String>> {
        tables(&self.tx).await
    }

    /// The next rows of a table, each as a JSON object of its columns, and where to go on; nothing at
    /// the end. `table` is one of [`Self::tables`].
    pub async fn rows(&self, table: &str, after: Option<&Place>) -> Result<(Vec<String>, Option<Place>)> {
        let columns = columns(&self.tx, table).await?;
        let dialect = self.tx.dialect();
        let (place, first, kind) = match (key(&columns), dialect) {
            (Some(key), _) => (format!("r.{key}"), "-9223372036854775808", "BIGINT"),
            (None, Dialect::Pg) => ("r.ctid".to_owned(), "(0,0)", "TID"),
            (None, Dialect::Lite) => ("r.rowid".to_owned(), "0", "BIGINT"),
        };
        let text = format!(
            "SELECT CAST({place} AS TEXT), {} FROM {table} r WHERE {place} > CAST($1 AS {kind}) \
             ORDER BY {place} LIMIT {ROWS}",
            row_text(dialect, &columns)
        );
        let after = after.map_or(first, |place| &place.0);
        let db: &dyn Db = &self.tx;
        let rows: Vec<(String, String)> = db.all(text, vec![after.into()]).await?;
        let last = rows.last().map(|(place, _)| Place(place.clone()));
        Ok((rows.into_iter().map(|(_, row)| row).collect(), last))
    }
}

/// The names of all tables, without those of the migrations.
pub(crate) async fn tables(db: &dyn Db) -> Result<Vec<String>> {
    let text = match db.dialect() {
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

/// The columns of a table in their order.
pub(crate) async fn columns(db: &dyn Db, table: &str) -> Result<Vec<Column>> {
    let text = match db.dialect() {
        Dialect::Pg => {
            "SELECT CAST(column_name AS TEXT), upper(CAST(data_type AS TEXT)) FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
        }
        Dialect::Lite => "SELECT name, upper(type) FROM pragma_table_info($1) ORDER BY cid",
    };
    let rows = db.fetch(Sql::new(text, vec![table.into()])).await?;
    rows.iter().map(|row| Ok(Column { name: row.raw(0)?, kind: row.raw(1)? })).collect()
}

/// The integer key of a table, if it has one.
fn key(columns: &[Column]) -> Option<&'static str> {
    let is = |name: &str| {
        let kinds = ["INTEGER", "BIGINT"];
        columns.iter().any(|column| column.name == name && kinds.contains(&column.kind.as_str()))
    };
    ["storage_id", "id"].into_iter().find(|name| is(name))
}

/// SQL for the text of the row `r` as a JSON object.
pub(crate) fn row_text(dialect: Dialect, columns: &[Column]) -> String {
    if dialect == Dialect::Pg {
        return "CAST(row_to_json(r) AS TEXT)".to_owned();
    }
    let pair = |Column { name, kind }: &Column| match kind.as_str() {
        "BOOLEAN" => format!("'{name}', json(CASE r.\"{name}\" WHEN 0 THEN 'false' WHEN 1 THEN 'true' END)"),
        "DOUBLE PRECISION" => format!(
            "'{name}', CASE WHEN r.\"{name}\" = CAST(r.\"{name}\" AS INTEGER) THEN CAST(r.\"{name}\" AS INTEGER) \
             ELSE r.\"{name}\" END"
        ),
        _ => format!("'{name}', r.\"{name}\""),
    };
    let pairs: Vec<String> = columns.iter().map(pair).collect();
    format!("json_object({})", pairs.join(", "))
}
