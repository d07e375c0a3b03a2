//! What runs now, and what has just ended: to recognise repetitions, and to kill.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nephele_model::operation::{Outcome, Request};
use tokio_util::sync::CancellationToken;

/// Outcomes that are kept, in case their answers are asked for again.
const REMEMBERED: usize = 1024;

/// A handle on the operations of a worker. Cheap to clone.
#[derive(Clone, Default)]
pub struct Handle(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    /// By task id: a task never runs twice at the same time.
    running: HashMap<String, Entry>,
    ended: HashMap<Key, Outcome>,
    order: VecDeque<Key>,
}

struct Entry {
    key: Key,
    execution: String,
    kill: CancellationToken,
    gone: CancellationToken,
    abandoned: bool,
}

/// A task in one run of its execution: when a run is resumed it gets another token, and a task of
/// the same id is a new request then.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key(String, Option<String>);

impl Key {
    pub(crate) fn of(request: &Request) -> Self {
        Self(request.id.clone(), request.context.execution_token.clone())
    }
}

/// What to do with an operation that has arrived.
pub(crate) enum Arrival {
    /// Run it; the token fires when it must end at once.
    New(CancellationToken),
    /// It runs already and will answer.
    Running,
    /// An attempt of another run of the execution is there: an earlier one if this request still
    /// counts, else a later one.
    Rival(Rival),
    /// It has ended like this; answer again.
    Ended(Outcome),
}

/// An attempt of another run of the execution.
pub(crate) struct Rival {
    kill: CancellationToken,
    gone: CancellationToken,
}

impl Rival {
    /// Kills the attempt and returns when it is gone.
    pub(crate) async fn supersede(self) {
        self.kill.cancel();
        self.gone.cancelled().await;
    }
}

impl Handle {
    /// Ends what runs for an execution: SIGTERM, and SIGKILL after 5 seconds. Killed operations
    /// give no answer.
    pub fn kill_execution(&self, execution: &str) {
        let table = self.table();
        table.running.values().filter(|entry| entry.execution == execution).for_each(|entry| entry.kill.cancel());
    }

    /// How many operations run.
    pub fn running(&self) -> usize {
        self.table().running.len()
    }

    /// Kills everything and leaves its deliveries unacknowledged.
    pub(crate) fn abandon_all(&self) {
        for entry in self.table().running.values_mut() {
            entry.abandoned = true;
            entry.kill.cancel();
        }
    }

    pub(crate) fn arrive(&self, key: &Key, execution: &str) -> Arrival {
        let mut table = self.table();
        if let Some(entry) = table.running.get(&key.0) {
            if entry.key == *key {
                return Arrival::Running;
            }
            return Arrival::Rival(Rival { kill: entry.kill.clone(), gone: entry.gone.clone() });
        }
        if let Some(outcome) = table.ended.get(key) {
            return Arrival::Ended(outcome.clone());
        }
        let kill = CancellationToken::new();
        let gone = CancellationToken::new();
        let entry =
            Entry { key: key.clone(), execution: execution.to_owned(), kill: kill.clone(), gone, abandoned: false };
        table.running.insert(key.0.clone(), entry);
        Arrival::New(kill)
    }

    /// Whether the operation was killed because the worker stops, and must come again.
    pub(crate) fn is_abandoned(&self, key: &Key) -> bool {
        self.table().running.get(&key.0).is_some_and(|entry| entry.abandoned)
    }

    /// Notes that an operation runs no more; with the outcome that was answered, if any.
    pub(crate) fn leave(&self, key: &Key, outcome: Option<Outcome>) {
        let mut table = self.table();
        // Another attempt may have taken the place since.
        if table.running.get(&key.0).is_some_and(|entry| entry.key == *key)
            && let Some(entry) = table.running.remove(&key.0)
        {
            entry.gone.cancel();
        }
        let Some(outcome) = outcome else { return };
        if table.order.len() == REMEMBERED
            && let Some(oldest) = table.order.pop_front()
        {
            table.ended.remove(&oldest);
        }
        table.order.push_back(key.clone());
        table.ended.insert(key.clone(), outcome);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
