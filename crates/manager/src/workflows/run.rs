//! One execution, from the moment it is taken up to its last status.
//!
//! Invariant: whatever happens to the work, the execution ends with a status and an event that say
//! so, in one transaction; only a failing database leaves it open, and then it is tried again for ever.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use nephele_bus::topology;
use nephele_engine::lifecycle::UPDATE;
use nephele_engine::report::{Moment, workflow_event};
use nephele_model::event::{NewLog, Origin};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::ExecutionId;
use nephele_model::{Code, Error, Result};
use nephele_store::executions::{self, Execution};
use nephele_store::{Db, processes};

use crate::Manager;
use crate::deployment_updates::OF_MANY;
use crate::exports::Kind;
use crate::rows::{failed, is_fenced, is_passing};

/// Between attempts to go on after a failure of the machinery.
const REST: Duration = Duration::from_secs(2);
/// Attempts to go on while something fails that is not the database's; then the execution fails.
const ATTEMPTS: u32 = 5;

/// How the work of an execution ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Everything was done.
    Succeeded,
    /// Something failed for good; the text is the execution's error.
    Failed(String),
    /// It was asked to stop, and did.
    Cancelled,
    /// That is written down already.
    Written,
}

/// What carries out a workflow.
enum Work {
    /// The manager itself: reads the archive of a blueprint.
    UploadBlueprint,
    /// The manager itself: makes what a deployment consists of.
    CreateEnvironment,
    /// The manager itself: removes it again.
    DeleteEnvironment,
    /// The manager itself: writes a snapshot or a log bundle.
    Export(Kind),
    /// The manager itself: replaces everything by a snapshot.
    Restore,
    /// The manager itself: begins the update of a deployment.
    BeginUpdate,
    /// The manager itself: has the deployments of a blueprint go over to newer plugins.
    UpdatePlugins,
    /// The engine, over the deployment's node instances.
    Lifecycle(String),
}

impl Manager {
    /// Carries an execution to its end, unless it has ended, waits for others, or is another process's. One that panics
    /// has failed: what it left half done in memory is nothing to go on from.
    pub(super) async fn carry(self: &Arc<Self>, id: &ExecutionId) {
        let (mut failures, mut fatal) = (0, None);
        loop {
            let error = match AssertUnwindSafe(self.run(id, fatal.clone())).catch_unwind().await {
                Ok(Ok(())) => return,
                Ok(Err(error)) if is_fenced(&error) => {
                    tracing::warn!(execution = %id, "another manager has taken over an execution");
                    if let Err(error) = self.let_go(id).await {
                        tracing::warn!(execution = %id, ?error, "its operations here could not be ended");
                    }
                    self.workflows.refused.notify_one();
                    return;
                }
                Ok(Err(error)) => {
                    failures += u32::from(!is_passing(&error));
                    error
                }
                Err(_) => {
                    failures = ATTEMPTS;
                    // Whoever still takes answers for it there must not take those of a later run.
                    let _ = self.bus.remove(topology::responses(id)).await;
                    Error::internal("the run of the execution panicked")
                }
            };
            tracing::error!(execution = %id, ?error, "an execution cannot go on; trying again");
            // The first reason stays, whatever else keeps the end from being written down.
            if failures >= ATTEMPTS && fatal.is_none() {
                fatal = Some(format!("The manager cannot go on with this execution: {}", describe(&error)));
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Goes on with an execution, or ends it for a reason that keeps the manager from that.
    async fn run(self: &Arc<Self>, id: &ExecutionId, fatal: Option<String>) -> Result<()> {
        let Some(execution) = executions::by_id(&*self.store, id).await.map_err(failed)? else {
            return Ok(());
        };
        let process = self.process();
        if !execution.status.is_active()
            || execution.process != Some(process)
                && !processes::take(&*self.store, id, process).await.map_err(failed)?
        {
            return Ok(());
        }
        let actor = self.actor_of(&execution);
        match fatal {
            Some(message) => actor.act(Box::pin(self.end(id, Ended::Failed(message)))).await,
            None => actor.act(Box::pin(self.run_execution(&execution))).await,
        }
    }

    /// Steps that only lead to the work, or away from it, are boxed: their place would be held while it waits.
    async fn run_execution(self: &Arc<Self>, execution: &Execution) -> Result<()> {
        let id = &execution.id;
        let ended = match execution.status {
            ExecutionStatus::Pending | ExecutionStatus::Started => match self.custom_workflow(execution).await? {
                None => self.perform(execution).await?,
                Some(operation) => match Box::pin(self.run_custom(execution, &operation)).await? {
                    Some(ended) => ended,
                    // The workflow has said itself how it ended.
                    None => return Ok(()),
                },
            },
            ExecutionStatus::Cancelling => self.undo(execution).await?,
            status if status.is_cancelling() => Ended::Cancelled,
            _ => return Ok(()),
        };
        if matches!(ended, Ended::Written) {
            return Ok(());
        }
        Box::pin(self.end(id, ended)).await
    }

    /// Writes how an execution ended. What was asked to stop while its last step ended is cancelled.
    async fn end(&self, id: &ExecutionId, ended: Ended) -> Result<()> {
        let impossible = self.end_dependencies(id).await?;
        let tx = self.begin_write().await?;
        tx.lock(&format!("execution {id}")).await.map_err(failed)?;
        let execution = executions::by_id(&tx, id).await.map_err(failed)?;
        let Some(execution) = execution.filter(|execution| !execution.status.is_final()) else { return Ok(()) };
        let ended = match (impossible, ended) {
            (Some(reason), _) => Ended::Failed(reason),
            (None, Ended::Succeeded) if execution.status.is_cancelling() => Ended::Cancelled,
            (None, ended) => ended,
        };
        let (status, error, moment) = match &ended {
            Ended::Succeeded => (ExecutionStatus::Terminated, "", Moment::Succeeded),
            Ended::Failed(error) => (ExecutionStatus::Failed, error.as_str(), Moment::Failed(error)),
            Ended::Cancelled => (ExecutionStatus::Cancelled, "", Moment::Cancelled),
            Ended::Written => return Ok(()),
        };
        self.tell(&tx, &execution, moment).await?;
        self.move_to(&tx, &execution, status, Some(error)).await?;
        tx.commit().await.map_err(failed)?;
        self.after_move(&execution, status).await;
        Ok(())
    }

    /// Begins, or goes on, and does the work. An error is one of the machinery, never of the work.
    async fn perform(self: &Arc<Self>, execution: &Execution) -> Result<Ended> {
        let again = execution.resume || execution.status == ExecutionStatus::Started;
        Box::pin(self.tell(&*self.store, execution, if again { Moment::Resumed } else { Moment::Started })).await?;
        match Box::pin(self.set_status(&execution.id, ExecutionStatus::Started, None)).await {
            // Someone asked it to stop just now.
            Err(error) if error.code() == Code::InvalidExceptionStatusUpdate => return self.undo(execution).await,
            moved => moved?,
        }
        let done = match self.work_of(execution).await? {
            Work::UploadBlueprint => Box::pin(self.upload(execution)).await,
            Work::CreateEnvironment => Box::pin(self.create_environment(execution)).await,
            Work::DeleteEnvironment => Box::pin(self.delete_environment(execution)).await,
            Work::Export(kind) => Box::pin(self.make_export(execution, kind)).await,
            Work::Restore => match Box::pin(self.carry_out_restore(execution)).await {
                Ok(()) => return Ok(Ended::Written),
                refused => refused,
            },
            Work::BeginUpdate => Box::pin(self.update_as_one_of_many(execution)).await,
            Work::UpdatePlugins => match Box::pin(self.update_plugins(execution)).await {
                Ok(false) => return Ok(Ended::Cancelled),
                done => done.map(drop),
            },
            Work::Lifecycle(builder) => return Box::pin(self.lifecycle(execution, &builder)).await,
        };
        match done {
            Ok(()) => Ok(Ended::Succeeded),
            Err(error) if is_passing(&error) => Err(error),
            // What the manager does itself fails for a reason that belongs to the user.
            Err(error) => Ok(Ended::Failed(describe(&error))),
        }
    }

    /// An execution that is to stop, and that nothing runs: what it must not leave behind is undone.
    async fn undo(self: &Arc<Self>, execution: &Execution) -> Result<Ended> {
        if let Work::Lifecycle(builder) = self.work_of(execution).await? {
            Box::pin(self.lifecycle(execution, &builder)).await?;
        }
        Ok(Ended::Cancelled)
    }

    /// A deployment's own workflow comes before the manager's one of the same name.
    async fn work_of(&self, execution: &Execution) -> Result<Work> {
        if let Some(operation) = self.declared_operation(execution).await? {
            return Ok(Work::Lifecycle(operation));
        }
        match execution.workflow_id.as_str() {
            "upload_blueprint" => Ok(Work::UploadBlueprint),
            "create_deployment_environment" => Ok(Work::CreateEnvironment),
            "delete_deployment_environment" => Ok(Work::DeleteEnvironment),
            "update" => Ok(Work::Lifecycle(UPDATE.to_owned())),
            OF_MANY => Ok(Work::BeginUpdate),
            "update_plugin" => Ok(Work::UpdatePlugins),
            "create_snapshot" => Ok(Work::Export(Kind::Snapshot)),
            "restore_snapshot" => Ok(Work::Restore),
            "create_log_bundle" => Ok(Work::Export(Kind::LogBundle)),
            other => Ok(Work::Lifecycle(other.to_owned())),
        }
    }

    /// Writes lines, each with its level, into an execution's log. The logger is called as the
    /// original calls that of a workflow.
    pub(crate) async fn log(&self, execution: &Execution, lines: Vec<(&'static str, String)>) -> Result<()> {
        let log = |(level, message): (&str, String)| NewLog {
            logger: execution.id.to_string(),
            level: level.to_owned(),
            message,
            origin: Origin::default(),
            timestamp: self.clock.now(),
            reported: None,
        };
        let lines: Vec<NewLog> = lines.into_iter().map(log).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let run = nephele_store::journal::Run::from(execution).told_by(&self.settings.hostname);
        nephele_store::events::insert(&*self.store, &run, &[], &lines).await.map_err(failed)
    }

    pub(crate) async fn tell(&self, db: &dyn Db, execution: &Execution, moment: Moment<'_>) -> Result<()> {
        let event = workflow_event(moment, &execution.workflow_id, execution.is_dry_run, self.clock.now());
        let run = nephele_store::journal::Run::from(execution).told_by(&self.settings.hostname);
        nephele_store::events::insert(db, &run, &[event], &[]).await.map_err(failed)
    }
}

pub(super) fn describe(error: &Error) -> String {
    if error.code() == Code::InternalServer {
        tracing::error!(?error, "a workflow of the manager failed inside");
    }
    error.message().to_owned()
}
