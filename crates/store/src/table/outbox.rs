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
        /// The process whose bus it is for; any, if there is none.
        process: Option<i64>,
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

/// Takes up to `limit` messages of a process, or of nobody, the oldest first, for `lease_micros`: after that it may take
/// them again. A process that was dismissed gets none.
pub async fn claim(db: &dyn Db, process: i64, limit: u32, lease_micros: i64) -> Result<Vec<Message>> {
    let locking =
        if db.dialect() == Dialect::Pg { " FOR UPDATE OF o SKIP LOCKED FOR KEY SHARE OF p SKIP LOCKED" } else { "" };
    let text = format!(
        "UPDATE outbox AS r SET claimed_until = $2, process = $4 WHERE r.id IN \
         (SELECT o.id FROM outbox o JOIN processes p ON p.id = $4 \
         WHERE o.claimed_until <= $1 AND (o.process IS NULL OR o.process = $4) ORDER BY o.id LIMIT $3{locking}) \
         RETURNING {}",
        Message::COLUMNS.replace("r.", "")
    );
    let now = db.now();
    let values = values![now, now.plus_micros(lease_micros), i64::from(limit), process];
    let rows = db.write(Sql::new(text, values)).await?;
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
