//! Time must grow with the deployment, not faster: 100, 1,000 and 10,000 instances.

use nephele_engine::lifecycle::{Parameters, Workflow};
use nephele_engine::{Event, Graph, Ids, Run, RunInfo, Step, Topology};
use nephele_model::Timestamp;
use nephele_model::operation::Outcome;
use serde_json::{Value, json};

const SIZES: [usize; 3] = [100, 1_000, 10_000];

fn main() {
    divan::main();
}

/// Instances without or with a `create` operation, all related to the first one.
fn topology(size: usize, with_operation: bool) -> Topology {
    let operation = json!({"plugin": "script", "operation": "script_runner.tasks.run", "inputs": {"script_path": "x"},
                           "executor": "central_deployment_agent"});
    let operations =
        if with_operation { json!({"cloudify.interfaces.lifecycle.create": operation}) } else { json!({}) };
    let declared = json!([{"target_id": "root", "type": "depends_on"}]);
    let nodes = json!([
        {"id": "root"},
        {"id": "n", "operations": operations, "relationships": declared, "plugins": [{"name": "script"}]},
    ]);
    let related = json!([{"target_id": "root_1", "target_name": "root", "type": "depends_on"}]);
    let mut instances = vec![json!({"id": "root_1", "node_id": "root", "state": "uninitialized"})];
    let instance = |number| json!({"id": format!("n_{number}"), "node_id": "n", "state": "uninitialized", "relationships": related});
    instances.extend((1..size).map(instance));
    let rows = json!({"nodes": nodes, "instances": instances});
    serde_json::from_value(rows).unwrap_or_default()
}

fn graph(topology: &Topology) -> Graph {
    Workflow::Install.foresee(topology, &Parameters::default()).unwrap_or_default().pop().unwrap_or_default()
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn build(bencher: divan::Bencher<'_, '_>, size: usize) {
    let topology = topology(size, true);
    bencher.bench(|| graph(&topology));
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn install_without_operations(bencher: divan::Bencher<'_, '_>, size: usize) {
    let topology = topology(size, false);
    bencher.with_inputs(|| graph(&topology)).bench_values(|graph| {
        let mut run = Run::new(RunInfo::default(), graph, Ids::random());
        run.step(Event::Start, Timestamp::from_micros(0)).map(|step| step.batch.new_tasks.len())
    });
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn install_with_an_operation_each(bencher: divan::Bencher<'_, '_>, size: usize) {
    let topology = topology(size, true);
    bencher.with_inputs(|| graph(&topology)).bench_values(|graph| {
        let info = RunInfo { wait_after_fail: 600.0, ..RunInfo::default() };
        let mut run = Run::new(info, graph, Ids::random());
        let now = Timestamp::from_micros(0);
        let mut sent: Vec<_> = requests(run.step(Event::Start, now));
        while let Some(id) = sent.pop() {
            sent.extend(requests(run.step(Event::TaskFinished(id, Outcome::Done(Value::Null)), now)));
        }
    });
}

fn requests(step: nephele_engine::Result<Step>) -> Vec<nephele_model::id::TaskId> {
    step.map(|step| step.batch.dispatches.into_iter().map(|request| request.id.into()).collect()).unwrap_or_default()
}
