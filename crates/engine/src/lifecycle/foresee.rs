//! What a workflow would do now, without doing it.

use nephele_model::phase::{Phase, PhaseEnd, PhaseKind};
use serde_json::Value;

use super::{Parameters, Workflow};
use crate::graph::Graph;
use crate::phases::{End, Next, Past};
use crate::task::Work;
use crate::topology::Topology;

impl Workflow {
    /// The graphs of the workflow, supposing that each ends well and that operations change nothing
    /// but states. It ends where only doing tells how to go on: at the first act.
    ///
    /// Errors: the execution's error, if the workflow would refuse to go on.
    pub fn foresee(self, topology: &Topology, parameters: &Parameters) -> Result<Vec<Graph>, String> {
        let mut topology = topology.clone();
        let mut past = Past::default();
        let mut graphs = Vec::new();
        loop {
            let (name, kind, value) = match self.next(&past, Some(&topology), parameters, false).next {
                Next::Begin(graph) => {
                    let name = graph.name.clone();
                    topology = after(topology, &graph);
                    graphs.push(graph);
                    (name, PhaseKind::Graph, Value::Null)
                }
                Next::Keep(name, value) => (name, PhaseKind::Decision, value),
                Next::End(End::Failed(reason)) => return Err(reason),
                Next::End(_) | Next::Act(_) | Next::GoOn(_) | Next::Look => return Ok(graphs),
            };
            past.note(Phase { name, kind, end: PhaseEnd::Succeeded, value });
        }
    }
}

/// The topology with the states that the graph's last tasks set.
fn after(mut topology: Topology, graph: &Graph) -> Topology {
    for task in &graph.tasks {
        if let Work::SetState { instance, state } = &task.work {
            topology.set_state(instance.as_str(), state.clone());
        }
    }
    topology
}
