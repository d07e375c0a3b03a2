//! Stored tasks ("operations" in REST), with the times and attempts of each. How they are followed is
//! `operations/progress.rs`; how they ended before their run heard of it is `operations/untold.rs`.

mod progress;
mod untold;

use std::collections::{HashMap, HashSet};

use nephele_model::Timestamp;
use nephele_model::Visibility;
use nephele_model::id::{GraphId, TaskId};
use nephele_model::task::{StoredTask, TaskChange, TaskKind, TaskState};
use serde_json::Value;

use crate::backend::Sql;
use crate::column::{Bind as _, row, values};
use crate::db::{Db, Tx};
use crate::error::{Error, Result};
use crate::field::{CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, json, text, time};
use crate::journal::{Run, waves};
use crate::json::Json;
use crate::table::deployments::Deployment;
use crate::table::{executions, tasks_graphs};
use crate::write::{self, insertable};

pub use progress::{Outcome, Progress, Versions, awaited, changed_after, outcomes, versions};
pub use untold::{Untold, untold};

/// The records of `GET /operations`. `execution_id` and `graph_id` filter, but are not shown.
pub static RESOURCE: Resource = Resource {
    order: &["r.storage_id"],
    filters: &[
        text("execution_id").of(&[("tasks_graph_fk", "tasks_graphs"), ("execution_fk", "executions")], "id"),
        text("graph_id").of(&[("tasks_graph_fk", "tasks_graphs")], "id"),
    ],
    ..Resource::new(
        "Operation",
        "operations",
        &[
            time("created_at"),
            text("visibility"),
            text("id"),
            text("name"),
            text("state"),
            json("dependencies"),
            text("type"),
            json("parameters").twin(),
            text("manager_name"),
            text("agent_name"),
            text("tasks_graph_id").of(&[("tasks_graph_fk", "tasks_graphs")], "id"),
            TENANT_NAME,
            CREATED_BY,
            RESOURCE_AVAILABILITY,
            PRIVATE_RESOURCE,
        ],
    )
};

row! {
    struct Operation {
        id: TaskId,
        graph: GraphId = "g.id",
        name: String,
        kind: TaskKind = "r.type",
        state: TaskState,
        dependencies: Json,
        parameters: Json,
        attempt: i64,
        due_at: Option<Timestamp>,
        queued_at: Option<Timestamp>,
        started_at: Option<Timestamp>,
        ended_at: Option<Timestamp>,
    }
}

impl Operation {
    fn task(self) -> Result<StoredTask> {
        Ok(StoredTask {
            id: self.id,
            graph: self.graph,
            name: self.name,
            kind: self.kind,
            state: self.state,
            dependencies: self.dependencies.parse()?,
            parameters: self.parameters.value()?,
            attempt: u32::try_from(self.attempt).unwrap_or(1),
            due_at: self.due_at,
            queued_at: self.queued_at,
            started_at: self.started_at,
            ended_at: self.ended_at,
        })
    }
}

insertable! {
    struct NewOperation into "operations" {
        id: TaskId,
        visibility: Visibility,
        tenant_id: i64,
        creator_id: i64,
        created_at: Timestamp,
        name: String,
        state: TaskState,
        dependencies: Json,
        kind: TaskKind = "type",
        parameters: Json,
        attempt: i64,
        version: i64,
        due_at: Option<Timestamp>,
        queued_at: Option<Timestamp>,
        started_at: Option<Timestamp>,
        ended_at: Option<Timestamp>,
        tasks_graph_fk: i64,
    }
}

const FROM: &str = "FROM operations r JOIN tasks_graphs g ON g.storage_id = r.tasks_graph_fk";

/// The tasks of a graph, in the order in which they were stored.
pub async fn of_graph(db: &dyn Db, graph_fk: i64) -> Result<Vec<StoredTask>> {
    let text = format!("SELECT {} {FROM} WHERE r.tasks_graph_fk = $1 ORDER BY r.storage_id", Operation::COLUMNS);
    db.all::<Operation>(text, values![graph_fk]).await?.into_iter().map(Operation::task).collect()
}

/// The task with this id.
pub async fn by_id(db: &dyn Db, id: &TaskId) -> Result<Option<StoredTask>> {
    let text = format!("SELECT {} {FROM} WHERE r.id = $1", Operation::COLUMNS);
    db.first::<Operation>(text, values![id]).await?.map(Operation::task).transpose()
}

/// The tasks of a deployment's executions that may still be run and whose parameters hold this text.
pub async fn resumable(db: &dyn Db, deployment_fk: i64, text: &str) -> Result<Vec<StoredTask>> {
    let statement = format!(
        "SELECT {} {FROM} JOIN executions e ON e.storage_id = g.execution_fk WHERE e.deployment_fk = $1 \
         AND e.status IN ('pending', 'started', 'cancelled', 'failed') \
         AND r.state IN ('pending', 'rescheduled', 'failed') AND replace(r.parameters, $2, '') <> r.parameters \
         ORDER BY r.storage_id",
        Operation::COLUMNS
    );
    db.all::<Operation>(statement, values![deployment_fk, text]).await?.into_iter().map(Operation::task).collect()
}

row! {
    /// An operation that ended well.
    pub struct Took {
        /// The reference's description of the task.
        parameters: Json,
        /// When a worker began, or else when it was handed over.
        began_at: Timestamp = "coalesce(r.started_at, r.queued_at)",
        /// When it ended.
        ended_at: Timestamp,
    }
}

impl Took {
    /// How long it took.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of years are exact")]
    pub fn seconds(&self) -> f64 {
        (self.ended_at.micros() - self.began_at.micros()).max(0) as f64 / 1e6
    }
}

/// Operations that ended well in executions of this deployment, or of another one of its blueprint, the latest first.
pub async fn durations(db: &dyn Db, deployment: &Deployment, most: i64) -> Result<Vec<Took>> {
    let text = format!(
        "SELECT {} {FROM} JOIN executions e ON e.storage_id = g.execution_fk \
         WHERE (e.deployment_fk = $1 OR (e.tenant_id = $2 AND e.blueprint_id = $3)) AND r.type = $4 \
         AND r.state = 'succeeded' AND r.ended_at IS NOT NULL AND coalesce(r.started_at, r.queued_at) IS NOT NULL \
         ORDER BY r.storage_id DESC LIMIT $5",
        Took::COLUMNS
    );
    let (key, tenant, blueprint) = (deployment.storage_id, deployment.tenant_id, &deployment.blueprint_id);
    db.all(text, values![key, tenant, blueprint, TaskKind::Operation, most]).await
}

/// Deletes a task. Gives whether it was there.
pub async fn delete(tx: &Tx, id: &TaskId) -> Result<bool> {
    let db: &dyn Db = tx;
    progress::note_removal(db, id).await?;
    Ok(db.run("DELETE FROM operations WHERE id = $1", values![id]).await? > 0)
}

/// Stores tasks of the execution's graphs, and counts them. Error: [`Error::NotFound`] for a graph
/// that the execution does not have.
pub async fn insert(tx: &Tx, run: &Run, tasks: &[StoredTask]) -> Result<()> {
    let db: &dyn Db = tx;
    if tasks.is_empty() {
        return Ok(());
    }
    let version = progress::next_version(db, run.execution_fk).await?;
    let graphs = tasks_graphs::of_execution(db, run.execution_fk).await?;
    let graphs: HashMap<_, _> = graphs.into_iter().map(|graph| (graph.id, graph.storage_id)).collect();
    let row = |task: &StoredTask| {
        let graph = graphs.get(&task.graph).copied();
        let missing = || Error::NotFound { kind: "TasksGraph", id: task.graph.to_string() };
        Ok(NewOperation {
            id: task.id.clone(),
            visibility: run.visibility,
            tenant_id: run.tenant_id,
            creator_id: run.creator_id,
            created_at: db.now(),
            name: task.name.clone(),
            state: task.state,
            dependencies: Json::of(&task.dependencies),
            kind: task.kind,
            parameters: Json::from(&task.parameters),
            attempt: i64::from(task.attempt),
            version,
            due_at: task.due_at,
            queued_at: task.queued_at,
            started_at: task.started_at,
            ended_at: task.ended_at,
            tasks_graph_fk: graph.ok_or_else(missing)?,
        })
    };
    write::insert_all(db, tasks.iter().map(row).collect::<Result<_>>()?).await?;
    let counted = |task: &&StoredTask| task.kind != TaskKind::Nop;
    let total = tasks.iter().filter(counted).count();
    let finished = tasks.iter().filter(counted).filter(|task| task.state.is_final()).count();
    executions::count_operations(db, run.execution_fk, whole(total), whole(finished)).await
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Moves tasks, in order, stamping times, and counts those that ended.
pub async fn change(tx: &Tx, run: &Run, changes: &[TaskChange]) -> Result<()> {
    let db: &dyn Db = tx;
    if changes.is_empty() {
        return Ok(());
    }
    let version = progress::next_version(db, run.execution_fk).await?;
    let mut finished = 0;
    for wave in waves(changes, |change| &change.id) {
        for state in TaskState::ALL {
            let ids: Vec<_> = wave.iter().filter(|change| change.state == *state).map(|change| &change.id).collect();
            if !ids.is_empty() {
                finished += set_state(tx, *state, version, &Json::texts(&ids)).await?;
            }
        }
    }
    for change in changes {
        if let Some(dependencies) = &change.dependencies {
            let text = "UPDATE operations SET dependencies = $2 WHERE id = $1";
            db.run(text, values![&change.id, Json::of(dependencies)]).await?;
        }
        if let Some(reason) = &change.reason {
            db.run("UPDATE operations SET error = $2 WHERE id = $1", values![&change.id, reason]).await?;
        }
        if let Some(error) = &change.error
            && let Some(mut task) = by_id(db, &change.id).await?
        {
            task.parameters["error"] = error.clone();
            set_parameters(db, &change.id, &task.parameters).await?;
        }
        if let Some(decision) = &change.decision
            && let Some(mut task) = by_id(db, &change.id).await?
        {
            task.parameters["decision"] = serde_json::to_value(decision)?;
            set_parameters(db, &change.id, &task.parameters).await?;
        }
    }
    if finished > 0 {
        executions::count_operations(db, run.execution_fk, 0, finished).await?;
    }
    Ok(())
}

/// Moves tasks to one state. Gives how many of them ended by it, joints not counted.
async fn set_state(tx: &Tx, state: TaskState, version: i64, ids: &Json) -> Result<i64> {
    let db: &dyn Db = tx;
    let mut ended = 0;
    if state.is_final() {
        let text = "SELECT count(*) FROM operations WHERE id IN (SELECT value FROM json_each($1)) \
                    AND state NOT IN ('rescheduled', 'succeeded', 'failed', 'skipped') AND type <> 'NOPLocalWorkflowTask'";
        ended = db.number(text, values![ids]).await?;
    }
    let mut values = values![state, ids, version];
    let stamp = match state {
        TaskState::Sent => ", queued_at = $4",
        TaskState::Started => ", started_at = $4",
        _ if state.is_final() => ", ended_at = $4, outcome = NULL",
        _ => "",
    };
    if !stamp.is_empty() {
        values.push(db.now().bind());
    }
    let text =
        format!("UPDATE operations SET state = $1, version = $3{stamp} WHERE id IN (SELECT value FROM json_each($2))");
    db.execute(Sql::new(text, values)).await?;
    Ok(ended)
}

/// What a worker reports about a task it works on (spec rest-api.md section 2.6).
#[derive(Clone, Debug)]
pub struct Report {
    /// The new state.
    pub state: TaskState,
    /// The manager that reports.
    pub manager_name: Option<String>,
    /// The agent that reports.
    pub agent_name: Option<String>,
    /// Why it failed, for people.
    pub reason: Option<String>,
    /// How it ended, as it goes over the wire, if a worker has ended with it. The first that comes is kept until the
    /// task has ended.
    pub outcome: Option<Json>,
}

/// Moves one task as a worker reports, and gives it as it was before; a task that has ended stays as
/// it ended, for a worker's word may come late. Node instances and events that follow from a move
/// are the manager's to write. Error: [`Error::NotFound`].
pub async fn report(tx: &Tx, run: &Run, id: &TaskId, report: &Report) -> Result<StoredTask> {
    let db: &dyn Db = tx;
    // Adding nothing takes the row's lock, so that the journal does not end the task after this look at it.
    db.run("UPDATE operations SET attempt = attempt WHERE id = $1", values![id]).await?;
    let before = by_id(db, id).await?;
    let before = before.ok_or_else(|| Error::NotFound { kind: "Operation", id: id.to_string() })?;
    if before.state.is_final() {
        return Ok(before);
    }
    let moved = TaskChange { reason: report.reason.clone(), ..TaskChange::new(id.clone(), report.state) };
    change(tx, run, &[moved]).await?;
    let text = "UPDATE operations SET manager_name = coalesce($2, manager_name), \
                agent_name = coalesce($3, agent_name), outcome = coalesce(outcome, $4) WHERE id = $1";
    let outcome = report.outcome.as_ref().filter(|_| !report.state.is_final());
    db.run(text, values![id, &report.manager_name, &report.agent_name, outcome]).await?;
    Ok(before)
}

/// Gives a task other parameters.
pub async fn set_parameters(db: &dyn Db, id: &TaskId, parameters: &Value) -> Result<()> {
    db.run("UPDATE operations SET parameters = $2 WHERE id = $1", values![id, Json::from(parameters)]).await?;
    Ok(())
}

/// Makes failed tasks pending again, their attempts anew, so that the execution can be resumed;
/// with `force` also those that were handed over and not heard of. A task that another took the
/// place of stays, and so does everything of a phase that has ended. Gives how many were reset.
pub async fn reset(tx: &Tx, run: &Run, force: bool) -> Result<usize> {
    let db: &dyn Db = tx;
    let text = format!(
        "SELECT {} {FROM} WHERE g.execution_fk = $1 AND NOT EXISTS (SELECT 1 FROM phases p \
         WHERE p.execution_fk = g.execution_fk AND p.name = g.name) ORDER BY r.storage_id",
        Operation::COLUMNS
    );
    let tasks = db.all::<Operation>(text, values![run.execution_fk]).await?;
    let tasks: Vec<_> = tasks.into_iter().map(Operation::task).collect::<Result<_>>()?;
    let replaced: HashSet<_> = tasks.iter().filter_map(|task| task.parameters["retried_task"].as_str()).collect();
    let ended = |task: &StoredTask| matches!(task.state, TaskState::Failed | TaskState::Rescheduled);
    let lost = |task: &StoredTask| matches!(task.state, TaskState::Sending | TaskState::Sent | TaskState::Started);
    let chosen = |task: &&StoredTask| (ended(task) || force && lost(task)) && !replaced.contains(task.id.as_str());
    let chosen: Vec<_> = tasks.iter().filter(chosen).collect();
    // Whoever wants it to go on does not want to wait.
    let waiting = |task: &&StoredTask| task.state == TaskState::Pending && task.due_at.is_some();
    let waiting = Json::texts(tasks.iter().filter(waiting).map(|task| &task.id));
    let text = "UPDATE operations SET due_at = NULL WHERE id IN (SELECT value FROM json_each($1))";
    db.run(text, values![waiting]).await?;
    begin_anew(tx, run, &chosen).await?;
    Ok(chosen.len())
}

/// Makes tasks pending again, their attempts anew.
pub async fn begin_anew(tx: &Tx, run: &Run, tasks: &[&StoredTask]) -> Result<()> {
    let db: &dyn Db = tx;
    let version = progress::next_version(db, run.execution_fk).await?;
    for task in tasks {
        let mut parameters = task.parameters.clone();
        parameters["current_retries"] = Value::from(0);
        set_parameters(db, &task.id, &parameters).await?;
    }
    let text = "UPDATE operations SET state = 'pending', attempt = 1, version = $2, due_at = NULL, queued_at = NULL, \
                started_at = NULL, ended_at = NULL, error = NULL, outcome = NULL WHERE id IN (SELECT value FROM json_each($1))";
    db.run(text, values![Json::texts(tasks.iter().map(|task| &task.id)), version]).await?;
    let again = tasks.iter().filter(|task| task.state.is_final() && task.kind != TaskKind::Nop).count();
    executions::count_operations(db, run.execution_fk, 0, -whole(again)).await
}

/// Whether a worker still has a task of this execution in hand.
pub async fn has_open(db: &dyn Db, execution_fk: i64) -> Result<bool> {
    let text = "SELECT count(*) FROM operations r JOIN tasks_graphs g ON g.storage_id = r.tasks_graph_fk \
                WHERE g.execution_fk = $1 AND r.state IN ('sending', 'sent', 'started', 'response-sent')";
    Ok(db.number(text, values![execution_fk]).await? > 0)
}
