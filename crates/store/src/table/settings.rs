//! What an installation must remember of itself: keys and salts made at the first start.

use crate::column::values;
use crate::db::Db;
use crate::error::Result;

/// The value of a key.
pub async fn get(db: &dyn Db, key: &str) -> Result<Option<String>> {
    Ok(db.column("SELECT value FROM settings WHERE key = $1", values![key]).await?.into_iter().next())
}

/// Sets a key.
pub async fn put(db: &dyn Db, key: &str, value: &str) -> Result<()> {
    let text = "INSERT INTO settings (key, value) VALUES ($1, $2) \
                ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    db.run(text, values![key, value]).await?;
    Ok(())
}

/// Sets a key unless it is set; gives what it holds now. For values that several managers may make
/// at once and must agree on.
pub async fn put_if_absent(db: &dyn Db, key: &str, value: &str) -> Result<String> {
    db.run("INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", values![key, value]).await?;
    Ok(get(db, key).await?.unwrap_or_else(|| value.to_owned()))
}
