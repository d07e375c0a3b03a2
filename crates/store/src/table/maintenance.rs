//! Maintenance mode: a row while it is on or being switched on, none otherwise.

use nephele_model::Timestamp;
use nephele_model::id::Username;

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;

row! {
    /// The state of maintenance mode.
    pub struct Maintenance {
        /// `activating` or `activated`.
        status: String,
        /// When it was asked for.
        activation_requested_at: Timestamp,
        /// Since when it is on.
        activated_at: Option<Timestamp>,
        /// Who asked for it.
        requested_by: Option<Username> = "u.username",
    }
}

/// The state, if maintenance mode is on or being switched on.
pub async fn get(db: &dyn Db) -> Result<Option<Maintenance>> {
    let text = format!(
        "SELECT {} FROM maintenance_mode r LEFT JOIN users u ON u.id = r.requested_by_fk",
        Maintenance::COLUMNS
    );
    db.first(text, values![]).await
}

/// Begins the mode; at once on when nothing runs.
pub async fn begin(db: &dyn Db, user_id: i64, activated: bool) -> Result<()> {
    let status = if activated { "activated" } else { "activating" };
    let now = db.now();
    let text = "INSERT INTO maintenance_mode (id, status, activation_requested_at, activated_at, requested_by_fk) \
                VALUES (1, $1, $2, $3, $4)";
    db.run(text, values![status, now, activated.then_some(now), user_id]).await?;
    Ok(())
}

/// The mode was only waiting, and is on now.
pub async fn complete(db: &dyn Db) -> Result<()> {
    let text = "UPDATE maintenance_mode SET status = 'activated', activated_at = $1 WHERE status = 'activating'";
    db.run(text, values![db.now()]).await?;
    Ok(())
}

/// Ends maintenance mode.
pub async fn delete(db: &dyn Db) -> Result<bool> {
    Ok(db.run("DELETE FROM maintenance_mode", values![]).await? > 0)
}
