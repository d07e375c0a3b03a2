//! From rows back to a run (spec workflows.md section 5.6).
//!
//! Rows say everything that was journaled, so the same counters can be set up again: what
//! succeeded is complete and never runs again, what failed for good is over, and the rest is open.
//! A dependency on a task that was retried moves to its newest attempt.

use std::collections::{HashMap, HashSet};

use nephele_model::id::TaskId;
use nephele_model::operation::Failure;
use nephele_model::task::{StoredGraph, StoredTask, TaskState};

use serde_json::{Map, Value};

use crate::error::Result;
use crate::graph::Graph;
use crate::machine::Run;
use crate::machine::entry::{Entry, Fate};
use crate::run_info::{Ids, RunInfo};
use crate::stored;
use crate::task::{Call, Index, Work};

/// What to do about operations that were sent and have not been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Their workers live on: wait for the answers.
    Wait,
    /// Their workers are gone: send them once more. Those that had begun are told so
    /// (`context.resume`).
    SendAgain,
}

impl Run {
    /// Makes a run from the rows of its graph. Begin it with [`crate::Event::Resumed`].
    ///
    /// Errors: a row that is no task of this engine, such as code inside a Python workflow.
    pub fn resume(
        info: RunInfo,
        graph: StoredGraph,
        tasks: Vec<StoredTask>,
        unanswered: Unanswered,
        ids: Ids,
    ) -> Result<Self> {
        let rows = Rows::new(tasks);
        let mut entries = rows.entries()?;
        let reopened = reopen(&mut entries);
        let failed = failed(&mut entries);
        let mut run = Self::assemble(info, ids, graph, entries);
        run.restored(reopened, failed, unanswered == Unanswered::SendAgain);
        Ok(run)
    }
}

/// Which of the rows must be set back to `pending` (with `current_retries` 0 and attempt 1) before
/// a failed or cancelled execution is resumed: those that failed, or asked to be run again, and
/// were not replaced by another attempt. `force` adds those that were sent and never answered.
pub fn to_reset(rows: &[StoredTask], force: bool) -> Vec<TaskId> {
    let replaced: HashSet<TaskId> = rows.iter().filter_map(|row| stored::id_in(row, "retried_task")).collect();
    let counts = |row: &&StoredTask| match row.state {
        TaskState::Failed | TaskState::Rescheduled => true,
        TaskState::Sending | TaskState::Sent | TaskState::Started => force,
        _ => false,
    };
    rows.iter().filter(counts).filter(|row| !replaced.contains(&row.id)).map(|row| row.id.clone()).collect()
}

/// The parameters of those rows that say of a workflow what they did when its parameters were others: `graph` is what
/// it would be made as now, `values` are its parameters. What has ended well or was replaced stays as it was.
///
/// Errors: a row that is no task of this engine.
pub fn renewed(rows: &[StoredTask], graph: &Graph, values: &Map<String, Value>) -> Result<Vec<(TaskId, Value)>> {
    let calls = graph.tasks.iter().filter_map(|task| task.work.call());
    let fresh: HashMap<_, &Call> = calls.map(|call| (place(call), call)).collect();
    let replaced: HashSet<TaskId> = rows.iter().filter_map(|row| stored::id_in(row, "retried_task")).collect();
    let stays = |row: &StoredTask| matches!(row.state, TaskState::Succeeded | TaskState::Skipped);
    let mut renewed = Vec::new();
    for row in rows.iter().filter(|row| !stays(row) && !replaced.contains(&row.id)) {
        let mut task = stored::task(row)?;
        let Work::Operation(call) = &mut task.work else { continue };
        if let Some(new) = fresh.get(&place(call)) {
            call.inputs.clone_from(&new.inputs);
        }
        call.context.workflow_parameters.clone_from(values);
        let mut parameters = row.parameters.clone();
        parameters["task_kwargs"] = stored::arguments(&task.work);
        renewed.push((row.id.clone(), parameters));
    }
    Ok(renewed)
}

/// What a call runs where: operation, node instance, the other end of a relationship, and which end that is.
fn place(call: &Call) -> [Option<&str>; 4] {
    let context = &call.context;
    let related = context.related.as_ref().map(|related| related.node_id.as_str());
    let end = context.operation.relationship.as_deref();
    [Some(context.operation.name.as_str()), context.node_id.as_deref(), related, end]
}

/// Which of the rows must be set back so that the task is run again: it, and the subgraphs that failed and in which
/// nothing else keeps things from going on. The inner error is another task in one of its subgraphs that does.
///
/// Errors: a row that is no task of this engine.
pub fn to_retry(rows: Vec<StoredTask>, task: &TaskId) -> Result<std::result::Result<Vec<TaskId>, TaskId>> {
    let rows = Rows::new(rows);
    let mut entries = rows.entries()?;
    let Some(&chosen) = rows.index.get(task) else { return Ok(Err(task.clone())) };
    entries[chosen].fate = Fate::Open;
    let hinders = |entries: &[Entry], container: Index| {
        let inside = |entry: &&Entry| entry.task.container == Some(container);
        entries
            .iter()
            .find(|entry| inside(entry) && entry.fate == Fate::Over && !entry.replaced)
            .map(|entry| entry.id.clone())
    };
    let mut set_back = vec![task.clone()];
    loop {
        let failed = |index: &Index| {
            let entry = &entries[*index];
            entry.task.work.is_subgraph() && entry.fate == Fate::Over && !entry.replaced
        };
        let freed = (0..entries.len()).filter(failed).find(|&container| hinders(&entries, container).is_none());
        let Some(container) = freed else { break };
        entries[container].fate = Fate::Open;
        set_back.push(entries[container].id.clone());
    }
    let closed = containers(&entries, chosen).into_iter().find(|&outer| entries[outer].fate == Fate::Over);
    Ok(match closed.and_then(|container| hinders(&entries, container)) {
        Some(other) => Err(other),
        None => Ok(set_back),
    })
}

struct Rows {
    tasks: Vec<StoredTask>,
    index: HashMap<TaskId, Index>,
    /// From a task to the attempt that took its place.
    replaced: HashMap<TaskId, TaskId>,
}

impl Rows {
    fn new(rows: Vec<StoredTask>) -> Self {
        let index = rows.iter().enumerate().map(|(index, row)| (row.id.clone(), index)).collect();
        let retry = |row: &StoredTask| Some((stored::id_in(row, "retried_task")?, row.id.clone()));
        Self { index, replaced: rows.iter().filter_map(retry).collect(), tasks: rows }
    }

    fn entries(&self) -> Result<Vec<Entry>> {
        self.tasks.iter().map(|row| self.entry(row)).collect()
    }

    fn entry(&self, row: &StoredTask) -> Result<Entry> {
        let mut task = stored::task(row)?;
        let container = stored::id_in(row, "containing_subgraph");
        task.container = container.as_ref().and_then(|id| self.index.get(id).copied());
        let newest = row.dependencies.iter().filter(|id| Some(*id) != container.as_ref());
        task.dependencies = newest.filter_map(|id| self.newest(id)).collect();
        let mut entry = Entry::new(row.id.clone(), task);
        // What was sent again after it had begun has begun nevertheless.
        let was_sent_again = matches!(row.state, TaskState::Sending | TaskState::Sent) && row.started_at.is_some();
        entry.state = if was_sent_again { TaskState::Started } else { row.state };
        entry.stored = true;
        entry.replaced = self.replaced.contains_key(&row.id);
        entry.retries = stored::id_in(row, "retried_task");
        entry.due_at = row.due_at;
        entry.fate = fate(&entry);
        if entry.fate == Fate::Over && !entry.replaced {
            entry.failure = stored::failure(row).map(Box::new);
        }
        Ok(entry)
    }

    /// The last attempt of a task. A circle of retries, which no run makes, ends where it began.
    fn newest(&self, id: &TaskId) -> Option<Index> {
        let mut newest = id;
        while let Some(next) = self.replaced.get(newest).filter(|next| *next != id) {
            newest = next;
        }
        self.index.get(newest).copied()
    }
}

fn fate(entry: &Entry) -> Fate {
    match entry.state {
        _ if entry.replaced => Fate::Over,
        TaskState::Succeeded | TaskState::Skipped => Fate::Complete,
        TaskState::Failed if entry.task.on_failure.is_ignored() => Fate::Complete,
        TaskState::Failed | TaskState::Rescheduled => Fate::Over,
        _ => Fate::Open,
    }
}

/// Open tasks in a container that has failed are over; a container that had ended well and has an
/// open task again (a user resumed what had been ignored) begins again.
fn reopen(entries: &mut [Entry]) -> Vec<Index> {
    let mut reopened = Vec::new();
    for index in 0..entries.len() {
        if !entries[index].is_open() {
            continue;
        }
        let around = containers(entries, index);
        if around.iter().any(|&outer| entries[outer].state == TaskState::Failed) {
            entries[index].fate = Fate::Over;
            continue;
        }
        for outer in around {
            if entries[outer].fate == Fate::Complete {
                entries[outer].fate = Fate::Open;
                entries[outer].state = TaskState::Started;
                reopened.push(outer);
            }
        }
    }
    reopened
}

fn containers(entries: &[Entry], index: Index) -> Vec<Index> {
    let mut around = Vec::new();
    let mut container = entries[index].task.container;
    while let Some(outer) = container.filter(|_| around.len() < entries.len()) {
        around.push(outer);
        container = entries[outer].task.container;
    }
    around
}

/// The tasks that made the run fail: their failure was stored and nothing around them ignored it.
fn failed(entries: &mut [Entry]) -> Vec<Index> {
    let mut failed = Vec::new();
    let mut explained = HashSet::new();
    for index in 0..entries.len() {
        if entries[index].failure.is_none() {
            continue;
        }
        let around = containers(entries, index);
        if around.iter().any(|&outer| entries[outer].replaced) {
            entries[index].failure = None;
        } else if around.iter().all(|&outer| entries[outer].fate == Fate::Over) {
            explained.insert(around.last().copied().unwrap_or(index));
            failed.push(index);
        } else {
            entries[index].failure = None;
        }
    }
    for (index, entry) in entries.iter_mut().enumerate() {
        let ended_badly = entry.fate == Fate::Over && !entry.replaced && entry.state.is_final();
        if ended_badly && entry.task.container.is_none() && !explained.contains(&index) {
            entry.failure = Some(Box::new(Failure::fatal("its task_failed event says why")));
            failed.push(index);
        }
    }
    failed
}
