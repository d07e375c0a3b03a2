//! How a deployment as a whole is doing (spec rest-api.md section 3.2).

use serde::{Deserialize, Serialize};

use crate::blueprint::states;
use crate::execution::ExecutionStatus;

states! {
    /// Whether all of a deployment's node instances are started.
    InstallationStatus {
        /// Every node instance is started.
        Active = "active",
        /// Some node instance is not started.
        Inactive = "inactive",
    }
}

states! {
    /// The one-word verdict that lists show.
    DeploymentStatus {
        /// Installed, and its latest execution did not fail.
        Good = "good",
        /// An execution is under way.
        InProgress = "in_progress",
        /// Not installed, or its latest execution failed.
        RequiresAttention = "requires_attention",
    }
}

impl DeploymentStatus {
    /// The verdict from the latest execution and the installation status.
    pub const fn derive(latest: Option<ExecutionStatus>, installation: InstallationStatus) -> Self {
        match (latest, installation) {
            (Some(status), _) if !status.is_final() => Self::InProgress,
            (Some(ExecutionStatus::Failed), _) | (_, InstallationStatus::Inactive) => Self::RequiresAttention,
            _ => Self::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_run_counts_as_not_failed() {
        let derive = |status| DeploymentStatus::derive(Some(status), InstallationStatus::Active);
        assert_eq!(derive(ExecutionStatus::Cancelled), DeploymentStatus::Good);
        assert_eq!(derive(ExecutionStatus::Failed), DeploymentStatus::RequiresAttention);
        assert_eq!(derive(ExecutionStatus::Started), DeploymentStatus::InProgress);
    }
}
