//! What the REST goals rest on: lists of a thousand node instances, of a hundred events, of
//! deployments' ids; and the journal of a large install. SQLite in a temporary folder.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up must stop")]

use std::sync::Arc;

use divan::Bencher;
use nephele_model::blueprint::BlueprintState;
use nephele_model::event::{NewEvent, Origin};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{GraphId, NodeInstanceId, TaskId, TenantName};
use nephele_model::instance::InstanceState;
use nephele_model::page::{ListQuery, Sort};
use nephele_model::task::{JournalBatch, StoredGraph, StoredTask, TaskChange, TaskKind, TaskState};
use nephele_model::{Clock as _, Timestamp, Visibility, clock::SystemClock};
use nephele_store::blueprints::{self, NewBlueprint};
use nephele_store::deployments::{self, Deployment, NewDeployment};
use nephele_store::executions::{self, Execution, NewExecution};
use nephele_store::journal::{self, Run};
use nephele_store::node_instances::{self, NewInstance};
use nephele_store::nodes::{self, NewNode};
use nephele_store::{Bootstrap, Json, Scope, Store, events};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const NODES: usize = 1000;

fn main() {
    divan::main();
}

struct Bed {
    runtime: Runtime,
    store: Store,
    deployment: Deployment,
    run: Run,
    execution: Execution,
    instances: Vec<NodeInstanceId>,
    _folder: TempDir,
}

fn scope() -> Scope {
    Scope {
        tenant_id: 0,
        tenant_name: TenantName::new("default_tenant"),
        user_id: 0,
        is_administrator: true,
        all_tenants: vec![(0, true)],
    }
}

fn bed() -> Bed {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let url = format!("sqlite://{}", folder.path().join("store.db").display());
    let (store, deployment, execution, instances) = runtime.block_on(fill(&url));
    let run = Run::from(&execution);
    Bed { runtime, store, deployment, run, execution, instances, _folder: folder }
}

async fn fill(url: &str) -> (Store, Deployment, Execution, Vec<NodeInstanceId>) {
    let store = Store::open(url, Arc::new(SystemClock)).await.expect("a store");
    let tx = store.begin().await.expect("a transaction");
    let first = Bootstrap { admin_password_hash: String::new(), settings: vec![], authority: None };
    first.ensure(&tx).await.expect("the first rows");
    tx.commit().await.expect("the commit");
    let now = SystemClock.now();
    let blueprint = NewBlueprint {
        id: "b".into(),
        visibility: Visibility::Tenant,
        tenant_id: 0,
        creator_id: 0,
        created_at: now,
        state: BlueprintState::Uploaded,
        main_file_name: None,
        is_hidden: false,
    };
    let blueprint_fk = blueprints::insert(&store, blueprint).await.expect("a blueprint");
    for number in 0..20 {
        let new = NewDeployment {
            id: format!("d{number}").into(),
            display_name: format!("d{number}"),
            visibility: Visibility::Tenant,
            tenant_id: 0,
            creator_id: 0,
            created_at: now,
            updated_at: None,
            blueprint_fk,
            site_fk: None,
            deployment_status: None,
            runtime_only_evaluation: false,
            inputs: None,
        };
        deployments::insert(&store, new).await.expect("a deployment");
    }
    let deployment = deployments::find(&store, &scope(), &"d0".into()).await.expect("a query").expect("the deployment");
    let text = Json::of(&json!({"name": "value", "list": [1, 2, 3]}));
    let node = |number| NewNode {
        id: format!("n{number}").into(),
        visibility: Visibility::Tenant,
        tenant_id: 0,
        creator_id: 0,
        deployment_fk: deployment.storage_id,
        kind: "cloudify.nodes.Root".to_owned(),
        type_hierarchy: Json::of(&["cloudify.nodes.Root"]),
        host_id: None,
        number_of_instances: 1,
        planned_number_of_instances: 1,
        deploy_number_of_instances: 1,
        min_number_of_instances: 0,
        max_number_of_instances: -1,
        plugins: Some(text.clone()),
        plugins_to_install: None,
        properties: Some(text.clone()),
        relationships: Some(text.clone()),
        operations: Some(text.clone()),
    };
    nodes::insert(&store, (0..NODES).map(node).collect()).await.expect("nodes");
    let instance = |number| NewInstance {
        id: format!("n{number}_abc123").into(),
        node_id: format!("n{number}").into(),
        host_id: None,
        index: None,
        relationships: Json::of(&json!([{"target_id": "n0_abc123", "target_name": "n0", "type": "t"}])),
        scaling_groups: Json::of(&json!([])),
        runtime_properties: text.clone(),
        state: InstanceState::UNINITIALIZED,
    };
    let tx = store.begin().await.expect("a transaction");
    let new = (0..NODES).map(instance).collect();
    let instances = node_instances::insert(&tx, &deployment, new).await.expect("instances");
    tx.commit().await.expect("the commit");
    let new = NewExecution {
        id: "e".into(),
        visibility: Visibility::Tenant,
        tenant_id: 0,
        creator_id: 0,
        created_at: now,
        scheduled_for: None,
        status: ExecutionStatus::Started,
        workflow_id: "install".to_owned(),
        parameters: Json::of(&json!({})),
        is_system_workflow: false,
        is_dry_run: false,
        allow_custom_parameters: false,
        is_forced: false,
        token: None,
        deployment_fk: Some(deployment.storage_id),
        wait_after_fail: 600.0,
        blueprint_id: Some("b".to_owned()),
        rerun_of: None,
        process: None,
    };
    let row = executions::insert(&store, new).await.expect("an execution");
    let execution = executions::by_storage_id(&store, row).await.expect("a query").expect("the execution");
    let many: Vec<_> = (0..5 * NODES).map(|number| event(&instances[number % NODES], now)).collect();
    events::insert(&store, &Run::from(&execution), &many, &[]).await.expect("events");
    (store, deployment, execution, instances)
}

fn event(instance: &NodeInstanceId, timestamp: Timestamp) -> NewEvent {
    NewEvent {
        event_type: "workflow_node_event".to_owned(),
        message: "Node instance created: nothing to do".to_owned(),
        origin: Origin { node_instance: Some(instance.to_string()), ..Origin::default() },
        error_causes: None,
        timestamp,
        reported: None,
    }
}

#[divan::bench]
fn list_1000_node_instances(bencher: Bencher) {
    let bed = bed();
    let query = ListQuery::default();
    bencher.bench_local(|| {
        let scope = scope();
        let list = bed.store.list(&node_instances::RESOURCE, &scope, &query);
        assert_eq!(bed.runtime.block_on(list).expect("a page").items.len(), NODES);
    });
}

#[divan::bench]
fn list_100_events_of_an_execution(bencher: Bencher) {
    let bed = bed();
    let query = ListQuery {
        size: Some(100),
        sort: vec![Sort { field: "reported_timestamp".to_owned(), descending: false }],
        filters: vec![("execution_id".to_owned(), vec!["e".to_owned()])],
        ..ListQuery::default()
    };
    bencher.bench_local(|| {
        let scope = scope();
        let list = events::list(&bed.store, &scope, &query, &[]);
        assert_eq!(bed.runtime.block_on(list).expect("a page").items.len(), 100);
    });
}

#[divan::bench]
fn list_100_events_of_all(bencher: Bencher) {
    let bed = bed();
    let query = ListQuery { size: Some(100), ..ListQuery::default() };
    bencher.bench_local(|| {
        let scope = scope();
        let list = events::list(&bed.store, &scope, &query, &[]);
        assert_eq!(bed.runtime.block_on(list).expect("a page").items.len(), 100);
    });
}

#[divan::bench]
fn list_20_deployment_ids(bencher: Bencher) {
    let bed = bed();
    let query = ListQuery { include: Some(vec!["id".to_owned()]), ..ListQuery::default() };
    bencher.bench_local(|| {
        let scope = scope();
        let list = bed.store.list(&deployments::RESOURCE, &scope, &query);
        assert_eq!(bed.runtime.block_on(list).expect("a page").items.len(), 20);
    });
}

#[divan::bench]
fn instances_of_a_deployment(bencher: Bencher) {
    let bed = bed();
    bencher.bench_local(|| {
        let read = node_instances::of_deployment(&bed.store, bed.deployment.storage_id);
        assert_eq!(bed.runtime.block_on(read).expect("instances").len(), NODES);
    });
}

/// One batch: a graph of five tasks for each of 1,000 nodes, all ended, all instances moved through
/// three states, 5,000 events.
#[divan::bench(sample_count = 10)]
fn journal_of_1000_nodes(bencher: Bencher) {
    bencher.with_inputs(bed).bench_local_values(|bed| {
        let id = |number: usize| TaskId::new(format!("{number:08}-0000-0000-0000-000000000000"));
        let task = |number| StoredTask {
            id: id(number),
            graph: GraphId::new("g"),
            name: "task".to_owned(),
            kind: TaskKind::SetState,
            state: TaskState::Pending,
            dependencies: number.checked_sub(1).map(id).into_iter().collect(),
            parameters: json!({"retried_task": null, "current_retries": 0, "task_kwargs": {"state": "started"}}),
            attempt: 1,
            due_at: None,
            queued_at: None,
            started_at: None,
            ended_at: None,
        };
        let changes = (0..5 * NODES).map(|number| TaskChange::new(id(number), TaskState::Succeeded)).collect();
        let states = [InstanceState::CREATED, InstanceState::CONFIGURED, InstanceState::STARTED];
        let moves = bed.instances.iter().flat_map(|id| states.iter().map(|state| (id.clone(), state.clone())));
        let batch = JournalBatch {
            new_graphs: vec![StoredGraph {
                id: GraphId::new("g"),
                execution: bed.execution.id.clone(),
                name: "install".to_owned(),
            }],
            new_tasks: (0..5 * NODES).map(task).collect(),
            changes,
            instance_states: moves.collect(),
            events: (0..5 * NODES).map(|n| event(&bed.instances[n % NODES], Timestamp::from_micros(1))).collect(),
            dispatches: vec![],
            notes: vec![],
        };
        bed.runtime.block_on(journal::write(&bed.store, &bed.run, &batch, vec![])).expect("the batch is written");
        bed
    });
}
