//! What a workflow asks of the manager between its graphs.
//!
//! Invariant: an act may be done twice, since the manager may die after it and before its end is
//! written: the second time finds what the first one made, and comes to the same result.

use nephele_model::finding::Note;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Something that the manager does itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Begins a change of the number of a node's or scaling group's instances. Gives a
    /// [`Modification`].
    StartModification {
        /// `{NODE or GROUP: {instances, removed_ids_include_hint, removed_ids_exclude_hint}}`.
        wanted: Map<String, Value>,
    },
    /// Finds the modification that has been started and not ended, if there is one. Gives an
    /// `Option<Modification>`.
    FindStarted,
    /// Undoes the modification with this id, which another execution left behind.
    Abort(String),
    /// Ends the modification with this id: what was to go goes.
    FinishModification(String),
    /// Undoes the modification with this id: everything is as it was.
    RollBackModification(String),
    /// Forgets that these instances could not be healed.
    ForgetHeals(Vec<String>),
    /// Uninstalls the deployments that are services in this one, and waits for it.
    UninstallServices,
    /// Finds out what the execution's update changes, and notes it in the update. Touches nothing else.
    PrepareUpdate,
    /// Ends the execution's update, which was only to be looked at.
    EndPreview,
    /// Makes the deployment follow the plan of the execution's update. Gives [`Touched`].
    ApplyUpdate,
    /// Starts a workflow of the deployment in the place of what an update does itself. Gives the id of its execution.
    StartWorkflow(String),
    /// Waits until the execution with this id has ended; fails unless it ended well.
    AwaitExecution(String),
    /// Notes that these instances differ from what their nodes say now, so that updating them has a reason.
    MarkDrifted(Vec<String>),
    /// Forgets what was noted of differences of these instances.
    ForgetDrift(Vec<String>),
    /// Forgets that these instances could not be updated.
    ForgetUpdates(Vec<String>),
    /// Forgets what went, and ends the execution's update.
    FinishUpdate,
}

impl Act {
    /// The phase that it is, in the execution's rows.
    pub const fn phase(&self) -> &'static str {
        match self {
            Self::StartModification { .. } => "start_modification",
            Self::FindStarted => "find_started_modification",
            Self::Abort(_) => "abort_modification",
            Self::FinishModification(_) => "finish_modification",
            Self::RollBackModification(_) => "roll_back_modification",
            Self::ForgetHeals(_) => "forget_heals",
            Self::UninstallServices => "uninstall_services",
            Self::PrepareUpdate => "prepare_update",
            Self::EndPreview => "end_preview",
            Self::ApplyUpdate => "apply_update",
            Self::StartWorkflow(_) => "start_workflow",
            Self::AwaitExecution(_) => "await_execution",
            Self::MarkDrifted(_) => "mark_drifted",
            Self::ForgetDrift(_) => "forget_drift",
            Self::ForgetUpdates(_) => "forget_updates",
            Self::FinishUpdate => "finish_update",
        }
    }

    /// What it notes about which instances, if it does nothing else.
    pub fn note(&self) -> Option<(Vec<String>, Note)> {
        let (instances, note) = match self {
            Self::ForgetHeals(instances) => (instances, Note::HealForgotten),
            Self::MarkDrifted(instances) => (instances, Note::PresumedDrift),
            Self::ForgetDrift(instances) => (instances, Note::DriftForgotten),
            Self::ForgetUpdates(instances) => (instances, Note::UpdateForgotten),
            _ => return None,
        };
        Some((instances.clone(), note))
    }
}

/// The instances that a modification is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modification {
    /// Its id.
    pub id: String,
    /// Instances that come.
    pub added: Vec<String>,
    /// Instances with new relationships, and those that new instances are related to.
    pub added_related: Vec<String>,
    /// Instances that go.
    pub removed: Vec<String>,
    /// Instances that lose relationships, and those that going instances are related to.
    pub removed_related: Vec<String>,
}

/// The instances that an update is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// Instances that come.
    pub added: Vec<String>,
    /// Instances that they are related to.
    pub added_related: Vec<String>,
    /// Instances that go.
    pub removed: Vec<String>,
    /// Instances that they were related to.
    pub removed_related: Vec<String>,
    /// Relationships that come between instances that were there before: source and target.
    pub extended: Vec<(String, String)>,
    /// Relationships that go between instances that stay: source and target.
    pub reduced: Vec<(String, String)>,
    /// Nodes with other properties or operations than before.
    pub changed_nodes: Vec<String>,
}
