//! Order and outcome of every built-in workflow, compared with the reference itself (`cloudify-common` 7.0.5) at
//! the same moment.
//!
//! `reference/record.py` runs the cases of `reference/cases.py` in the reference's local workflow environment. What
//! only a manager has is played there: modifications of deployments, and `update`, whose parts `reference/update.py`
//! has the reference make and run in the order of the specification. What is compared, for each workflow on each blueprint:
//!
//! - **Order**: every task graph, as a partial order. Its leaves are operations (with the side of a relationship and
//!   the other end), states and events. Both graphs must have the same leaves, and of any two the one must come before
//!   the other in both or in neither, counting what follows through containers and joints.
//! - **Meaning**: of each operation and each container that is not empty, its retries and what its success and its failure
//!   lead to, by the dotted paths under which both store it.
//! - **What happens**: run with the same answers of operations (failures, retries, wishes to be run again), each instance
//!   goes through the same own operations, states and events in the same order, and takes part in the same operations of
//!   relationships. States and events that are due at the same time have no order.
//! - **The end**: whether the workflow fails, with which error (of operations: how many), and states and notes of all
//!   instances.
//!
//! Not compared: texts of logs, times, ids.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use nephele_engine::graph::Graph;
use nephele_engine::lifecycle::{Parameters, UPDATE, Workflow, again};
use nephele_engine::machine::Remake;
use nephele_engine::phases::{Act, End, Next, Past};
use nephele_engine::task::{Task, Work};
use nephele_engine::{Event, Finish, Run, RunInfo, TimerKey, Topology};
use nephele_model::finding::Note;
use nephele_model::operation::{Failure, Outcome, Request, Severity};
use nephele_model::phase::{Phase, PhaseEnd, PhaseKind};
use nephele_model::python_text;
use serde_json::{Value, json};

mod happenings;

use happenings::{causes, sorted_out, timeless};

use crate::world::{Rows, World, counted, info};

/// How many cases there must be at least.
const CASES: usize = 40;
/// How many differences of a workflow are shown.
const SHOWN: usize = 8;

#[test]
fn workflows_run_as_the_references_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = folder.join("../../target/cfy/bin/python");
    assert!(python.exists(), "{} is missing: `make cfy` installs the reference", python.display());
    let mut command = Command::new(python);
    // Sets have one order, so that a difference can be seen again; nothing is left beside the sources.
    command.arg("-B").arg(folder.join("tests/it/reference/record.py")).env("PYTHONHASHSEED", "0");
    let mut reference = command.stdout(Stdio::piped()).spawn().expect("the reference starts");
    let answers = BufReader::new(reference.stdout.take().expect("its output")).lines();
    let (mut cases, mut workflows, mut failures) = (0, BTreeSet::new(), String::new());
    for line in answers {
        let case: Value = serde_json::from_str(&line.expect("a line")).expect("a recording");
        cases += 1;
        let mut open = Value::Null;
        for (number, step) in case["steps"].as_array().expect("steps").iter().enumerate() {
            workflows.insert(step["operation"].as_str().expect("an operation").to_owned());
            let found = Replay::new(step, &mut open).differences();
            if !found.is_empty() {
                let _ = writeln!(failures, "{} / {} {}", case["name"], number + 1, step["workflow"]);
                for difference in found.iter().take(SHOWN) {
                    let _ = writeln!(failures, "    {difference}");
                }
            }
        }
    }
    assert!(reference.wait().expect("it ends").success());
    assert!(failures.is_empty(), "{failures}");
    assert!(cases >= CASES, "only {cases} cases");
    let missing: Vec<_> = built_in().filter(|operation| !workflows.contains(*operation)).collect();
    assert!(missing.is_empty(), "never compared: {missing:?}");
}

/// The operations behind all workflows that every blueprint has, those of former versions, and `update`.
fn built_in() -> impl Iterator<Item = &'static str> {
    let types = include_str!("../../../dsl/src/builtin/types.yaml");
    let mappings = types.lines().filter_map(|line| line.trim().strip_prefix("mapping: default_workflows."));
    mappings.chain(["cloudify.plugins.workflows.scale", UPDATE])
}

/// One workflow, run here as it ran there.
struct Replay<'a> {
    step: &'a Value,
    /// The modification that has been started and not ended.
    open: &'a mut Value,
    topology: Value,
    past: Past,
    /// Graphs, with the parameters of their tasks' rows.
    graphs: Vec<(Graph, Vec<Value>)>,
    acts: usize,
    happened: Vec<(String, String, String)>,
    found: Vec<String>,
}

impl<'a> Replay<'a> {
    fn new(step: &'a Value, open: &'a mut Value) -> Self {
        let topology = step["topology"].clone();
        let (past, graphs, happened, found) = (Past::default(), Vec::new(), Vec::new(), Vec::new());
        Self { step, open, topology, past, graphs, acts: 0, happened, found }
    }

    fn differences(mut self) -> Vec<String> {
        let end = self.run();
        self.compare_graphs();
        self.compare_happenings();
        self.compare_ends(&end);
        self.found
    }

    fn run(&mut self) -> End {
        let workflow = Workflow::of_operation(self.step["operation"].as_str().unwrap_or_default()).expect("a workflow");
        let parameters = Parameters {
            execution: self.execution(),
            deployment: "d".to_owned(),
            values: self.step["parameters"].as_object().cloned().unwrap_or_default(),
            task_retries: self.step["retries"].as_i64().unwrap_or_default(),
            subgraph_retries: self.step["subgraph_retries"].as_i64().unwrap_or_default(),
            ..Parameters::default()
        };
        loop {
            let topology: Topology = serde_json::from_value(self.topology.clone()).expect("a topology");
            let (name, kind, end, value) = match workflow.next(&self.past, Some(&topology), &parameters, false).next {
                Next::Begin(graph) => {
                    let name = graph.name.clone();
                    let (end, value) = match self.carry(graph, again(&topology, &parameters)) {
                        Finish::Succeeded => (PhaseEnd::Succeeded, Value::Null),
                        Finish::Failed { message } => (PhaseEnd::Failed, message.into()),
                        Finish::Cancelled { .. } => (PhaseEnd::Cancelled, Value::Null),
                    };
                    (name, PhaseKind::Graph, end, value)
                }
                Next::Act(act) => (act.phase().to_owned(), PhaseKind::Act, PhaseEnd::Succeeded, self.act(&act)),
                Next::Keep(name, value) => (name, PhaseKind::Decision, PhaseEnd::Succeeded, value),
                Next::End(end) => return end,
                other => panic!("{other:?}"),
            };
            self.past.note(Phase { name, kind, end, value });
        }
    }

    fn execution(&self) -> String {
        self.step["execution"].as_str().unwrap_or_default().to_owned()
    }

    /// Runs a graph, and changes the deployment as it does.
    fn carry(&mut self, graph: Graph, remake: Option<Remake>) -> Finish {
        let as_made = graph.clone();
        let run = Run::new(RunInfo { execution_id: self.execution(), ..info() }, graph, counted("t"));
        let run = if let Some(remake) = remake { run.remaking(remake) } else { run };
        let mut world = World::with(run, Rows::default());
        world.tell(Event::Start);
        let rows = world.rows.tasks.iter().take(as_made.tasks.len()).map(|row| row.parameters.clone()).collect();
        self.graphs.push((as_made, rows));
        let mut written = 0;
        let finish = loop {
            let events = world.rows.events[written..].iter();
            for event in events.filter(|event| event.event_type == "workflow_node_event") {
                let instance = event.origin.node_instance.clone().unwrap_or_default();
                self.happened.push((instance, "event".to_owned(), event.message.clone()));
            }
            written = world.rows.events.len();
            if let Some(finish) = world.finish.take() {
                break finish;
            }
            let event = if let Some(request) = world.outbox.pop_front() {
                Event::TaskFinished(request.id.as_str().into(), self.answer(&request))
            } else {
                let retry = world.timers.iter().position(|key| matches!(key, TimerKey::Retry(_)));
                let timer = retry.and_then(|position| world.timers.remove(position));
                Event::TimerFired(timer.expect("the run waits for something"))
            };
            world.tell(event);
        };
        for (instance, states) in &world.rows.states {
            self.instance(instance)["state"] = json!(states.last());
            let moved = |state: &String| (instance.clone(), "state".to_owned(), state.clone());
            self.happened.extend(states.iter().map(moved));
        }
        for (instance, note) in &world.rows.notes {
            self.note(instance.as_str(), note);
        }
        finish
    }

    fn note(&mut self, instance: &str, note: &Note) {
        let mut notes = self.instance(instance)["system_properties"].as_object().cloned().unwrap_or_default();
        note.add_to(&mut notes);
        self.instance(instance)["system_properties"] = notes.into();
    }

    fn instance(&mut self, id: &str) -> &mut Value {
        let instances = self.topology["instances"].as_array_mut().expect("instances");
        instances.iter_mut().find(|instance| instance["id"] == id).expect("an instance")
    }

    /// What the case says that the operation answers.
    fn answer(&mut self, request: &Request) -> Outcome {
        let context = &request.context;
        let instance = context.node_id.clone().unwrap_or_default();
        let mut label = context.operation.name.rsplit('.').next().unwrap_or_default().to_owned();
        if let (Some(side), Some(related)) = (&context.operation.relationship, &context.related) {
            let _ = write!(label, " as {side} with {}", related.node_id);
        }
        let attempt = context.operation.retry_number;
        self.happened.push((instance.clone(), "operation".to_owned(), format!("{label} #{attempt}")));
        let node = instance.rsplit_once('_').map_or("", |(node, _)| node);
        let behaviour = &self.step["behaviour"];
        let script = [&instance, node].map(|owner| behaviour[format!("{owner}:{label}")].as_array());
        let Some(script) = script.into_iter().flatten().next() else {
            return Outcome::Done(if label == "get_state" { json!(true) } else { Value::Null });
        };
        let attempt = usize::try_from(attempt).unwrap_or_default().min(script.len() - 1);
        match script[attempt].as_str() {
            Some("recoverable") => Outcome::Failed(Failure::recoverable("recoverable")),
            Some("fatal") => Outcome::Failed(Failure::fatal("fatal")),
            Some("again") => {
                let severity = Severity::Retry { retry_after: Some(0.0) };
                Outcome::Failed(Failure::new(severity, "OperationRetry", "again"))
            }
            _ => Outcome::Done(script[attempt].clone()),
        }
    }

    /// Does what the manager does, as it was done there.
    fn act(&mut self, act: &Act) -> Value {
        if let Some((instances, note)) = act.note() {
            for id in &instances {
                self.note(id, &note);
            }
            return Value::Null;
        }
        let recorded = &self.step["acts"][self.acts];
        self.acts += 1;
        let name = if matches!(act, Act::Abort(_)) { "roll_back_modification" } else { act.phase() };
        if recorded["act"] != name {
            self.found.push(format!("asks the manager for {name}, there {}", recorded["act"]));
        }
        if let Act::StartModification { wanted } = act
            && recorded["wanted"] != Value::Object(wanted.clone())
        {
            self.found.push(format!("wants {wanted:?}, there {}", recorded["wanted"]));
        }
        if !recorded["topology"].is_null() {
            self.topology = recorded["topology"].clone();
        }
        match act {
            Act::ApplyUpdate => return recorded["made"].clone(),
            Act::StartModification { .. } => self.open.clone_from(&recorded["made"]),
            Act::FindStarted | Act::PrepareUpdate | Act::FinishUpdate => {}
            _ => *self.open = Value::Null,
        }
        if matches!(act, Act::StartModification { .. } | Act::FindStarted) { self.open.clone() } else { Value::Null }
    }
}

/// The leaves of a graph, what each must come after, and what the end of tasks leads to.
#[derive(Default)]
struct Shape {
    before: BTreeMap<String, BTreeSet<String>>,
    meanings: BTreeSet<String>,
}

/// A task as both sides describe it.
struct Described {
    label: Option<String>,
    is_container: bool,
    container: Option<usize>,
    dependencies: Vec<usize>,
    meaning: String,
}

impl Shape {
    fn of(tasks: &[Described]) -> Self {
        let mut order = Order { tasks, members: vec![Vec::new(); tasks.len()], known: vec![None; tasks.len()] };
        for (index, task) in tasks.iter().enumerate() {
            if let Some(container) = task.container {
                order.members[container].push(index);
            }
        }
        let mut shape = Self::default();
        for (index, task) in tasks.iter().enumerate() {
            if !task.meaning.is_empty() && (!task.is_container || order.has_leaves(index)) {
                shape.meanings.insert(task.meaning.clone());
            }
            let Some(label) = task.label.clone().filter(|_| !task.is_container) else { continue };
            let before = order.before(index).iter().filter_map(|&earlier| tasks[earlier].label.clone()).collect();
            if let Some(other) = shape.before.insert(label.clone(), before) {
                shape.before.insert(format!("{label} (twice)"), other);
            }
        }
        shape
    }
}

struct Order<'a> {
    tasks: &'a [Described],
    members: Vec<Vec<usize>>,
    known: Vec<Option<BTreeSet<usize>>>,
}

impl Order<'_> {
    /// The leaves that must have ended before the task begins.
    fn before(&mut self, index: usize) -> BTreeSet<usize> {
        if let Some(known) = &self.known[index] {
            return known.clone();
        }
        let mut before = BTreeSet::new();
        if let Some(container) = self.tasks[index].container {
            before.extend(self.before(container));
        }
        for &earlier in &self.tasks[index].dependencies {
            if Some(earlier) != self.tasks[index].container {
                before.extend(self.before(earlier));
                self.leaves(earlier, &mut before);
            }
        }
        self.known[index] = Some(before.clone());
        before
    }

    /// The leaves that end with the task, and those that must have ended before them.
    fn leaves(&mut self, index: usize, leaves: &mut BTreeSet<usize>) {
        if !self.tasks[index].is_container {
            leaves.insert(index);
        }
        for member in self.members[index].clone() {
            leaves.extend(self.before(member));
            self.leaves(member, leaves);
        }
    }

    fn has_leaves(&self, index: usize) -> bool {
        self.members[index].iter().any(|&member| {
            if self.tasks[member].is_container { self.has_leaves(member) } else { self.tasks[member].label.is_some() }
        })
    }
}

fn theirs(graph: &Value) -> Shape {
    let tasks = graph["tasks"].as_array().expect("tasks");
    let places: HashMap<&str, usize> =
        tasks.iter().enumerate().map(|(index, task)| (task["id"].as_str().unwrap_or_default(), index)).collect();
    let place = |id: &Value| id.as_str().and_then(|id| places.get(id).copied());
    let described = tasks.iter().map(|task| Described {
        label: task["label"].as_str().map(str::to_owned),
        is_container: task["subgraph"] == true,
        container: place(&task["container"]),
        dependencies: task["dependencies"].as_array().into_iter().flatten().filter_map(place).collect(),
        meaning: if task["label"].is_null() || (task["retries"].is_null() && task["subgraph"] == false) {
            String::new()
        } else {
            format!("{} {} {} {}", task["label"], task["retries"], task["on_success"], task["on_failure"])
        },
    });
    Shape::of(&described.collect::<Vec<_>>())
}

fn ours((graph, rows): &(Graph, Vec<Value>)) -> Shape {
    let described = graph.tasks.iter().zip(rows).map(|(task, row)| {
        let is_container = matches!(task.work, Work::Subgraph { .. });
        let label = label(task);
        let path = |key: &str| row[key].get("path").cloned().unwrap_or_default();
        let retries = task.work.call().map(|_| task.retry.total);
        let meaning = match &label {
            Some(label) if is_container || retries.is_some() => {
                format!("{} {} {} {}", json!(label), json!(retries), path("on_success"), path("on_failure"))
            }
            _ => String::new(),
        };
        let dependencies = task.dependencies.clone();
        Described { label, is_container, container: task.container, dependencies, meaning }
    });
    Shape::of(&described.collect::<Vec<_>>())
}

fn label(task: &Task) -> Option<String> {
    Some(match &task.work {
        Work::Nop => return None,
        Work::Subgraph { name } => format!("[{name}]"),
        Work::SetState { instance, state } => format!("{instance} := {state}"),
        Work::NodeEvent { instance, text } => format!("{instance}: {}", python_text::repr(&json!(text))),
        Work::WorkflowEvent { text, .. } => text.clone(),
        Work::Operation(call) | Work::DryRun(call) => {
            let context = &call.context;
            let mut label = format!("{}: {}", context.node_id.as_deref().unwrap_or_default(), context.operation.name);
            if let (Some(side), Some(related)) = (&context.operation.relationship, &context.related) {
                let _ = write!(label, " as {side} with {}", related.node_id);
            }
            label
        }
    })
}

impl Replay<'_> {
    fn compare_graphs(&mut self) {
        let empty = Vec::new();
        let recorded = self.step["graphs"].as_array().unwrap_or(&empty);
        let names = |graphs: Vec<String>| graphs.join(", ");
        let here = names(self.graphs.iter().map(|(graph, _)| graph.name.clone()).collect());
        // One workflow of the reference does not store its graph, which has no name then.
        let there = names(
            recorded.iter().map(|graph| graph["name"].as_str().unwrap_or("validate_agents").to_owned()).collect(),
        );
        if here != there {
            self.found.push(format!("runs the graphs {here}; there {there}"));
        }
        for (graph, recorded) in self.graphs.iter().zip(recorded) {
            let (ours, theirs) = (ours(graph), theirs(recorded));
            let graph = &graph.0;
            for label in ours.before.keys().filter(|label| !theirs.before.contains_key(*label)) {
                self.found.push(format!("{}: only here: {label}", graph.name));
            }
            for (label, before) in &theirs.before {
                let Some(ours) = ours.before.get(label) else {
                    self.found.push(format!("{}: only there: {label}", graph.name));
                    continue;
                };
                if ours != before {
                    let (more, less): (Vec<_>, Vec<_>) = (ours - before, before - ours).into_vecs();
                    self.found.push(format!("{}: {label}: waits for {more:?}, not for {less:?}", graph.name));
                }
            }
            if ours.meanings != theirs.meanings {
                let (more, less): (Vec<_>, Vec<_>) =
                    (&ours.meanings - &theirs.meanings, &theirs.meanings - &ours.meanings).into_vecs();
                self.found.push(format!("{}: means {more:?}, there {less:?}", graph.name));
            }
        }
    }

    fn compare_happenings(&mut self) {
        let recorded: Vec<(String, String, String)> =
            serde_json::from_value(self.step["happened"].clone()).expect("what happened");
        let (here, there) = (sorted_out(&self.happened), sorted_out(&recorded));
        for key in here.keys().chain(there.keys()).collect::<BTreeSet<_>>() {
            if here.get(key) != there.get(key) {
                self.found.push(format!("{key}: {:?}\n        there: {:?}", here.get(key), there.get(key)));
            }
        }
    }

    fn compare_ends(&mut self, end: &End) {
        let here = match end {
            End::Failed(reason) => Some(reason.as_str()),
            End::Succeeded | End::Cancelled => None,
        };
        let there = self.step["error"].as_str();
        if here.map(causes) != there.map(causes) {
            self.found.push(format!("ends with {here:?}; there {there:?}"));
        }
        let described = |topology: &Value| -> BTreeMap<String, String> {
            let instances = topology["instances"].as_array().into_iter().flatten();
            let of = |instance: &Value| format!("{} {}", instance["state"], timeless(&instance["system_properties"]));
            instances.map(|instance| (instance["id"].to_string(), of(instance))).collect()
        };
        let (here, there) = (described(&self.topology), described(&self.step["after"]));
        if here != there {
            self.found.push(format!("leaves {here:?}\n        there: {there:?}"));
        }
    }
}

/// The two sides of a difference.
trait IntoVecs {
    fn into_vecs(self) -> (Vec<String>, Vec<String>);
}

impl IntoVecs for (BTreeSet<String>, BTreeSet<String>) {
    fn into_vecs(self) -> (Vec<String>, Vec<String>) {
        (self.0.into_iter().collect(), self.1.into_iter().collect())
    }
}
