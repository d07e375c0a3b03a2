//! Messages that a transaction decided to send. A pump claims them, publishes them, deletes them;
//! a crash in between means that one is sent again, never that one is lost.

use nephele_model::Timestamp;

use crate::backend::{Dialect, Sql};
use crate::column::{row, values};
use crate::db::{Db, FromRow as _};
use crate::error::Result;
use crate::json::Json;
use crate::write::{self, insertable};

insertable! {
    /// A message to send.
    pub struct NewMessage into "outbox" {
        /// Where to: the sender's business.
        address: String,
        /// What.
        body: Json,
        /// When it was decided.
        created_at: Timestamp,
    }
}

row! {
    /// A message that waits.
    pub struct Message {
        /// Its key, to delete it with.
        id: i64,
        /// Where to.
        address: String,
        /// What.
        body: Json,
        /// When it was decided.
        created_at: Timestamp,
    }
}

/// Puts messages into the outbox.
pub async fn insert(db: &dyn Db, messages: Vec<NewMessage>) -> Result<()> {
    write::insert_all(db, messages).await
}

/// Takes up to `limit` messages, the oldest first, out of others' reach for `lease_micros`.
pub async fn claim(db: &dyn Db, limit: u32, lease_micros: i64) -> Result<Vec<Message>> {
    let locking = if db.dialect() == Dialect::Pg { " FOR UPDATE SKIP LOCKED" } else { "" };
    let text = format!(
        "UPDATE outbox AS r SET claimed_until = $2 WHERE r.id IN \
         (SELECT o.id FROM outbox o WHERE o.claimed_until <= $1 ORDER BY o.id LIMIT $3{locking}) RETURNING {}",
        Message::COLUMNS.replace("r.", "")
    );
    let now = db.now();
    let rows = db.write(Sql::new(text, values![now, now.plus_micros(lease_micros), i64::from(limit)])).await?;
    let mut messages: Vec<_> = rows.iter().map(Message::from_row).collect::<Result<_>>()?;
    messages.sort_by_key(|message| message.id);
    Ok(messages)
}

/// Deletes messages that were published.
pub async fn delete(db: &dyn Db, ids: &[i64]) -> Result<()> {
    let text = "DELETE FROM outbox WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
    db.run(text, values![Json::of(ids)]).await?;
    Ok(())
}

/// Ends all claims, for a manager that starts alone: what an earlier process had claimed is free.
pub async fn release(db: &dyn Db) -> Result<u64> {
    db.run("UPDATE outbox SET claimed_until = 0 WHERE claimed_until > 0", values![]).await
}
