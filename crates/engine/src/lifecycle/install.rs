//! `install`: one subgraph `install_<id>` for each instance, after those of its targets (spec
//! workflows.md section 6.1).

use nephele_model::instance::InstanceState as State;

use super::relationships::{self, Direction};
use super::steps::{Steps, around};
use super::{Parameters, Selection, host, order};
use crate::error::Result;
use crate::graph::{Block, Graph};
use crate::machine::Run;
use crate::phases::{Flow, Phases};
use crate::task::OnFailure;
use crate::topology::Topology;

/// The workflow.
pub(super) fn run(phases: &mut Phases<'_>) -> Flow {
    let parameters = phases.parameters();
    phases.run("install", |topology| graph(topology, &Selection::filtered(topology, parameters)?, parameters))
}

/// A graph that brings instances up.
pub(super) fn graph(topology: &Topology, selection: &Selection, parameters: &Parameters) -> Result<Graph> {
    let subgraph = |graph: &mut Graph, steps: Steps<'_>| {
        let instance = steps.id();
        let on_failure = OnFailure::Lifecycle { instance, on_retry: "reinstall".to_owned() };
        Ok(graph.subgraph(format!("install_{}", steps.instance().id), on_failure, sequence(steps)?))
    };
    order::joined(topology, selection, parameters, order::INSTALL, subgraph)
}

/// What is done to one instance, first to last.
pub(super) fn sequence(steps: Steps<'_>) -> Result<Vec<Block>> {
    let parts = Parts::new(steps)?;
    if parts.is_empty() {
        return Ok(vec![steps.event_and_state("Node instance started (nothing to do)", State::STARTED)]);
    }
    let or_event = |mut blocks: Vec<Block>, text: &str| {
        if blocks.is_empty() {
            blocks.push(steps.event(format!("{text}: nothing to do")));
        }
        blocks
    };
    let mut sequence = steps.state(State::INITIALIZING);
    sequence.extend(or_event(parts.validate, "Validating node instance before creation"));
    sequence.extend(or_event(parts.precreate, "Precreating node instance"));
    sequence.extend(or_event(parts.create, "Creating node instance"));
    sequence.extend(parts.preconfigure);
    sequence.extend(or_event(parts.configure, "Configuring node instance"));
    sequence.extend(parts.postconfigure);
    sequence.extend(or_event(parts.start, "Starting node instance"));
    sequence.extend(parts.host.unwrap_or_default());
    sequence.extend(or_event(parts.poststart, "Poststarting node instance"));
    sequence.extend(parts.monitor);
    sequence.extend(parts.establish);
    sequence.push(steps.event_and_state("Node instance started", State::STARTED));
    Ok(sequence)
}

/// The steps that there are something to do for, given how far the instance has come.
#[derive(Default)]
struct Parts {
    validate: Vec<Block>,
    precreate: Vec<Block>,
    create: Vec<Block>,
    preconfigure: Vec<Block>,
    configure: Vec<Block>,
    postconfigure: Vec<Block>,
    start: Vec<Block>,
    host: Option<Vec<Block>>,
    poststart: Vec<Block>,
    monitor: Vec<Block>,
    establish: Vec<Block>,
}

impl Parts {
    fn new(steps: Steps<'_>) -> Result<Self> {
        let mut parts = Self::default();
        if !steps.is_in(&[
            State::STARTED,
            State::STARTING,
            State::CREATED,
            State::CREATING,
            State::CONFIGURED,
            State::CONFIGURING,
        ]) {
            parts.before_creation(steps)?;
        }
        if !steps.is_in(&[State::STARTED, State::STARTING, State::CREATED, State::CONFIGURING, State::CONFIGURED]) {
            parts.create = around(
                vec![steps.event_and_state("Creating node instance", State::CREATING)],
                steps.operation("cloudify.interfaces.lifecycle.create")?,
                vec![steps.event_and_state("Node instance created", State::CREATED)],
            );
        }
        if !steps.is_in(&[State::STARTED, State::STARTING, State::CONFIGURED]) {
            parts.configuration(steps)?;
        }
        if !steps.is_in(&[State::STARTED]) {
            parts.starting_up(steps)?;
        }
        Ok(parts)
    }

    fn before_creation(&mut self, steps: Steps<'_>) -> Result<()> {
        self.validate = around(
            vec![steps.event("Validating node instance before creation")],
            steps.operation("cloudify.interfaces.validation.create")?,
            vec![steps.event("Node instance validated before creation")],
        );
        self.precreate = around(
            vec![steps.event("Precreating node instance")],
            steps.operation("cloudify.interfaces.lifecycle.precreate")?,
            vec![steps.event("Node instance precreated")],
        );
        Ok(())
    }

    fn configuration(&mut self, steps: Steps<'_>) -> Result<()> {
        self.preconfigure = around(
            vec![steps.event("Pre-configuring relationships")],
            related(steps, "preconfigure")?,
            vec![steps.event("Relationships pre-configured")],
        );
        self.configure = around(
            vec![steps.event_and_state("Configuring node instance", State::CONFIGURING)],
            steps.operation("cloudify.interfaces.lifecycle.configure")?,
            vec![steps.event_and_state("Node instance configured", State::CONFIGURED)],
        );
        Ok(())
    }

    fn starting_up(&mut self, steps: Steps<'_>) -> Result<()> {
        self.postconfigure = around(
            vec![steps.event("Post-configuring relationships")],
            related(steps, "postconfigure")?,
            vec![steps.event("Relationships post-configured")],
        );
        self.start = around(
            vec![steps.event_and_state("Starting node instance", State::STARTING)],
            steps.operation("cloudify.interfaces.lifecycle.start")?,
            Vec::new(),
        );
        if steps.node().is_host() {
            self.host = Some(host::post_start(steps)?);
        }
        self.poststart = around(
            vec![steps.event("Poststarting node instance")],
            steps.operation("cloudify.interfaces.lifecycle.poststart")?,
            vec![steps.event("Node instance poststarted")],
        );
        self.monitor = steps.operations(&["cloudify.interfaces.monitoring.start"])?;
        self.establish = around(
            vec![steps.event("Establishing relationships")],
            related(steps, "establish")?,
            vec![steps.event("Relationships established")],
        );
        Ok(())
    }

    /// A host always has something to do: it is waited for.
    fn is_empty(&self) -> bool {
        self.host.is_none()
            && [
                &self.validate,
                &self.precreate,
                &self.create,
                &self.preconfigure,
                &self.configure,
                &self.postconfigure,
                &self.start,
                &self.poststart,
                &self.monitor,
                &self.establish,
            ]
            .iter()
            .all(|part| part.is_empty())
    }
}

fn related(steps: Steps<'_>, operation: &str) -> Result<Option<Block>> {
    let name = format!("cloudify.interfaces.relationship_lifecycle.{operation}");
    relationships::subgraph(steps, &name, Direction::Declared)
}

/// Makes a resumed `install` undo first what it is about to do again: an instance that was being
/// created is deleted, one that was being started is stopped. Failures of that are ignored. Call it
/// between [`Run::resume`] and the run's first event, with the instances' present states (spec
/// workflows.md section 5.6).
pub fn cleanup_before_resume(run: &mut Run, topology: &Topology, parameters: &Parameters) -> Result<()> {
    let containers = run.open_containers();
    for position in 0..topology.instances().len() {
        let steps = Steps { topology, parameters, position };
        let Some(&container) = containers.get(&format!("install_{}", steps.instance().id)) else { continue };
        let pending = |operation: &str| run.has_pending_operation(container, operation);
        let blocks = if steps.is_in(&[State::STARTING]) && pending(super::START) {
            undo_start(steps)?
        } else if steps.is_in(&[State::CREATING]) && pending("cloudify.interfaces.lifecycle.create") {
            undo_create(steps)?
        } else {
            continue;
        };
        if blocks.is_empty() {
            continue;
        }
        let mut cleanup = vec![steps.event("Rolling back prior to resuming install")];
        cleanup.extend(blocks);
        cleanup.push(steps.event("Finished rolling back, now resuming install"));
        run.insert_before(container, format!("resume_cleanup_{}", steps.instance().id), cleanup);
    }
    Ok(())
}

fn undo_start(steps: Steps<'_>) -> Result<Vec<Block>> {
    let mut blocks = around(
        vec![steps.event("Prestopping node instance")],
        steps.operation("cloudify.interfaces.lifecycle.prestop")?,
        vec![steps.event("Node instance prestopped")],
    );
    if steps.node().is_host() {
        blocks.extend(host::pre_stop(steps)?);
    }
    let stop = steps.operation(super::STOP)?;
    blocks.extend(around(Vec::new(), stop, vec![steps.event("Stopped node instance")]));
    Ok(blocks)
}

fn undo_create(steps: Steps<'_>) -> Result<Vec<Block>> {
    let mut blocks = around(
        vec![steps.event("Deleting node instance")],
        steps.operation("cloudify.interfaces.lifecycle.delete")?,
        vec![steps.event("Deleted node instance")],
    );
    blocks.extend(around(
        vec![steps.event("Postdeleting node instance")],
        steps.operation("cloudify.interfaces.lifecycle.postdelete")?,
        vec![steps.event("Node instance postdeleted")],
    ));
    Ok(blocks)
}
