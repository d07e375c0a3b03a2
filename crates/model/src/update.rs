//! Where updates and modifications of deployments, and updates of plugins, stand (spec rest-api.md section 3.2).

use serde::{Deserialize, Serialize};

use crate::blueprint::states;

states! {
    /// Where an update of a deployment, or of a blueprint's plugins, stands.
    UpdateState {
        /// It was begun.
        Updating = "updating",
        /// Its workflow is under way.
        ExecutingWorkflow = "executing_workflow",
        /// Its workflow has ended, and the rest is being tidied up.
        Finalizing = "finalizing",
        /// Done.
        Successful = "successful",
        /// It failed.
        Failed = "failed",
        /// Only what would change was looked at.
        Preview = "preview",
        /// There was nothing to do.
        NoChangesRequired = "no_changes_required",
    }
}

impl UpdateState {
    /// Whether it is under way.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Updating | Self::ExecutingWorkflow | Self::Finalizing)
    }
}

states! {
    /// Where a change of the numbers of node instances stands.
    ModificationStatus {
        /// New instances are there, those that go still are.
        Started = "started",
        /// Those that go are gone.
        Finished = "finished",
        /// Everything is as it was before.
        RolledBack = "rolledback",
    }
}

states! {
    /// What a step of an update does.
    StepAction {
        /// Something comes.
        Add = "add",
        /// Something goes.
        Remove = "remove",
        /// Something becomes another.
        Modify = "modify",
    }
}
