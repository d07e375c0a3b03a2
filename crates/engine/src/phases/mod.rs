//! Workflows of several phases, each of which depends on how those before it went.
//!
//! A workflow is a function that goes through its phases from the first one, every time it is asked.
//! Phases that have ended are answered from [`Past`]; the first one that has not stops the function
//! with a [`Next`]: what is to be done now. So it reads as a story and keeps nothing in memory, and
//! the same rows lead to the same place, before a crash and after it.
//!
//! ```text
//! fn heal(phases: &mut Phases<'_>) -> Flow {
//!     phases.run("check_status", |topology| check_status::graph(topology, …))?;  // its failure ends the workflow
//!     let choice: Choice = phases.decide("choice", |topology| choose(topology))?; // found out once
//!     match phases.graph("heal", |topology| …)? {                                 // its failure leads on
//!         Ended::Failed(reason) => …
//! ```
//!
//! Invariants: a phase's name is its own in the execution, and a graph's phase has the graph's name. A graph
//! that has rows is gone on with as it was made; only one without rows is made, of the topology as it
//! is then. What a later phase depends on and an earlier one may change is kept by
//! [`Phases::decide`]. The manager's side, which does what [`Next`] says and writes the rows, is
//! `workflows/lifecycle.rs` in the crate `manager`.

mod act;

use nephele_model::phase::{Phase, PhaseEnd, PhaseKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::lifecycle::Parameters;
use crate::topology::Topology;
pub use act::{Act, Modification, Touched};

/// What an execution has behind it.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Its phases that have ended, the oldest first.
    pub phases: Vec<Phase>,
    /// The names of its graphs that have rows, ended or not.
    pub graphs: Vec<String>,
}

impl Past {
    /// Notes the end of a phase.
    pub fn note(&mut self, phase: Phase) {
        if phase.kind == PhaseKind::Graph && !self.graphs.contains(&phase.name) {
            self.graphs.push(phase.name.clone());
        }
        self.phases.push(phase);
    }
}

/// What is to be done now.
#[derive(Debug)]
pub enum Next {
    /// Read the topology and ask again.
    Look,
    /// Run this graph, which has no rows yet.
    Begin(Graph),
    /// Go on with the graph of this name from its rows.
    GoOn(String),
    /// Do this.
    Act(Act),
    /// Keep this decision under this name.
    Keep(String, Value),
    /// Nothing more: the workflow is over.
    End(End),
}

/// How a workflow ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything was done.
    Succeeded,
    /// Something failed for good; the text is the execution's error.
    Failed(String),
    /// It was asked to stop.
    Cancelled,
}

/// A workflow's function goes on with a value, or stops because something must be done first.
pub type Flow<T = ()> = std::result::Result<T, Next>;

impl From<Error> for Next {
    fn from(error: Error) -> Self {
        Self::End(End::Failed(error.to_string()))
    }
}

/// What to do next, and what to write into the log before it.
#[derive(Debug)]
pub struct Turn {
    /// The level (`info`, `warning`, `error`) and text of each line.
    pub lines: Vec<(&'static str, String)>,
    /// What to do.
    pub next: Next,
}

/// How a graph ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything was done.
    Succeeded,
    /// Something failed for good; the text says what.
    Failed(String),
    /// It was asked to stop.
    Cancelled,
}

/// The phases of an execution, as its workflow's function goes through them.
#[derive(Debug)]
pub struct Phases<'a> {
    past: &'a Past,
    present: Option<&'a Topology>,
    parameters: &'a Parameters,
    stopping: bool,
    lines: Vec<(&'static str, String)>,
}

impl<'a> Phases<'a> {
    /// `present` is what there is now, or `None` if it has not been looked at since the last phase;
    /// `stopping` says that someone asked the execution to stop.
    pub const fn new(
        past: &'a Past,
        present: Option<&'a Topology>,
        parameters: &'a Parameters,
        stopping: bool,
    ) -> Self {
        Self { past, present, parameters, stopping, lines: Vec::new() }
    }

    /// What follows from the walk of a workflow's function.
    pub fn turn(mut self, walk: impl FnOnce(&mut Self) -> Flow) -> Turn {
        let next = walk(&mut self).err().unwrap_or(Next::End(End::Succeeded));
        // After the look the function comes here again.
        let lines = if matches!(next, Next::Look) { Vec::new() } else { self.lines };
        Turn { lines, next }
    }

    /// The parameters of the execution.
    pub const fn parameters(&self) -> &'a Parameters {
        self.parameters
    }

    /// What there is now. It may differ in the next phase.
    pub fn topology(&self) -> Flow<&'a Topology> {
        self.present.ok_or(Next::Look)
    }

    /// Runs a graph; whatever its end, the workflow goes on.
    pub fn graph(&mut self, name: &str, make: impl FnOnce(&Topology) -> Result<Graph>) -> Flow<Ended> {
        if let Some(phase) = self.ended(name) {
            return Ok(match phase.end {
                PhaseEnd::Succeeded => Ended::Succeeded,
                PhaseEnd::Failed => Ended::Failed(reason(phase)),
                PhaseEnd::Cancelled => Ended::Cancelled,
            });
        }
        if self.stopping {
            return Ok(Ended::Cancelled);
        }
        if self.past.graphs.iter().any(|graph| graph == name) {
            return Err(Next::GoOn(name.to_owned()));
        }
        let mut graph = make(self.topology()?)?.optimise();
        name.clone_into(&mut graph.name);
        for container in graph.tasks.iter_mut().filter(|task| task.work.is_subgraph()) {
            container.retry.total = self.parameters.subgraph_retries;
        }
        Err(Next::Begin(graph))
    }

    /// Runs a graph; if it fails, so does the workflow.
    pub fn run(&mut self, name: &str, make: impl FnOnce(&Topology) -> Result<Graph>) -> Flow {
        match self.graph(name, make)? {
            Ended::Succeeded => Ok(()),
            Ended::Failed(reason) => Err(Next::End(End::Failed(reason))),
            Ended::Cancelled => Err(Next::End(End::Cancelled)),
        }
    }

    /// Has the manager do something, unless the workflow is to stop; if that fails, so does the workflow.
    pub fn act<T: DeserializeOwned>(&mut self, act: Act) -> Flow<T> {
        match self.ended(act.phase()) {
            Some(phase) => value(phase),
            None if self.stopping => Err(Next::End(End::Cancelled)),
            None => Err(Next::Act(act)),
        }
    }

    /// Has the manager undo something, also when the workflow is to stop.
    pub fn undo(&mut self, act: Act) -> Flow {
        match self.ended(act.phase()) {
            Some(phase) => value::<Value>(phase).map(drop),
            None => Err(Next::Act(act)),
        }
    }

    /// Finds something out once: later walks get the same value, whatever has changed since.
    pub fn decide<T: Serialize + DeserializeOwned>(
        &mut self,
        name: &str,
        decide: impl FnOnce(&Topology) -> Result<T>,
    ) -> Flow<T> {
        match self.ended(name) {
            Some(phase) => value(phase),
            None if self.stopping => Err(Next::End(End::Cancelled)),
            None => Err(Next::Keep(name.to_owned(), json(&decide(self.topology()?)?)?)),
        }
    }

    /// Writes a line into the execution's log, before the next phase begins.
    pub fn log(&mut self, level: &'static str, text: impl Into<String>) {
        self.lines.push((level, text.into()));
    }

    /// The phase of this name, if it has ended. What was logged before it was written then.
    fn ended(&mut self, name: &str) -> Option<&'a Phase> {
        let phase = self.past.phases.iter().find(|phase| phase.name == name)?;
        self.lines.clear();
        Some(phase)
    }
}

/// Ends the workflow with an error.
pub fn failed<T>(reason: impl Into<String>) -> Flow<T> {
    Err(Next::End(End::Failed(reason.into())))
}

fn reason(phase: &Phase) -> String {
    phase.value.as_str().unwrap_or_default().to_owned()
}

fn value<T: DeserializeOwned>(phase: &Phase) -> Flow<T> {
    match phase.end {
        PhaseEnd::Succeeded => serde_json::from_value(phase.value.clone()).or_else(|error| {
            failed(format!("What the phase {} came to cannot be read ({error}); start the workflow anew", phase.name))
        }),
        PhaseEnd::Failed => failed(reason(phase)),
        PhaseEnd::Cancelled => Err(Next::End(End::Cancelled)),
    }
}

fn json(value: &impl Serialize) -> Flow<Value> {
    serde_json::to_value(value).or_else(|error| failed(error.to_string()))
}
