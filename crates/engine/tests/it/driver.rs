//! The driver with real time (paused by tokio) and a journal that may refuse.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use nephele_engine::lifecycle::{Parameters, Workflow};
use nephele_engine::{Driver, Error, Event, Finish, Handle, Journal, Run};
use nephele_model::operation::{Failure, Outcome, Request};
use nephele_model::task::JournalBatch;
use nephele_model::{Clock, Timestamp};
use serde_json::Value;
use tokio::time::Instant;

use crate::shop::shop;
use crate::world::{Rows, counted, info};

/// Tokio's clock, so that paused time moves both.
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(i64::try_from(self.0.elapsed().as_micros()).expect("a short test"))
    }
}

/// Writes to memory and answers each dispatch like a worker.
#[derive(Default)]
struct Memory {
    rows: Mutex<Rows>,
    worker: Mutex<Option<Handle>>,
    writes: AtomicUsize,
    refusals: AtomicUsize,
}

impl Memory {
    fn hand_over(&self, request: Request) {
        let Some(handle) = self.worker.lock().expect("no panic").clone() else { return };
        tokio::spawn(async move {
            let id = request.id.as_str();
            let first = request.context.operation.retry_number == 0;
            handle.send(Event::TaskStarted(id.into()));
            let outcome =
                if first { Outcome::Failed(Failure::recoverable("boom")) } else { Outcome::Done(Value::Null) };
            handle.send(Event::TaskFinished(id.into(), outcome));
        });
    }
}

impl Journal for Memory {
    fn record<'a>(&'a self, batch: &'a JournalBatch) -> BoxFuture<'a, nephele_model::Result<()>> {
        Box::pin(async move {
            let refuse = self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if refuse.is_ok() {
                return Err(nephele_model::Error::conflict("the disk is full"));
            }
            self.writes.fetch_add(1, Ordering::SeqCst);
            self.rows.lock().expect("no panic").write(batch);
            batch.dispatches.iter().for_each(|request| self.hand_over(request.clone()));
            Ok(())
        })
    }
}

fn driver(journal: &Arc<Memory>) -> (Driver, Handle) {
    let mut graphs = Workflow::Install.foresee(&shop("uninitialized"), &Parameters::default()).expect("graphs");
    let run = Run::new(info(), graphs.remove(0), counted("t"));
    let (driver, handle) =
        Driver::new(run, Arc::clone(journal) as Arc<dyn Journal>, Arc::new(TokioClock(Instant::now())));
    *journal.worker.lock().expect("no panic") = Some(handle.clone());
    (driver, handle)
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_through_retries_to_its_end() {
    let journal = Arc::new(Memory::default());
    let (driver, _handle) = driver(&journal);
    assert_eq!(driver.run(Event::Start).await.expect("no refusal"), Finish::Succeeded);
    let rows = journal.rows.lock().expect("no panic");
    assert!(rows.final_states().values().all(|state| state == "started"));
    assert!(rows.messages().contains(&"Task succeeded 'script_runner.tasks.run' [retry 1/60]"));
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_refuses_for_a_while_loses_nothing() {
    let journal = Arc::new(Memory::default());
    journal.refusals.store(5, Ordering::SeqCst);
    let (driver, _handle) = driver(&journal);
    assert_eq!(driver.run(Event::Start).await.expect("it recovers"), Finish::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_keeps_refusing_ends_the_driver_not_the_run() {
    let journal = Arc::new(Memory::default());
    journal.refusals.store(usize::MAX, Ordering::SeqCst);
    let (driver, handle) = driver(&journal);
    assert!(matches!(driver.run(Event::Start).await, Err(Error::Journal(_))));
    assert!(!handle.send(Event::Start));
    assert_eq!(journal.writes.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_nobody_can_report_to_ends_with_an_error() {
    let journal = Arc::new(Memory::default());
    let (driver, handle) = driver(&journal);
    *journal.worker.lock().expect("no panic") = None;
    drop(handle);
    assert!(matches!(driver.run(Event::Start).await, Err(Error::Abandoned)));
}

#[tokio::test(start_paused = true)]
async fn answers_that_arrive_together_are_written_together() {
    let journal = Arc::new(Memory::default());
    let (driver, _handle) = driver(&journal);
    driver.run(Event::Start).await.expect("no refusal");
    let answers =
        journal.rows.lock().expect("no panic").messages().iter().filter(|text| text.starts_with("Task ")).count();
    assert!(journal.writes.load(Ordering::SeqCst) < answers, "{answers} answers");
}
