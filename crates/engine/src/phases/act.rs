//! What a workflow asks of the manager between its graphs.
//!
//! Invariant: an act may be done twice, since the manager may die after it and before its end is
//! written: the second time finds what the first one made, and comes to the same result.

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
        }
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
