//! What one operation has read, changed and decided through `ctx`.

use std::path::PathBuf;
use std::sync::Arc;

use nephele_model::operation::{Context, Failure, Severity};
use serde_json::Value;
use tokio::sync::Mutex;

use super::raised::Raised;
use super::subject::{Side, Subject};
use crate::forks::Forks;
use crate::operation::{Operation, relationship_ends};

/// The operation's surroundings, shared by its `ctx` calls.
pub(crate) struct Session {
    pub(super) operation: Arc<Operation>,
    pub(super) forks: Arc<Forks>,
    /// The script's working directory, if it is not the worker's.
    pub(super) cwd: Option<PathBuf>,
    /// Calls are carried out one after the other.
    pub(super) state: Mutex<State>,
}

/// What a script has said about its own end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Verdict {
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
    pub(crate) fn new(operation: Arc<Operation>, forks: Arc<Forks>, cwd: Option<PathBuf>) -> Self {
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
        Self { operation, forks, cwd, state: Mutex::new(state) }
    }

    pub(super) fn context(&self) -> &Context {
        &self.operation.request.context
    }

    /// The script's verdict, and whether it asked for another run.
    pub(crate) async fn verdict(&self) -> (Verdict, Option<Failure>) {
        let state = self.state.lock().await;
        (state.verdict.clone(), state.retry.clone())
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
