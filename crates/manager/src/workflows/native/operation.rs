//! One operation that the manager runs itself: what it is given, and what it can do.

use std::sync::Arc;
use std::time::Duration;

use nephele_model::event::{NewLog, Origin};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{DeploymentId, ExecutionId, NodeInstanceId};
use nephele_model::operation::Request;
use nephele_model::page::ListQuery;
use nephele_model::python_text::is_truthy;
use nephele_model::{Code, Error, Result, Timestamp};
use nephele_store::deployments::{self, Deployment};
use nephele_store::executions::{self, Execution};
use nephele_store::node_instances::{self, InstanceChanges};
use nephele_store::{Json, Tx, events, journal};
use serde_json::{Map, Value, json};

use crate::evaluation::Context;
use crate::executions::place::Wish;
use crate::rows::failed;
use crate::{Ctx, Manager};

/// How long is waited for others before it is looked whether the execution is to stop.
const LOOK: Duration = Duration::from_millis(500);
/// Seconds that an operation waits for others, unless its input `timeout` says otherwise.
const PATIENCE: u32 = 1800;
/// The run of another deployment that an operation has begun.
const BEGUN: &str = "_component_execution";

/// An operation at work.
pub(super) struct Operation<'a> {
    pub(super) manager: &'a Arc<Manager>,
    pub(super) execution: &'a Execution,
    pub(super) request: &'a Request,
    /// Whoever started the execution.
    pub(super) ctx: Ctx,
    /// The deployment of the node instance.
    pub(super) deployment: Deployment,
    inputs: Map<String, Value>,
    properties: Map<String, Value>,
    /// What the instance knows. [`Self::save`] writes it.
    pub(super) runtime: Map<String, Value>,
    /// When it gives up waiting for others, and how many seconds that was after it began.
    until: (Timestamp, u32),
}

impl<'a> Operation<'a> {
    pub(super) async fn begin(
        manager: &'a Arc<Manager>,
        execution: &'a Execution,
        request: &'a Request,
    ) -> Result<Self> {
        let deployment = manager.deployment_of(execution).await?;
        let ctx = Ctx::internal(execution.tenant_name.clone(), execution.tenant_id);
        let ctx = Ctx { user_id: execution.creator_id, username: execution.created_by.clone(), ..ctx };
        let id = request.context.node_id.as_deref().unwrap_or_default();
        let mut inputs = request.inputs.clone();
        if request.context.has_intrinsic_functions {
            let seen = Context { self_id: Some(id.to_owned()), ..Context::default() };
            let evaluated = manager.evaluate(&ctx, &deployment.id, seen, Value::Object(inputs.clone())).await?;
            inputs = evaluated.as_object().cloned().unwrap_or_default();
        }
        let filters = vec![
            ("deployment_id".to_owned(), vec![deployment.id.to_string()]),
            ("id".to_owned(), vec![request.context.node_name.clone().unwrap_or_default()]),
        ];
        let query = ListQuery { filters, ..ListQuery::default() };
        let nodes = manager.list_evaluated_nodes(&ctx, &query, Some(id)).await?;
        let node = nodes.items.first().ok_or_else(|| Error::not_found("Node", id))?;
        let properties = node["properties"].as_object().cloned().unwrap_or_default();
        let patience = inputs.get("timeout").and_then(Value::as_u64).and_then(|given| u32::try_from(given).ok());
        let patience = patience.unwrap_or(PATIENCE);
        let until = (manager.clock.now().plus_micros(i64::from(patience) * 1_000_000), patience);
        let mut operation =
            Self { manager, execution, request, ctx, deployment, inputs, properties, runtime: Map::new(), until };
        let instance = manager.writable_instance(&operation.ctx, id).await?;
        let noted: Option<Option<Map<String, Value>>> =
            instance.runtime_properties.as_ref().map(Json::parse).transpose().map_err(failed)?;
        operation.runtime = noted.flatten().unwrap_or_default();
        Ok(operation)
    }

    /// The node instance.
    pub(super) fn instance(&self) -> &str {
        self.request.context.node_id.as_deref().unwrap_or_default()
    }

    /// A value of the operation's inputs, of the instance, or of its node; the first that is not empty.
    pub(super) fn wanted(&self, name: &str) -> Value {
        let places = [&self.inputs, &self.runtime, &self.properties];
        let found = places.into_iter().filter_map(|place| place.get(name)).find(|value| is_truthy(*value));
        found.cloned().unwrap_or_default()
    }

    /// A property of the node.
    pub(super) fn property(&self, name: &str) -> &Value {
        self.properties.get(name).unwrap_or(&Value::Null)
    }

    /// Writes what the instance knows.
    pub(super) async fn save(&self) -> Result<()> {
        let tx = self.manager.begin_write().await?;
        self.save_in(&tx).await?;
        tx.commit().await.map_err(failed)
    }

    async fn save_in(&self, tx: &Tx) -> Result<()> {
        let scope = self.manager.scope(&self.ctx, false).await?;
        let id = NodeInstanceId::new(self.instance());
        let instance = node_instances::find(tx, &scope, &id).await.map_err(failed)?;
        let instance = instance.ok_or_else(|| Error::not_found("NodeInstance", &id))?;
        let changes =
            InstanceChanges { runtime_properties: Some(Json::of(&self.runtime)), ..InstanceChanges::default() };
        let (key, version) = (instance.storage_id, instance.version);
        node_instances::update(tx, key, version, true, changes).await.map(drop).map_err(failed)
    }

    /// Puts a note for later starts of this very operation among what the instance knows. Others do not see it.
    pub(super) fn note(&mut self, name: &str, value: &Value) {
        self.runtime.insert(name.to_owned(), json!({"task": self.request.id, "of": value}));
    }

    /// What an earlier start of this operation noted.
    pub(super) fn noted(&self, name: &str) -> Option<&Value> {
        self.runtime.get(name).filter(|note| note["task"] == self.request.id.as_str()).map(|note| &note["of"])
    }

    /// Writes a line into the execution's log.
    pub(super) async fn log(&self, message: String) -> Result<()> {
        let log = NewLog {
            logger: format!("ctx.{}", self.request.id),
            level: "info".to_owned(),
            message,
            origin: Origin {
                operation: Some(self.request.context.operation.name.clone()),
                node_instance: Some(self.instance().to_owned()),
                ..Origin::default()
            },
            timestamp: self.manager.clock.now(),
            reported: None,
        };
        let run = journal::Run::from(self.execution).told_by(&self.manager.settings.hostname);
        events::insert(&*self.manager.store, &run, &[], &[log]).await.map_err(failed)
    }

    /// Another deployment of the tenant.
    pub(super) async fn other(&self, id: &str) -> Result<Option<Deployment>> {
        let scope = self.manager.scope(&self.ctx, false).await?;
        deployments::find(&*self.manager.store, &scope, &DeploymentId::new(id)).await.map_err(failed)
    }

    /// Waits for an execution. Error: that it did not end well, or not in time.
    pub(super) async fn await_success(&self, id: &ExecutionId) -> Result<()> {
        let ended = self.await_end(id).await?;
        if ended.status == ExecutionStatus::Terminated {
            return Ok(());
        }
        let (workflow, status) = (&ended.workflow_id, ended.status.as_str());
        let reason = ended.error.unwrap_or_default();
        Err(refuse(format!("execution {id} of workflow `{workflow}` ended as {status}: {reason}")))
    }

    /// Waits until an execution has ended, however.
    pub(super) async fn await_end(&self, id: &ExecutionId) -> Result<Execution> {
        let left = self.until.0.micros() - self.manager.clock.now().micros();
        let wait = self.manager.await_end(self.execution, id);
        let ended = tokio::time::timeout(Duration::from_micros(left.max(0).unsigned_abs()), wait).await;
        ended.map_err(|_| self.late())??.ok_or_else(stopped)
    }

    fn late(&self) -> Error {
        refuse(format!("Execution timed out after: {} seconds.", self.until.1))
    }

    /// Waits until nothing runs in a deployment.
    pub(super) async fn await_idle(&self, other: &Deployment) -> Result<()> {
        loop {
            let running = executions::unfinished_of_deployment(&*self.manager.store, other.storage_id).await;
            if running.map_err(failed)?.is_empty() {
                return Ok(());
            }
            self.look().await?;
        }
    }

    /// Rests before another look. Error: the execution is to stop, or time is up.
    pub(super) async fn look(&self) -> Result<()> {
        if self.manager.asked_to_stop(self.execution).await?.is_some() {
            return Err(stopped());
        }
        if self.manager.clock.now() > self.until.0 {
            return Err(self.late());
        }
        tokio::time::sleep(LOOK).await;
        Ok(())
    }

    /// Whether an earlier start of this operation has begun a run of another deployment.
    pub(super) fn has_begun(&self) -> bool {
        self.noted(BEGUN).is_some()
    }

    /// Runs a workflow of another deployment to its end. The run and the note of it are one transaction, and the note
    /// stays: what was begun before is waited for, and what has ended is not run again.
    pub(super) async fn run_there(&mut self, other: &Deployment, wish: Wish) -> Result<()> {
        let id = if let Some(id) = self.noted(BEGUN).and_then(Value::as_str) {
            ExecutionId::new(id)
        } else {
            self.await_idle(other).await?;
            let ready = self.manager.make_ready(&self.ctx, other, &wish).await?;
            let tx = self.manager.begin_write().await?;
            let (_, id) = self.manager.place(&tx, &self.ctx, other, &wish, ready).await?;
            self.note(BEGUN, &json!(id));
            self.save_in(&tx).await?;
            tx.commit().await.map_err(failed)?;
            self.manager.workflows.wake();
            id
        };
        self.await_success(&id).await
    }
}

/// A workflow with these parameters.
pub(super) fn wish(workflow: &str, parameters: Map<String, Value>) -> Wish {
    Wish::new(workflow.to_owned(), parameters)
}

/// Why an operation cannot be done.
pub(super) fn refuse(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::IllegalAction, message.into().into_owned())
}

fn stopped() -> Error {
    refuse("the execution was asked to stop")
}
