//! An execution's states and the moves between them (spec workflows.md section 5.7).

use serde::{Deserialize, Serialize};

use crate::blueprint::states;
use crate::error::{Code, Error, Result};

states! {
    /// Where a run of a workflow stands.
    ExecutionStatus {
        /// Accepted, not yet picked up.
        Pending = "pending",
        /// Running.
        Started = "started",
        /// Asked to stop after what is running now.
        Cancelling = "cancelling",
        /// Asked to stop without waiting for what is running.
        ForceCancelling = "force_cancelling",
        /// Asked to stop and to kill what is running.
        KillCancelling = "kill_cancelling",
        /// Waits for others to end.
        Queued = "queued",
        /// Waits for its time.
        Scheduled = "scheduled",
        /// Ended well.
        Terminated = "terminated",
        /// Ended with an error.
        Failed = "failed",
        /// Ended on request.
        Cancelled = "cancelled",
    }
}

impl ExecutionStatus {
    /// Whether nothing more will happen.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Terminated | Self::Failed | Self::Cancelled)
    }

    /// Whether a worker may be acting for it.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Started | Self::Cancelling | Self::ForceCancelling | Self::KillCancelling)
    }

    /// Whether a request to stop is under way.
    pub const fn is_cancelling(self) -> bool {
        matches!(self, Self::Cancelling | Self::ForceCancelling | Self::KillCancelling)
    }

    /// The name that lists show: `terminated` reads `completed`.
    pub const fn display(self) -> &'static str {
        match self {
            Self::Terminated => "completed",
            other => other.as_str(),
        }
    }

    /// Whether an execution in this status may be moved to `next` by a status update.
    pub const fn may_become(self, next: Self) -> bool {
        if self.is_final() {
            return self as u8 == next as u8;
        }
        match self {
            Self::Cancelling => !matches!(next, Self::Pending | Self::Started | Self::Terminated),
            Self::ForceCancelling => {
                !matches!(next, Self::Pending | Self::Started | Self::Terminated | Self::Cancelling)
            }
            Self::KillCancelling => !matches!(next, Self::Pending | Self::Started),
            _ => true,
        }
    }

    /// The status after `action`, or an error in the wording that clients know.
    pub fn after_cancel(self, execution: &str, action: CancelAction) -> Result<Self> {
        let refused = || {
            let force = if action == CancelAction::Force { "force-" } else { "" };
            Err(Error::new(
                Code::IllegalAction,
                format!("Can't {force}cancel execution {execution} because it's in status {}", self.as_str()),
            ))
        };
        match (self, action) {
            (Self::Queued | Self::Scheduled, _) => Ok(Self::Cancelled),
            (_, CancelAction::Kill) => Ok(Self::KillCancelling),
            (Self::Pending | Self::Started, CancelAction::Cancel) => Ok(Self::Cancelling),
            (Self::Pending | Self::Started | Self::Cancelling, CancelAction::Force) => Ok(Self::ForceCancelling),
            _ => refused(),
        }
    }
}

/// How hard a run is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAction {
    /// Let running operations end, start no more.
    Cancel,
    /// Do not wait for running operations.
    Force,
    /// Kill running operations.
    Kill,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_states_stay() {
        for status in ExecutionStatus::ALL.iter().filter(|status| status.is_final()) {
            for next in ExecutionStatus::ALL {
                assert_eq!(status.may_become(*next), status == next);
            }
        }
    }

    #[test]
    fn cancelling_never_goes_back() {
        assert!(!ExecutionStatus::Cancelling.may_become(ExecutionStatus::Started));
        assert!(!ExecutionStatus::Cancelling.may_become(ExecutionStatus::Terminated));
        assert!(!ExecutionStatus::KillCancelling.may_become(ExecutionStatus::Started));
        assert!(ExecutionStatus::KillCancelling.may_become(ExecutionStatus::Cancelled));
        assert!(ExecutionStatus::Cancelling.may_become(ExecutionStatus::Cancelled));
        assert!(ExecutionStatus::Cancelling.may_become(ExecutionStatus::ForceCancelling));
        assert!(!ExecutionStatus::ForceCancelling.may_become(ExecutionStatus::Cancelling));
    }

    #[test]
    fn a_finished_run_cannot_be_cancelled() {
        let refused = ExecutionStatus::Terminated.after_cancel("e1", CancelAction::Cancel);
        assert_eq!(
            refused.map_err(|error| error.message().to_owned()),
            Err("Can't cancel execution e1 because it's in status terminated".to_owned())
        );
    }
}
