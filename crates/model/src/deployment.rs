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

    /// The worse of two verdicts.
    #[must_use]
    pub const fn or_worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::RequiresAttention, _) | (_, Self::RequiresAttention) => Self::RequiresAttention,
            (Self::InProgress, _) | (_, Self::InProgress) => Self::InProgress,
            _ => Self::Good,
        }
    }

    /// The worst of verdicts that may be missing; `None` when all are.
    pub fn worst(verdicts: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        verdicts.into_iter().flatten().reduce(Self::or_worse)
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

    #[test]
    fn the_worst_counts_and_sorts_last_by_name() {
        let all = [DeploymentStatus::Good, DeploymentStatus::InProgress, DeploymentStatus::RequiresAttention];
        assert!(all.is_sorted_by_key(|status| status.as_str()), "the store takes the largest name");
        for (place, status) in all.into_iter().enumerate() {
            let worst = DeploymentStatus::worst(all[..=place].iter().copied().map(Some).chain([None]));
            assert_eq!(worst, Some(status));
        }
        assert_eq!(DeploymentStatus::worst([None]), None);
    }
}
