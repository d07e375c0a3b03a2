//! One operation that the manager runs itself: what it is given, and what it can do.

use std::sync::Arc;
use std::time::Duration;

use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{DeploymentId, ExecutionId, NodeInstanceId};
use nephele_model::operation::Request;
use nephele_model::page::ListQuery;
use nephele_model::python_text::is_truthy;
use nephele_model::{Code, Error, Result, Timestamp};
use nephele_store::deployments::{self, Deployment};
use nephele_store::executions::{self, Execution};
use nephele_store::node_instances::{self, InstanceChanges, NodeInstance};
use nephele_store::{Json, Tx};
use serde_json::{Map, Value, json};

use crate::evaluation::Context;
use crate::executions::place::Wish;
use crate::rows::failed;
use crate::{Ctx, Manager};

/// How long is waited for others before it is looked whether the execution is to stop.
const LOOK: Duration = Duration::from_millis(500);
/// How long is waited before it is listened to what others say.
const LISTEN: Duration = Duration::from_secs(1);
/// Seconds that an operation waits for others, unless its input `timeout` says otherwise.
const PATIENCE: u32 = 1800;
/// The run of another deployment that an operation has begun.
const BEGUN: &str = "_component_execution";
/// The patience that has no end.
const ENDLESS: i64 = -1;

/// An operation at work.
pub(super) struct Operation<'a> {
    pub(super) manager: &'a Arc<Manager>,
    pub(super) execution: &'a Execution,
    pub(super) request: &'a Request,
    /// Whoever started the execution.
    pub(super) ctx: Ctx,
    /// The deployment of the node instance.
    pub(super) deployment: Deployment,
    /// The node instance; of a relationship the target.
    instance: String,
    /// The record of its node.
    pub(super) node: Value,
    inputs: Map<String, Value>,
    /// What the instance knows. [`Self::save`] writes it.
    pub(super) runtime: Map<String, Value>,
    /// The same as it was read or written last: others may write beside this operation.
    kept: Map<String, Value>,
    /// Whether it says as well what the runs say that it waits for.
    pub(super) repeats: bool,
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
        let (id, node, seen) = concerned(request);
        let mut inputs = request.inputs.clone();
        if request.context.has_intrinsic_functions {
            let evaluated = manager.evaluate(&ctx, &deployment.id, seen, Value::Object(inputs.clone())).await?;
            inputs = evaluated.as_object().cloned().unwrap_or_default();
        }
        let filters =
            vec![("deployment_id".to_owned(), vec![deployment.id.to_string()]), ("id".to_owned(), vec![node])];
        let query = ListQuery { filters, ..ListQuery::default() };
        let nodes = manager.list_evaluated_nodes(&ctx, &query, Some(&id)).await?;
        let node = nodes.items.into_iter().next().ok_or_else(|| Error::not_found("Node", &id))?;
        let until = until(manager.clock.now(), inputs.get("timeout"));
        let instance = manager.writable_instance(&ctx, &id).await?;
        let runtime = runtime_of(&instance)?;
        let kept = runtime.clone();
        Ok(Self {
            manager,
            execution,
            request,
            ctx,
            deployment,
            instance: id,
            node,
            inputs,
            runtime,
            kept,
            repeats: false,
            until,
        })
    }

    /// The node instance; of a relationship the target.
    pub(super) fn instance(&self) -> &str {
        &self.instance
    }

    /// Waits for others as long as an operation does that does not say how long.
    pub(super) fn be_patient(&mut self) {
        self.until = until(self.manager.clock.now(), None);
    }

    /// A value of the operation's inputs, of the instance, or of its node; the first that is not empty.
    pub(super) fn wanted(&self, name: &str) -> Value {
        let found = [Some(self.input(name)), self.runtime.get(name), Some(self.property(name))];
        found.into_iter().flatten().find(|value| is_truthy(*value)).cloned().unwrap_or_default()
    }

    /// A value of the operation's inputs.
    pub(super) fn input(&self, name: &str) -> &Value {
        self.inputs.get(name).unwrap_or(&Value::Null)
    }

    /// A property of the node.
    pub(super) fn property(&self, name: &str) -> &Value {
        &self.node["properties"][name]
    }

    /// Writes what the instance knows.
    pub(super) async fn save(&mut self) -> Result<()> {
        let tx = self.manager.begin_write().await?;
        self.save_in(&tx).await?;
        tx.commit().await.map_err(failed)
    }

    /// Writes what became different. Other operations may know other things of the same instance.
    pub(super) async fn save_in(&mut self, tx: &Tx) -> Result<()> {
        tx.lock(&format!("runtime properties {}", self.instance)).await.map_err(failed)?;
        let scope = self.manager.scope(&self.ctx, false).await?;
        let id = NodeInstanceId::new(self.instance());
        let instance = node_instances::find(tx, &scope, &id).await.map_err(failed)?;
        let instance = instance.ok_or_else(|| Error::not_found("NodeInstance", &id))?;
        let mut stored = runtime_of(&instance)?;
        for (name, value) in self.runtime.iter().filter(|(name, value)| self.kept.get(*name) != Some(*value)) {
            stored.insert(name.clone(), value.clone());
        }
        for name in self.kept.keys().filter(|name| !self.runtime.contains_key(*name)) {
            stored.shift_remove(name);
        }
        let changes = InstanceChanges { runtime_properties: Some(Json::of(&stored)), ..InstanceChanges::default() };
        let (key, version) = (instance.storage_id, instance.version);
        node_instances::update(tx, key, version, true, changes).await.map_err(failed)?;
        (self.kept, self.runtime) = (stored.clone(), stored);
        Ok(())
    }

    /// Puts a note for later starts of this very operation among what the instance knows. Others do not see it.
    pub(super) fn note(&mut self, name: &str, value: &Value) {
        self.runtime.insert(self.own(name), json!({"task": self.request.id, "of": value}));
    }

    /// What an earlier start of this operation noted.
    pub(super) fn noted(&self, name: &str) -> Option<&Value> {
        self.runtime
            .get(&self.own(name))
            .filter(|note| note["task"] == self.request.id.as_str())
            .map(|note| &note["of"])
    }

    /// The name of a note: relationships that lead to the same target have notes of their own.
    fn own(&self, name: &str) -> String {
        let context = &self.request.context;
        let source = context.related.as_ref().map(|other| {
            if other.is_target { context.node_id.as_deref().unwrap_or_default() } else { other.node_id.as_str() }
        });
        source.map_or_else(|| name.to_owned(), |source| format!("{name}_{source}"))
    }

    /// Another deployment of the tenant.
    pub(super) async fn other(&self, id: &str) -> Result<Option<Deployment>> {
        let scope = self.manager.scope(&self.ctx, false).await?;
        deployments::find(&*self.manager.store, &scope, &DeploymentId::new(id)).await.map_err(failed)
    }

    /// Waits for an execution. Error: that it did not end well, or not in time.
    pub(super) async fn await_success(&mut self, id: &ExecutionId) -> Result<()> {
        let ended = self.await_end(id).await?;
        if ended.status == ExecutionStatus::Terminated {
            return Ok(());
        }
        let (workflow, status) = (&ended.workflow_id, ended.status.as_str());
        let reason = ended.error.unwrap_or_default();
        Err(refuse(format!("execution {id} of workflow `{workflow}` ended as {status}: {reason}")))
    }

    /// Waits until an execution has ended, however, and says meanwhile what it says.
    pub(super) async fn await_end(&mut self, id: &ExecutionId) -> Result<Execution> {
        loop {
            let ended = self.manager.waiting.register(id);
            let other = executions::by_id(&*self.manager.store, id).await.map_err(failed)?;
            let other = other.ok_or_else(|| Error::not_found("Execution", id))?;
            self.repeat_lines(&other).await?;
            if other.status.is_final() {
                return Ok(other);
            }
            self.demand_patience().await?;
            ended.wait(LISTEN).await;
        }
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
        self.demand_patience().await?;
        tokio::time::sleep(LOOK).await;
        Ok(())
    }

    /// Error: the execution is to stop, or time is up.
    async fn demand_patience(&self) -> Result<()> {
        if self.manager.asked_to_stop(self.execution).await?.is_some() {
            return Err(stopped());
        }
        if self.manager.clock.now() > self.until.0 { Err(self.late()) } else { Ok(()) }
    }

    /// What an earlier start of this operation noted, if it has not failed since: whoever lets a failed execution go on
    /// wants it to be tried anew.
    pub(super) fn noted_lately(&self, name: &str) -> Option<&Value> {
        self.noted(name).filter(|_| self.request.context.resume)
    }

    /// The run of another deployment that an earlier start of this operation has begun. If the operation has failed since,
    /// only one that is still under way or, with `well`, ended well.
    pub(super) async fn begun(&self, well: bool) -> Result<Option<ExecutionId>> {
        let Some(id) = self.noted(BEGUN).and_then(Value::as_str).map(ExecutionId::new) else { return Ok(None) };
        if self.request.context.resume {
            return Ok(Some(id));
        }
        let run = executions::by_id(&*self.manager.store, &id).await.map_err(failed)?;
        let counts = |status: ExecutionStatus| !status.is_final() || (well && status == ExecutionStatus::Terminated);
        Ok(run.filter(|run| counts(run.status)).map(|_| id))
    }

    /// Runs a workflow of another deployment. Error: it could not begin, or did not end well.
    pub(super) async fn run_there(&mut self, other: &Deployment, wish: &Wish) -> Result<()> {
        let id = match self.begun(true).await? {
            Some(id) => id,
            None => self.begin_there(other, wish).await?,
        };
        self.await_success(&id).await
    }

    /// Has another deployment look after itself, however that ends.
    pub(super) async fn look_there(&mut self, other: &Deployment, wish: &Wish) -> Result<Execution> {
        let id = match self.begun(false).await? {
            Some(id) => id,
            None => self.begin_there(other, wish).await?,
        };
        self.await_end(&id).await
    }

    /// Begins a run of another deployment. It and the note of it are one transaction: what was begun before is waited
    /// for, and what has ended is not run again.
    async fn begin_there(&mut self, other: &Deployment, wish: &Wish) -> Result<ExecutionId> {
        loop {
            self.await_idle(other).await?;
            let ready = self.manager.make_ready(&self.ctx, other, wish).await?;
            let tx = self.manager.begin_write().await?;
            let id = match self.manager.place(&tx, &self.ctx, other, wish, ready).await {
                Ok((_, id)) => id,
                // Somebody else was faster.
                Err(error) if error.code() == Code::ExistingRunningExecution => continue,
                Err(error) => return Err(error),
            };
            self.note(BEGUN, &json!(id));
            self.save_in(&tx).await?;
            tx.commit().await.map_err(failed)?;
            self.manager.workflows.wake();
            return Ok(id);
        }
    }
}

/// The instance that an operation is about, its node, and how its inputs see the world.
fn concerned(request: &Request) -> (String, String, Context) {
    let context = &request.context;
    let (id, node) = (context.node_id.clone().unwrap_or_default(), context.node_name.clone().unwrap_or_default());
    match &context.related {
        None => {
            let seen = Context { self_id: Some(id.clone()), ..Context::default() };
            (id, node, seen)
        }
        Some(related) if related.is_target => {
            let target = related.node_id.clone();
            let seen = Context { source_id: Some(id), target_id: Some(target.clone()), ..Context::default() };
            (target, related.node_name.clone(), seen)
        }
        Some(related) => {
            let source = related.node_id.clone();
            let seen = Context { source_id: Some(source), target_id: Some(id.clone()), ..Context::default() };
            (id, node, seen)
        }
    }
}

fn runtime_of(instance: &NodeInstance) -> Result<Map<String, Value>> {
    let noted: Option<Option<Map<String, Value>>> =
        instance.runtime_properties.as_ref().map(Json::parse).transpose().map_err(failed)?;
    Ok(noted.flatten().unwrap_or_default())
}

/// When patience ends, and how many seconds that is from now.
fn until(now: Timestamp, given: Option<&Value>) -> (Timestamp, u32) {
    let given = given.and_then(Value::as_i64);
    let seconds = if given == Some(ENDLESS) {
        u32::MAX
    } else {
        given.and_then(|given| u32::try_from(given).ok()).unwrap_or(PATIENCE)
    };
    (now.plus_micros(i64::from(seconds) * 1_000_000), seconds)
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
