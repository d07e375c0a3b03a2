//! Workflows over node instances: phase after phase, graphs as runs of the engine that are fed with
//! answers from the bus.
//!
//! Invariant: a graph is built once, when its phase begins; a later start goes on from its rows, so a
//! change of the deployment in between does not change a run that is under way. A phase's end is
//! written before the next one begins. Dying in between does no harm: a graph that has ended ends
//! again, an act finds what it did.

use std::collections::HashSet;
use std::sync::Arc;

use nephele_bus::{Message, topology};
use nephele_engine::driver::{Driver, Handle};
use nephele_engine::lifecycle::{self, Parameters, Workflow};
use nephele_engine::phases::{Act, End, Next, Past};
use nephele_engine::resume::Unanswered;
use nephele_engine::{Event, Finish, Ids, Run, Topology};
use nephele_model::execution::{CancelAction, ExecutionStatus};
use nephele_model::id::{GraphId, TaskId};
use nephele_model::operation::Outcome;
use nephele_model::phase::{Phase, PhaseEnd, PhaseKind};
use nephele_model::{Error, Result, Secret};
use nephele_store::executions::{self, Execution};
use nephele_store::{operations, phases, tasks_graphs};
use serde_json::{Value, json};

use crate::workflows::journal::ExecutionJournal;
use crate::workflows::run::Ended;
use crate::{Manager, rows};

/// Answers taken from the bus before they are acknowledged.
const PREFETCH: usize = 1000;

/// An execution of a workflow over node instances.
struct Lifecycle<'a> {
    manager: &'a Arc<Manager>,
    execution: &'a Execution,
    parameters: Parameters,
    token: Secret,
}

impl Manager {
    /// Runs the workflow with this operation, such as `cloudify.plugins.workflows.install`. Of one that is
    /// to stop, what must be undone is.
    pub(super) async fn lifecycle(self: &Arc<Self>, execution: &Execution, operation: &str) -> Result<Ended> {
        let Some(workflow) = Workflow::of_operation(operation) else {
            return Ok(Ended::Failed(format!(
                "Workflow `{}` is implemented by `{operation}`, which this manager cannot run; \
                 it runs the built-in workflows",
                execution.workflow_id,
            )));
        };
        // First of all: from here on, no request of an earlier run begins, and the rows are read as
        // the last of them left them.
        let token = self.mint_token(&execution.id).await?;
        let parameters = self.run_parameters(execution).await?;
        let ended = Lifecycle { manager: self, execution, parameters, token }.run(workflow).await?;
        self.bus.remove(topology::responses(&execution.id)).await.map_err(Error::internal)?;
        Ok(ended)
    }

    /// How the execution was asked to stop, if it was; one that has ended has nothing more to do.
    pub(crate) async fn asked_to_stop(&self, execution: &Execution) -> Result<Option<CancelAction>> {
        let present = executions::by_storage_id(&*self.store, execution.storage_id).await.map_err(rows::failed)?;
        Ok(match present.map(|present| present.status) {
            Some(ExecutionStatus::Cancelling) => Some(CancelAction::Cancel),
            Some(ExecutionStatus::ForceCancelling) => Some(CancelAction::Force),
            Some(ExecutionStatus::KillCancelling) | None => Some(CancelAction::Kill),
            Some(status) => status.is_final().then_some(CancelAction::Kill),
        })
    }
}

impl Lifecycle<'_> {
    async fn run(&self, workflow: Workflow) -> Result<Ended> {
        let mut past = self.past().await?;
        let mut present = None;
        // What a dry run only imagines.
        let mut imagined = None;
        loop {
            let stopping = match self.manager.asked_to_stop(self.execution).await? {
                Some(CancelAction::Force | CancelAction::Kill) => return Ok(Ended::Cancelled),
                asked => asked.is_some(),
            };
            let turn = workflow.next(&past, present.as_ref(), &self.parameters, stopping);
            self.manager.log(self.execution, turn.lines).await?;
            let phase = match turn.next {
                Next::Look => {
                    present = match &imagined {
                        Some(topology) => Some(Topology::clone(topology)),
                        None => Some(self.topology().await?),
                    };
                    continue;
                }
                Next::Begin(graph) => {
                    let name = graph.name.clone();
                    let info = self.manager.run_info(self.execution, &self.parameters).await?;
                    // A run may take days, and needs no more of the deployment than its graph.
                    let run = self.remaking(Run::new(info, graph, Ids::random()), present.take().as_ref());
                    ended(name, self.drive(run, Event::Start, Vec::new()).await?)
                }
                Next::GoOn(name) => Box::pin(self.go_on(name)).await?,
                Next::Act(act) => self.act(&act, &mut imagined).await?,
                Next::Keep(name, value) => Phase { name, kind: PhaseKind::Decision, end: PhaseEnd::Succeeded, value },
                Next::End(End::Succeeded) if !stopping => return Ok(Ended::Succeeded),
                Next::End(End::Failed(reason)) => return Ok(Ended::Failed(reason)),
                Next::End(End::Succeeded | End::Cancelled) => return Ok(Ended::Cancelled),
            };
            if !self.execution.is_dry_run {
                phases::insert(&*self.manager.store, self.execution.storage_id, &phase).await.map_err(rows::failed)?;
            }
            past.note(phase);
            present = None;
        }
    }

    /// Has the manager do something, or in a dry run imagine it.
    async fn act(&self, act: &Act, imagined: &mut Option<Topology>) -> Result<Phase> {
        let done = if self.execution.is_dry_run {
            Box::pin(self.manager.pretend_act(self.execution, act)).await.map(|(value, topology)| {
                *imagined = topology.or_else(|| imagined.take());
                value
            })
        } else {
            Box::pin(self.manager.perform_act(self.execution, act)).await
        };
        let (end, value) = match done {
            Ok(value) => (PhaseEnd::Succeeded, value),
            // Nothing is known of the act itself: the workflow goes on with it in a moment.
            Err(error) if rows::is_passing(&error) => return Err(error),
            Err(_) if self.manager.asked_to_stop(self.execution).await?.is_some() => (PhaseEnd::Cancelled, Value::Null),
            Err(error) => (PhaseEnd::Failed, super::run::describe(&error).into()),
        };
        Ok(Phase { name: act.phase().to_owned(), kind: PhaseKind::Act, end, value })
    }

    /// The deployment as it is now.
    async fn topology(&self) -> Result<Topology> {
        self.manager.topology(self.execution.deployment_fk.unwrap_or_default()).await
    }

    /// What earlier starts of the execution left.
    async fn past(&self) -> Result<Past> {
        let store = &*self.manager.store;
        let graphs = tasks_graphs::of_execution(store, self.execution.storage_id).await.map_err(rows::failed)?;
        Ok(Past {
            phases: phases::of_execution(store, self.execution.storage_id).await.map_err(rows::failed)?,
            graphs: graphs.into_iter().map(|graph| graph.name).collect(),
        })
    }

    /// Goes on with a graph from its rows.
    async fn go_on(&self, name: String) -> Result<Phase> {
        let store = &*self.manager.store;
        let stored = tasks_graphs::load(store, self.execution.storage_id, &name).await.map_err(rows::failed)?;
        let (graph, tasks) = stored.ok_or_else(|| Error::not_found("TasksGraph", &name))?;
        let answers = self.untold(&graph.id).await?;
        let answered: HashSet<TaskId> = answers.iter().map(|(task, _)| task.clone()).collect();
        let info = self.manager.run_info(self.execution, &self.parameters).await?;
        let topology = self.topology().await?;
        let resumed = Run::resume(info, graph, tasks, Unanswered::SendAgain, Ids::random()).and_then(|mut run| {
            // Only a person's wish to go on undoes what was half done; after a crash it is sent again.
            if self.execution.resume && name.ends_with("install") {
                lifecycle::cleanup_before_resume(&mut run, &topology, &self.parameters)?;
            }
            Ok(self.remaking(run, Some(&topology)))
        });
        match resumed {
            Ok(run) => Ok(ended(name, self.drive(run.expecting(&answered), Event::Resumed, answers).await?)),
            Err(refused) => Ok(ended(name, Finish::Failed { message: refused.to_string() })),
        }
    }

    /// What workers have answered without the run having heard of it, be it that they worked for another manager.
    async fn untold(&self, graph: &GraphId) -> Result<Vec<(TaskId, Outcome)>> {
        let untold = operations::untold(&*self.manager.store, graph).await.map_err(rows::failed)?;
        let read = |answer: operations::Untold| Ok((answer.id, Outcome::from_wire(&answer.outcome.value()?)));
        untold.into_iter().map(read).collect::<nephele_store::Result<_>>().map_err(rows::failed)
    }

    /// The run, with what is needed to try subgraphs again.
    fn remaking(&self, run: Run, topology: Option<&Topology>) -> Run {
        match topology.and_then(|topology| lifecycle::again(topology, &self.parameters)) {
            Some(remake) => run.remaking(remake),
            None => run,
        }
    }

    /// Carries the run of one graph to its end, given the answers that are there already.
    async fn drive(&self, run: Run, first: Event, answers: Vec<(TaskId, Outcome)>) -> Result<Finish> {
        let Self { manager, execution, .. } = *self;
        let journal = Arc::new(ExecutionJournal::new(manager, execution, self.token.clone()));
        let (driver, handle) = Driver::new(run, journal, manager.clock.clone());
        for (task, outcome) in answers {
            handle.send(Event::TaskFinished(task, outcome));
        }
        let answers =
            manager.bus.subscribe(topology::responses(&execution.id), PREFETCH).await.map_err(Error::internal)?;
        let feeding = tokio::spawn(feed(answers, handle.clone()));
        manager.workflows.steer(&execution.id, handle.clone());
        // A request to stop that came before there was anything to steer stands in the row.
        if let Some(action) = manager.asked_to_stop(execution).await? {
            handle.send(Event::CancelAsked(action));
        }
        let finish = driver.run(first).await;
        feeding.abort();
        let finish = finish.map_err(Error::internal)?;
        if let Finish::Cancelled { kill } = &finish
            && !kill.is_empty()
        {
            self.kill_operations().await?;
        }
        Ok(finish)
    }

    /// Has workers end what they do for this execution.
    async fn kill_operations(&self) -> Result<()> {
        let body = json!({"service_task": {
            "task_name": "cancel-operation",
            "kwargs": {"execution_id": self.execution.id.as_str()},
        }});
        let row = self.manager.own_row(&topology::manager_service(), Message::new(body));
        nephele_store::outbox::insert(&*self.manager.store, vec![row]).await.map_err(rows::failed)?;
        self.manager.workflows.wake();
        Ok(())
    }
}

/// The phase of a graph that ended.
fn ended(name: String, finish: Finish) -> Phase {
    let (end, value) = match finish {
        Finish::Succeeded => (PhaseEnd::Succeeded, Value::Null),
        Finish::Failed { message } => (PhaseEnd::Failed, message.into()),
        Finish::Cancelled { .. } => (PhaseEnd::Cancelled, Value::Null),
    };
    Phase { name, kind: PhaseKind::Graph, end, value }
}

/// Passes answers on until the run ends, or is let go. An answer is acknowledged once the run has it in memory: if the
/// process dies before it is journaled, it stands in the row of its operation, where the worker put it before it answered.
async fn feed(mut answers: nephele_bus::Subscription, run: Handle) {
    while let Some(delivery) = answers.next().await {
        if let Some(task) = &delivery.message.correlation_id {
            let outcome = Outcome::from_wire(&delivery.message.body);
            if !run.send(Event::TaskFinished(TaskId::new(task.as_str()), outcome)) {
                return;
            }
        }
        if let Err(error) = delivery.ack().await {
            tracing::warn!(%error, "an answer could not be acknowledged");
        }
    }
}
