//! Letting a stopped run go on, with other parameters if that is what it needs.
//!
//! Invariant: what a run goes on with is written in the transaction that lets it go on: tasks that have not ended well
//! are pending again, and say what the parameters say.

use nephele_engine::lifecycle::{Parameters, Workflow};
use nephele_engine::phases::{End, Next, Past};
use nephele_engine::resume;
use nephele_model::event::{NewLog, Origin};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::ExecutionId;
use nephele_model::phase::{Phase, PhaseEnd, PhaseKind};
use nephele_model::{Code, Error, Result};
use nephele_store::executions::{self, Execution, ExecutionChanges};
use nephele_store::journal::Run;
use nephele_store::{Json, Tx, deployment_updates, events, operations, phases, tasks_graphs};
use serde_json::{Map, Value};

use super::place::{Given, declared};
use super::refresh_deployment;
use crate::deployment_updates::WORKFLOW as UPDATE;
use crate::rows::failed;
use crate::workflows::upload::parameters;
use crate::{Ctx, Manager};

impl Manager {
    /// Lets a run that failed or was cancelled go on before the first phase that did not end well. With `force`, what was
    /// handed to workers and not heard of is done again as well; `given` are parameters to change, and who changes them.
    pub(super) async fn resume(
        &self,
        id: &ExecutionId,
        force: bool,
        in_line: bool,
        given: Option<(&Ctx, Map<String, Value>)>,
    ) -> Result<()> {
        let tx = self.begin_write().await?;
        let execution = locked(&tx, id).await?;
        match execution.status {
            ExecutionStatus::Cancelled | ExecutionStatus::Failed => {}
            // The executor has it already, or finds it by itself at its next start.
            ExecutionStatus::Started if !force && given.is_none() => return Ok(()),
            status => {
                let verb = if force { "force-resume" } else { "resume" };
                return Err(Error::conflict(format!(
                    "Cannot {verb} execution: `{id}` in state: `{}`",
                    status.as_str()
                )));
            }
        }
        reopen(&tx, &execution).await?;
        if let Some((ctx, given)) = given {
            self.change_parameters(&tx, ctx, &execution, given).await?;
        }
        operations::reset(&tx, &Run::from(&execution), force).await.map_err(failed)?;
        self.let_go_on(&tx, &execution, in_line).await?;
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        Ok(())
    }

    /// Makes a stopped run pending, or queued if others come before it.
    pub(super) async fn let_go_on(&self, tx: &Tx, execution: &Execution, in_line: bool) -> Result<()> {
        let status = if in_line { ExecutionStatus::Queued } else { ExecutionStatus::Pending };
        let changes = ExecutionChanges {
            status: Some(status),
            ended_at: Some(None),
            resume: Some(true),
            process: Some((!in_line).then(|| self.process())),
            ..ExecutionChanges::default()
        };
        executions::update(tx, execution.storage_id, changes).await.map_err(failed)?;
        if in_line {
            return self.note_hook(tx, execution.storage_id, status).await;
        }
        if let Some(deployment) = execution.deployment_fk {
            refresh_deployment(tx, deployment, execution.storage_id, status).await?;
        }
        self.order_run(tx, &execution.id).await
    }

    /// Gives a stopped run other parameters: those that are given take the place of those it has.
    ///
    /// Errors: those of a start with such parameters; `conflict_error` for an update, whose changes are found out once.
    async fn change_parameters(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        execution: &Execution,
        given: Map<String, Value>,
    ) -> Result<()> {
        let workflow = &execution.workflow_id;
        if execution.deployment_fk.is_none() || workflow == UPDATE {
            return Err(Error::conflict(format!(
                "The parameters of a run of `{workflow}` cannot be changed: resume it as it is, or start a new one"
            )));
        }
        let deployment = self.deployment_of(execution).await?;
        let declared = declared(&deployment, workflow)?;
        let names: Vec<String> = given.keys().cloned().collect();
        let mut values = parameters(execution)?;
        values.extend(given);
        let given = Given { workflow, values, allow_custom: execution.allow_custom_parameters };
        let values = self.whole_parameters(ctx, &deployment, &declared, given).await?;
        if let Some(workflow) = declared["operation"].as_str().and_then(Workflow::of_operation) {
            self.renew_tasks(tx, execution, workflow, &values).await?;
        }
        let changes = ExecutionChanges { parameters: Some(Json::of(&values)), ..ExecutionChanges::default() };
        executions::update(tx, execution.storage_id, changes).await.map_err(failed)?;
        let line = NewLog {
            logger: format!("ctx.{}", execution.id),
            level: "info".to_owned(),
            message: format!("{} changed parameters before the run goes on: {}", ctx.username, names.join(", ")),
            origin: Origin::default(),
            timestamp: self.clock.now(),
            reported: None,
        };
        let run = Run::from(execution).told_by(&self.settings.hostname);
        events::insert(tx, &run, &[], &[line]).await.map_err(failed)
    }

    /// Has the tasks that are still to run say what the parameters say.
    async fn renew_tasks(
        &self,
        tx: &Tx,
        execution: &Execution,
        workflow: Workflow,
        values: &Map<String, Value>,
    ) -> Result<()> {
        let parameters = Parameters { values: values.clone(), ..self.run_parameters(execution).await? };
        let topology = self.topology(execution.deployment_fk.unwrap_or_default()).await?;
        // As if the graph that has not ended were still to be made.
        let past =
            Past { phases: phases::of_execution(tx, execution.storage_id).await.map_err(failed)?, graphs: Vec::new() };
        let graph = match workflow.next(&past, Some(&topology), &parameters, false).next {
            Next::Begin(graph) => graph,
            Next::End(End::Failed(reason)) => return Err(Error::new(Code::IllegalExecutionParameters, reason)),
            _ => return Ok(()),
        };
        let stored = tasks_graphs::load(tx, execution.storage_id, &graph.name).await.map_err(failed)?;
        let Some((_, rows)) = stored else { return Ok(()) };
        for (id, parameters) in resume::renewed(&rows, &graph, values).map_err(Error::internal)? {
            operations::set_parameters(tx, &id, &parameters).await.map_err(failed)?;
        }
        Ok(())
    }
}

/// The execution, which nobody else changes until the transaction ends.
pub(super) async fn locked(tx: &Tx, id: &ExecutionId) -> Result<Execution> {
    tx.lock(&format!("execution {id}")).await.map_err(failed)?;
    let found = executions::by_id(tx, id).await.map_err(failed)?;
    found.ok_or_else(|| Error::not_found("Execution", id))
}

/// Forgets the phases that did not end well, so that the run goes on before them.
pub(super) async fn reopen(tx: &Tx, execution: &Execution) -> Result<()> {
    let forgotten = phases::forget_failed(tx, execution.storage_id).await.map_err(failed)?;
    demand_not_undone(execution, &forgotten)?;
    deployment_updates::go_on(tx, execution.storage_id).await.map_err(failed)
}

/// Refuses to go on with what was taken back after a failure; `after` are the phases from the first one on that did not
/// end well.
pub(super) fn demand_not_undone(execution: &Execution, after: &[Phase]) -> Result<()> {
    if !after.iter().any(|phase| phase.kind == PhaseKind::Act && phase.end == PhaseEnd::Succeeded) {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "Cannot resume execution: `{}`: what it had begun was undone; start `{}` anew",
        execution.id, execution.workflow_id
    )))
}
