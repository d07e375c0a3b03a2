//! A plan as people and programs see it.

use std::collections::HashSet;

use nephele_engine::lifecycle::{Foreseen, Foresight};
use nephele_engine::phases::Act;
use nephele_engine::task::{Task, Work};
use nephele_engine::{Graph, Topology};
use nephele_model::instance::InstanceState;
use serde_json::{Value, json};

use super::history::History;

/// What a workflow would do.
pub(super) struct Plan<'a> {
    pub(super) foresight: &'a Foresight<'a>,
    /// The deployment as it is.
    pub(super) before: &'a Topology,
    pub(super) history: &'a History,
}

/// The same, ready to be shown.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) phases: Vec<Value>,
    pub(super) instances: Value,
    /// Seconds along the critical path; `None` when some operation never ran before.
    pub(super) expected: Option<f64>,
    /// The same where operations that never ran before take no time.
    pub(super) at_least: f64,
    /// How many operations would run.
    pub(super) operations: usize,
    /// How many of them never ran before.
    pub(super) unknown: usize,
}

impl Plan<'_> {
    pub(super) fn shown(&self) -> Shown {
        let mut shown = Shown { instances: self.instances(), ..Shown::default() };
        for phase in self.foresight.phases() {
            match phase {
                Foreseen::Graph(graph) => self.add(graph, &mut shown),
                Foreseen::Act(act) => shown.phases.push(json!({
                    "name": act.phase(), "type": "act", "tasks": [], "expected_seconds": null, "at_least_seconds": 0.0,
                    "detail": detail(act),
                })),
            }
        }
        shown.expected = (shown.unknown == 0).then_some(shown.at_least);
        shown
    }

    fn add(&self, graph: &Graph, shown: &mut Shown) {
        let seconds: Vec<Option<f64>> = graph.tasks.iter().map(|task| self.history.expected(task)).collect();
        let path = graph.critical_path(|index| seconds[index].unwrap_or_default());
        let critical: HashSet<usize> = path.tasks.iter().copied().collect();
        let unknown = seconds.iter().filter(|seconds| seconds.is_none()).count();
        let task = |(index, task): (usize, &Task)| {
            let mut shown = describe(task);
            let expected = task.work.call().and(seconds[index]);
            shown["id"] = index.into();
            shown["expected_seconds"] = json!(expected);
            shown["is_critical"] = critical.contains(&index).into();
            shown
        };
        shown.phases.push(json!({
            "name": graph.name, "type": "graph", "detail": null,
            "tasks": graph.tasks.iter().enumerate().map(task).collect::<Vec<_>>(),
            "expected_seconds": (unknown == 0).then_some(path.seconds), "at_least_seconds": path.seconds,
        }));
        shown.at_least += path.seconds;
        shown.operations += graph.tasks.iter().filter(|task| task.work.call().is_some()).count();
        shown.unknown += unknown;
    }

    /// The ids of instances that come into the world, are changed in it, or go.
    fn instances(&self) -> Value {
        let after = self.foresight.topology();
        let worked_on = self.worked_on();
        let state = |topology: &Topology, id: &str| {
            let position = topology.position(id)?;
            Some(topology.instances()[position].state.clone())
        };
        let is_there = |state: Option<InstanceState>| state.is_some_and(|state| !state.is_absent());
        let (mut created, mut changed, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
        for instance in after.instances() {
            let id = instance.id.as_str();
            match (is_there(state(self.before, id)), !instance.state.is_absent()) {
                (false, true) => created.push(id),
                (true, false) => deleted.push(id),
                (true, true) if worked_on.contains(id) => changed.push(id),
                _ => {}
            }
        }
        json!({"created": created, "changed": changed, "deleted": deleted})
    }

    /// Instances that an operation runs on, or whose state is set.
    fn worked_on(&self) -> HashSet<&str> {
        let tasks = self.foresight.phases().iter().flat_map(|phase| match phase {
            Foreseen::Graph(graph) => graph.tasks.as_slice(),
            Foreseen::Act(_) => &[],
        });
        tasks.filter_map(instance).collect()
    }
}

/// The instance that a task does something with, beyond saying something about it.
fn instance(task: &Task) -> Option<&str> {
    match &task.work {
        Work::SetState { instance, .. } => Some(instance.as_str()),
        work => work.call()?.context.node_id.as_deref(),
    }
}

/// A task without its place and its time.
fn describe(task: &Task) -> Value {
    let mut shown = json!({
        "name": task.name(), "type": task.work.kind().as_str(), "subgraph": task.container,
        "dependencies": task.dependencies, "node_id": null, "node_instance_id": null, "operation": null,
        "relationship": null, "related_node_instance_id": null, "state": null, "text": null,
    });
    match &task.work {
        Work::Operation(call) | Work::DryRun(call) => {
            let context = &call.context;
            shown["node_id"] = json!(context.node_name);
            shown["node_instance_id"] = json!(context.node_id);
            shown["operation"] = json!(context.operation.name);
            shown["relationship"] = json!(context.operation.relationship);
            shown["related_node_instance_id"] = json!(context.related.as_ref().map(|related| &related.node_id));
        }
        Work::SetState { instance, state } => {
            shown["node_instance_id"] = json!(instance);
            shown["state"] = json!(state);
        }
        Work::NodeEvent { instance, text } => {
            shown["node_instance_id"] = json!(instance);
            shown["text"] = json!(text);
        }
        Work::WorkflowEvent { text, .. } => shown["text"] = json!(text),
        Work::Subgraph { .. } | Work::Nop => {}
    }
    shown
}

/// What an act is about, beyond its name.
fn detail(act: &Act) -> Value {
    match act {
        Act::StartModification { wanted } => json!(wanted),
        Act::StartWorkflow(workflow) => json!({"workflow_id": workflow}),
        Act::Abort(modification) => json!({"modification_id": modification}),
        Act::ForgetHeals(ids) | Act::MarkDrifted(ids) | Act::ForgetDrift(ids) | Act::ForgetUpdates(ids) => {
            json!({"node_instance_ids": ids})
        }
        _ => Value::Null,
    }
}
