//! What a crash, or damage from outside, may leave behind.

use serde::{Deserialize, Serialize};

use crate::blueprint::states;

states! {
    /// What was left behind.
    LeftoverKind {
        /// An execution under way that nobody runs.
        Execution = "execution",
        /// A queued execution that nothing stands in the way of.
        Queue = "queue",
        /// An execution that has ended, and what it was for does not say so.
        Outcome = "outcome",
        /// A snapshot that no execution makes.
        Snapshot = "snapshot",
        /// A log bundle that no execution makes.
        LogBundle = "log_bundle",
        /// A deployment whose statuses are not what is in it.
        Deployment = "deployment",
        /// A message for a manager that is gone.
        Message = "message",
        /// A token of a cancelled execution that still counts.
        Token = "token",
        /// A file or folder of an upload that was never finished.
        Temporary = "temporary",
        /// A folder of something that is not there.
        Folder = "folder",
    }
}
