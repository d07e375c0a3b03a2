//! Operations that the manager runs itself: those of `Component`, `SharedResource`, `Blueprint` and `PasswordSecret`
//! nodes (plugin `cfy_extensions`).
//!
//! Most of them wait for executions of other deployments. They wait here, where as many may wait as there are, so that
//! no worker's slot is taken by one that needs another one to go on.
//!
//! Invariant: an operation may be run again from its beginning, since the manager may die in it: what it has done stands
//! in the runtime properties of its instance or is found where it was made. Source: `cloudify_types` of the original.

mod blueprint;
mod component;
mod lines;
mod operation;
mod password_secret;
mod shared_resource;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use nephele_bus::{Message, topology};
use nephele_model::id::ExecutionId;
use nephele_model::operation::{Context, Failure, Outcome, Request};
use nephele_model::{Error, Result};
use nephele_store::executions::{self, Execution};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use self::operation::Operation;
use crate::operations::OperationUpdate;
use crate::rows::{failed, is_fenced, is_passing};
use crate::{Ctx, Manager, crypto};

/// Between attempts at an operation that the database kept from its end.
const REST: Duration = Duration::from_secs(2);
/// The plugin whose operations are run here.
pub(crate) const PLUGIN: &str = "cfy_extensions";

/// The latest attempt at each operation that is being run.
#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<String, Attempt>>);

#[derive(Clone, Default)]
struct Attempt {
    /// Whether another one is being made room for.
    is_repeated: bool,
    /// Ends it where it is.
    stop: CancellationToken,
    /// Held by the one that is at work.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Attempts {
    /// Ends the former attempt. The new one has to wait for its turn.
    fn renew(&self, task: &str) -> Attempt {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.retain(|_, attempt| Arc::strong_count(&attempt.turn) > 1);
        let former = attempts.remove(task);
        let is_repeated = former.is_some();
        let former = former.unwrap_or_default();
        former.stop.cancel();
        let attempt = Attempt { is_repeated, stop: CancellationToken::new(), turn: former.turn };
        attempts.insert(task.to_owned(), attempt.clone());
        attempt
    }
}

/// Whether the manager runs this operation itself.
pub(super) fn is_native(context: &Context) -> bool {
    context.plugin.name == PLUGIN && context.plugin.package_name.is_none()
}

impl Manager {
    /// Runs native operations until `shutdown`.
    pub(super) async fn run_natives(self: Arc<Self>, shutdown: CancellationToken) -> Result<()> {
        let mut orders = self.bus.subscribe(topology::native_operations(), 1000).await.map_err(Error::internal)?;
        while let Some(Some(order)) = shutdown.run_until_cancelled(orders.next()).await {
            let manager = self.clone();
            let work = async move {
                let mut is_repeated = false;
                while let Err(error) = manager.run_native(&order.message.body, is_repeated).await {
                    if is_fenced(&error) {
                        break;
                    }
                    is_repeated = true;
                    tracing::error!(?error, "an operation of the manager's own could not be answered; trying again");
                    if !is_passing(&error) {
                        break;
                    }
                    tokio::time::sleep(REST).await;
                }
                if let Err(error) = order.ack().await {
                    tracing::warn!(%error, "an operation of the manager's own could not be acknowledged");
                }
            };
            tokio::spawn(shutdown.clone().run_until_cancelled_owned(work));
        }
        Ok(())
    }

    /// Runs an operation, unless an earlier run of its execution asks for it. An attempt that this run has begun
    /// before makes room.
    async fn run_native(self: &Arc<Self>, body: &Value, is_repeated: bool) -> Result<()> {
        let mut request = Request::from_wire(body.clone()).map_err(Error::internal)?;
        let id = ExecutionId::new(&request.context.execution_id);
        let Some(execution) = executions::by_id(&*self.store, &id).await.map_err(failed)? else { return Ok(()) };
        let shown = request.context.execution_token.as_deref().map(crypto::digest);
        if shown.is_none() || executions::token(&*self.store, &id).await.map_err(failed)? != shown {
            return Ok(());
        }
        let attempt = self.workflows.natives.renew(&request.id);
        request.context.resume |= is_repeated || attempt.is_repeated;
        let _turn = attempt.turn.lock().await;
        let answer = self.actor_of(&execution).act(Box::pin(self.answer_native(&execution, &request)));
        attempt.stop.run_until_cancelled(answer).await.unwrap_or(Ok(()))
    }

    async fn answer_native(self: &Arc<Self>, execution: &Execution, request: &Request) -> Result<()> {
        let ctx = Ctx::internal(execution.tenant_name.clone(), execution.tenant_id);
        let started = OperationUpdate {
            state: "started".to_owned(),
            manager_name: Some(self.settings.hostname.clone()),
            ..OperationUpdate::default()
        };
        self.update_operation(&ctx, &request.id, started).await?;
        let performed = AssertUnwindSafe(Box::pin(self.perform_native(execution, request))).catch_unwind().await;
        // Asked for again, it would panic again.
        let outcome = match performed.unwrap_or_else(|_| Err(Error::internal("the operation panicked"))) {
            Ok(result) => Outcome::Done(result),
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) => Outcome::Failed(Failure::fatal(refusal(&request.context.task_name, &error))),
        };
        let answer = Message { body: outcome.to_wire(), reply_to: None, correlation_id: Some(request.id.clone()) };
        let row = self.own_row(&topology::responses(&execution.id), answer);
        nephele_store::outbox::insert(&*self.store, vec![row]).await.map_err(failed)?;
        self.workflows.wake();
        Ok(())
    }

    async fn perform_native(self: &Arc<Self>, execution: &Execution, request: &Request) -> Result<Value> {
        let mut operation = Operation::begin(self, execution, request).await?;
        let operation = &mut operation;
        match request.context.task_name.as_str() {
            "cloudify_types.component.upload_blueprint" => blueprint::upload_for_component(operation).await,
            "cloudify_types.component.create" => component::create(operation).await,
            "cloudify_types.component.execute_start" => component::execute_start(operation).await,
            "cloudify_types.component.delete" => component::delete(operation).await,
            "cloudify_types.component.refresh" | "cloudify_types.shared_resource.refresh" => {
                component::refresh(operation).await
            }
            "cloudify_types.component.check_drift" => component::check_drift(operation).await,
            "cloudify_types.component.check_status" => component::check_status(operation).await,
            "cloudify_types.component.heal" => component::heal(operation).await,
            "cloudify_types.component.update" => component::update(operation).await,
            "cloudify_types.shared_resource.connect_deployment" => shared_resource::connect(operation).await,
            "cloudify_types.shared_resource.disconnect_deployment" => shared_resource::disconnect(operation).await,
            "cloudify_types.shared_resource.execute_workflow" => shared_resource::execute_workflow(operation).await,
            "cloudify_types.shared_resource.check_status" => shared_resource::check_status(operation).await,
            "cloudify_types.shared_resource.check_drift" => shared_resource::check_drift(operation).await,
            "cloudify_types.blueprint.upload" => blueprint::upload(operation).await,
            "cloudify_types.blueprint.delete" => blueprint::delete(operation).await,
            "cloudify_types.password_secret.create" => password_secret::create(operation).await,
            "cloudify_types.password_secret.delete" => password_secret::delete(operation).await,
            "cloudify_types.password_secret.creation_validation" => password_secret::validate(operation),
            other => Err(operation::refuse(format!("the manager does not know the operation `{other}`"))),
        }
    }
}

/// What is said of an operation that failed. Those that look after a deployment say only what they found.
fn refusal(task: &str, error: &Error) -> String {
    let reason = super::run::describe(error);
    match task.rsplit('.').next().unwrap_or_default() {
        "check_drift" | "check_status" | "heal" | "update" => reason,
        name => format!("Error in {name}: {reason}"),
    }
}
