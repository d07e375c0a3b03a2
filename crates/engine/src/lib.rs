//! The workflow engine: what a workflow does, in which order, and how that survives a crash.
//!
//! ```text
//!  topology ──> phases ────> graph ──> machine::Run <──events── driver <── workers' answers, timers,
//!  (nodes and   (lifecycle:   (tasks    pure: step() ──batch──>         ──> requests to cancel
//!   instances)   install…)     + edges)      │          │
//!                                            │          └──> Journal: one transaction, before anything is acted on
//!  stored tasks ──> resume ──────────────────┘
//! ```
//!
//! * [`phases`] is how a workflow of several graphs says what comes next, given how the former went.
//! * [`lifecycle`] only builds graphs; it never runs anything.
//! * [`machine::Run`] decides everything about one graph and does nothing: from an event it makes a batch to write.
//! * [`driver`] owns a run, feeds it events and lets a [`driver::Journal`] write its batches.
//! * [`resume`] makes a run from the rows that an earlier one left.
//!
//! Invariant: no SQL, no messages, no HTTP, no clock in here. Source of the behaviour: spec
//! workflows.md sections 5 and 6, and runs of the reference.

mod critical_path;
pub mod driver;
pub mod error;
pub mod graph;
pub mod lifecycle;
pub mod machine;
pub mod phases;
pub mod report;
pub mod resume;
pub mod run_info;
mod stored;
pub mod task;
pub mod topology;

pub use critical_path::CriticalPath;
pub use driver::{Driver, Handle, Journal};
pub use error::{Error, Result};
pub use graph::Graph;
pub use machine::{Event, Finish, Run, Step, Timer, TimerKey};
pub use run_info::{Ids, RunInfo};
pub use topology::Topology;
