//! What a workflow would do now, without doing it.

use nephele_model::phase::{Phase, PhaseEnd, PhaseKind};
use serde_json::Value;

use super::{Parameters, Workflow};
use crate::graph::Graph;
use crate::phases::{Act, End, Next, Past};
use crate::task::Work;
use crate::topology::Topology;

/// A phase that is foreseen.
#[derive(Clone, Debug)]
pub enum Foreseen {
    /// This graph would be run.
    Graph(Graph),
    /// The manager would do this.
    Act(Act),
}

/// A workflow that is gone through in the mind: each phase is supposed to end well, and operations to change
/// nothing but states. What a check would find is what is noted now.
#[derive(Debug)]
pub struct Foresight<'a> {
    workflow: Workflow,
    parameters: &'a Parameters,
    topology: Topology,
    past: Past,
    phases: Vec<Foreseen>,
}

impl<'a> Foresight<'a> {
    /// Nothing has been gone through yet.
    pub fn new(workflow: Workflow, topology: Topology, parameters: &'a Parameters) -> Self {
        Self { workflow, parameters, topology, past: Past::default(), phases: Vec::new() }
    }

    /// Goes on to the next act, what comes of which only the manager can imagine ([`Self::suppose`]), or to the end.
    ///
    /// Errors: the execution's error, if the workflow would refuse to go on.
    pub fn go_on(&mut self) -> Result<Option<Act>, String> {
        loop {
            match self.workflow.next(&self.past, Some(&self.topology), self.parameters, false).next {
                Next::Begin(graph) => {
                    self.run(&graph);
                    self.note(graph.name.clone(), PhaseKind::Graph, Value::Null);
                    self.phases.push(Foreseen::Graph(graph));
                }
                Next::Keep(name, value) => self.note(name, PhaseKind::Decision, value),
                Next::Act(act) => match act.note() {
                    None => return Ok(Some(act)),
                    Some((instances, note)) => {
                        for id in &instances {
                            self.topology.note(id, &note);
                        }
                        self.suppose(act, Value::Null, None);
                    }
                },
                Next::End(End::Failed(reason)) => return Err(reason),
                Next::End(_) | Next::GoOn(_) | Next::Look => return Ok(None),
            }
        }
    }

    /// Takes it that the act was done and gave `value`; `topology` is the deployment then, if it is another one.
    pub fn suppose(&mut self, act: Act, value: Value, topology: Option<Topology>) {
        if let Some(topology) = topology {
            self.topology = topology;
        }
        self.note(act.phase().to_owned(), PhaseKind::Act, value);
        self.phases.push(Foreseen::Act(act));
    }

    /// The deployment as it would be now.
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// What has been gone through, in order.
    pub fn phases(&self) -> &[Foreseen] {
        &self.phases
    }

    /// Instances come into the states that the graph sets last.
    fn run(&mut self, graph: &Graph) {
        for task in &graph.tasks {
            if let Work::SetState { instance, state } = &task.work {
                self.topology.set_state(instance.as_str(), state.clone());
            }
        }
    }

    fn note(&mut self, name: String, kind: PhaseKind, value: Value) {
        self.past.note(Phase { name, kind, end: PhaseEnd::Succeeded, value });
    }
}

impl Workflow {
    /// The graphs of the workflow up to the first act whose result only the manager can imagine.
    ///
    /// Errors: those of [`Foresight::go_on`].
    pub fn foresee(self, topology: &Topology, parameters: &Parameters) -> Result<Vec<Graph>, String> {
        let mut foresight = Foresight::new(self, topology.clone(), parameters);
        foresight.go_on()?;
        let graph = |phase| if let Foreseen::Graph(graph) = phase { Some(graph) } else { None };
        Ok(foresight.phases.into_iter().filter_map(graph).collect())
    }
}
