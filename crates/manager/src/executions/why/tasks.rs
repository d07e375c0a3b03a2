//! What a run has in hand: operations on their way, at work and between attempts, and what failed beside them.

use std::collections::HashSet;

use nephele_model::id::{DeploymentId, ExecutionId, NodeInstanceId};
use nephele_model::task::{TaskKind, TaskState};
use nephele_model::wait::WaitKind;
use nephele_model::{Result, Timestamp};
use nephele_store::executions::Execution;
use nephele_store::operations::{self, Progress};
use nephele_store::{Json, deployments, executions, node_instances};
use serde_json::{Value, json};

use super::{Look, Wait, quoted};
use crate::Ctx;
use crate::operations::about::About;
use crate::rows::failed;
use crate::workflows::native;

impl Look<'_> {
    pub(super) async fn at_work(&self) -> Result<Vec<Wait>> {
        let execution = self.execution;
        let store = &*self.manager.store;
        let tasks = operations::awaited(store, execution.storage_id).await.map_err(failed)?;
        let tasks: Vec<(About, Progress)> = tasks.into_iter().map(|task| (About::of(&task), task)).collect();
        let failed_containers = tasks.iter().filter(|(_, task)| task.state == TaskState::Failed);
        let failed_containers: HashSet<&str> = failed_containers.map(|(_, task)| task.id.as_str()).collect();
        let is_abandoned =
            |about: &About| about.containing_subgraph.as_deref().is_some_and(|id| failed_containers.contains(id));
        let stops = execution.status.is_cancelling();
        let mut waits = Vec::new();
        waits.extend(self.owner().await?);
        for (about, task) in &tasks {
            let works = matches!(task.kind, TaskKind::Operation | TaskKind::Local);
            match task.state {
                TaskState::Pending if !stops && !is_abandoned(about) => waits.push(retry(about, task, &tasks)),
                TaskState::Sending | TaskState::Sent | TaskState::Started | TaskState::ResponseSent
                    if works && stops =>
                {
                    waits.push(stopping(about, task));
                }
                TaskState::Sending | TaskState::Sent if works => waits.push(on_its_way(about, task)),
                TaskState::Started | TaskState::ResponseSent if works => waits.push(self.working(about, task).await?),
                _ => {}
            }
        }
        for (about, task) in
            tasks.iter().filter(|(about, task)| task.kind == TaskKind::Operation && about.failed_for_good())
        {
            waits.push(self.beside_failure(about, task));
        }
        if waits.is_empty() {
            waits.push(self.without_tasks().await?);
        }
        Ok(waits)
    }

    /// An operation at work: on a worker, on an agent, or the manager's own, which may wait for another execution.
    async fn working(&self, about: &About, task: &Progress) -> Result<Wait> {
        if about.context().plugin.name.as_deref() == Some(native::PLUGIN)
            && let Some(child) = self.child(about, task).await?
            && self.scope.sees(child.visibility, child.tenant_id, child.creator_id)
        {
            let (called, workflow, id) = (about.called(task), &child.workflow_id, &child.id);
            let place = child.deployment_id.as_ref().map_or_else(String::new, |id| format!(" of the deployment {id}"));
            let status = child.status.display();
            let reason = format!("{called} waits for `{workflow}`{place} ({id}), which is {status}");
            return Ok(of_task(WaitKind::ChildExecution, reason, about, task)
                .since(task.started_at)
                .with("executions", Value::Array(self.named(&[child]).0)));
        }
        let worker = task.agent_name.as_deref().or(task.manager_name.as_deref());
        let place = worker.map_or_else(String::new, |name| format!(" on {name}"));
        let deadline = timeout(about).and_then(|micros| Some(task.started_at?.plus_micros(micros)));
        let reason = format!("{} runs{place}{}", about.called(task), attempt(about, task));
        Ok(of_task(WaitKind::Operation, reason, about, task)
            .since(task.started_at)
            .until(deadline)
            .with("worker", worker)
            .with("timeout", about.context().timeout))
    }

    /// The execution that an operation of a component or a shared resource waits for.
    async fn child(&self, about: &About, task: &Progress) -> Result<Option<Execution>> {
        let Some(instance) = about.node_instance() else { return Ok(None) };
        let store = &*self.manager.store;
        let ctx = Ctx::internal(self.execution.tenant_name.clone(), self.execution.tenant_id);
        let scope = self.manager.scope(&ctx, false).await?;
        let found = node_instances::find(store, &scope, &NodeInstanceId::new(instance)).await.map_err(failed)?;
        let noted = found.and_then(|found| found.runtime_properties).as_ref().map(Json::value);
        let noted = noted.transpose().map_err(failed)?.unwrap_or_default();
        let begun = &noted["_component_execution"];
        if begun["task"] == task.id.as_str()
            && let Some(id) = begun["of"].as_str()
        {
            return executions::by_id(store, &ExecutionId::new(id)).await.map_err(failed);
        }
        let Some(id) = noted["deployment"]["id"].as_str() else { return Ok(None) };
        let Some(other) = deployments::find(store, &scope, &DeploymentId::new(id)).await.map_err(failed)? else {
            return Ok(None);
        };
        let open = executions::unfinished_of_deployment(store, other.storage_id).await.map_err(failed)?;
        Ok(open.into_iter().next())
    }

    /// Something failed, and the rest still has its time.
    fn beside_failure(&self, about: &About, task: &Progress) -> Wait {
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates; waits are seconds to days")]
        let wait = (self.execution.wait_after_fail.max(0.0) * 1e6) as i64;
        let deadline = task.ended_at.map(|at| at.plus_micros(wait));
        let error = task.error.as_deref().unwrap_or("the events say why");
        let reason = format!(
            "{} failed: {}; what does not depend on it still runs, then the execution fails",
            about.called(task),
            quoted(error)
        );
        of_task(WaitKind::Failure, reason, about, task).since(task.ended_at).until(deadline).with("error", error)
    }

    /// A run without an operation in hand.
    async fn without_tasks(&self) -> Result<Wait> {
        let execution = self.execution;
        let (kind, reason) = if execution.status.is_cancelling() {
            (WaitKind::Cancelling, "nothing of it runs any more; its end is being written")
        } else if self.manager.custom_workflow(execution).await?.is_some() {
            (WaitKind::WorkflowProcess, "the process of its workflow runs on a worker, and has no operation under way")
        } else {
            (WaitKind::Manager, "the manager itself works on it")
        };
        Ok(Wait::new(kind, reason).since(execution.started_at))
    }
}

/// An operation that nobody has begun with.
fn on_its_way(about: &About, task: &Progress) -> Wait {
    let context = about.context();
    let target = context.task_target.as_deref().filter(|target| !target.is_empty());
    let called = about.called(task);
    let wait = if let Some(agent) = target.filter(|target| *target != nephele_model::operation::CENTRAL) {
        let host = context.host_id.as_deref().unwrap_or(agent);
        let reason = format!("{called} was handed to the agent {agent} of {host}, which has not begun with it");
        of_task(WaitKind::Agent, reason, about, task).with("agent", agent).with("host_id", host)
    } else {
        of_task(WaitKind::Worker, format!("{called} waits for a worker to take it"), about, task)
    };
    wait.since(task.queued_at)
}

/// An attempt that waits for its time; what the one before it said is told too.
fn retry(about: &About, task: &Progress, tasks: &[(About, Progress)]) -> Wait {
    let before = tasks.iter().find(|(_, other)| about.retried_task.as_deref() == Some(other.id.as_str()));
    let error = before.and_then(|(_, other)| other.error.as_deref());
    let (number, most) = about.attempt(task);
    let of = most.map_or_else(String::new, |most| format!(" of {most}"));
    let at = task.due_at.map_or_else(String::new, |at| format!(" at {at}"));
    let why = error.map_or_else(String::new, |error| format!("; the one before it failed: {}", quoted(error)));
    let reason = format!("attempt {number}{of} of {} begins{at}{why}", about.called(task));
    of_task(WaitKind::Retry, reason, about, task)
        .since(task.created_at)
        .until(task.due_at)
        .with("attempt", number)
        .with("max_attempts", most)
        .with("error", error)
}

/// What still runs of an execution that was asked to stop.
fn stopping(about: &About, task: &Progress) -> Wait {
    let worker = task.agent_name.as_deref().or(task.manager_name.as_deref());
    let (what, place) = match (task.state, worker) {
        (TaskState::Sending | TaskState::Sent, _) => ("was handed over and not begun", String::new()),
        (_, Some(worker)) => ("still runs", format!(" on {worker}")),
        (_, None) => ("still runs", String::new()),
    };
    let deadline = timeout(about).and_then(|micros| Some(task.started_at?.plus_micros(micros)));
    let since: Option<Timestamp> = task.started_at.or(task.queued_at);
    of_task(WaitKind::Cancelling, format!("{} {what}{place}", about.called(task)), about, task)
        .since(since)
        .until(deadline)
        .with("worker", worker)
}

pub(super) fn of_task(kind: WaitKind, reason: String, about: &About, task: &Progress) -> Wait {
    let mut wait = Wait::new(kind, reason).with("operation", about.context().operation.name.as_deref());
    wait.task_id = Some(task.id.to_string());
    wait.node_instance_id = about.node_instance().map(str::to_owned);
    wait.details.insert("name".to_owned(), json!(task.name));
    wait
}

/// `, attempt 2 of 5`, unless it is the first.
fn attempt(about: &About, task: &Progress) -> String {
    match about.attempt(task) {
        (1, _) => String::new(),
        (number, Some(most)) => format!(", attempt {number} of {most}"),
        (number, None) => format!(", attempt {number}"),
    }
}

fn timeout(about: &About) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates; limits are seconds to days")]
    about.context().timeout.map(|seconds| (seconds.max(0.0) * 1e6) as i64)
}
