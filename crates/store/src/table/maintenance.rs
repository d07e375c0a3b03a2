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

/// Sets the state; `activated_at` is now when `activated`.
pub async fn put(db: &dyn Db, user_id: i64, activated: bool) -> Result<()> {
    let status = if activated { "activated" } else { "activating" };
    let text = "INSERT INTO maintenance_mode (id, status, activation_requested_at, activated_at, requested_by_fk) \
                VALUES (1, $1, $2, $3, $4) \
                ON CONFLICT (id) DO UPDATE SET status = excluded.status, activated_at = excluded.activated_at";
    db.run(text, values![status, db.now(), activated.then(|| db.now()), user_id]).await?;
    Ok(())
}

/// Ends maintenance mode.
pub async fn delete(db: &dyn Db) -> Result<bool> {
    Ok(db.run("DELETE FROM maintenance_mode", values![]).await? > 0)
}
