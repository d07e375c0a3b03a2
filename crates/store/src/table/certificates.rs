//! Certificates that managers, brokers and the directory are trusted by.

use crate::backend::Sql;
use crate::column::{Column as _, values};
use crate::db::Db;
use crate::error::Result;

/// Stores a certificate under its name and gives its key; the same value changes nothing.
pub async fn put(db: &dyn Db, name: &str, value: &str) -> Result<i64> {
    let text = "INSERT INTO certificates (name, value, updated_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE \
                SET value = excluded.value, updated_at = excluded.updated_at WHERE certificates.value <> excluded.value";
    db.run(text, values![name, value, db.now()]).await?;
    let rows = db.write(Sql::new("SELECT id FROM certificates WHERE name = $1", values![name])).await?;
    rows.first().map_or(Ok(0), |row| i64::read(row, 0))
}

/// The certificate of this name.
pub async fn get(db: &dyn Db, name: &str) -> Result<Option<String>> {
    Ok(db.column("SELECT value FROM certificates WHERE name = $1", values![name]).await?.pop())
}

/// Deletes the certificate of this name.
pub async fn delete(db: &dyn Db, name: &str) -> Result<()> {
    db.run("DELETE FROM certificates WHERE name = $1", values![name]).await?;
    Ok(())
}
