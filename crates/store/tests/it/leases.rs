//! What processes have to themselves, and lose.

use nephele_model::execution::ExecutionStatus;
use nephele_model::page::ListQuery;
use nephele_model::task::JournalBatch;
use nephele_store::actor::{Actor, Lease};
use nephele_store::journal::{self, Run};
use nephele_store::outbox::NewMessage;
use nephele_store::tokens::NewToken;
use nephele_store::{Db, Error, Json, Store, executions, outbox, processes, tokens};

use crate::house::{House, admin, both};

/// A lease that has run out when the next statement begins.
const NONE: i64 = -1;

async fn dismiss_silent(store: &Store) -> Vec<i64> {
    let tx = store.begin().await.unwrap();
    let silent = processes::dismiss_silent(&tx).await.unwrap();
    tx.commit().await.unwrap();
    silent.into_iter().map(|(id, _)| id).collect()
}

/// One write of a run: a message that is to be sent.
async fn write(house: &House, lease: Lease, run: &Run) -> Result<(), Error> {
    let message =
        NewMessage { address: "w".to_owned(), body: Json::of("x"), created_at: house.store.now(), process: None };
    let actor = Actor { lease: Some(lease), ..Actor::default() };
    actor.act(journal::write(&house.store, run, &JournalBatch::default(), vec![message])).await
}

#[tokio::test]
async fn an_execution_is_run_by_one_process_that_lives() {
    both(|house| async move {
        let store = &house.store;
        let (first, second) = (house.process().await, house.process().await);
        let execution = house.execution(None, "e", ExecutionStatus::Started).await;
        let id = &execution.id;
        assert_eq!(processes::free_executions(store).await.unwrap(), std::slice::from_ref(id));
        assert!(processes::take(store, id, first).await.unwrap());
        assert!(processes::take(store, id, first).await.unwrap(), "it has it already");
        assert!(!processes::take(store, id, second).await.unwrap());
        assert!(processes::free_executions(store).await.unwrap().is_empty());
        assert_eq!(processes::held(store, first).await.unwrap(), [(id.clone(), ExecutionStatus::Started)]);
        assert!(processes::holds(store, id, first).await.unwrap());
        assert!(processes::leads(store, first).await.unwrap() && !processes::leads(store, second).await.unwrap());

        let tx = store.begin().await.unwrap();
        processes::dismiss(&tx, first).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(processes::free_executions(store).await.unwrap(), std::slice::from_ref(id));
        assert!(!processes::take(store, id, first).await.unwrap(), "the dead take nothing");
        assert!(!processes::renew(store, first).await.unwrap());
        assert!(processes::take(store, id, second).await.unwrap() && processes::leads(store, second).await.unwrap());

        executions::set_status(store, execution.storage_id, execution.status, ExecutionStatus::Terminated, None)
            .await
            .unwrap();
        let ended = executions::by_id(store, id).await.unwrap().unwrap();
        assert_eq!(ended.process, None, "what has ended belongs to nobody");
    })
    .await;
}

#[tokio::test]
async fn what_was_only_written_down_is_run_when_it_is_asked_for() {
    both(|house| async move {
        let store = &house.store;
        let process = house.process().await;
        let execution = house.execution(None, "e", ExecutionStatus::Started).await;
        let changes = executions::ExecutionChanges {
            process: Some(Some(processes::NOBODY)),
            ..executions::ExecutionChanges::default()
        };
        executions::update(store, execution.storage_id, changes).await.unwrap();
        assert!(processes::free_executions(store).await.unwrap().is_empty());
        assert!(processes::take(store, &execution.id, process).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn the_silent_lose_everything_and_write_nothing_more() {
    both(|house| async move {
        let store = &house.store;
        let silent = processes::insert(store, "one", "manager", NONE).await.unwrap();
        let speaking = house.process().await;
        let execution = house.execution(None, "e", ExecutionStatus::Started).await;
        assert!(processes::take(store, &execution.id, silent).await.unwrap());
        let run = Run::from(&execution);
        let of_run = Lease { process: silent, execution_fk: Some(execution.storage_id) };
        let of_all = Lease { process: silent, execution_fk: None };
        for lease in [of_run, of_all] {
            write(&house, lease, &run).await.unwrap();
        }
        let (found, silence) = processes::by_id(store, silent).await.unwrap().unwrap();
        assert_eq!(found.hostname, "manager");
        assert!((0..60_000_000).contains(&silence), "{silence}");

        assert_eq!(dismiss_silent(store).await, [silent]);
        assert!(processes::by_id(store, silent).await.unwrap().is_none());
        // A SQLite file has one process, so nothing is asked there.
        let several = processes::are_several(store);
        for lease in [of_run, of_all] {
            let refused = matches!(write(&house, lease, &run).await, Err(Error::Fenced));
            assert_eq!(refused, several);
        }
        assert!(processes::take(store, &execution.id, speaking).await.unwrap());
        write(&house, Lease { process: speaking, ..of_run }, &run).await.unwrap();
        write(&house, Lease { process: speaking, ..of_all }, &run).await.unwrap();
        let sent = outbox::claim(store, speaking, 99, 1).await.unwrap().len();
        assert_eq!(sent, if several { 4 } else { 6 }, "a refused write leaves nothing");
    })
    .await;
}

#[tokio::test]
async fn nobody_is_dismissed_in_the_middle_of_a_transaction() {
    both(|house| async move {
        let store = &house.store;
        let process = processes::insert(store, "one", "manager", NONE).await.unwrap();
        let execution = house.execution(None, "e", ExecutionStatus::Started).await;
        assert!(processes::take(store, &execution.id, process).await.unwrap());
        let lease = Some(Lease { process, execution_fk: Some(execution.storage_id) });
        if processes::are_several(store) {
            let tx = Actor { lease, ..Actor::default() }.act(store.begin()).await.unwrap();
            assert!(dismiss_silent(store).await.is_empty());
            tx.commit().await.unwrap();
        }
        assert_eq!(dismiss_silent(store).await, [process]);
    })
    .await;
}

/// Also one that it writes when it is gone without knowing that.
#[tokio::test]
async fn the_tokens_of_a_process_end_with_it() {
    both(|house| async move {
        let store = &house.store;
        let silent = processes::insert(store, "one", "manager", NONE).await.unwrap();
        let speaking = house.process().await;
        let write = async |id: &str, process: Option<i64>| {
            let token = NewToken {
                id: id.to_owned(),
                secret_hash: "s".to_owned(),
                description: None,
                created_at: store.now(),
                expiration_date: None,
                user_id: 0,
                process,
            };
            tokens::insert(store, token).await.unwrap();
        };
        let count = async |ids: [&str; 4]| {
            let mut counts = Vec::new();
            for id in ids {
                counts.push(tokens::find(store, id).await.unwrap().is_some());
            }
            counts
        };
        for (id, process) in [("a", Some(silent)), ("b", Some(speaking)), ("c", None)] {
            write(id, process).await;
        }
        let all = ["a", "b", "c", "d"];
        assert_eq!(count(all).await, [true, true, true, false]);
        assert_eq!(dismiss_silent(store).await, [silent]);
        write("d", Some(silent)).await;
        assert_eq!(count(all).await, [false, true, true, false]);
        let kept = store.list(&tokens::EVERYONES, &admin(), &ListQuery::default()).await.unwrap();
        assert_eq!(kept.total, 3, "its rows went with it, but for the one that came late");
    })
    .await;
}

#[tokio::test]
async fn a_start_dismisses_those_of_its_folder() {
    both(|house| async move {
        let store = &house.store;
        let here = processes::insert(store, "here", "a", 60_000_000).await.unwrap();
        let there = processes::insert(store, "there", "b", 60_000_000).await.unwrap();
        let tx = store.begin().await.unwrap();
        processes::dismiss_former(&tx, "here").await.unwrap();
        tx.commit().await.unwrap();
        let left = processes::all(store).await.unwrap();
        assert!(!left.contains(&here));
        // A SQLite file has no other folder.
        assert_eq!(left.contains(&there), processes::are_several(store));
    })
    .await;
}
