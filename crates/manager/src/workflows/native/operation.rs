//! One operation that the manager runs itself: what it is given, and what it can do.

use std::sync::Arc;
use std::time::Duration;

use nephele_model::event::{NewLog, Origin};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{DeploymentId, ExecutionId};
use nephele_model::operation::Request;
use nephele_model::page::ListQuery;
use nephele_model::python_text::is_truthy;
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::{self, Deployment};
use nephele_store::executions::{self, Execution};
use nephele_store::node_instances::{self, InstanceChanges};
use nephele_store::{Json, events, journal};
use serde_json::{Map, Value};

use crate::evaluation::Context;
use crate::executions::WAIT_AFTER_FAIL;
use crate::executions::place::Wish;
use crate::rows::failed;
use crate::{Ctx, Manager};

/// How long is waited for others before it is looked whether the execution is to stop.
const LOOK: Duration = Duration::from_millis(500);

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
        let mut operation =
            Self { manager, execution, request, ctx, deployment, inputs, properties, runtime: Map::new() };
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
        let instance = self.manager.writable_instance(&self.ctx, self.instance()).await?;
        let changes =
            InstanceChanges { runtime_properties: Some(Json::of(&self.runtime)), ..InstanceChanges::default() };
        let tx = self.manager.begin_write().await?;
        node_instances::update(&tx, instance.storage_id, instance.version, true, changes).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
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

    /// Waits for an execution. Error: that it did not end well.
    pub(super) async fn await_success(&self, id: &ExecutionId) -> Result<()> {
        match self.manager.await_end(self.execution, id).await? {
            Some(ended) if ended.status == ExecutionStatus::Terminated => Ok(()),
            Some(ended) => {
                let (workflow, status) = (&ended.workflow_id, ended.status.as_str());
                let reason = ended.error.unwrap_or_default();
                Err(refuse(format!("execution {id} of workflow `{workflow}` ended as {status}: {reason}")))
            }
            None => Err(stopped()),
        }
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

    /// Rests before another look. Error: the execution is to stop.
    pub(super) async fn look(&self) -> Result<()> {
        if self.manager.asked_to_stop(self.execution).await?.is_some() {
            return Err(stopped());
        }
        tokio::time::sleep(LOOK).await;
        Ok(())
    }

    /// Runs a workflow of another deployment to its end. If this operation was begun before, that run is waited for.
    pub(super) async fn run_there(&mut self, other: &Deployment, wish: Wish) -> Result<()> {
        const BEGUN: &str = "_component_execution";
        let begun = self.runtime.get(BEGUN).filter(|begun| begun["task"] == self.request.id.as_str());
        let id = if let Some(id) = begun.and_then(|begun| begun["execution"].as_str()) {
            ExecutionId::new(id)
        } else {
            self.await_idle(other).await?;
            let ready = self.manager.make_ready(&self.ctx, other, &wish).await?;
            let tx = self.manager.begin_write().await?;
            let (_, id) = self.manager.place(&tx, &self.ctx, other, &wish, ready).await?;
            tx.commit().await.map_err(failed)?;
            self.manager.workflows.wake();
            let note = serde_json::json!({"task": self.request.id, "execution": id});
            self.runtime.insert(BEGUN.to_owned(), note);
            self.save().await?;
            id
        };
        self.await_success(&id).await?;
        self.runtime.shift_remove(BEGUN);
        self.save().await
    }
}

/// A workflow with these parameters.
pub(super) fn wish(workflow: &str, parameters: Map<String, Value>) -> Wish {
    Wish {
        workflow: workflow.to_owned(),
        parameters,
        allow_custom_parameters: false,
        force: false,
        dry_run: false,
        queue: false,
        in_line: false,
        wait_after_fail: WAIT_AFTER_FAIL,
    }
}

/// Why an operation cannot be done.
pub(super) fn refuse(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::IllegalAction, message.into().into_owned())
}

fn stopped() -> Error {
    refuse("the execution was asked to stop")
}
