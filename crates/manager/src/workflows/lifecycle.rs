//! Workflows over node instances: the engine's run, fed with answers from the bus.
//!
//! Invariant: the graph is built once, at the first start; later starts go on from its rows, so a
//! change of the deployment in between does not change a run that is under way.

use std::sync::Arc;

use nephele_bus::{Message, topology};
use nephele_engine::driver::{Driver, Handle};
use nephele_engine::lifecycle::{self, Workflow};
use nephele_engine::resume::Unanswered;
use nephele_engine::{Event, Finish, Ids, Run};
use nephele_model::execution::{CancelAction, ExecutionStatus};
use nephele_model::id::TaskId;
use nephele_model::operation::Outcome;
use nephele_model::task::{StoredGraph, StoredTask};
use nephele_model::{Error, Result};
use nephele_store::executions::{self, Execution};
use nephele_store::{operations, tasks_graphs};
use serde_json::json;

use crate::workflows::journal::ExecutionJournal;
use crate::workflows::outbox;
use crate::workflows::run::Ended;
use crate::{Manager, rows};

/// Answers taken from the bus before they are acknowledged.
const PREFETCH: usize = 1000;

impl Manager {
    /// Runs the workflow with this operation, such as `cloudify.plugins.workflows.install`.
    pub(super) async fn lifecycle(self: &Arc<Self>, execution: &Execution, operation: &str) -> Result<Ended> {
        let Some(workflow) = Workflow::of_operation(operation) else {
            return Ok(Ended::Failed(format!(
                "Workflow `{}` is implemented by `{operation}`, which this manager cannot run; \
                 it runs install, uninstall, reinstall, start, stop, restart and execute_operation",
                execution.workflow_id,
            )));
        };
        // First of all: from here on, no request of an earlier run begins, and the rows are read as
        // the last of them left them.
        let token = self.mint_token(&execution.id).await?;
        let (run, first) = match self.prepare_run(execution, workflow).await? {
            Ok(prepared) => prepared,
            Err(refused) => return Ok(Ended::Failed(refused.to_string())),
        };
        let journal = Arc::new(ExecutionJournal::new(self, execution, token));
        let (driver, handle) = Driver::new(run, journal, self.clock.clone());
        let answers =
            self.bus.subscribe(topology::responses(&execution.id), PREFETCH).await.map_err(Error::internal)?;
        let feeding = tokio::spawn(feed(answers, handle.clone()));
        self.workflows.steer(&execution.id, handle.clone());
        self.notice_cancel(execution, &handle).await?;
        let finish = driver.run(first).await;
        feeding.abort();
        let ended = self.ended(execution, finish.map_err(Error::internal)?).await?;
        self.bus.remove(topology::responses(&execution.id)).await.map_err(Error::internal)?;
        Ok(ended)
    }

    /// A request to stop that came before there was anything to steer stands in the row.
    async fn notice_cancel(&self, execution: &Execution, handle: &Handle) -> Result<()> {
        let present = executions::by_storage_id(&*self.store, execution.storage_id).await.map_err(rows::failed)?;
        let action = match present.map(|present| present.status) {
            Some(ExecutionStatus::Cancelling) => CancelAction::Cancel,
            Some(ExecutionStatus::ForceCancelling) => CancelAction::Force,
            Some(ExecutionStatus::KillCancelling) => CancelAction::Kill,
            _ => return Ok(()),
        };
        handle.send(Event::CancelAsked(action));
        Ok(())
    }

    async fn ended(&self, execution: &Execution, finish: Finish) -> Result<Ended> {
        Ok(match finish {
            Finish::Succeeded => Ended::Succeeded,
            Finish::Failed { message } => Ended::Failed(message),
            Finish::Cancelled { kill } => {
                if !kill.is_empty() {
                    let body = json!({"service_task": {
                        "task_name": "cancel-operation",
                        "kwargs": {"execution_id": execution.id.as_str()},
                    }});
                    let message = Message::new(body);
                    let row = outbox::row(&topology::manager_service(), message, self.clock.now());
                    nephele_store::outbox::insert(&*self.store, vec![row]).await.map_err(rows::failed)?;
                    self.workflows.wake();
                }
                Ended::Cancelled
            }
        })
    }

    /// A new run, or the one that the rows of an earlier start describe. The inner error is the
    /// user's: a parameter or a plan that the workflow cannot work with.
    async fn prepare_run(
        &self,
        execution: &Execution,
        workflow: Workflow,
    ) -> Result<nephele_engine::Result<(Run, Event)>> {
        let parameters = self.run_parameters(execution).await?;
        let info = self.run_info(execution, &parameters).await?;
        let topology = self.topology(execution).await?;
        let stored = self.stored_graphs(execution).await?;
        if stored.is_empty() {
            let graphs = workflow.graphs(&topology, &parameters);
            return Ok(graphs.map(|graphs| (Run::new(info, graphs, Ids::random()), Event::Start)));
        }
        let resumed = Run::resume(info, stored, Unanswered::SendAgain, Ids::random()).and_then(|mut run| {
            // Only a person's wish to go on undoes what was half done; after a crash it is sent again.
            if execution.resume && workflow == Workflow::Install {
                lifecycle::cleanup_before_resume(&mut run, &topology, &parameters)?;
            }
            Ok((run, Event::Resumed))
        });
        Ok(resumed)
    }
}

impl Manager {
    /// The graphs of the execution with their tasks, the oldest first.
    async fn stored_graphs(&self, execution: &Execution) -> Result<Vec<(StoredGraph, Vec<StoredTask>)>> {
        let graphs = tasks_graphs::of_execution(&*self.store, execution.storage_id).await.map_err(rows::failed)?;
        let mut stored = Vec::with_capacity(graphs.len());
        for graph in graphs {
            let tasks = operations::of_graph(&*self.store, graph.storage_id).await.map_err(rows::failed)?;
            stored.push((StoredGraph { id: graph.id, execution: graph.execution_id, name: graph.name }, tasks));
        }
        Ok(stored)
    }
}

/// Passes answers on until the run ends. An answer is acknowledged once the run has it in memory:
/// if the process dies before it is journaled, the operation is sent again.
async fn feed(mut answers: nephele_bus::Subscription, run: Handle) {
    while let Some(delivery) = answers.next().await {
        if let Some(task) = &delivery.message.correlation_id {
            let outcome = Outcome::from_wire(&delivery.message.body);
            run.send(Event::TaskFinished(TaskId::new(task.as_str()), outcome));
        }
        if let Err(error) = delivery.ack().await {
            tracing::warn!(%error, "an answer could not be acknowledged");
        }
    }
}
