//! Workflows written in Python: from a delivery to the word that the process has ended.
//!
//! Invariant: whoever ordered a workflow hears when its process is gone, however it went, unless the worker
//! stops; then the order comes again. What became of the execution the process says itself, over REST.

use std::sync::Arc;

use nephele_bus::{Delivery, topology};
use nephele_model::operation::{Failure, Outcome, Request};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::intake::{Intake, Leaving, Place, acknowledge};
use crate::logs::Logs;
use crate::operation::{Operation, client_of};
use crate::process::killed;
use crate::running::Key;
use crate::task_dir::TaskDir;

impl Intake {
    /// Deals with one order from beginning to end.
    pub(crate) async fn handle_workflow(self: Arc<Self>, delivery: Delivery) {
        let body = &delivery.message.body;
        let context = body["cloudify_task"]["kwargs"]["__cloudify_context"].clone();
        let request = match Request::from_wire(body.clone()) {
            Ok(request) => request,
            Err(error) => {
                tracing::error!(%error, "a message in the queue of workflows is none, and is dropped");
                return acknowledge(delivery).await;
            }
        };
        let key = Key::of(&request);
        let outcome = match self.arrive(&key, &request).await {
            // The one that goes on answers.
            None => None,
            Some(Place::Ended(outcome)) => Some(outcome),
            Some(Place::New(kill)) => {
                let _leaving = Leaving { running: &self.running, key: &key };
                let outcome = self.run_workflow(request, context, kill).await;
                if self.running.is_abandoned(&key) {
                    return;
                }
                Some(outcome)
            }
        };
        if let Some(outcome) = outcome {
            self.answer(&topology::workflows(), &delivery, &outcome).await;
        }
        acknowledge(delivery).await;
    }

    async fn run_workflow(&self, request: Request, context: Value, kill: CancellationToken) -> Outcome {
        let client = client_of(&request.context, &self.client);
        let dir = match TaskDir::create(&self.tasks, &request.id) {
            Ok(dir) => dir,
            Err(error) => {
                let message = format!("The worker cannot keep the workflow of execution {}: {error}", request.id);
                return Outcome::Failed(Failure::fatal(message));
            }
        };
        let logs = Logs::new(client.clone(), Arc::clone(&self.clock), self.manager_name.clone(), &request.context);
        let operation = Operation {
            request,
            client,
            kill: kill.clone(),
            workflow: Some(context),
            hook: None,
            memory: self.memory,
            logs: logs.clone(),
            dir,
        };
        let outcome = self.executors.python.run(Arc::new(operation)).await;
        logs.flush().await;
        if kill.is_cancelled() { Outcome::Failed(killed()) } else { outcome }
    }
}
