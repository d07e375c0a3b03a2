//! `install_new_agents` and `validate_agents`: the agents on hosts that are up (spec workflows.md
//! section 6.4).

use nephele_model::instance::InstanceState;
use serde_json::{Map, Value, json};

use super::host::{Method, method};
use super::steps::{Arguments, Steps};
use super::{Parameters, Selection};
use crate::error::{Error, Result};
use crate::graph::{Block, Graph, Sequence};
use crate::phases::{Flow, Phases};
use crate::task::{Index, OnFailure};
use crate::topology::Topology;

const VALIDATE: &str = "cloudify.interfaces.cloudify_agent.validate_amqp";

/// `install_new_agents`.
pub(super) fn install(phases: &mut Phases<'_>) -> Flow {
    let parameters = phases.parameters();
    phases.run("install_agents", |topology| install_graph(topology, parameters))
}

/// `validate_agents`.
pub(super) fn validate(phases: &mut Phases<'_>) -> Flow {
    let parameters = phases.parameters();
    phases.run("validate_agents", |topology| {
        let mut graph = Graph::default();
        let hosts = hosts(topology, parameters)?;
        validation(&mut graph, topology, &hosts, parameters, (true, &Value::Null, &Value::Null))?;
        Ok(graph)
    })
}

fn install_graph(topology: &Topology, parameters: &Parameters) -> Result<Graph> {
    let hosts = hosts(topology, parameters)?;
    let text = |name| parameters.given(name).cloned().unwrap_or_else(|| json!(""));
    let (manager_ip, certificate) = (text("manager_ip"), text("manager_certificate"));
    let mut graph = Graph::default();
    let mut validated = None;
    if parameters.flag("validate", true)? {
        let about = (false, &manager_ip, &certificate);
        validated = Some(validation(&mut graph, topology, &hosts, parameters, about)?);
    }
    if parameters.flag("install", true)? {
        let values = json!({
            "install_agent_timeout": parameters.given("install_agent_timeout").cloned().unwrap_or_else(|| json!(300)),
            "manager_ip": manager_ip,
            "manager_certificate": certificate,
            "stop_old_agent": parameters.flag("stop_old_agent", false)?,
        });
        let installed = graph.subgraph("install", OnFailure::Decide, Vec::new());
        for &position in &hosts {
            let steps = Steps { topology, parameters, position };
            let blocks = new_agent(steps, values.as_object().unwrap_or(&Map::new()))?;
            graph.append(&mut Sequence::new(Some(installed)), blocks);
        }
        if let Some(validated) = validated {
            graph.depend(installed, validated);
        }
    }
    Ok(graph)
}

/// The steps that give one host a new agent.
fn new_agent(steps: Steps<'_>, values: &Map<String, Value>) -> Result<Vec<Block>> {
    let create = "cloudify.interfaces.cloudify_agent.create_amqp";
    let current = Map::from_iter([("current_amqp".to_owned(), json!(true))]);
    let mut blocks = vec![steps.event("Installing new agent")];
    blocks.extend(steps.operation_with(create, Arguments { values, replace: true })?.map(Block::Task));
    blocks.push(steps.event("New agent installed."));
    blocks.extend(steps.operation_with(VALIDATE, Arguments { values: &current, replace: false })?.map(Block::Task));
    blocks.extend(
        steps.operations(&[
            "cloudify.interfaces.monitoring_agent.install",
            "cloudify.interfaces.monitoring_agent.start",
        ])?,
    );
    let inside = steps.topology.within([steps.position]);
    for position in (0..inside.len()).filter(|&position| inside[position]) {
        blocks.extend(Steps { position, ..steps }.operation("cloudify.interfaces.monitoring.start")?);
    }
    Ok(blocks)
}

/// Adds the container in which all hosts' agents are asked whether they can be reached.
fn validation(
    graph: &mut Graph,
    topology: &Topology,
    hosts: &[usize],
    parameters: &Parameters,
    (current_amqp, manager_ip, manager_certificate): (bool, &Value, &Value),
) -> Result<Index> {
    let values = json!({
        "current_amqp": current_amqp, "manager_ip": manager_ip, "manager_certificate": manager_certificate,
    });
    let none = Map::new();
    let arguments = Arguments { values: values.as_object().unwrap_or(&none), replace: false };
    let container = graph.subgraph("validate", OnFailure::Decide, Vec::new());
    for &position in hosts {
        let steps = Steps { topology, parameters, position };
        let mut blocks = vec![steps.event("Validating agent connection.")];
        blocks.extend(steps.operation_with(VALIDATE, arguments)?.map(Block::Task));
        blocks.push(steps.event("Validation done"));
        graph.append(&mut Sequence::new(Some(container)), blocks);
    }
    Ok(container)
}

/// The hosts that the filters name, or all whose agents were installed in one of the ways asked for. All must be up.
fn hosts(topology: &Topology, parameters: &Parameters) -> Result<Vec<usize>> {
    let named = !parameters.names("node_ids")?.is_empty() || !parameters.names("node_instance_ids")?.is_empty();
    let hosts: Vec<usize> = if named { named_hosts(topology, parameters)? } else { all_hosts(topology, parameters)? };
    for &position in &hosts {
        let instance = &topology.instances()[position];
        if instance.state != InstanceState::STARTED {
            return Err(Error::Refused(format!("Node {} is not started (state: {})", instance.id, instance.state)));
        }
    }
    Ok(hosts)
}

fn named_hosts(topology: &Topology, parameters: &Parameters) -> Result<Vec<usize>> {
    let mut filters = parameters.clone();
    filters.values.shift_remove("type_names");
    let chosen: Vec<usize> = Selection::filtered(topology, &filters)?.chosen().collect();
    let problem = |&position: &usize| {
        let id = &topology.instances()[position].id;
        let steps = Steps { topology, parameters, position };
        if !steps.node().is_host() {
            Some(format!("Node instance {id} is not host."))
        } else if method(steps) == Method::None {
            Some(format!("Agent should not be installed on node instance {id}"))
        } else {
            None
        }
    };
    let problems: Vec<String> = chosen.iter().filter_map(problem).collect();
    if problems.is_empty() {
        return Ok(chosen);
    }
    Err(Error::Refused(format!("Specified filters are not correct:\n{}", problems.join("\n"))))
}

fn all_hosts(topology: &Topology, parameters: &Parameters) -> Result<Vec<usize>> {
    let installed = ["init_script", "plugin", "remote"];
    let given = parameters.given("install_methods").map(|_| parameters.names("install_methods")).transpose()?;
    let wanted = given.unwrap_or_else(|| installed.to_vec());
    let is_one = |&position: &usize| {
        let steps = Steps { topology, parameters, position };
        steps.node().is_host() && wanted.contains(&method(steps).name())
    };
    Ok((0..topology.instances().len()).filter(is_one).collect())
}
