//! What one operation has read, changed and decided through `ctx`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nephele_model::operation::{Context, Failure, Severity};
use serde_json::Value;
use tokio::sync::Mutex;

use super::raised::Raised;
use super::subject::{Side, Subject};
use crate::forks::Forks;
use crate::operation::{Operation, relationship_ends};
use crate::pauses::Pauses;
use crate::standing::{Standing, standing};

/// The operation's surroundings, shared by its `ctx` calls.
pub(crate) struct Session {
    pub(super) operation: Arc<Operation>,
    pub(super) forks: Arc<Forks>,
    /// The script's working directory, if it is not the worker's.
    pub(super) cwd: Option<PathBuf>,
    pauses: Pauses,
    /// How many pauses of the process there were when the operation was last known to be wanted.
    known: AtomicU64,
    /// Calls are carried out one after the other.
    pub(super) state: Mutex<State>,
}

/// What a script has said about its own end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Verdict {
    #[default]
    None,
    Returned(Value),
    Aborted(String),
    /// It asked to be run again, and expects to be stopped now.
    Retried,
    /// It changed its mind, which it may not.
    Twice,
}

pub(super) struct State {
    pub(super) subjects: Vec<(Side, Subject)>,
    pub(super) verdict: Verdict,
    /// How the operation is to be run again, if it asked for it.
    pub(super) retry: Option<Failure>,
}

impl Session {
    pub(crate) fn new(operation: Arc<Operation>, forks: Arc<Forks>, cwd: Option<PathBuf>, pauses: Pauses) -> Self {
        let context = &operation.request.context;
        let subjects = match (relationship_ends(context), &context.node_id) {
            (Some([source, target]), _) => {
                vec![(Side::Source, Subject::new(source)), (Side::Target, Subject::new(target))]
            }
            (None, Some(instance)) => {
                let node = context.node_name.clone().unwrap_or_default();
                vec![(Side::Own, Subject::new((instance.clone(), node)))]
            }
            (None, None) => Vec::new(),
        };
        let state = State { subjects, verdict: Verdict::None, retry: None };
        let known = AtomicU64::new(pauses.count());
        Self { operation, forks, cwd, pauses, known, state: Mutex::new(state) }
    }

    /// Whether the operation is still wanted; after a pause of the process the manager is asked. One that is not ends.
    pub(super) async fn is_wanted(&self) -> bool {
        let pauses = self.pauses.count();
        if self.known.load(Ordering::Relaxed) == pauses {
            return true;
        }
        if matches!(standing(&self.operation.client, &self.operation.request).await, Standing::Dropped) {
            self.operation.kill.cancel();
            return false;
        }
        self.known.store(pauses, Ordering::Relaxed);
        true
    }

    pub(super) fn context(&self) -> &Context {
        &self.operation.request.context
    }

    /// What an operation comes to whose script ended like this, from what it said through `ctx`.
    pub(crate) async fn conclude(&self, ended: Result<(), Failure>) -> Result<Value, Failure> {
        let state = self.state.lock().await;
        let result = match state.verdict.clone() {
            Verdict::Twice => Err(Failure::fatal("ctx may only abort or return once")),
            Verdict::Aborted(message) => Err(Failure::fatal(message)),
            Verdict::Retried => Ok(Value::Null),
            Verdict::Returned(value) => ended.map(|()| value),
            Verdict::None => ended.map(|()| Value::Null),
        };
        result.and_then(|value| state.retry.clone().map_or(Ok(value), Err))
    }

    /// Stores changed runtime properties. A conflict with somebody else's change is an error of
    /// the operation, as in the reference.
    pub(crate) async fn flush(&self) -> Result<(), Failure> {
        let mut state = self.state.lock().await;
        for (_, subject) in &mut state.subjects {
            subject.update(&self.operation.client).await.map_err(|raised| {
                Failure::new(Severity::Recoverable { retry_after: None }, raised.kind, raised.message)
            })?;
        }
        Ok(())
    }
}

impl State {
    pub(super) fn subject(&mut self, side: Side) -> Result<&mut Subject, Raised> {
        let found = self.subjects.iter_mut().find(|(own, _)| *own == side);
        found.map(|(_, subject)| subject).ok_or_else(|| Raised::runtime("the operation has no such end"))
    }

    /// Sets the verdict. A second one is an error for the caller and for the operation.
    pub(super) fn decide(&mut self, verdict: Verdict) -> Result<(), Raised> {
        if self.verdict == Verdict::None {
            self.verdict = verdict;
            return Ok(());
        }
        self.verdict = Verdict::Twice;
        Err(Raised::runtime("ctx may only abort or return once"))
    }
}
