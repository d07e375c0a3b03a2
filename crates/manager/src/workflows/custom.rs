//! Custom workflows: those that a plugin or a script of the blueprint brings. A worker runs each as a process
//! of its own, which asks for operations over messages and reports over REST.
//!
//! Invariant: the process says itself what becomes of its execution. What it leaves unsaid when it is gone is
//! said here, so no execution waits for a process that is no more. After a crash of the manager the workflow
//! is told to go on (`resume`), which the dispatcher refuses for one that cannot; operations that were under
//! way are asked for again, since the bus does not outlive the process. Source: spec workflows.md sections
//! 1.5, 2.7 and 5.6.

use std::sync::Arc;
use std::time::Duration;

use nephele_bus::{Message, Subscription, topology};
use nephele_engine::lifecycle::Workflow;
use nephele_model::execution::{CancelAction, ExecutionStatus};
use nephele_model::operation::Outcome;
use nephele_model::task::{StoredTask, TaskKind, TaskState};
use nephele_model::{Error, Result, Secret};
use nephele_store::executions::{self, Execution};
use nephele_store::journal::Run;
use nephele_store::outbox::NewMessage;
use nephele_store::{Json, blueprints, operations, tasks_graphs};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::workflows::Steering;
use crate::workflows::run::Ended;
use crate::workflows::upload::parameters;
use crate::{Manager, rows};

/// For a process to end by itself after it was asked not to wait for its operations. It looks at its
/// execution every five seconds.
const FORCED: Duration = Duration::from_secs(30);
/// For a worker to say that a process is gone that was to be killed; killing takes five seconds.
const KILLED: Duration = Duration::from_secs(30);

/// The plugins of workflows in a plan; the rest of it is skipped while the text is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Plugins {
    workflow_plugins_to_install: Vec<Value>,
}

impl Manager {
    /// The function behind an execution's workflow, if it is none of the manager's own.
    pub(crate) async fn custom_workflow(&self, execution: &Execution) -> Result<Option<String>> {
        let declared = self.declared_operation(execution).await?;
        Ok(declared.filter(|operation| Workflow::of_operation(operation).is_none()))
    }

    /// Has a worker run the workflow. `None` when the workflow has said itself how it ended.
    pub(super) async fn run_custom(self: &Arc<Self>, execution: &Execution, operation: &str) -> Result<Option<Ended>> {
        let was_interrupted = execution.status == ExecutionStatus::Started;
        // First of all: from here on, nothing that an earlier run started has a say.
        let token = self.mint_token(&execution.id).await?;
        let answers = topology::workflow_answers(&execution.id);
        let subscription = self.bus.subscribe(answers.clone(), 1).await.map_err(Error::internal)?;
        let (asked, asks) = mpsc::unbounded_channel();
        self.workflows.steer(&execution.id, Steering::Process(asked.clone()));
        if execution.resume || was_interrupted {
            self.ask_again(execution, &token, was_interrupted).await?;
        }
        let (order, number) = self.order_of(execution, operation, &token, was_interrupted).await?;
        self.post(vec![order]).await?;
        // A request that came before there was anything to steer stands in the row.
        let present = self.present(execution).await?;
        if present.is_some_and(|present| present.status == ExecutionStatus::KillCancelling) {
            let _ = asked.send(CancelAction::Kill);
        }
        let outcome = self.attend(execution, subscription, &number, asks).await?;
        for address in [answers, topology::responses(&execution.id)] {
            self.bus.remove(address).await.map_err(Error::internal)?;
        }
        Ok(self.present(execution).await?.and_then(|present| unsaid(execution, &present, outcome)))
    }

    /// Waits for the worker's answer and passes on what is asked meanwhile.
    async fn attend(
        &self,
        execution: &Execution,
        mut answers: Subscription,
        number: &str,
        mut asks: mpsc::UnboundedReceiver<CancelAction>,
    ) -> Result<Outcome> {
        let (mut until, mut is_killed) = (None, false);
        loop {
            let must_die = tokio::select! {
                answer = answers.next() => {
                    let gone = || Error::internal("the queue of a workflow's answer is gone");
                    let answer = answer.ok_or_else(gone)?;
                    let outcome = Outcome::from_wire(&answer.message.body);
                    let is_meant = answer.message.correlation_id.as_deref() == Some(number);
                    answer.ack().await.map_err(Error::internal)?;
                    if is_meant {
                        return Ok(outcome);
                    }
                    false
                }
                Some(action) = asks.recv() => {
                    if action == CancelAction::Force {
                        until.get_or_insert(Instant::now() + FORCED);
                    }
                    action == CancelAction::Kill
                }
                () = reached(until) => {
                    if is_killed {
                        tracing::warn!(execution = %execution.id, "no worker says that a killed workflow is gone");
                        return Ok(Outcome::Done(Value::Null));
                    }
                    true
                }
            };
            if must_die && !is_killed {
                self.kill_workflow(execution).await?;
                is_killed = true;
                until = Some(Instant::now() + KILLED);
            }
        }
    }

    /// Ends the process of a workflow and its operations; none of them has a say any more.
    async fn kill_workflow(&self, execution: &Execution) -> Result<()> {
        let token = self.mint_token(&execution.id).await?;
        let message = Message::new(json!({"service_task": {"task_name": "cancel-workflow", "kwargs": {
            "rest_host": [self.settings.host], "rest_port": self.settings.port,
            "executions": [{"id": execution.id, "token": token.expose()}],
            "tenant": {"name": execution.tenant_name},
        }}}));
        self.post(vec![self.own_row(&topology::manager_service(), message)]).await
    }

    /// The message that has a worker run the workflow, and the number of its answer.
    async fn order_of(
        &self,
        execution: &Execution,
        operation: &str,
        token: &Secret,
        was_interrupted: bool,
    ) -> Result<(NewMessage, String)> {
        let (id, token) = (&execution.id, token.expose());
        let deployment = self.deployment_of(execution).await?;
        let tags = deployment.resource_tags.as_ref().map(Json::value).transpose().map_err(rows::failed)?;
        let mut context = json!({
            "type": "workflow", "task_id": id, "execution_id": id, "task_name": operation,
            "workflow_id": execution.workflow_id, "dry_run": execution.is_dry_run,
            "is_system_workflow": execution.is_system_workflow, "execution_creator_username": execution.created_by,
            "task_target": topology::MANAGEMENT, "tenant": {"name": execution.tenant_name},
            "resume": (execution.resume || was_interrupted).then_some(true),
            "wait_after_fail": seconds(execution.wait_after_fail), "bypass_maintenance": null,
            "execution_token": token, "rest_token": token,
            "rest_host": [self.settings.host], "rest_port": self.settings.port,
            "deployment_id": deployment.id, "deployment_display_name": deployment.display_name,
            "deployment_creator": deployment.created_by, "deployment_resource_tags": tags.unwrap_or_else(|| json!({})),
            "blueprint_id": deployment.blueprint_id, "runtime_only_evaluation": deployment.runtime_only_evaluation,
        });
        let declared = self.declared_workflow(execution).await?.unwrap_or_default();
        if let Some(plugin) = self.plugin_of(deployment.blueprint_fk, &declared["plugin"]).await? {
            context["plugin"] = plugin;
        }
        let mut kwargs = parameters(execution)?;
        kwargs.insert("__cloudify_context".to_owned(), context);
        let body = json!({
            "cloudify_task": {"kwargs": kwargs}, "id": id, "execution_creator": execution.creator_id,
        });
        let number = uuid::Uuid::new_v4().to_string();
        let reply_to = Some(topology::workflow_answer_key(id));
        let message = Message { body, reply_to, correlation_id: Some(number.clone()) };
        Ok((self.own_row(&topology::workflows(), message), number))
    }

    /// What the plan says of a workflow's plugin, in the form that workers know.
    async fn plugin_of(&self, blueprint_fk: i64, name: &Value) -> Result<Option<Value>> {
        let Some(plan) = blueprints::plan(&*self.store, blueprint_fk).await.map_err(rows::failed)? else {
            return Ok(None);
        };
        let plugins: Plugins =
            tokio::task::spawn_blocking(move || plan.parse()).await.map_err(Error::internal)?.map_err(rows::failed)?;
        let found = plugins.workflow_plugins_to_install.into_iter().find(|plugin| plugin["name"] == *name);
        Ok(found.map(|plugin| {
            let properties = if plugin["properties"].is_null() { json!({}) } else { plugin["properties"].clone() };
            let mut context = json!({
                "name": plugin["name"], "package_name": plugin["package_name"],
                "package_version": plugin["package_version"], "visibility": null, "tenant_name": null,
                "source": plugin["source"], "properties": properties,
            });
            if plugin["install_arguments"].is_string() {
                context["install_arguments"] = plugin["install_arguments"].clone();
            }
            context
        }))
    }

    /// Asks again for the operations that an earlier run waits for. What failed and was not tried again when
    /// the run was interrupted has its turn anew.
    async fn ask_again(&self, execution: &Execution, token: &Secret, was_interrupted: bool) -> Result<()> {
        if was_interrupted {
            let tx = self.begin_write().await?;
            operations::reset(&tx, &Run::from(execution), false).await.map_err(rows::failed)?;
            tx.commit().await.map_err(rows::failed)?;
        }
        // Their answers may come before the workflow takes any.
        drop(self.bus.subscribe(topology::responses(&execution.id), 1).await.map_err(Error::internal)?);
        let mut requests = Vec::new();
        for graph in tasks_graphs::of_execution(&*self.store, execution.storage_id).await.map_err(rows::failed)? {
            let tasks = operations::of_graph(&*self.store, graph.storage_id).await.map_err(rows::failed)?;
            requests.extend(tasks.iter().filter_map(|task| self.request_again(execution, task, token)));
        }
        self.post(requests).await
    }

    /// The message that asks for a task again, if somebody was asked and nobody has answered.
    fn request_again(&self, execution: &Execution, task: &StoredTask, token: &Secret) -> Option<NewMessage> {
        let has_begun = matches!(task.state, TaskState::Started | TaskState::ResponseSent);
        if task.kind != TaskKind::Operation || !(has_begun || task.state == TaskState::Sent) {
            return None;
        }
        let mut kwargs: Map<String, Value> = task.parameters["task_kwargs"]["kwargs"].as_object()?.clone();
        let context = kwargs.get_mut("__cloudify_context")?.as_object_mut()?;
        for name in ["execution_token", "rest_token"] {
            context.insert(name.to_owned(), json!(token.expose()));
        }
        if has_begun {
            context.insert("resume".to_owned(), true.into());
        }
        // An agent's queue, if it is not one beside the manager.
        let agent = context
            .get("task_queue")
            .and_then(Value::as_str)
            .filter(|queue| !["", topology::MANAGEMENT].contains(queue));
        let to = match agent {
            Some(agent) => topology::agent_operations(execution.tenant_name.clone(), agent),
            None => topology::operations(),
        };
        let message = Message {
            body: json!({"id": task.id, "cloudify_task": {"kwargs": kwargs}}),
            reply_to: Some(topology::response_key(&execution.id)),
            correlation_id: Some(task.id.to_string()),
        };
        Some(self.own_row(&to, message))
    }

    async fn post(&self, messages: Vec<NewMessage>) -> Result<()> {
        nephele_store::outbox::insert(&*self.store, messages).await.map_err(rows::failed)?;
        self.workflows.wake();
        Ok(())
    }

    async fn present(&self, execution: &Execution) -> Result<Option<Execution>> {
        executions::by_storage_id(&*self.store, execution.storage_id).await.map_err(rows::failed)
    }
}

/// How an execution ended whose process is gone, if that has not said it.
fn unsaid(before: &Execution, present: &Execution, outcome: Outcome) -> Option<Ended> {
    let status = present.status;
    // It had ended, and was told to go on before the process was quite gone.
    let waits = matches!(status, ExecutionStatus::Pending | ExecutionStatus::Queued);
    let is_next_run = waits && present.started_at != before.started_at;
    if status.is_final() || is_next_run {
        return None;
    }
    Some(match outcome {
        _ if status.is_cancelling() => Ended::Cancelled,
        Outcome::Done(_) => Ended::Succeeded,
        Outcome::Failed(failure) => Ended::Failed(failure.message),
    })
}

/// Ends at this time, if there is one.
async fn reached(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// Whole seconds as the whole number that clients gave.
fn seconds(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "it is found to be whole")]
    if number.fract() == 0.0 { json!(number as i64) } else { json!(number) }
}
