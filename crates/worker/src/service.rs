//! Service tasks: short requests to every worker (spec workflows.md section 1.5(d)).

use std::sync::Arc;

use nephele_bus::{Bus, Delivery, Message, topology};
use nephele_client::{Client, Credentials};
use nephele_model::operation::Failure;
use nephele_model::{Clock, Secret};
use serde_json::{Value, json};

use crate::plugins::Plugins;
use crate::python::surroundings::Surroundings;
use crate::running::Handle;

/// Carries out service tasks.
pub(crate) struct Service {
    pub(crate) running: Handle,
    pub(crate) plugins: Arc<Plugins>,
    pub(crate) surroundings: Arc<Surroundings>,
    pub(crate) client: Client,
    pub(crate) manager_name: String,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Service {
    /// Deals with one task. Tasks that concern other kinds of workers are passed over.
    pub(crate) async fn handle(self: Arc<Self>, delivery: Delivery) {
        let task = &delivery.message.body["service_task"];
        let (name, arguments) = (task["task_name"].as_str(), &task["kwargs"]);
        let done = match name {
            Some("cancel-operation") => {
                self.running.kill_execution(arguments["execution_id"].as_str().unwrap_or_default());
                Ok(json!({"ok": true, "result": null}))
            }
            Some("cancel-workflow") => {
                for execution in arguments["executions"].as_array().into_iter().flatten() {
                    self.running.kill_execution(execution["id"].as_str().unwrap_or_default());
                }
                Ok(json!({"ok": true, "result": null}))
            }
            // The answer to a ping is bare.
            Some("ping") => Ok(json!({"time": seconds(&*self.clock)})),
            Some("install-plugin") if self.is_meant(arguments) => self.install(arguments).await,
            Some("uninstall-plugin") if self.is_meant(arguments) => self.uninstall(arguments).await,
            Some("delete-source-plugins") => self.forget_deployment(arguments).await,
            other => {
                tracing::debug!(task = other, "a service task that is not for this worker");
                Ok(Value::Null)
            }
        };
        let result = done.unwrap_or_else(|failure| {
            tracing::error!(task = name, error = failure.message, "a service task failed");
            Value::Null
        });
        if let Some(reply_to) = &delivery.message.reply_to {
            let answer =
                Message { body: result, reply_to: None, correlation_id: delivery.message.correlation_id.clone() };
            if let Err(error) = self.bus.publish(topology::manager_service().answer(reply_to), answer).await {
                tracing::warn!(%error, "a service task's answer could not be sent");
            }
        }
        if let Err(error) = delivery.ack().await {
            tracing::warn!(%error, "a service task could not be acknowledged");
        }
    }

    /// Whether a task that names its targets names this worker.
    fn is_meant(&self, arguments: &Value) -> bool {
        arguments["target"].as_array().is_none_or(|names| names.iter().any(|name| *name == self.manager_name))
    }

    async fn install(&self, arguments: &Value) -> Result<Value, Failure> {
        let (plugin, tenant) = (&arguments["plugin"], arguments["tenant"]["name"].as_str().unwrap_or_default());
        let token = arguments["rest_token"].as_str().unwrap_or_default();
        let client = self.client.with(Credentials::Token(Secret::new(token.to_owned())), Some(tenant.into()));
        let task = format!("plugin-{}", plugin["id"].as_str().unwrap_or_default());
        self.plugins.install_ordered(&client, tenant, plugin, &task).await.map(|()| Value::Null)
    }

    async fn uninstall(&self, arguments: &Value) -> Result<Value, Failure> {
        self.plugins.uninstall(&arguments["plugin"]).await.map(|()| Value::Null)
    }

    /// Removes what a deployment that is deleted has left here.
    async fn forget_deployment(&self, arguments: &Value) -> Result<Value, Failure> {
        let text = |key: &str| arguments[key].as_str().unwrap_or_default();
        let (tenant, deployment) = (text("tenant_name"), text("deployment_id"));
        self.plugins.uninstall_sources(tenant, deployment).await?;
        // The names have been checked on the way.
        let _ = tokio::fs::remove_dir_all(self.surroundings.of_deployment(tenant, deployment)).await;
        Ok(Value::Null)
    }
}

#[expect(clippy::cast_precision_loss, reason = "the wire wants seconds as a float")]
fn seconds(clock: &dyn Clock) -> f64 {
    clock.now().micros() as f64 / 1e6
}
