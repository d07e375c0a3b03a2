//! Phases of an execution: what it consists of, one after the other, and how each ended.
//!
//! A workflow decides on the next phase from how those before it ended; the rows of ended phases
//! are what lets it go on after a crash.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::blueprint::states;

states! {
    /// What a phase is.
    PhaseKind {
        /// A graph of tasks is run; the phase has its name.
        Graph = "graph",
        /// The manager does something itself.
        Act = "act",
        /// Something is found out and must not be found out differently later.
        Decision = "decision",
    }
}

states! {
    /// How a phase ended.
    PhaseEnd {
        /// It was done.
        Succeeded = "succeeded",
        /// It failed for good.
        Failed = "failed",
        /// It was asked to stop before it was done.
        Cancelled = "cancelled",
    }
}

/// A phase that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Its name; an execution has each once.
    pub name: String,
    /// What it was.
    pub kind: PhaseKind,
    /// How it ended.
    pub end: PhaseEnd,
    /// What came of it: of an act or a decision its result, of a failure the reason, a text.
    pub value: Value,
}
