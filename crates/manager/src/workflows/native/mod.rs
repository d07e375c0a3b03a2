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
mod operation;
mod password_secret;
mod shared_resource;

use std::sync::Arc;

use nephele_bus::{Message, topology};
use nephele_model::id::ExecutionId;
use nephele_model::operation::{Context, Failure, Outcome, Request};
use nephele_model::{Error, Result};
use nephele_store::executions::{self, Execution};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use self::operation::Operation;
use crate::operations::OperationUpdate;
use crate::rows::failed;
use crate::workflows::outbox;
use crate::{Ctx, Manager};

/// The plugin whose operations are run here.
pub(crate) const PLUGIN: &str = "cfy_extensions";

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
                if let Err(error) = manager.run_native(&order.message.body).await {
                    tracing::error!(?error, "an operation of the manager's own could not be answered");
                }
                if let Err(error) = order.ack().await {
                    tracing::warn!(%error, "an operation of the manager's own could not be acknowledged");
                }
            };
            tokio::spawn(shutdown.clone().run_until_cancelled_owned(work));
        }
        Ok(())
    }

    async fn run_native(self: &Arc<Self>, body: &Value) -> Result<()> {
        let request = Request::from_wire(body.clone()).map_err(Error::internal)?;
        let id = ExecutionId::new(&request.context.execution_id);
        let Some(execution) = executions::by_id(&*self.store, &id).await.map_err(failed)? else { return Ok(()) };
        let ctx = Ctx::internal(execution.tenant_name.clone(), execution.tenant_id);
        let started = OperationUpdate {
            state: "started".to_owned(),
            manager_name: Some(self.settings.hostname.clone()),
            ..OperationUpdate::default()
        };
        self.update_operation(&ctx, &request.id, started).await?;
        let outcome = match Box::pin(self.perform_native(&execution, &request)).await {
            Ok(result) => Outcome::Done(result),
            Err(error) => {
                let name = request.context.task_name.rsplit('.').next().unwrap_or_default();
                Outcome::Failed(Failure::fatal(format!("Error in {name}: {}", super::run::describe(&error))))
            }
        };
        let answer = Message { body: outcome.to_wire(), reply_to: None, correlation_id: Some(request.id.clone()) };
        let row = outbox::row(&topology::responses(&execution.id), answer, self.clock.now());
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
            "cloudify_types.component.check_status" | "cloudify_types.shared_resource.check_status" => {
                component::check_status(operation).await
            }
            "cloudify_types.component.heal" => component::heal(operation).await,
            "cloudify_types.component.update" => component::update(operation).await,
            "cloudify_types.shared_resource.connect_deployment" => shared_resource::connect(operation).await,
            "cloudify_types.shared_resource.disconnect_deployment" => shared_resource::disconnect(operation).await,
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
