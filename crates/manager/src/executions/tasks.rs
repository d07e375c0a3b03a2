//! Fixing one task of a run: it is run again, or left out, for a reason that stays on record.
//!
//! Invariant: the reason is in the task's row (`parameters.decision`), in the run's events and in the audit log, and what
//! was decided survives a crash: a stopped run's rows are changed here, those of one under way by its engine alone.

use std::time::Duration;

use nephele_engine::report::decision_event;
use nephele_engine::resume::to_retry;
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::TaskId;
use nephele_model::phase::PhaseEnd;
use nephele_model::task::{StoredTask, TaskAction, TaskChange, TaskDecision, TaskKind, TaskState};
use nephele_model::{Code, Error, Result};
use nephele_store::audit_log::{self, NewEntry};
use nephele_store::executions::Execution;
use nephele_store::journal::Run;
use nephele_store::{Db, Json, Record, events, operations, phases, tasks_graphs};
use serde_json::json;

use super::resume::{demand_not_undone, locked, reopen};
use crate::rows::failed;
use crate::{Ctx, Manager};

/// Between two looks whether a run has heard of a decision.
const LOOK: Duration = Duration::from_millis(50);
/// Looks before nobody is taken to have heard of it.
const LOOKS: usize = 100;

impl Manager {
    /// Has one task run again, or leaves it out. A stopped run goes on at once with a task that is run again; what is
    /// skipped waits for a resume. In a run under way it must be a task that waits to be tried again.
    ///
    /// Errors: `bad_parameters_error` without a reason; `conflict_error` where task or run are in no state for it, with
    /// what can be done instead.
    pub async fn decide_task(
        &self,
        ctx: &Ctx,
        execution: &str,
        task: &str,
        action: &str,
        reason: &str,
    ) -> Result<Record> {
        let action = TaskAction::parse(action).ok_or_else(|| {
            Error::bad_parameters(format!("Invalid action: {action}, Valid action values are: ['retry', 'skip']"))
        })?;
        let reason = reason.trim().to_owned();
        if reason.is_empty() {
            return Err(Error::bad_parameters(
                "`reason` is empty: say why, it stays with the task and in the audit log",
            ));
        }
        let execution = self.own_execution(ctx, execution).await?;
        if self.custom_workflow(&execution).await?.is_some() {
            return Err(Error::new(
                Code::IllegalAction,
                format!(
                    "The tasks of execution `{}` belong to the code of workflow `{}`: resume the execution as a whole",
                    execution.id, execution.workflow_id
                ),
            ));
        }
        let decision = TaskDecision { action, reason, by: ctx.username.to_string(), at: self.clock.now() };
        let task = TaskId::new(task);
        match execution.status {
            ExecutionStatus::Failed | ExecutionStatus::Cancelled => {
                self.decide_stopped(ctx, &execution, &task, decision).await?;
            }
            ExecutionStatus::Started => self.decide_waiting(ctx, &execution, &task, decision).await?,
            status => {
                return Err(Error::conflict(format!(
                    "Cannot {} a task of execution `{}` in state: `{}`; that is possible once it failed or was cancelled, \
                     and while it is started for a task that waits to be tried again",
                    action.as_str(),
                    execution.id,
                    status.as_str()
                )));
            }
        }
        self.get_operation(ctx, task.as_str()).await
    }

    /// The rows of a run that nobody carries.
    async fn decide_stopped(
        &self,
        ctx: &Ctx,
        execution: &Execution,
        task: &TaskId,
        decision: TaskDecision,
    ) -> Result<()> {
        let tx = self.begin_write().await?;
        let execution = locked(&tx, &execution.id).await?;
        if !matches!(execution.status, ExecutionStatus::Failed | ExecutionStatus::Cancelled) {
            return Err(Error::conflict(format!(
                "Execution `{}` has just been resumed; look at it again",
                execution.id
            )));
        }
        let (task, rows) = open_task(&tx, &execution, task).await?;
        demand_state(&task, decision.action)?;
        let run = Run::from(&execution).told_by(&self.settings.hostname);
        let state = match decision.action {
            TaskAction::Skip => TaskState::Skipped,
            TaskAction::Retry => {
                let chosen = to_retry(rows.clone(), &task.id).map_err(Error::internal)?.map_err(|other| {
                    Error::conflict(format!(
                        "Task `{}` is in one subgraph with `{other}`, which failed too: retry or skip that one first, or \
                         resume the execution, which runs both again",
                        task.id
                    ))
                })?;
                let chosen: Vec<&StoredTask> = rows.iter().filter(|row| chosen.contains(&row.id)).collect();
                operations::begin_anew(&tx, &run, &chosen).await.map_err(failed)?;
                TaskState::Pending
            }
        };
        let change = TaskChange { decision: Some(decision.clone()), ..TaskChange::new(task.id.clone(), state) };
        operations::change(&tx, &run, &[change]).await.map_err(failed)?;
        events::insert(&tx, &run, &[decision_event(&task, &decision)], &[]).await.map_err(failed)?;
        self.audit_decision(&tx, ctx, &execution, &task.id, &decision).await?;
        if decision.action == TaskAction::Retry {
            reopen(&tx, &execution).await?;
            self.let_go_on(&tx, &execution, false).await?;
        }
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        Ok(())
    }

    /// A run that the engine carries: it alone moves its tasks.
    async fn decide_waiting(
        &self,
        ctx: &Ctx,
        execution: &Execution,
        task: &TaskId,
        decision: TaskDecision,
    ) -> Result<()> {
        if let Some((owner, _)) = self.other_owner(execution).await? {
            return Err(Error::conflict(format!(
                "Execution `{}` is run by the manager {}: ask that one, it alone moves its tasks",
                execution.id, owner.hostname
            )));
        }
        let (task, _) = open_task(&*self.store, execution, task).await?;
        let late = |task: &StoredTask| {
            Error::conflict(format!(
                "Task `{}` is `{}`: while the execution runs, only a task that waits to be tried again can be run again \
                 or skipped. Cancel the execution first",
                task.id,
                task.state.as_str()
            ))
        };
        let told = task.state == TaskState::Pending
            && task.attempt > 1
            && self.workflows.decide(&execution.id, task.id.clone(), decision.clone());
        if !told {
            return Err(late(&task));
        }
        for _ in 0..LOOKS {
            // Its phase may have ended with it by now.
            let present = operations::by_id(&*self.store, &task.id).await.map_err(failed)?;
            let present = present.ok_or_else(|| Error::not_found("Operation", &task.id))?;
            if present.parameters["decision"] == json!(decision) {
                return self.audit_decision(&*self.store, ctx, execution, &task.id, &decision).await;
            }
            if present.state != TaskState::Pending {
                return Err(late(&present));
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(Error::conflict(format!("The run of execution `{}` does not answer; try again", execution.id)))
    }

    async fn audit_decision(
        &self,
        db: &dyn Db,
        ctx: &Ctx,
        execution: &Execution,
        task: &TaskId,
        decision: &TaskDecision,
    ) -> Result<()> {
        let told = json!({
            "id": task, "execution": execution.id, "action": decision.action.as_str(), "reason": decision.reason,
        });
        let entry = NewEntry {
            ref_table: "operations".to_owned(),
            ref_id: 0,
            ref_identifier: Some(Json::of(&told)),
            tenant_id: Some(execution.tenant_id),
            operation: "update".to_owned(),
            creator_name: Some(ctx.username.to_string()),
            execution_id: ctx.execution.as_ref().map(|calling| calling.id.to_string()),
            created_at: self.clock.now(),
        };
        audit_log::insert(db, vec![entry]).await.map_err(failed)
    }
}

/// An operation of a phase that has not ended well, with all rows of its graph.
async fn open_task(db: &dyn Db, execution: &Execution, id: &TaskId) -> Result<(StoredTask, Vec<StoredTask>)> {
    let missing = || Error::not_found("Operation", id);
    let task = operations::by_id(db, id).await.map_err(failed)?.ok_or_else(missing)?;
    let graph = tasks_graphs::by_id(db, &task.graph).await.map_err(failed)?;
    let graph = graph.filter(|graph| graph.execution_fk == execution.storage_id).ok_or_else(missing)?;
    let rows = operations::of_graph(db, graph.storage_id).await.map_err(failed)?;
    if task.kind != TaskKind::Operation {
        return Err(Error::conflict(format!(
            "Task `{id}` is no operation (`{}`): retry or skip the operation in it that failed",
            task.kind.as_str()
        )));
    }
    if let Some(newer) = rows.iter().find(|row| row.parameters["retried_task"] == json!(id)) {
        return Err(Error::conflict(format!("Task `{id}` was tried again as `{}`: act on that one", newer.id)));
    }
    let ended = phases::of_execution(db, execution.storage_id).await.map_err(failed)?;
    let good = ended.iter().take_while(|phase| phase.end == PhaseEnd::Succeeded).count();
    let (good, after) = ended.split_at(good);
    if good.iter().any(|phase| phase.name == graph.name) {
        return Err(Error::conflict(format!(
            "Task `{id}` is of `{}`, which has ended: nothing of it runs any more",
            graph.name
        )));
    }
    demand_not_undone(execution, after)?;
    Ok((task, rows))
}

/// Refuses what makes no sense for a task in its state, of a run that has stopped.
fn demand_state(task: &StoredTask, action: TaskAction) -> Result<()> {
    let instead = match (action, task.state) {
        (TaskAction::Skip, TaskState::Succeeded) => "there is nothing to skip",
        (TaskAction::Skip, TaskState::Skipped) => "resume the execution to go on without it",
        (TaskAction::Skip, _)
        | (TaskAction::Retry, TaskState::Failed | TaskState::Rescheduled | TaskState::Skipped) => {
            return Ok(());
        }
        (TaskAction::Retry, TaskState::Succeeded) => "what has ended well is not run again; start the workflow anew",
        (TaskAction::Retry, TaskState::Pending) => "it runs when its turn comes; resume the execution",
        (TaskAction::Retry, _) => "no worker answered for it; resume the execution with force",
    };
    Err(Error::conflict(format!(
        "Cannot {} task `{}`, which is `{}`: {instead}",
        action.as_str(),
        task.id,
        task.state.as_str()
    )))
}
