//! From a delivery to its answer: may the operation run, how did it end, who must know.
//!
//! Invariant: the order is run → logs, state and outcome at the manager → answer → acknowledgement. A crash
//! anywhere before the last step makes the delivery come again; once the manager has the outcome, whoever carries the
//! run on finds it there.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use nephele_bus::{Address, Bus, Delivery, Message, topology};
use nephele_client::{Client, Error};
use nephele_model::Clock;
use nephele_model::operation::{Failure, Outcome, Request, Severity};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::executor::Executors;
use crate::logs::Logs;
use crate::native::{Plugin, mask};
use crate::operation::{Operation, client_of, evaluation_context};
use crate::outcomes::Outcomes;
use crate::pauses::Pauses;
use crate::running::{Arrival, Handle, Key};
use crate::standing::{Standing, is_void, standing};
use crate::task_dir::TaskDir;

pub(crate) struct Intake {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) client: Client,
    pub(crate) manager_name: String,
    /// Bytes that an operation may hold.
    pub(crate) memory: Option<u64>,
    pub(crate) tasks: PathBuf,
    pub(crate) executors: Executors,
    pub(crate) outcomes: Outcomes,
    pub(crate) running: Handle,
    pub(crate) pauses: Pauses,
}

/// Between questions to a manager that gives no answer.
const REST: Duration = Duration::from_secs(1);
/// How often the manager is told of an end that it cannot note.
const REPORTS: u32 = 10;

/// Whether an operation goes ahead, after asking the manager.
enum Admission {
    Granted {
        is_stored: bool,
    },
    /// Its execution has been cancelled; nobody waits for an answer.
    Dropped,
    Refused(Failure),
}

/// The place of a request among the attempts of its task.
pub(crate) enum Place {
    /// It runs now; the token fires when it must end at once.
    New(CancellationToken),
    /// It has ended like this; answer again.
    Ended(Outcome),
}

/// What an operation ended with. One that panics has failed: taken up again, it would panic again, for ever.
async fn or_panicked(run: impl Future<Output = Option<Outcome>>) -> Option<Outcome> {
    let ended = AssertUnwindSafe(run).catch_unwind().await;
    ended.unwrap_or_else(|_| Some(Outcome::Failed(Failure::fatal("the worker panicked while it ran the operation"))))
}

impl Intake {
    /// Deals with one delivery from beginning to end.
    pub(crate) async fn handle(self: Arc<Self>, delivery: Delivery) {
        let request = match Request::from_wire(delivery.message.body.clone()) {
            Ok(request) => request,
            Err(error) => {
                tracing::error!(%error, "a message in the queue of operations is none, and is dropped");
                return acknowledge(delivery).await;
            }
        };
        let key = Key::of(&request);
        match self.arrive(&key, &request).await {
            // Only one attempt goes on; it answers for all.
            None => acknowledge(delivery).await,
            Some(Place::Ended(outcome)) => {
                self.answer(&topology::operations(), &delivery, &outcome).await;
                acknowledge(delivery).await;
            }
            Some(Place::New(kill)) => {
                let _leaving = Leaving { running: &self.running, key: &key };
                let outcome = or_panicked(self.run(request, kill.clone())).await;
                if self.running.is_abandoned(&key) {
                    return;
                }
                if let Some(outcome) = outcome.filter(|_| !kill.is_cancelled()) {
                    self.answer(&topology::operations(), &delivery, &outcome).await;
                    self.running.leave(&key, Some(outcome));
                }
                acknowledge(delivery).await;
            }
        }
    }

    /// Finds the request its place among the attempts of its task; `None` when another goes on.
    ///
    /// After a restart the requests of two runs lie in the queue and are taken up in any order. The
    /// one whose token still counts is the later, and the other must not stop it.
    pub(crate) async fn arrive(&self, key: &Key, request: &Request) -> Option<Place> {
        loop {
            let rival = match self.running.arrive(key, &request.context.execution_id) {
                Arrival::Running => return None,
                Arrival::Ended(outcome) => return Some(Place::Ended(outcome)),
                Arrival::New(kill) => return Some(Place::New(kill)),
                Arrival::Rival(rival) => rival,
            };
            match standing(&client_of(&request.context, &self.client), request).await {
                Standing::Dropped => return None,
                Standing::Open | Standing::Gone(_) => rival.supersede().await,
                Standing::Unknown(error) => {
                    tracing::warn!(task = request.id, %error, "which of two attempts counts cannot be asked");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    /// Runs an operation; `None` when nobody waits for its outcome.
    async fn run(&self, mut request: Request, kill: CancellationToken) -> Option<Outcome> {
        let client = client_of(&request.context, &self.client);
        if request.context.resume {
            if let Some(outcome) = self.outcomes.of(&request.id) {
                // A later run asks for the task too, and may not be told to go on while that is at work.
                let is_wanted = !matches!(standing(&client, &request).await, Standing::Dropped);
                return is_wanted.then_some(outcome);
            }
        } else {
            self.outcomes.forget(&request.id);
        }
        let pauses = self.pauses.count();
        let is_stored = match self.admit(&client, &request).await {
            Admission::Granted { is_stored } => is_stored,
            Admission::Dropped => return None,
            Admission::Refused(failure) => return Some(Outcome::Failed(failure)),
        };
        let logs = Logs::new(client.clone(), Arc::clone(&self.clock), self.manager_name.clone(), &request.context);
        let id = request.id.clone();
        let evaluated = self.evaluate(&client, &mut request, &logs).await;
        // What was admitted before a pause may be another manager's business now.
        if self.pauses.count() != pauses && matches!(standing(&client, &request).await, Standing::Dropped) {
            return None;
        }
        let ended = match evaluated {
            Ok(()) => self.execute(request, client.clone(), logs.clone(), kill.clone()).await,
            Err(failure) => Outcome::Failed(failure),
        };
        let outcome = with_cause(ended);
        if kill.is_cancelled() {
            logs.flush().await;
            return None;
        }
        self.outcomes.keep(&id, &outcome);
        let report = async { if is_stored { self.report_end(&client, &id, &outcome).await } else { Ok(false) } };
        let ((), noted) = tokio::join!(logs.flush(), report);
        if noted.is_err_and(|error| is_void(&error)) {
            // A later run asks for the task again. What failed may have failed for want of a token.
            if matches!(outcome, Outcome::Failed(_)) {
                self.outcomes.forget(&id);
            }
            return None;
        }
        Some(outcome)
    }

    /// Asks whether the execution still runs, and notes that the operation begins.
    async fn admit(&self, client: &Client, request: &Request) -> Admission {
        match standing(client, request).await {
            Standing::Dropped => Admission::Dropped,
            Standing::Gone(error) => Admission::Refused(Failure::fatal(format!(
                "Execution {} is not there any more: {error}",
                request.context.execution_id
            ))),
            Standing::Unknown(error) => Admission::Refused(client_failure(&error)),
            // A resumed run repeats what had begun from what was noted, so nothing begins unnoted.
            Standing::Open => match self.report(client, &request.id, "started", None).await {
                Ok(is_stored) => Admission::Granted { is_stored },
                Err(error) if is_void(&error) => Admission::Dropped,
                Err(_) => Admission::Granted { is_stored: true },
            },
        }
    }

    /// Notes at the manager how a task ended. Nobody is answered before that, unless it takes too long: what the
    /// answer says would else be lost with this machine.
    async fn report_end(&self, client: &Client, id: &str, outcome: &Outcome) -> Result<bool, Error> {
        let mut tries = 1;
        loop {
            let noted = self.report(client, id, "response-sent", Some(outcome)).await;
            if tries == REPORTS || !noted.as_ref().is_err_and(is_passing) {
                return noted;
            }
            tries += 1;
            tokio::time::sleep(REST).await;
        }
    }

    /// Notes a task's state at the manager. `false` when the task is not stored there.
    async fn report(&self, client: &Client, id: &str, state: &str, outcome: Option<&Outcome>) -> Result<bool, Error> {
        let mut change = json!({"state": state, "manager_name": self.manager_name, "agent_name": null});
        if let Some(outcome) = outcome {
            change["outcome"] = outcome.to_wire();
        }
        match client.operations().patch(id, &change).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => {
                tracing::warn!(task = id, state, %error, "a task's state could not be noted");
                Err(error)
            }
        }
    }

    async fn evaluate(&self, client: &Client, request: &mut Request, logs: &Logs) -> Result<(), Failure> {
        if !request.context.has_intrinsic_functions {
            return Ok(());
        }
        let deployment = request.context.deployment_id.clone().unwrap_or_default();
        let payload = Value::Object(std::mem::take(&mut request.inputs));
        let context = evaluation_context(&request.context);
        let evaluated = client.evaluate().functions(&deployment, &context, &payload).await;
        let evaluated = evaluated.map_err(|error| client_failure(&error))?;
        if Plugin::of(request).is_some() {
            for secret in mask::secrets(&payload, &evaluated) {
                logs.hide(&secret);
            }
        }
        request.inputs = match evaluated {
            Value::Object(inputs) => inputs,
            other => {
                return Err(Failure::recoverable(format!("inputs were evaluated to {other}, which is no mapping")));
            }
        };
        Ok(())
    }

    async fn execute(&self, request: Request, client: Client, logs: Logs, kill: CancellationToken) -> Outcome {
        let dir = match TaskDir::create(&self.tasks, &request.id) {
            Ok(dir) => dir,
            Err(error) => {
                let message = format!("The worker cannot keep task {}: {error}", request.id);
                return Outcome::Failed(Failure::recoverable(message));
            }
        };
        let executor = self.executors.of(&request);
        executor
            .run(Arc::new(Operation {
                request,
                client,
                kill,
                workflow: None,
                hook: None,
                memory: self.memory,
                logs,
                dir,
            }))
            .await
    }

    /// Answers a request that came through this address.
    pub(crate) async fn answer(&self, came_through: &Address, delivery: &Delivery, outcome: &Outcome) {
        let Some(reply_to) = &delivery.message.reply_to else { return };
        let address = came_through.answer(reply_to);
        let correlation_id = delivery.message.correlation_id.clone();
        let answer = Message { body: outcome.to_wire(), reply_to: None, correlation_id };
        if let Err(error) = self.bus.publish(address, answer).await {
            tracing::error!(%error, "an answer could not be sent");
        }
    }
}

/// Takes the operation off the table even if it panics.
pub(crate) struct Leaving<'a> {
    pub(crate) running: &'a Handle,
    pub(crate) key: &'a Key,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.running.leave(self.key, None);
    }
}

pub(crate) async fn acknowledge(delivery: Delivery) {
    if let Err(error) = delivery.ack().await {
        tracing::warn!(%error, "an operation could not be acknowledged, and will come again");
    }
}

/// Whether the manager could not do what it may do in a moment.
const fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Unreachable { .. } | Error::Refused { status: 500.., .. })
}

/// A request to the manager failed: worth another try, as in the reference.
pub(crate) fn client_failure(error: &Error) -> Failure {
    Failure::new(Severity::Recoverable { retry_after: None }, "CloudifyClientError", error.to_string())
}

/// Completes a failure as the reference's worker does: the wait in the text, the error as a cause.
fn with_cause(outcome: Outcome) -> Outcome {
    let Outcome::Failed(mut failure) = outcome else { return outcome };
    if let Severity::Recoverable { retry_after: Some(seconds) } | Severity::Retry { retry_after: Some(seconds) } =
        failure.severity
    {
        let suffix = format!("[retry_after={seconds}]");
        if !failure.message.contains(&suffix) {
            failure.message = format!("{} {suffix}", failure.message);
        }
    }
    let is_retry = matches!(failure.severity, Severity::Retry { .. });
    let traceback = failure.traceback.get_or_insert_with(|| {
        if is_retry { String::new() } else { format!("{}: {}\n", failure.exception_type, failure.message) }
    });
    failure.causes.push(json!({
        "message": failure.message, "type": failure.exception_type, "traceback": traceback,
    }));
    Outcome::Failed(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_failure() {
        let done = Outcome::Done(Value::Null);
        assert_eq!(or_panicked(async { Some(done.clone()) }).await, Some(done.clone()));
        let Some(Outcome::Failed(failure)) = or_panicked(async { panic!("a mistake of ours") }).await else {
            panic!("a panic must be a failure")
        };
        assert_eq!(failure.severity, Severity::Fatal);
    }
}
