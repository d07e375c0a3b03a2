//! The last runs of a deployment beside each other: how each ended for each node instance. What always fails shows as a
//! row that is never well.
//!
//! Invariant: an operation that was tried again counts as its last attempt; of several operations the worst counts.

use std::collections::{BTreeMap, HashMap, HashSet};

use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{DeploymentId, ExecutionId, Username};
use nephele_model::task::{TaskOutcome, TaskState};
use nephele_model::{Error, Result, Timestamp};
use nephele_store::executions::{self, Execution};
use nephele_store::operations;
use serde::Serialize;

use crate::operations::about::About;
use crate::rows::failed;
use crate::{Ctx, Manager};

/// Runs that are told where nothing else is asked for.
const USUAL: i64 = 20;
/// The most runs that are told.
const MOST: i64 = 50;

/// The last runs of a deployment.
#[derive(Debug, Serialize)]
pub struct RunsGrid {
    deployment_id: DeploymentId,
    /// The latest first.
    runs: Vec<Run>,
    /// Every node instance that one of them was about, by its id.
    node_instances: Vec<Instance>,
}

/// A run and how it ended for each node instance.
#[derive(Debug, Serialize)]
struct Run {
    id: ExecutionId,
    workflow_id: String,
    status: ExecutionStatus,
    created_by: Username,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    #[serde(rename = "is_dry_run")]
    dry: bool,
    outcomes: BTreeMap<String, TaskOutcome>,
}

/// A node instance.
#[derive(Debug, Serialize)]
struct Instance {
    id: String,
    node_id: Option<String>,
}

impl Manager {
    /// The last runs of a deployment that had operations to run; `last` says how many.
    pub async fn runs_grid(&self, ctx: &Ctx, deployment: &str, last: Option<i64>) -> Result<RunsGrid> {
        let last = last.unwrap_or(USUAL);
        if !(1..=MOST).contains(&last) {
            return Err(Error::bad_parameters(format!("`last` is a number of runs from 1 to {MOST}, got {last}")));
        }
        let deployment = self.find_deployment(ctx, deployment).await?;
        let found =
            executions::latest_of_deployment(&*self.store, deployment.storage_id, last).await.map_err(failed)?;
        let (mut cells, nodes) = self.outcomes(&found).await?;
        let run = |execution: Execution| Run {
            outcomes: cells.remove(&execution.storage_id).unwrap_or_default(),
            id: execution.id,
            workflow_id: execution.workflow_id,
            status: execution.status,
            created_by: execution.created_by,
            created_at: execution.created_at,
            started_at: execution.started_at,
            ended_at: execution.ended_at,
            dry: execution.is_dry_run,
        };
        Ok(RunsGrid {
            deployment_id: deployment.id,
            runs: found.into_iter().map(run).collect(),
            node_instances: nodes.into_iter().map(|(id, node_id)| Instance { id, node_id }).collect(),
        })
    }

    /// The outcomes of each execution by node instance, and the nodes of these.
    async fn outcomes(&self, runs: &[Execution]) -> Result<(Cells, BTreeMap<String, Option<String>>)> {
        let keys: Vec<i64> = runs.iter().map(|run| run.storage_id).collect();
        let rows = operations::outcomes(&*self.store, &keys).await.map_err(failed)?;
        let tasks: Vec<(About, operations::Outcome)> =
            rows.into_iter().map(|row| (About::read(&row.parameters), row)).collect();
        let retried: HashSet<&str> = tasks.iter().filter_map(|(about, _)| about.retried_task.as_deref()).collect();
        let (mut cells, mut nodes) = (Cells::new(), BTreeMap::new());
        for (about, row) in tasks.iter().filter(|(_, row)| !retried.contains(row.id.as_str())) {
            let Some(instance) = about.node_instance() else { continue };
            nodes.insert(instance.to_owned(), about.context().node_name.clone());
            let outcome = outcome(row.state);
            let cell = cells.entry(row.execution_fk).or_default().entry(instance.to_owned()).or_insert(outcome);
            *cell = cell.or_worse(outcome);
        }
        Ok((cells, nodes))
    }
}

/// How each execution, by its row, ended for each node instance.
type Cells = HashMap<i64, BTreeMap<String, TaskOutcome>>;

const fn outcome(state: TaskState) -> TaskOutcome {
    match state {
        TaskState::Failed => TaskOutcome::Failed,
        TaskState::Sending | TaskState::Sent | TaskState::Started | TaskState::ResponseSent => TaskOutcome::Running,
        TaskState::Pending | TaskState::Rescheduled => TaskOutcome::Waiting,
        TaskState::Skipped => TaskOutcome::Skipped,
        TaskState::Succeeded => TaskOutcome::Succeeded,
    }
}
