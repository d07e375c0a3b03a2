//! The engine's journal: graphs, tasks, their times, and what a resume finds.

use nephele_model::event::{NewEvent, Origin};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{GraphId, TaskId};
use nephele_model::instance::InstanceState;
use nephele_model::page::ListQuery;
use nephele_model::task::{JournalBatch, StoredGraph, StoredTask, TaskChange, TaskKind, TaskState};
use nephele_store::executions::Execution;
use nephele_store::journal::{self, Run};
use nephele_store::outbox::{self, NewMessage};
use nephele_store::{Db, Error, Json, Store, events, executions, node_instances, operations, tasks_graphs};
use serde_json::{Value, json};

use crate::house::{admin, both};

fn task(id: &str, kind: TaskKind) -> StoredTask {
    StoredTask {
        id: id.into(),
        graph: "g".into(),
        name: format!("name of {id}"),
        kind,
        state: TaskState::Pending,
        dependencies: vec![],
        parameters: json!({"retried_task": null, "current_retries": 0, "task_kwargs": {"z": 1, "a": "\u{0}"}}),
        attempt: 1,
        due_at: None,
        queued_at: None,
        started_at: None,
        ended_at: None,
    }
}

fn graph(execution: &Execution) -> StoredGraph {
    StoredGraph { id: GraphId::new("g"), execution: execution.id.clone(), name: "install".to_owned() }
}

async fn counts(store: &Store, row: i64) -> (i64, i64) {
    let execution = executions::by_storage_id(store, row).await.unwrap().unwrap();
    (execution.total_operations, execution.finished_operations)
}

#[tokio::test]
async fn a_batch_is_written_as_a_whole() {
    both(|house| async move {
        let store = &house.store;
        let deployment = house.deployment("d").await;
        let ids = house.nodes(&deployment, &["n"], 1).await;
        let execution = house.execution(Some(&deployment), "e", ExecutionStatus::Started).await;
        let run = Run::from(&execution);
        let row = execution.storage_id;
        let mut second = task("2", TaskKind::Operation);
        second.dependencies = vec!["1".into()];
        let start = JournalBatch {
            new_graphs: vec![graph(&execution)],
            new_tasks: vec![task("1", TaskKind::Operation), second.clone(), task("nop", TaskKind::Nop)],
            ..JournalBatch::default()
        };
        journal::write(store, &run, &start, vec![]).await.unwrap();
        assert_eq!(counts(store, row).await, (2, 0));

        house.clock.forward(1_000);
        let queued = store.now();
        let step = |id: &str, state| TaskChange::new(id.into(), state);
        let message =
            NewMessage { address: "w".to_owned(), body: Json::of("run 1"), created_at: queued, process: None };
        let sent = JournalBatch {
            changes: vec![step("1", TaskState::Sending), step("1", TaskState::Sent)],
            ..Default::default()
        };
        journal::write(store, &run, &sent, vec![message]).await.unwrap();
        house.clock.forward(1_000);
        let started = store.now();
        let begun = JournalBatch { changes: vec![step("1", TaskState::Started)], ..Default::default() };
        journal::write(store, &run, &begun, vec![]).await.unwrap();

        house.clock.forward(1_000);
        let mut failed = step("1", TaskState::Rescheduled);
        failed.error = Some(json!({"message": "no"}));
        let mut moved = step("2", TaskState::Pending);
        moved.dependencies = Some(vec!["1b".into()]);
        let mut retry = task("1b", TaskKind::Operation);
        retry.attempt = 2;
        let event = NewEvent {
            event_type: "task_rescheduled".to_owned(),
            message: "Task rescheduled\0".to_owned(),
            origin: Origin { node_instance: Some(ids[0].to_string()), ..Origin::default() },
            error_causes: Some(json!([{"message": "no"}])),
            timestamp: store.now(),
            reported: None,
        };
        let end = JournalBatch {
            new_tasks: vec![retry],
            changes: vec![failed, moved, step("nop", TaskState::Succeeded)],
            instance_states: vec![(ids[0].clone(), InstanceState::CREATING)],
            events: vec![event],
            ..Default::default()
        };
        journal::write(store, &run, &end, vec![]).await.unwrap();
        assert_eq!(counts(store, row).await, (3, 1), "joints are not counted");

        let (stored, tasks) = tasks_graphs::load(store, row, "install").await.unwrap().expect("the graph");
        assert_eq!(stored, graph(&execution));
        let one = &tasks[0];
        assert_eq!((one.queued_at, one.started_at, one.ended_at), (Some(queued), Some(started), Some(store.now())));
        assert_eq!((one.state, &one.parameters["error"]["message"]), (TaskState::Rescheduled, &json!("no")));
        assert_eq!(one.parameters["task_kwargs"], json!({"z": 1, "a": "\u{0}"}));
        assert_eq!(tasks[1].dependencies, [TaskId::new("1b")]);
        assert_eq!((tasks[3].attempt, tasks[3].state), (2, TaskState::Pending));
        assert_eq!(
            node_instances::of_deployment(store, deployment.storage_id).await.unwrap()[0].state.as_str(),
            "creating"
        );
        assert_eq!(outbox::claim(store, house.process().await, 9, 1).await.unwrap()[0].body.as_str(), "\"run 1\"");
        let page = events::list(store, &admin(), &ListQuery::default(), &[]).await.unwrap();
        let event = page.items[0].value().unwrap();
        assert_eq!((&event["message"], &event["node_name"]), (&json!("Task rescheduled<NUL>"), &json!("n")));

        let bad = JournalBatch {
            changes: vec![step("1b", TaskState::Sent)],
            new_tasks: vec![StoredTask { graph: "other".into(), ..task("9", TaskKind::Operation) }],
            ..Default::default()
        };
        assert!(matches!(journal::write(store, &run, &bad, vec![]).await, Err(Error::NotFound { .. })));
        let again = operations::by_id(store, &"1b".into()).await.unwrap().unwrap();
        assert_eq!(again.state, TaskState::Pending, "a batch that fails leaves no trace");
    })
    .await;
}

#[tokio::test]
async fn graphs_are_one_per_name() {
    both(|house| async move {
        let store = &house.store;
        let execution = house.execution(None, "e", ExecutionStatus::Started).await;
        let run = Run::from(&execution);
        let tx = store.begin().await.unwrap();
        tasks_graphs::insert(&tx, &run, &graph(&execution), &[task("1", TaskKind::Operation)]).await.unwrap();
        tx.commit().await.unwrap();
        let tx = store.begin().await.unwrap();
        let other = StoredGraph { id: "g2".into(), ..graph(&execution) };
        assert!(matches!(tasks_graphs::insert(&tx, &run, &other, &[]).await, Err(Error::Unique { .. })));
        drop(tx);
        assert_eq!(tasks_graphs::of_execution(store, execution.storage_id).await.unwrap().len(), 1);
        assert!(tasks_graphs::by_id(store, &"g2".into()).await.unwrap().is_none());
        let by = |field: &str, value: &str| ListQuery {
            filters: vec![(field.to_owned(), vec![value.to_owned()])],
            ..ListQuery::default()
        };
        for (field, value, total) in [("graph_id", "g", 1), ("execution_id", "e", 1), ("execution_id", "x", 0)] {
            let page = store.list(&operations::RESOURCE, &admin(), &by(field, value)).await.unwrap();
            assert_eq!(page.total, total, "{field}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_worker_reports_on_one_task() {
    both(|house| async move {
        let store = &house.store;
        let execution = house.execution(None, "e", ExecutionStatus::Started).await;
        let run = Run::from(&execution);
        let tx = store.begin().await.unwrap();
        tasks_graphs::insert(&tx, &run, &graph(&execution), &[task("1", TaskKind::SetState)]).await.unwrap();
        let report = |state| operations::Report {
            state,
            manager_name: Some("m".to_owned()),
            agent_name: None,
            reason: None,
            outcome: None,
        };
        let before = operations::report(&tx, &run, &"1".into(), &report(TaskState::Succeeded)).await.unwrap();
        assert_eq!((before.state, before.kind), (TaskState::Pending, TaskKind::SetState));
        let before = operations::report(&tx, &run, &"1".into(), &report(TaskState::Succeeded)).await.unwrap();
        assert_eq!(before.state, TaskState::Succeeded);
        let missing = operations::report(&tx, &run, &"2".into(), &report(TaskState::Succeeded)).await;
        assert!(matches!(missing, Err(Error::NotFound { kind: "Operation", .. })));
        tx.commit().await.unwrap();
        assert_eq!(counts(store, execution.storage_id).await, (1, 1), "an end counts once");
        let tx = store.begin().await.unwrap();
        assert!(operations::delete(&tx, &"1".into()).await.unwrap());
        tx.commit().await.unwrap();
    })
    .await;
}

/// The first end that a worker tells of is there for whoever carries the run on, until the run has written it.
#[tokio::test]
async fn an_end_is_kept_until_its_run_has_written_it() {
    both(|house| async move {
        let store = &house.store;
        let execution = house.execution(None, "e", ExecutionStatus::Started).await;
        let run = Run::from(&execution);
        let all = ["done", "begun", "anew"].map(|id| task(id, TaskKind::Operation));
        let tx = store.begin().await.unwrap();
        tasks_graphs::insert(&tx, &run, &graph(&execution), &all).await.unwrap();
        tx.commit().await.unwrap();
        let told = async |id: &str, state, outcome: Option<Value>| {
            let outcome = outcome.as_ref().map(Json::from);
            let report = operations::Report { state, manager_name: None, agent_name: None, reason: None, outcome };
            let tx = store.begin().await.unwrap();
            operations::report(&tx, &run, &id.into(), &report).await.unwrap();
            tx.commit().await.unwrap();
        };
        let untold = async || -> Vec<(String, Value)> {
            let found = operations::untold(store, &"g".into()).await.unwrap();
            found.into_iter().map(|one| (one.id.to_string(), one.outcome.value().unwrap())).collect()
        };
        for id in ["done", "begun", "anew"] {
            told(id, TaskState::Started, None).await;
        }
        assert!(untold().await.is_empty());
        let (end, other) = (json!({"ok": true, "result": "a\0b"}), json!({"ok": true, "result": 2}));
        told("done", TaskState::ResponseSent, Some(end.clone())).await;
        told("done", TaskState::ResponseSent, Some(other.clone())).await;
        told("anew", TaskState::Started, Some(other.clone())).await;
        assert_eq!(untold().await, [("done".to_owned(), end), ("anew".to_owned(), other.clone())]);
        assert!(operations::untold(store, &"another".into()).await.unwrap().is_empty());

        let ended = JournalBatch {
            changes: vec![TaskChange::new("done".into(), TaskState::Succeeded)],
            ..JournalBatch::default()
        };
        journal::write(store, &run, &ended, vec![]).await.unwrap();
        let tx = store.begin().await.unwrap();
        assert_eq!(operations::reset(&tx, &run, true).await.unwrap(), 2);
        tx.commit().await.unwrap();
        assert!(untold().await.is_empty());
        // Neither comes back with the next attempt, nor does a late word about what has ended count.
        told("done", TaskState::ResponseSent, Some(other.clone())).await;
        told("anew", TaskState::Started, None).await;
        assert!(untold().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_resume_resets_what_failed_and_was_not_retried() {
    both(|house| async move {
        let store = &house.store;
        let execution = house.execution(None, "e", ExecutionStatus::Failed).await;
        let run = Run::from(&execution);
        let in_state = |id: &str, state| StoredTask { state, attempt: 3, ..task(id, TaskKind::Operation) };
        let mut retry = in_state("retry", TaskState::Failed);
        retry.parameters = json!({"retried_task": "old", "current_retries": 2});
        let tasks = [
            in_state("done", TaskState::Succeeded),
            in_state("old", TaskState::Rescheduled),
            retry,
            in_state("sent", TaskState::Sent),
        ];
        let tx = store.begin().await.unwrap();
        tasks_graphs::insert(&tx, &run, &graph(&execution), &tasks).await.unwrap();
        assert_eq!(operations::reset(&tx, &run, false).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(counts(store, execution.storage_id).await, (4, 2));
        let (_, now) = tasks_graphs::load(store, execution.storage_id, "install").await.unwrap().unwrap();
        let states: Vec<_> = now.iter().map(|task| (task.state, task.attempt)).collect();
        let expected =
            [(TaskState::Succeeded, 3), (TaskState::Rescheduled, 3), (TaskState::Pending, 1), (TaskState::Sent, 3)];
        assert_eq!(states, expected);
        assert_eq!(now[2].parameters, json!({"retried_task": "old", "current_retries": 0}));
        let tx = store.begin().await.unwrap();
        assert_eq!(operations::reset(&tx, &run, true).await.unwrap(), 1, "force takes what was sent as well");
    })
    .await;
}
