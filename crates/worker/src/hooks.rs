//! Hooks: what is run because something happened to an execution, from a delivery to its answer.
//!
//! Invariant: a hook has its time, which holds for all that it needs, the installation of its plugin included. It belongs
//! to no run: it goes on when its execution ends or is killed, and its task is stored nowhere. When the worker stops it
//! is not answered, and comes again.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use nephele_bus::{Delivery, topology};
use nephele_model::operation::{Failure, Outcome, Request};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::intake::{Intake, Leaving, acknowledge};
use crate::logs::Logs;
use crate::operation::{Operation, client_of};
use crate::process::timed_out;
use crate::running::{Arrival, Key};
use crate::task_dir::TaskDir;

impl Intake {
    /// Deals with one hook from beginning to end.
    pub(crate) async fn handle_hook(self: Arc<Self>, delivery: Delivery) {
        let event = delivery.message.body["cloudify_task"]["args"][0].clone();
        let request = match Request::from_wire(delivery.message.body.clone()) {
            Ok(request) => request,
            Err(error) => {
                tracing::error!(%error, "a message in the queue of hooks is none, and is dropped");
                return acknowledge(delivery).await;
            }
        };
        let key = Key::of(&request);
        // Under no execution, so that nobody who kills one kills it.
        if let Arrival::New(kill) = self.running.arrive(&key, "") {
            let _leaving = Leaving { running: &self.running, key: &key };
            let outcome = self.run_hook(request, event, kill).await;
            if self.running.is_abandoned(&key) {
                return;
            }
            self.answer(&topology::hooks(), &delivery, &outcome).await;
        }
        acknowledge(delivery).await;
    }

    async fn run_hook(&self, request: Request, event: Value, kill: CancellationToken) -> Outcome {
        let client = client_of(&request.context, &self.client);
        let dir = match TaskDir::create(&self.tasks, &request.id) {
            Ok(dir) => dir,
            Err(error) => {
                return Outcome::Failed(Failure::fatal(format!("The worker cannot keep hook {}: {error}", request.id)));
            }
        };
        let logs = Logs::new(client.clone(), Arc::clone(&self.clock), self.manager_name.clone(), &request.context);
        let executor = self.executors.of(&request);
        let limit = request.context.timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let operation = Arc::new(Operation {
            request,
            client,
            kill: kill.clone(),
            workflow: None,
            hook: Some(event),
            memory: self.memory,
            logs: logs.clone(),
            dir,
        });
        let mut running = pin!(executor.run(Arc::clone(&operation)));
        let outcome = tokio::select! {
            outcome = &mut running => outcome,
            () = tokio::time::sleep(limit.unwrap_or(Duration::MAX)) => {
                kill.cancel();
                running.await;
                Outcome::Failed(timed_out(&operation))
            }
        };
        logs.flush().await;
        outcome
    }
}
