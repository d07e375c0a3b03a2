//! The state machine: from a run and an event to what must be written and done. Pure and total.
//!
//! A task is *open* until it is *complete* (what waits for it may go on) or *over* (it failed for
//! good, was replaced by a retry, or sits in a container that failed: what waits for it never
//! runs). A task becomes ready when nothing that it waits for is open, and its container has begun.
//! Counters make that linear: each edge is looked at once.
//!
//! Tasks that need no worker complete inside the step, wave after wave, so a step ends only when
//! everything that is left waits for the outside. `entry` holds a task's place in the run,
//! `ending` decides what an end means, `draft` collects the batch. Source: spec workflows.md
//! section 5.3.

mod draft;
mod ending;
pub(crate) mod entry;
mod insertion;
mod setup;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use nephele_model::Timestamp;
use nephele_model::execution::CancelAction;
use nephele_model::id::{NodeInstanceId, TaskId};
use nephele_model::operation::{Failure, Outcome, Request};
use nephele_model::task::{JournalBatch, StoredGraph, TaskChange, TaskDecision, TaskState};

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::report::{self, Detail};
use crate::run_info::{Ids, RunInfo};
use crate::task::{Index, Work};
use draft::Draft;
use entry::Entry;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Begin a new run.
    Start,
    /// Go on with a run that was made from rows.
    Resumed,
    /// A worker has begun with the task.
    TaskStarted(TaskId),
    /// A worker has answered. May be told twice.
    TaskFinished(TaskId, Outcome),
    /// A timer of an earlier step is due. May be told twice.
    TimerFired(TimerKey),
    /// Someone wants the run to stop.
    CancelAsked(CancelAction),
    /// Someone decided about a task that waits to be tried again. Of no effect if it does not.
    Decided(TaskId, TaskDecision),
}

/// What a timer is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerKey {
    /// The task may be tried again.
    Retry(TaskId),
    /// Independent tasks have had their time since the first failure.
    WaitAfterFail,
}

/// A wish to be told [`Event::TimerFired`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When.
    pub at: Timestamp,
    /// What to tell.
    pub key: TimerKey,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Everything was done.
    Succeeded,
    /// Something failed for good.
    Failed {
        /// The execution's error.
        message: String,
    },
    /// It was asked to stop.
    Cancelled {
        /// Tasks whose operations must be killed.
        kill: Vec<TaskId>,
    },
}

/// What a step asks for: first write the batch, then set the timers, then finish.
#[derive(Debug, Default)]
pub struct Step {
    /// To be written in one transaction.
    pub batch: JournalBatch,
    /// To be told about later.
    pub timers: Vec<Timer>,
    /// Set in the one step with which the run ends.
    pub finish: Option<Finish>,
}

/// Makes what takes the place of a subgraph that failed, given its instance and what is to be done again:
/// a graph of one container.
pub type Remake = Arc<dyn Fn(&NodeInstanceId, &str) -> Option<Graph> + Send + Sync>;

/// A run of one graph of an execution.
#[derive(Debug)]
pub struct Run {
    info: RunInfo,
    ids: Ids,
    entries: Vec<Entry>,
    index: HashMap<TaskId, Index>,
    graph: StoredGraph,
    /// The graph, as long as it has no row.
    new_graph: Option<StoredGraph>,
    /// Top-level tasks that are not complete.
    open: usize,
    ready: VecDeque<Index>,
    running: BTreeSet<Index>,
    delayed: BTreeSet<Index>,
    failed: Vec<Index>,
    /// Restored tasks to send once more when the run goes on.
    unanswered: Vec<Index>,
    /// Restored containers that must begin again.
    reopened: Vec<Index>,
    out_of_time: bool,
    stop: Option<CancelAction>,
    begun: bool,
    finished: bool,
    remake: Option<Remaker>,
    draft: Draft,
}

/// A [`Remake`] that can be shown.
struct Remaker(Remake);

impl std::fmt::Debug for Remaker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Remaker")
    }
}

impl Run {
    /// Lets subgraphs that fail be made again, as often as their retries say.
    #[must_use]
    pub fn remaking(mut self, remake: Remake) -> Self {
        self.remake = Some(Remaker(remake));
        self
    }

    /// The graph of the run.
    pub const fn graph(&self) -> &StoredGraph {
        &self.graph
    }

    /// How many tasks count as operations of the execution (all but empty ones).
    pub fn total_operations(&self) -> usize {
        self.entries.iter().filter(|entry| !entry.replaced && !matches!(entry.task.work, Work::Nop)).count()
    }

    /// Takes one event in and goes on as far as possible.
    pub fn step(&mut self, event: Event, now: Timestamp) -> Result<Step> {
        self.take(event, now)?;
        Ok(self.proceed(now))
    }

    /// Takes one event in; [`Self::proceed`] must follow, after as many others as have arrived.
    ///
    /// What was told before is ignored. Errors leave the run as it was. [`Event::CancelAsked`] may
    /// come before the run begins, which then ends as it begins.
    pub fn take(&mut self, event: Event, now: Timestamp) -> Result<()> {
        if matches!(event, Event::Start | Event::Resumed) {
            return self.begin(now);
        }
        if let Event::CancelAsked(action) = event {
            self.stop = self.stop.max_by_force(action);
            return Ok(());
        }
        if !self.begun {
            return Err(Error::NotStarted);
        }
        match event {
            Event::Start | Event::Resumed | Event::CancelAsked(_) => {}
            Event::TaskStarted(id) => {
                let index = self.find(&id)?;
                if self.running.contains(&index) && self.entries[index].state == TaskState::Sent {
                    self.move_to(index, TaskState::Started, Detail::Nothing, now);
                }
            }
            Event::TaskFinished(id, outcome) => {
                let index = self.find(&id)?;
                if self.running.remove(&index) {
                    self.ended(index, outcome, now);
                }
            }
            Event::TimerFired(TimerKey::Retry(id)) => {
                let index = self.find(&id)?;
                if self.delayed.remove(&index) {
                    self.ready.push_back(index);
                }
            }
            Event::Decided(id, decision) => {
                let index = self.find(&id)?;
                if self.delayed.remove(&index) {
                    self.decided(index, decision, now);
                }
            }
            Event::TimerFired(TimerKey::WaitAfterFail) => self.out_of_time = !self.failed.is_empty(),
        }
        Ok(())
    }

    /// Starts everything that can start and says what must be written, awaited or ended.
    pub fn proceed(&mut self, now: Timestamp) -> Step {
        while self.begun && self.may_start() {
            let Some(index) = self.ready.pop_front() else { break };
            self.start(index, now);
        }
        let batch = self.drafted(now);
        Step { batch, timers: std::mem::take(&mut self.draft.timers), finish: self.conclude() }
    }

    fn find(&self, id: &TaskId) -> Result<Index> {
        self.index.get(id).copied().ok_or_else(|| Error::UnknownTask(id.clone()))
    }

    const fn may_start(&self) -> bool {
        self.stop.is_none() && !self.out_of_time && !self.finished
    }

    fn begin(&mut self, now: Timestamp) -> Result<()> {
        if self.begun {
            return Err(Error::AlreadyStarted);
        }
        self.begun = true;
        self.draft.batch.new_graphs.extend(self.new_graph.take());
        self.draft.fresh.extend((0..self.entries.len()).filter(|&index| !self.entries[index].stored));
        if !self.failed.is_empty() {
            self.count_down(now);
        }
        for index in std::mem::take(&mut self.reopened) {
            self.draft.batch.changes.push(TaskChange::new(self.entries[index].id.clone(), TaskState::Started));
        }
        let unanswered = std::mem::take(&mut self.unanswered);
        if self.may_start() {
            for index in unanswered {
                self.dispatch(index, now);
            }
        }
        for index in 0..self.entries.len() {
            let entry = &self.entries[index];
            if entry.is_open() && entry.waiting == 0 && entry.state == TaskState::Pending {
                match entry.due_at.filter(|at| *at > now && self.may_start()) {
                    Some(at) => self.delay(index, at),
                    None => self.ready.push_back(index),
                }
            } else if entry.is_open() && entry.open_members == 0 && entry.task.work.is_subgraph() && entry.has_begun() {
                self.succeed(index, now);
            }
        }
        Ok(())
    }

    /// One thing less that the task waits for.
    fn release(&mut self, index: Index) {
        let entry = &mut self.entries[index];
        entry.waiting = entry.waiting.saturating_sub(1);
        if entry.waiting == 0 && entry.is_open() && entry.state == TaskState::Pending {
            self.ready.push_back(index);
        }
    }

    /// Lets an attempt wait for its time.
    fn delay(&mut self, index: Index, due_at: Timestamp) {
        let entry = &mut self.entries[index];
        entry.due_at = Some(due_at);
        let key = TimerKey::Retry(entry.id.clone());
        self.delayed.insert(index);
        self.draft.timers.push(Timer { at: due_at, key });
    }

    fn start(&mut self, index: Index, now: Timestamp) {
        if !self.entries[index].is_open() || self.entries[index].state != TaskState::Pending {
            return;
        }
        match &self.entries[index].task.work {
            Work::Operation(_) => self.dispatch(index, now),
            Work::Subgraph { .. } => self.open_container(index, now),
            Work::Nop | Work::DryRun(_) => self.succeed(index, now),
            Work::SetState { instance, state } => {
                self.draft.batch.instance_states.push((instance.clone(), state.clone()));
                self.succeed(index, now);
            }
            Work::NodeEvent { instance, text } => {
                let event = report::node_event(instance.as_str(), text, now);
                self.draft.event(event);
                self.succeed(index, now);
            }
            Work::WorkflowEvent { text, event_type } => {
                let event = report::event(event_type, text.clone(), nephele_model::event::Origin::default(), now);
                self.draft.event(event);
                self.succeed(index, now);
            }
        }
    }

    fn dispatch(&mut self, index: Index, now: Timestamp) {
        self.move_to(index, TaskState::Sent, Detail::Nothing, now);
        self.running.insert(index);
        let entry = &self.entries[index];
        if let Some(call) = entry.task.work.call() {
            let id = entry.id.to_string();
            let request = Request { id, context: call.context.clone(), inputs: call.inputs.clone() };
            self.draft.batch.dispatches.push(request);
        }
    }

    fn open_container(&mut self, index: Index, now: Timestamp) {
        self.move_to(index, TaskState::Started, Detail::Nothing, now);
        for position in 0..self.entries[index].members.len() {
            self.release(self.entries[index].members[position]);
        }
        if self.entries[index].open_members == 0 {
            self.succeed(index, now);
        }
    }

    /// Brings a task to a state, with its event.
    fn move_to(&mut self, index: Index, state: TaskState, detail: Detail<'_>, now: Timestamp) {
        let entry = &mut self.entries[index];
        entry.state = state;
        if entry.stored {
            self.draft.batch.changes.push(TaskChange::new(entry.id.clone(), state));
        }
        if matches!(entry.task.work, Work::Operation(_) | Work::DryRun(_) | Work::Subgraph { .. }) {
            let event = report::task_event(&entry.task, state, detail, self.info.dry_run, now);
            if let Some(event) = event {
                self.draft.event(event);
            }
        }
    }

    fn conclude(&mut self) -> Option<Finish> {
        if self.finished || !self.begun {
            return None;
        }
        let active = !self.running.is_empty() || !self.delayed.is_empty();
        let finish = match self.stop {
            Some(CancelAction::Cancel) if !self.running.is_empty() => return None,
            Some(CancelAction::Cancel | CancelAction::Force) => Finish::Cancelled { kill: Vec::new() },
            Some(CancelAction::Kill) => {
                let id = |&index: &Index| self.entries[index].id.clone();
                Finish::Cancelled { kill: self.running.iter().map(id).collect() }
            }
            None if active && !self.out_of_time => return None,
            None if !self.failed.is_empty() => Finish::Failed { message: self.failure_text() },
            None if self.open == 0 => Finish::Succeeded,
            None => Finish::Failed { message: self.stuck_text() },
        };
        self.finished = true;
        Some(finish)
    }

    fn failure_text(&self) -> String {
        let failures: Vec<(String, &Failure)> = self
            .failed
            .iter()
            .filter_map(|&index| {
                let entry = &self.entries[index];
                let description = entry.task.work.call().map(crate::task::Call::description);
                let name = description.unwrap_or_else(|| entry.task.name().to_owned());
                entry.failure.as_deref().map(|failure| (name, failure))
            })
            .collect();
        report::failure_text(&failures)
    }

    fn stuck_text(&self) -> String {
        let stuck: Vec<&str> =
            self.entries.iter().filter(|entry| entry.is_open()).take(3).map(|entry| entry.task.name()).collect();
        format!("The workflow cannot go on: its tasks wait for each other in a circle, among them {}", stuck.join(", "))
    }
}

/// Requests to stop only ever get harder.
trait Harder {
    fn max_by_force(self, other: CancelAction) -> Self;
}

impl Harder for Option<CancelAction> {
    fn max_by_force(self, other: CancelAction) -> Self {
        let force = |action: CancelAction| match action {
            CancelAction::Cancel => 0,
            CancelAction::Force => 1,
            CancelAction::Kill => 2,
        };
        Some(self.filter(|action| force(*action) >= force(other)).unwrap_or(other))
    }
}
