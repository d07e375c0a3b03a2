//! Where the archives that the manager makes of itself stand: snapshots and log bundles (spec
//! rest-api.md section 3.2).

use serde::{Deserialize, Serialize};

use crate::blueprint::states;

states! {
    /// Where a snapshot or a log bundle stands.
    ArchiveStatus {
        /// Being made.
        Creating = "creating",
        /// Made here.
        Created = "created",
        /// Could not be made.
        Failed = "failed",
        /// Brought from elsewhere.
        Uploaded = "uploaded",
    }
}
