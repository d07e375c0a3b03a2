//! Following a run: what changed after a version, and what it waits for.

use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{GraphId, TaskId};
use nephele_model::task::{JournalBatch, StoredGraph, StoredTask, TaskChange, TaskKind, TaskState};
use nephele_store::journal::{self, Run};
use nephele_store::{Db as _, Store, operations};
use serde_json::json;

use crate::house::both;

fn task(id: &str) -> StoredTask {
    StoredTask {
        id: id.into(),
        graph: "g".into(),
        name: id.to_owned(),
        kind: TaskKind::Operation,
        state: TaskState::Pending,
        dependencies: vec![],
        parameters: json!({}),
        attempt: 1,
        due_at: None,
        queued_at: None,
        started_at: None,
        ended_at: None,
    }
}

/// The present version, and the tasks that changed after one.
async fn after(store: &Store, execution: i64, version: i64) -> (i64, Vec<String>) {
    let present = operations::versions(store, execution).await.unwrap().present;
    let tasks = operations::changed_after(store, execution, version).await.unwrap();
    (present, tasks.into_iter().map(|task| task.id.to_string()).collect())
}

#[tokio::test]
async fn followers_get_what_changed_and_what_is_awaited() {
    both(|house| async move {
        let store = &house.store;
        let execution = house.execution(None, "e", ExecutionStatus::Started).await;
        let other = house.execution(None, "f", ExecutionStatus::Started).await;
        let (run, row) = (Run::from(&execution), execution.storage_id);
        let (none, tasks) = after(store, row, 0).await;
        assert!(tasks.is_empty());

        let graph = StoredGraph { id: GraphId::new("g"), execution: execution.id.clone(), name: "install".to_owned() };
        let new_tasks = ["a", "b", "c"].map(task).to_vec();
        let start = JournalBatch { new_graphs: vec![graph], new_tasks, ..JournalBatch::default() };
        journal::write(store, &run, &start, vec![]).await.unwrap();
        let (stored, tasks) = after(store, row, none).await;
        assert!(stored > none && tasks == ["a", "b", "c"]);
        assert_eq!(after(store, row, stored).await, (stored, vec![]));
        assert!(operations::awaited(store, row).await.unwrap().is_empty());

        let change = |id: &str, state| TaskChange::new(id.into(), state);
        let retry = StoredTask { due_at: Some(store.now().plus_micros(5)), attempt: 2, ..task("b2") };
        let failed = TaskChange { reason: Some("no room\0".to_owned()), ..change("b", TaskState::Failed) };
        let step = JournalBatch {
            changes: vec![change("a", TaskState::Sent), failed],
            new_tasks: vec![retry],
            ..JournalBatch::default()
        };
        journal::write(store, &run, &step, vec![]).await.unwrap();
        let (moved, tasks) = after(store, row, stored).await;
        assert!(moved > stored && tasks == ["a", "b", "b2"]);
        let awaited = operations::awaited(store, row).await.unwrap();
        let seen: Vec<_> = awaited.iter().map(|task| (task.id.as_str(), task.state, task.due_at.is_some())).collect();
        let (sent, failed) = (("a", TaskState::Sent, false), ("b", TaskState::Failed, false));
        assert_eq!(seen, [sent, failed, ("b2", TaskState::Pending, true)]);
        assert_eq!((awaited[1].error.as_deref(), awaited[1].graph.as_str()), (Some("no room<NUL>"), "install"));
        assert!(awaited[0].queued_at.is_some() && awaited[1].ended_at.is_some() && awaited[2].attempt == 2);

        let report = operations::Report {
            state: TaskState::Failed,
            manager_name: Some("m".to_owned()),
            agent_name: None,
            reason: Some("lost".to_owned()),
            outcome: None,
        };
        let tx = store.begin().await.unwrap();
        operations::report(&tx, &run, &TaskId::new("a"), &report).await.unwrap();
        tx.commit().await.unwrap();
        let changed = operations::changed_after(store, row, moved).await.unwrap();
        assert_eq!((changed.len(), changed[0].error.as_deref()), (1, Some("lost")));
        assert_eq!(changed[0].manager_name.as_deref(), Some("m"));

        let reported = operations::versions(store, row).await.unwrap().present;
        let tx = store.begin().await.unwrap();
        operations::reset(&tx, &run, false).await.unwrap();
        tx.commit().await.unwrap();
        let again = operations::changed_after(store, row, reported).await.unwrap();
        assert_eq!(again.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(again.iter().all(|task| task.error.is_none() && task.queued_at.is_none()));

        let tx = store.begin().await.unwrap();
        assert!(operations::delete(&tx, &TaskId::new("c")).await.unwrap());
        tx.commit().await.unwrap();
        let versions = operations::versions(store, row).await.unwrap();
        assert_eq!(versions.removed, versions.present);
        assert_eq!(operations::versions(store, other.storage_id).await.unwrap().present, none, "each counts alone");
    })
    .await;
}
