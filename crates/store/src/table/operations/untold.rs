//! How operations ended that their run has yet to hear of.
//!
//! Invariant: a worker's report that it has ended brings the outcome along, in the statement that notes who reports
//! ([`super::report`]); the end of the task takes it away again. So what lies here belongs to a run that died in between.

use nephele_model::id::{GraphId, TaskId};

use super::FROM;
use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::json::Json;

row! {
    /// An operation whose worker has ended, while its run has not heard of that.
    pub struct Untold {
        /// Its id.
        id: TaskId,
        /// How it ended, as it goes over the wire.
        outcome: Json,
    }
}

/// The operations of a graph that have ended without their run.
pub async fn untold(db: &dyn Db, graph: &GraphId) -> Result<Vec<Untold>> {
    let text = format!(
        "SELECT {} {FROM} WHERE g.id = $1 AND r.outcome IS NOT NULL \
         AND r.state IN ('sending', 'sent', 'started', 'response-sent') ORDER BY r.storage_id",
        Untold::COLUMNS
    );
    db.all(text, values![graph]).await
}
