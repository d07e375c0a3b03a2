//! Runs a [`Run`]: feeds it events, lets the journal write its batches, keeps its timers.
//!
//! Invariant: a batch is written before the next event is taken, and everything that arrived
//! meanwhile becomes one step, so many answers cost one transaction. If the journal keeps refusing,
//! the driver gives up with an error and the run can be resumed from its rows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use nephele_model::task::JournalBatch;
use nephele_model::{Clock, Timestamp};
use tokio::sync::mpsc;

use crate::error::{Error, Result};
use crate::machine::{Event, Finish, Run, TimerKey};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const WRITE_ATTEMPTS: u32 = 8;

/// Where batches go. Written and handed over (dispatches, through the outbox) in one transaction.
pub trait Journal: Send + Sync {
    /// Writes one batch entirely or not at all.
    fn record<'a>(&'a self, batch: &'a JournalBatch) -> BoxFuture<'a, nephele_model::Result<()>>;
}

/// The way into a running [`Driver`]; may be cloned and used from anywhere.
#[derive(Clone, Debug)]
pub struct Handle(mpsc::UnboundedSender<Event>);

impl Handle {
    /// Hands an event over; false if the run has ended.
    pub fn send(&self, event: Event) -> bool {
        self.0.send(event).is_ok()
    }
}

/// Owns a run until it finishes.
pub struct Driver {
    run: Run,
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    inbox: mpsc::UnboundedReceiver<Event>,
    timers: BinaryHeap<Reverse<(Timestamp, TimerKey)>>,
}

impl Driver {
    /// A driver and the way to reach it.
    pub fn new(run: Run, journal: Arc<dyn Journal>, clock: Arc<dyn Clock>) -> (Self, Handle) {
        let (sender, inbox) = mpsc::unbounded_channel();
        (Self { run, journal, clock, inbox, timers: BinaryHeap::new() }, Handle(sender))
    }

    /// Begins with `first` (`Start` or `Resumed`) and goes on until the run finishes.
    ///
    /// Errors: [`Error::Journal`] if the journal refused one batch eight times in about six
    /// seconds, [`Error::Abandoned`] if every handle is gone while tasks are running.
    pub async fn run(mut self, first: Event) -> Result<Finish> {
        let mut events = vec![first];
        loop {
            if let Some(finish) = self.step(events).await? {
                return Ok(finish);
            }
            events = self.wait().await?;
        }
    }

    async fn step(&mut self, events: Vec<Event>) -> Result<Option<Finish>> {
        let now = self.clock.now();
        for event in events {
            if let Err(refused) = self.run.take(event, now) {
                tracing::warn!(%refused, "an event was of no use to the run");
            }
        }
        let step = self.run.proceed(now);
        self.timers.extend(step.timers.into_iter().map(|timer| Reverse((timer.at, timer.key))));
        if !step.batch.is_empty() {
            self.record(&step.batch).await?;
        }
        Ok(step.finish)
    }

    async fn record(&self, batch: &JournalBatch) -> Result<()> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..WRITE_ATTEMPTS {
            let Err(error) = self.journal.record(batch).await else { return Ok(()) };
            tracing::warn!(%error, ?pause, "the journal refused a batch; trying again");
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.journal.record(batch).await.map_err(Error::Journal)
    }

    /// Everything that has arrived, after at least one thing has.
    async fn wait(&mut self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        let now = self.clock.now();
        let next = self.timers.peek().map(|Reverse((at, _))| at.micros().saturating_sub(now.micros()).max(0));
        let pause = Duration::from_micros(next.unwrap_or_default().unsigned_abs());
        tokio::select! {
            arrived = self.inbox.recv() => events.push(arrived.ok_or(Error::Abandoned)?),
            () = tokio::time::sleep(pause), if next.is_some() => {}
        }
        while let Ok(event) = self.inbox.try_recv() {
            events.push(event);
        }
        let now = self.clock.now();
        while let Some(Reverse((at, _))) = self.timers.peek() {
            if *at > now {
                break;
            }
            events.extend(self.timers.pop().map(|Reverse((_, key))| Event::TimerFired(key)));
        }
        Ok(events)
    }
}
