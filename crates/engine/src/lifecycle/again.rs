//! What takes the place of an instance's subgraph that failed, if subgraphs are tried again (spec
//! workflows.md section 6.1, "Failure").

use std::sync::Arc;

use nephele_model::id::NodeInstanceId;

use super::steps::Steps;
use super::{Parameters, install, uninstall};
use crate::error::Result;
use crate::graph::{Block, Graph};
use crate::machine::Remake;
use crate::task::OnFailure;
use crate::topology::Topology;

/// Makes subgraphs again, of instances as they are in `topology`. `None` if they are not to be.
pub fn again(topology: &Topology, parameters: &Parameters) -> Option<Remake> {
    if parameters.subgraph_retries == 0 {
        return None;
    }
    let (topology, parameters) = (topology.clone(), parameters.clone());
    Some(Arc::new(move |instance: &NodeInstanceId, what: &str| {
        let position = topology.position(instance.as_str())?;
        // What was made once can be made again.
        graph(Steps { topology: &topology, parameters: &parameters, position }, what).ok()
    }))
}

fn graph(steps: Steps<'_>, what: &str) -> Result<Graph> {
    let failing = |on_retry: &str| OnFailure::Lifecycle { instance: steps.id(), on_retry: on_retry.to_owned() };
    let id = &steps.instance().id;
    let mut graph = Graph::default();
    if what == "uninstall" {
        graph.subgraph(id, failing("uninstall"), uninstall::sequence(steps)?);
    } else {
        let blocks = vec![
            steps.event("Node lifecycle failed. Attempting to re-run node lifecycle"),
            Block::Subgraph { name: id.clone(), on_failure: failing("uninstall"), steps: uninstall::sequence(steps)? },
            Block::Subgraph {
                name: format!("install_{id}"),
                on_failure: failing("reinstall"),
                steps: install::sequence(steps)?,
            },
        ];
        graph.subgraph(format!("reinstall_{id}"), failing("reinstall"), blocks);
    }
    for container in graph.tasks.iter_mut().filter(|task| task.work.is_subgraph()) {
        container.retry.total = steps.parameters.subgraph_retries;
    }
    Ok(graph)
}
