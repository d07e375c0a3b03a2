//! What users prefer in the console: one JSON object each, which only they read and write.

use nephele_model::Timestamp;

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::json::Json;

row! {
    /// What a user prefers.
    pub struct Preferences {
        /// An object.
        value: Json,
        /// When it was stored.
        updated_at: Timestamp,
    }
}

/// What this user prefers; `None` for who never said so.
pub async fn of_user(db: &dyn Db, user_id: i64) -> Result<Option<Preferences>> {
    let text = format!("SELECT {} FROM preferences r WHERE r.user_id = $1", Preferences::COLUMNS);
    db.first(text, values![user_id]).await
}

/// Stores what this user prefers, instead of what was there.
pub async fn put(db: &dyn Db, user_id: i64, value: &Json) -> Result<()> {
    let text = "INSERT INTO preferences (user_id, value, updated_at) VALUES ($1, $2, $3) \
                ON CONFLICT (user_id) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at";
    db.run(text, values![user_id, value, db.now()]).await?;
    Ok(())
}
