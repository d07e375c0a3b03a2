//! Inserts and updates whose columns are known only at run time: one row, many rows, some columns.

use sea_query::{Expr, ExprTrait as _, InsertStatement, PostgresQueryBuilder, Query, SqliteQueryBuilder, Value};

use crate::backend::{Dialect, Sql};
use crate::column::{Bind as _, Column as _};
use crate::db::Db;
use crate::error::Result;

/// SQLite takes 32,766 values in a statement, PostgreSQL 65,535.
const VALUES: usize = 30_000;
const ROWS: usize = 500;

/// Columns with their new values.
pub(crate) type Assignments = Vec<(&'static str, Value)>;

/// A struct that can be inserted: its columns in order, and its values.
pub(crate) trait Insert {
    const TABLE: &'static str;
    const COLUMNS: &'static [&'static str];
    fn values(self) -> Vec<Value>;
}

/// Inserts a row and gives its `storage_id`.
pub(crate) async fn insert<T: Insert>(db: &dyn Db, row: T) -> Result<i64> {
    let mut statement = into::<T>();
    statement.values(row.values().into_iter().map(Expr::value)).ok();
    statement.returning_col("storage_id");
    let rows = db.write(built(db, &statement)).await?;
    rows.first().map_or(Ok(0), |row| i64::read(row, 0))
}

/// Inserts rows, as many at a time as the databases take.
pub(crate) async fn insert_all<T: Insert>(db: &dyn Db, rows: Vec<T>) -> Result<()> {
    let chunk = ROWS.min(VALUES / T::COLUMNS.len());
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut statement = into::<T>();
        for row in rows.by_ref().take(chunk) {
            statement.values(row.values().into_iter().map(Expr::value)).ok();
        }
        db.execute(built(db, &statement)).await?;
    }
    Ok(())
}

fn into<T: Insert>() -> InsertStatement {
    let mut statement = Query::insert();
    statement.into_table(T::TABLE).columns(T::COLUMNS.iter().copied());
    statement
}

fn built(db: &dyn Db, statement: &InsertStatement) -> Sql {
    let (text, values) = match db.dialect() {
        Dialect::Pg => statement.build(PostgresQueryBuilder),
        Dialect::Lite => statement.build(SqliteQueryBuilder),
    };
    if text.len() < 2000 { Sql::new(text, values.0) } else { Sql::once(text, values.0) }
}

/// Changes the given columns of one row; nothing when there are none. Gives the rows touched.
pub(crate) async fn update(
    db: &dyn Db,
    table: &'static str,
    key: &'static str,
    id: Value,
    changes: Assignments,
) -> Result<u64> {
    if changes.is_empty() {
        return Ok(0);
    }
    let mut statement = Query::update();
    statement.table(table).and_where(Expr::col(key).eq(id));
    statement.values(changes.into_iter().map(|(column, value)| (column, Expr::value(value))));
    let (text, values) = match db.dialect() {
        Dialect::Pg => statement.build(PostgresQueryBuilder),
        Dialect::Lite => statement.build(SqliteQueryBuilder),
    };
    db.execute(Sql::new(text, values.0)).await
}

/// Deletes one row. Gives whether it was there.
pub(crate) async fn delete(db: &dyn Db, table: &'static str, storage_id: i64) -> Result<bool> {
    let text = format!("DELETE FROM {table} WHERE storage_id = $1");
    Ok(db.execute(Sql::new(text, vec![storage_id.bind()])).await? > 0)
}

/// A struct to insert; each field is the column of its name, or the one after `=`.
macro_rules! insertable {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident into $table:literal {
            $($(#[$doc:meta])* $field:ident: $type:ty $(= $column:literal)?,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name { $($(#[$doc])* $vis $field: $type,)* }

        impl $crate::write::Insert for $name {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [&'static str] = &[$($crate::write::column_name!($field $($column)?)),*];
            fn values(self) -> Vec<sea_query::Value> {
                $crate::column::values![$(self.$field),*]
            }
        }
    };
}
pub(crate) use insertable;

/// Some new values for a row; fields left `None` stay as they are.
macro_rules! changes {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $($(#[$doc:meta])* $field:ident: $type:ty $(= $column:literal)?,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default)]
        $vis struct $name { $($(#[$doc])* $vis $field: Option<$type>,)* }

        impl $name {
            pub(crate) fn assignments(self) -> $crate::write::Assignments {
                let mut assignments = Vec::new();
                $(if let Some(value) = self.$field {
                    let column = $crate::write::column_name!($field $($column)?);
                    assignments.push((column, $crate::column::Bind::bind(value)));
                })*
                assignments
            }
        }
    };
}
pub(crate) use changes;

macro_rules! column_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $column:literal) => {
        $column
    };
}
pub(crate) use column_name;
