//! Many at once: no lost writes, no "database is locked", nothing half-done.

use nephele_model::execution::ExecutionStatus;
use nephele_store::node_instances::{self, InstanceChanges};
use nephele_store::{Db, Json, executions, outbox, settings};

use crate::house::both;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_wait_for_each_other_and_readers_for_nobody() {
    both(|house| async move {
        let store = house.store.clone();
        let deployment = house.deployment("d").await;
        house.nodes(&deployment, &["n"], 1).await;
        let row = node_instances::of_deployment(&store, deployment.storage_id).await.unwrap()[0].storage_id;
        let tasks: Vec<_> = (0..40)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    let tx = store.begin().await.unwrap();
                    let changes = InstanceChanges { runtime_properties: Some(Json::of(&number)), ..Default::default() };
                    node_instances::update(&tx, row, 0, true, changes).await.unwrap();
                    tx.commit().await.unwrap();
                    node_instances::of_deployment(&store, deployment.storage_id).await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let instance = &node_instances::of_deployment(&store, deployment.storage_id).await.unwrap()[0];
        assert_eq!(instance.version, 41);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_locked_decision_is_taken_once() {
    both(|house| async move {
        let run = house.execution(None, "e", ExecutionStatus::Pending).await;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let store = house.store.clone();
                tokio::spawn(async move {
                    let tx = store.begin().await.unwrap();
                    tx.lock("executions").await.unwrap();
                    let now = executions::by_storage_id(&tx, run.storage_id).await.unwrap().unwrap();
                    if now.status == ExecutionStatus::Pending {
                        let to = ExecutionStatus::Started;
                        assert!(executions::set_status(&tx, run.storage_id, now.status, to, None).await.unwrap());
                        let message = outbox::NewMessage {
                            address: "w".to_owned(),
                            body: Json::of(&1),
                            created_at: Db::now(&tx),
                            process: None,
                        };
                        outbox::insert(&tx, vec![message]).await.unwrap();
                    }
                    tx.commit().await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(outbox::claim(&house.store, house.process().await, 99, 1).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_transaction_leaves_no_trace() {
    both(|house| async move {
        let tx = house.store.begin().await.unwrap();
        settings::put(&tx, "k", "v").await.unwrap();
        assert_eq!(settings::get(&tx, "k").await.unwrap().as_deref(), Some("v"));
        drop(tx);
        assert_eq!(settings::get(&house.store, "k").await.unwrap(), None);
    })
    .await;
}
