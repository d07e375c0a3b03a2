//! Where a host's agent stands (spec rest-api.md section 3.2).

use serde::{Deserialize, Serialize};

use crate::blueprint::states;

states! {
    /// Where a host's agent stands.
    AgentState {
        /// Being made.
        Creating = "creating",
        /// Made.
        Created = "created",
        /// Being configured.
        Configuring = "configuring",
        /// Configured.
        Configured = "configured",
        /// Being started.
        Starting = "starting",
        /// Running.
        Started = "started",
        /// Being stopped.
        Stopping = "stopping",
        /// Not running.
        Stopped = "stopped",
        /// Being removed.
        Deleting = "deleting",
        /// Removed.
        Deleted = "deleted",
        /// Being started anew.
        Restarting = "restarting",
        /// Started anew.
        Restarted = "restarted",
        /// Taken over from a snapshot.
        Restored = "restored",
        /// Being replaced by a newer one.
        Upgrading = "upgrading",
        /// Replaced by a newer one.
        Upgraded = "upgraded",
        /// Silent.
        Nonresponsive = "nonresponsive",
        /// Broken.
        Failed = "failed",
    }
}
