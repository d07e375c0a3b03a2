//! What points where: the foreign keys of the schema, as the database itself knows them.

use crate::backend::{Dialect, Sql};
use crate::db::Db;
use crate::error::Result;

/// A column that points to a row of another table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The table of the column.
    pub table: String,
    /// The column.
    pub column: String,
    /// The table that it points to.
    pub parent: String,
    /// Whether the row goes when that one goes: it belongs to it.
    pub belongs: bool,
    /// Whether it must point to something.
    pub is_needed: bool,
}

/// Every column that points somewhere.
pub async fn references(db: &dyn Db) -> Result<Vec<Reference>> {
    let text = match db.dialect() {
        Dialect::Pg => {
            "SELECT CAST(t.relname AS TEXT), CAST(a.attname AS TEXT), CAST(p.relname AS TEXT), \
             CASE c.confdeltype WHEN 'c' THEN 'yes' ELSE 'no' END, CASE WHEN a.attnotnull THEN 'yes' ELSE 'no' END \
             FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace JOIN pg_class t ON t.oid = c.conrelid \
             JOIN pg_class p ON p.oid = c.confrelid \
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] \
             WHERE c.contype = 'f' AND n.nspname = current_schema() ORDER BY 1, 2"
        }
        Dialect::Lite => {
            "SELECT m.name, f.\"from\", f.\"table\", CASE f.on_delete WHEN 'CASCADE' THEN 'yes' ELSE 'no' END, \
             CASE WHEN i.\"notnull\" THEN 'yes' ELSE 'no' END \
             FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f JOIN pragma_table_info(m.name) i ON i.name = f.\"from\" \
             WHERE m.type = 'table' ORDER BY 1, 2"
        }
    };
    let rows = db.fetch(Sql::new(text, Vec::new())).await?;
    let read = |row: &crate::backend::Row| {
        let (belongs, is_needed): (String, String) = (row.raw(3)?, row.raw(4)?);
        Ok(Reference {
            table: row.raw(0)?,
            column: row.raw(1)?,
            parent: row.raw(2)?,
            belongs: belongs == "yes",
            is_needed: is_needed == "yes",
        })
    };
    rows.iter().map(read).collect()
}
