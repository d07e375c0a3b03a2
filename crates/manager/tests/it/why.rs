//! What executions wait for: every kind, from rows, on both databases.

use std::sync::Arc;

use nephele_manager::Ctx;
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{ExecutionId, GraphId};
use nephele_model::task::{JournalBatch, StoredGraph, StoredTask, TaskChange, TaskKind, TaskState};
use nephele_model::{Role, Visibility};
use nephele_store::deployments::Deployment;
use nephele_store::execution_groups::{self, NewExecutionGroup};
use nephele_store::executions::{self, Execution, ExecutionChanges, NewExecution};
use nephele_store::journal::{self, Run};
use nephele_store::{Db as _, Json, operations, processes};
use serde_json::{Value, json};

use crate::house::{House, Made, admin, both};

pub(crate) async fn execution(
    house: &House,
    ctx: &Ctx,
    deployment: Option<&Deployment>,
    id: &str,
    status: ExecutionStatus,
) -> Execution {
    let store = &*house.manager.store;
    let new = NewExecution {
        id: ExecutionId::new(id),
        visibility: deployment.map_or(Visibility::Tenant, |row| row.visibility),
        tenant_id: ctx.tenant_id.unwrap(),
        creator_id: ctx.user_id,
        created_at: store.now(),
        scheduled_for: Some(store.now().plus_micros(60_000_000)),
        status,
        workflow_id: "install".to_owned(),
        parameters: Json::of(&json!({})),
        is_system_workflow: id.starts_with("system"),
        is_dry_run: false,
        allow_custom_parameters: false,
        is_forced: false,
        token: None,
        deployment_fk: deployment.map(|row| row.storage_id),
        wait_after_fail: 600.0,
        blueprint_id: None,
        rerun_of: None,
        process: None,
    };
    let row = executions::insert(store, new).await.unwrap();
    executions::by_storage_id(store, row).await.unwrap().unwrap()
}

async fn why(house: &House, ctx: &Ctx, id: &str) -> Value {
    serde_json::to_value(house.manager.explain_execution(ctx, id).await.unwrap()).unwrap()
}

async fn set(house: &House, execution: &Execution, status: ExecutionStatus, error: Option<&str>) {
    let changes =
        ExecutionChanges { status: Some(status), error: error.map(|text| Some(text.to_owned())), ..Default::default() };
    executions::update(&*house.manager.store, execution.storage_id, changes).await.unwrap();
}

#[track_caller]
fn kinds(why: &Value) -> Vec<&str> {
    why["waits"].as_array().unwrap().iter().map(|wait| wait["kind"].as_str().unwrap()).collect()
}

/// An operation's row; `context` is added to what every operation has.
fn task(id: &str, operation: &str, context: &Value) -> StoredTask {
    let mut whole = json!({
        "node_id": "web_1", "node_name": "web", "operation": {"name": format!("cloudify.interfaces.lifecycle.{operation}")},
        "plugin": {"name": "script"}, "task_target": "cloudify.management", "timeout": null,
    });
    whole.as_object_mut().unwrap().extend(context.as_object().unwrap().clone());
    StoredTask {
        id: id.into(),
        graph: "g".into(),
        name: "script_runner.tasks.run".to_owned(),
        kind: TaskKind::Operation,
        state: TaskState::Pending,
        dependencies: vec![],
        parameters: json!({
            "total_retries": 4, "current_retries": 0, "error": null, "retried_task": null,
            "containing_subgraph": null, "task_kwargs": {"kwargs": {"__cloudify_context": whole}},
        }),
        attempt: 1,
        due_at: None,
        queued_at: None,
        started_at: None,
        ended_at: None,
    }
}

#[tokio::test]
async fn the_queue_names_what_stands_in_the_way() {
    both(|house: Arc<House>| async move {
        let (ctx, manager) = (admin(), &house.manager);
        let (busy, free) = (
            house.deployment(&ctx, "busy", Made::default()).await,
            house.deployment(&ctx, "free", Made::default()).await,
        );
        let running = execution(&house, &ctx, Some(&busy), "running", ExecutionStatus::Started).await;
        execution(&house, &ctx, Some(&busy), "second", ExecutionStatus::Queued).await;
        execution(&house, &ctx, Some(&busy), "third", ExecutionStatus::Queued).await;

        let second = why(&house, &ctx, "second").await;
        assert_eq!(kinds(&second), ["deployment", "queue"], "{second:#}");
        let blocker = &second["waits"][0];
        assert_eq!(blocker["details"]["executions"][0]["id"], "running");
        let reason = "its deployment busy is occupied by `install` (running), which is started";
        assert_eq!(blocker["reason"], reason);
        assert_eq!(second["summary"], format!("`install` is queued: {reason} (and 1 more)"));
        assert_eq!(second["waits"][1]["details"], json!({"position": 1, "queued_before": 0}));
        let third = why(&house, &ctx, "third").await;
        assert_eq!(third["waits"][0]["details"]["executions"].as_array().unwrap().len(), 2);
        assert_eq!(third["waits"][1]["details"]["position"], 2);

        // Another tenant sees that it waits, and not for whom.
        let eve = house.user("eve", "other", Role::User).await;
        let foreign = execution(&house, &eve, None, "foreign", ExecutionStatus::Queued).await;
        let system = execution(&house, &ctx, None, "system", ExecutionStatus::Queued).await;
        let hidden = why(&house, &eve, "foreign").await;
        assert_eq!(kinds(&hidden), ["system_workflow", "queue"], "what runs alone comes first: {hidden:#}");
        let wait = &hidden["waits"][0];
        assert_eq!(wait["reason"], "another execution keeps all others waiting");
        assert_eq!(wait["details"], json!({"executions": [], "hidden": 1}));
        assert!(manager.explain_execution(&eve, "running").await.is_err_and(|error| error.code().status() == 404));

        // What runs alone waits for all others; a full house and a full group are told.
        set(&house, &system, ExecutionStatus::Queued, None).await;
        let alone = why(&house, &ctx, "system").await;
        assert_eq!(kinds(&alone)[0], "system_workflow");
        assert!(
            alone["waits"][0]["reason"]
                .as_str()
                .unwrap()
                .starts_with("it runs alone, and waits for `install` (running)")
        );
        set(&house, &system, ExecutionStatus::Terminated, None).await;
        set(&house, &foreign, ExecutionStatus::Terminated, None).await;
        let member = execution(&house, &ctx, Some(&free), "member", ExecutionStatus::Queued).await;
        let group = NewExecutionGroup {
            id: "group".to_owned(),
            visibility: Visibility::Tenant,
            tenant_id: 0,
            creator_id: 0,
            created_at: manager.store.now(),
            workflow_id: "install".to_owned(),
            concurrency: 1,
            deployment_group_fk: None,
        };
        let group = execution_groups::insert(&*manager.store, group).await.unwrap();
        let members = [running.storage_id, member.storage_id];
        execution_groups::add(&*manager.store, group, &members).await.unwrap();
        manager.put_config(&ctx, "rest.max_concurrent_workflows", &json!(1), true).await.unwrap();
        let grouped = why(&house, &ctx, "member").await;
        assert_eq!(kinds(&grouped), ["slots", "group_slots", "queue"], "{grouped:#}");
        assert_eq!(grouped["waits"][0]["details"], json!({"running": 1, "limit": 1}));
        assert_eq!(grouped["waits"][1]["details"], json!({"group_id": "group", "running": 1, "limit": 1}));

        manager.begin_maintenance(&ctx).await.unwrap();
        let kept = why(&house, &ctx, "member").await;
        assert_eq!(kinds(&kept)[0], "maintenance");
        assert!(kept["waits"][0]["reason"].as_str().unwrap().contains("(asked for by admin)"), "{kept:#}");
    })
    .await;
}

#[tokio::test]
async fn a_run_names_what_it_has_in_hand() {
    both(|house: Arc<House>| async move {
        let (ctx, store) = (admin(), &*house.manager.store);
        let deployment = house.deployment(&ctx, "d", Made::default()).await;
        house.nodes(&deployment, &[json!({"id": "web"}), json!({"id": "part"})]).await;
        let begun = json!({"_component_execution": {"task": "child", "of": "of-child"}});
        let instance = |id: &str, node: &str, runtime: Value| {
            json!({"id": id, "node_id": node, "runtime_properties": runtime, "relationships": [], "scaling_groups": []})
        };
        let instances = [instance("web_1", "web", json!({})), instance("part_1", "part", begun)];
        house.instances(&deployment, &instances).await;
        let other = house.deployment(&ctx, "component", Made::default()).await;
        execution(&house, &ctx, Some(&other), "of-child", ExecutionStatus::Started).await;
        let run = execution(&house, &ctx, Some(&deployment), "run", ExecutionStatus::Started).await;

        let nothing = why(&house, &ctx, "run").await;
        assert_eq!(kinds(&nothing), ["resume"], "no manager carries it: {nothing:#}");

        let graph = StoredGraph { id: GraphId::new("g"), execution: run.id.clone(), name: "install".to_owned() };
        let agent = json!({"task_target": "agent_7", "host_id": "vm_1"});
        let component = json!({"plugin": {"name": "cfy_extensions"}, "node_id": "part_1"});
        let mut next = task("next", "start", &json!({}));
        next.parameters["retried_task"] = json!("before");
        next.parameters["current_retries"] = json!(1);
        (next.attempt, next.due_at) = (2, Some(store.now().plus_micros(30_000_000)));
        let new_tasks = vec![
            task("sent", "create", &json!({})),
            task("agents", "create", &agent),
            task("works", "configure", &json!({"timeout": 90})),
            task("child", "start", &component),
            task("before", "start", &json!({})),
            next,
            task("lost", "stop", &json!({})),
        ];
        let moved = |id: &str, state| TaskChange::new(id.into(), state);
        let changes = vec![
            moved("sent", TaskState::Sent),
            moved("agents", TaskState::Sent),
            moved("works", TaskState::Sent),
            moved("child", TaskState::Sent),
            TaskChange { reason: Some("no route".to_owned()), ..moved("before", TaskState::Failed) },
            TaskChange {
                reason: Some("disk full".to_owned()),
                error: Some(json!({"message": "disk full"})),
                ..moved("lost", TaskState::Failed)
            },
            moved("works", TaskState::Started),
            moved("child", TaskState::Started),
        ];
        let batch = JournalBatch { new_graphs: vec![graph], new_tasks, changes, ..JournalBatch::default() };
        journal::write(store, &Run::from(&run), &batch, vec![]).await.unwrap();
        let tx = store.begin().await.unwrap();
        let report = operations::Report {
            state: TaskState::ResponseSent,
            manager_name: Some("worker-1".to_owned()),
            agent_name: None,
            reason: None,
            outcome: None,
        };
        operations::report(&tx, &Run::from(&run), &"works".into(), &report).await.unwrap();
        tx.commit().await.unwrap();

        let busy = why(&house, &ctx, "run").await;
        let expected = ["resume", "worker", "agent", "operation", "child_execution", "retry", "failure"];
        assert_eq!(kinds(&busy), expected, "{busy:#}");
        let reason = |number: usize| busy["waits"][number]["reason"].as_str().unwrap();
        assert_eq!(reason(1), "`create` of web_1 waits for a worker to take it");
        assert_eq!(reason(2), "`create` of web_1 was handed to the agent agent_7 of vm_1, which has not begun with it");
        assert_eq!(reason(3), "`configure` of web_1 runs on worker-1");
        let work = &busy["waits"][3];
        assert_eq!((&work["task_id"], &work["details"]["worker"]), (&json!("works"), &json!("worker-1")));
        assert!(work["since"].is_string() && work["deadline"].as_str() > work["since"].as_str(), "{work:#}");
        assert_eq!(
            reason(4),
            "`start` of part_1 waits for `install` of the deployment component (of-child), which is started"
        );
        assert!(reason(5).starts_with("attempt 2 of 5 of `start` of web_1 begins at "), "{}", reason(5));
        assert!(reason(5).ends_with("the one before it failed: no route"), "{}", reason(5));
        assert!(busy["waits"][5]["deadline"].is_string());
        assert!(reason(6).starts_with("`stop` of web_1 failed: disk full; what does not depend on it"), "{}", reason(6));

        set(&house, &run, ExecutionStatus::Cancelling, None).await;
        let stopping = why(&house, &ctx, "run").await;
        assert_eq!(kinds(&stopping).iter().filter(|kind| **kind == "cancelling").count(), 4, "{stopping:#}");
        assert_eq!(stopping["waits"][3]["reason"], "`configure` of web_1 still runs on worker-1");

        set(&house, &run, ExecutionStatus::Failed, Some("Task failed")).await;
        let failed = why(&house, &ctx, "run").await;
        assert_eq!(kinds(&failed), ["person"], "{failed:#}");
        let wait = &failed["waits"][0];
        assert_eq!(
            wait["reason"],
            "`stop` of web_1 failed: disk full. Once the cause is gone, `resume` goes on from there"
        );
        assert_eq!((&wait["task_id"], &wait["details"]["actions"]), (&json!("lost"), &json!(["resume"])));

        let tasks = house.manager.follow_tasks(&ctx, "run", None).await.unwrap();
        let tasks = serde_json::to_value(tasks).unwrap();
        let child = &tasks["tasks"][3];
        assert_eq!((&child["node_id"], &child["node_instance_id"]), (&json!("web"), &json!("part_1")));
        assert_eq!((&child["attempt"], &child["max_attempts"]), (&json!(1), &json!(5)));
        assert_eq!(tasks["tasks"][5]["retry_of"], "before");
        assert_eq!((&tasks["tasks"][6]["error"], &tasks["whole"]), (&json!("disk full"), &json!(true)));
        let later = house.manager.follow_tasks(&ctx, "run", tasks["version"].as_i64()).await.unwrap();
        let later = serde_json::to_value(later).unwrap();
        assert_eq!((&later["tasks"], &later["whole"]), (&json!([]), &json!(false)));
        let strange = house.manager.follow_tasks(&ctx, "run", Some(1_000_000)).await.unwrap();
        assert_eq!(serde_json::to_value(strange).unwrap()["whole"], true, "a version of another database");
    })
    .await;
}

#[tokio::test]
async fn every_status_has_an_answer() {
    both(|house: Arc<House>| async move {
        let ctx = admin();
        for status in ExecutionStatus::ALL {
            let id = format!("e-{}", status.as_str());
            execution(&house, &ctx, None, &id, *status).await;
            let found = why(&house, &ctx, &id).await;
            let summary = found["summary"].as_str().unwrap();
            assert!(summary.starts_with("`install` ") && !summary.contains("nothing that is known"), "{found:#}");
            assert_eq!(found["status"], status.as_str());
            let expected = match status {
                ExecutionStatus::Pending => vec!["pickup"],
                ExecutionStatus::Queued => vec!["queue"],
                ExecutionStatus::Scheduled => vec!["schedule"],
                ExecutionStatus::Failed => vec!["person"],
                ExecutionStatus::Terminated | ExecutionStatus::Cancelled => vec![],
                _ => vec!["resume"],
            };
            assert_eq!(kinds(&found), expected, "{found:#}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_silent_manager_is_named_with_the_time_when_another_takes_over() {
    both(|house| async move {
        let admin = admin();
        let store = &*house.manager.store;
        let minute = 60_000_000;
        for status in [ExecutionStatus::Pending, ExecutionStatus::Started] {
            for (lease, expected) in [(minute, "other"), (1, "takeover")] {
                let process = processes::insert(store, "elsewhere", "far", lease).await.unwrap();
                let id = format!("{}-{lease}", status.as_str());
                let run = execution(&house, &admin, None, &id, status).await;
                let changes = ExecutionChanges { process: Some(Some(process)), ..Default::default() };
                executions::update(store, run.storage_id, changes).await.unwrap();
                let why = why(&house, &admin, &id).await;
                let wait = &why["waits"][0];
                assert_eq!(wait["kind"] == "takeover", expected == "takeover", "{why:#}");
                if expected == "takeover" {
                    assert_eq!(wait["details"], json!({"manager": "far", "process": process}));
                    assert!(wait["since"].is_string() && wait["deadline"].is_string(), "{wait:#}");
                }
            }
        }
    })
    .await;
}
