//! One execution, from the moment it is taken up to its last status.
//!
//! Invariant: whatever happens to the work, the execution ends with a status and an event that say
//! so, in one transaction; only a failing database leaves it open, and then it is tried again for ever.

use std::sync::Arc;
use std::time::Duration;

use nephele_engine::lifecycle::UPDATE;
use nephele_engine::report::{Moment, workflow_event};
use nephele_model::event::{NewLog, Origin};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::ExecutionId;
use nephele_model::{Code, Error, Result};
use nephele_store::executions::{self, Execution};
use nephele_store::{Actor, Db};

use crate::Manager;
use crate::deployment_updates::OF_MANY;
use crate::exports::Kind;
use crate::rows::{failed, is_passing};

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
    /// The manager itself: begins the update of a deployment.
    BeginUpdate,
    /// The manager itself: has the deployments of a blueprint go over to newer plugins.
    UpdatePlugins,
    /// The engine, over the deployment's node instances.
    Lifecycle(String),
}

impl Manager {
    /// Carries an execution to its end, unless it has ended or waits for others.
    pub(super) async fn carry(self: &Arc<Self>, id: &ExecutionId) {
        let mut failures = 0;
        loop {
            let Err(error) = self.run(id).await else { return };
            tracing::error!(execution = %id, ?error, "an execution cannot go on; trying again");
            failures += u32::from(!is_passing(&error));
            if failures == ATTEMPTS {
                let message = format!("The manager cannot go on with this execution: {}", describe(&error));
                match self.end(id, Ended::Failed(message)).await {
                    Ok(()) => return,
                    Err(error) => tracing::error!(execution = %id, ?error, "an execution cannot even fail"),
                }
                failures = 0;
            }
            tokio::time::sleep(REST).await;
        }
    }

    async fn run(self: &Arc<Self>, id: &ExecutionId) -> Result<()> {
        let Some(execution) = executions::by_id(&*self.store, id).await.map_err(failed)? else {
            return Ok(());
        };
        // What a run changes, it changes on behalf of whoever started it.
        let actor =
            Actor { username: Some(execution.created_by.to_string()), execution_id: Some(execution.id.to_string()) };
        actor.act(Box::pin(self.run_execution(&execution))).await
    }

    async fn run_execution(self: &Arc<Self>, execution: &Execution) -> Result<()> {
        let id = &execution.id;
        let ended = match execution.status {
            ExecutionStatus::Pending | ExecutionStatus::Started => match self.custom_workflow(execution).await? {
                None => self.perform(execution).await?,
                Some(operation) => match self.run_custom(execution, &operation).await? {
                    Some(ended) => ended,
                    // The workflow has said itself how it ended.
                    None => return Ok(()),
                },
            },
            ExecutionStatus::Cancelling => self.undo(execution).await?,
            status if status.is_cancelling() => Ended::Cancelled,
            _ => return Ok(()),
        };
        self.end(id, ended).await
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
        self.tell(&*self.store, execution, if again { Moment::Resumed } else { Moment::Started }).await?;
        match self.set_status(&execution.id, ExecutionStatus::Started, None).await {
            // Someone asked it to stop just now.
            Err(error) if error.code() == Code::InvalidExceptionStatusUpdate => return self.undo(execution).await,
            moved => moved?,
        }
        let done = match self.work_of(execution).await? {
            Work::UploadBlueprint => self.upload(execution).await,
            Work::CreateEnvironment => self.create_environment(execution).await,
            Work::DeleteEnvironment => self.delete_environment(execution).await,
            Work::Export(kind) => self.make_export(execution, kind).await,
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

    async fn tell(&self, db: &dyn Db, execution: &Execution, moment: Moment<'_>) -> Result<()> {
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
