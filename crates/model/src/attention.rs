//! Why something needs a person.

use serde::{Deserialize, Serialize};

use crate::blueprint::states;

states! {
    /// Why something needs a person.
    AttentionReason {
        /// The last run of a deployment failed.
        RunFailed = "run_failed",
        /// The last run of a deployment was cancelled.
        RunCancelled = "run_cancelled",
        /// Some of a deployment's node instances are started and others are not, and nothing runs.
        HalfInstalled = "half_installed",
        /// Node instances were not well when last looked at.
        InstancesUnavailable = "instances_unavailable",
        /// Node instances are not as they should be.
        InstancesDrifted = "instances_drifted",
        /// A service or an environment below a deployment needs somebody.
        ChildDeployment = "child_deployment",
        /// An agent is broken or silent.
        AgentFailed = "agent_failed",
        /// A token of the caller ends soon.
        TokenExpires = "token_expires",
        /// A manager of the cluster is silent.
        ManagerSilent = "manager_silent",
    }
}
