//! What the end of a task means: go on, try again, or fail, and who fails with it.

use nephele_model::Timestamp;
use nephele_model::finding::{Finding, Note};
use nephele_model::id::{NodeInstanceId, TaskId};
use nephele_model::operation::{Failure, Outcome, Severity};
use nephele_model::python_text;
use nephele_model::task::{TaskAction, TaskChange, TaskDecision, TaskState};
use serde_json::Value;

use super::entry::{Entry, Fate};
use super::{Run, Timer, TimerKey};
use crate::report::{self, Detail};
use crate::stored;
use crate::task::{Aspect, Check, Index, OnFailure, OnSuccess, Remedy, Task, Work};

/// What follows from a failure.
enum Verdict {
    Ignore,
    Retry(Option<f64>),
    Fail,
}

impl Run {
    /// A worker has answered for a task that was running.
    pub(super) fn ended(&mut self, index: Index, outcome: Outcome, now: Timestamp) {
        match outcome {
            Outcome::Done(result) => self.worked(index, &result, now),
            Outcome::Failed(failure) => self.did_not_work(index, failure, now),
        }
    }

    fn worked(&mut self, index: Index, result: &Value, now: Timestamp) {
        self.move_to(index, TaskState::Succeeded, Detail::Result(result), now);
        let entry = &self.entries[index];
        if !entry.is_open() {
            return;
        }
        match &entry.task.on_success {
            OnSuccess::HostStarted if !python_text::is_truthy(result) => return self.retry(index, None, now),
            OnSuccess::Check(check) => {
                let note = found(check, &entry.task, true, result.clone(), now);
                self.draft.batch.notes.push(note);
            }
            _ => {}
        }
        self.complete(index, now);
    }

    fn did_not_work(&mut self, index: Index, failure: Failure, now: Timestamp) {
        let asked_again = matches!(failure.severity, Severity::Retry { .. });
        let state = if asked_again { TaskState::Rescheduled } else { TaskState::Failed };
        self.move_to(index, state, Detail::Failure(&failure), now);
        if let Some(change) = self.own_change(index) {
            change.reason = Some(failure.message.clone());
        }
        if !self.entries[index].is_open() {
            return;
        }
        let task = &self.entries[index].task;
        if let (OnFailure::Check(check) | OnFailure::CheckIgnored(check), false) = (&task.on_failure, asked_again) {
            let note = found(check, task, false, failure.message.clone().into(), now);
            self.draft.batch.notes.push(note);
        }
        match verdict(task, &failure) {
            Verdict::Ignore => self.ignore(index, now),
            Verdict::Retry(after) => self.retry(index, after, now),
            Verdict::Fail => {
                self.remember(index, failure);
                self.fail(index, now);
            }
        }
    }

    /// Someone decided about a task that waits to be tried again: now, or never.
    pub(super) fn decided(&mut self, index: Index, decision: TaskDecision, now: Timestamp) {
        let event = report::decision_event(&self.row(index, now), &decision);
        self.draft.event(event);
        let skips = decision.action == TaskAction::Skip;
        let entry = &mut self.entries[index];
        if skips {
            entry.state = TaskState::Skipped;
        }
        let change = TaskChange { decision: Some(decision), ..TaskChange::new(entry.id.clone(), entry.state) };
        self.draft.batch.changes.push(change);
        if skips {
            self.complete(index, now);
        } else {
            self.ready.push_back(index);
        }
    }

    /// A task that needs no worker, or a container, has ended well.
    pub(super) fn succeed(&mut self, index: Index, now: Timestamp) {
        self.move_to(index, TaskState::Succeeded, Detail::Nothing, now);
        if let OnSuccess::Remedy(remedy, instance) = &self.entries[index].task.on_success {
            let note = match remedy {
                Remedy::Heal => Note::Healed,
                Remedy::Update => Note::Updated,
            };
            self.draft.batch.notes.push((instance.clone(), note));
        }
        self.complete(index, now);
    }

    fn ignore(&mut self, index: Index, now: Timestamp) {
        let task = &self.entries[index].task;
        if let OnFailure::IgnoreWithEvent(instance) = &task.on_failure {
            let text = format!("Ignoring task {} failure", task.name());
            let event = report::node_event(instance.as_str(), &text, now);
            self.draft.event(event);
        } else if let OnFailure::Remedy(remedy, instance) = &task.on_failure {
            let execution = self.info.execution_id.clone();
            let note = match remedy {
                Remedy::Heal => Note::HealFailed(execution),
                Remedy::Update => Note::UpdateFailed(execution),
            };
            self.draft.batch.notes.push((instance.clone(), note));
        }
        self.complete(index, now);
    }

    /// Lets go on what waits for the task; its container may end with it.
    fn complete(&mut self, index: Index, now: Timestamp) {
        self.entries[index].fate = Fate::Complete;
        for later in std::mem::take(&mut self.entries[index].dependents) {
            self.release(later);
        }
        let entry = &self.entries[index];
        let Some(container) = entry.task.container else {
            self.open -= 1;
            return;
        };
        let outer = &mut self.entries[container];
        outer.open_members -= 1;
        if outer.open_members == 0 && outer.is_open() && outer.has_begun() {
            self.succeed(container, now);
        }
    }

    /// Puts a new attempt in the task's place. While the run is being stopped the attempt is only
    /// stored, for a later resume.
    fn retry(&mut self, index: Index, after: Option<f64>, now: Timestamp) {
        let id = TaskId::new(self.ids.fresh());
        let attempt = self.entries.len();
        let old = &mut self.entries[index];
        old.fate = Fate::Over;
        old.replaced = true;
        let mut entry = Entry::new(id.clone(), next_attempt(&old.task, &id));
        entry.retries = Some(old.id.clone());
        entry.dependents = std::mem::take(&mut old.dependents);
        let due_at = later(now, after.unwrap_or(old.task.retry.interval));
        if let Some(container) = entry.task.container {
            self.entries[container].members.push(attempt);
        }
        self.entries.push(entry);
        self.index.insert(id, attempt);
        self.draft.fresh.push(attempt);
        if self.may_start() {
            self.delay(attempt, due_at);
        }
    }

    /// Keeps why the task failed, in its row too.
    fn remember(&mut self, index: Index, failure: Failure) {
        if let Some(change) = self.own_change(index) {
            change.error = Some(stored::error(&failure));
        }
        self.entries[index].failure = Some(Box::new(failure));
    }

    /// The move that was drafted last, if it is the task's.
    fn own_change(&mut self, index: Index) -> Option<&mut TaskChange> {
        let id = &self.entries[index].id;
        self.draft.batch.changes.last_mut().filter(|change| change.id == *id)
    }

    /// The task has failed for good, and with it every container around it that does not ignore that.
    fn fail(&mut self, index: Index, now: Timestamp) {
        let mut failed = index;
        loop {
            self.entries[failed].fate = Fate::Over;
            let Some(container) = self.entries[failed].task.container else {
                self.failed.push(index);
                if self.failed.len() == 1 {
                    self.count_down(now);
                }
                return;
            };
            if !self.entries[container].is_open() {
                return;
            }
            self.move_to(container, TaskState::Failed, Detail::Nothing, now);
            self.abandon(container);
            if self.entries[container].task.on_failure.is_ignored() {
                return self.ignore(container, now);
            }
            if self.remade(container) {
                return;
            }
            failed = container;
        }
    }

    /// Nothing in the container starts any more; what is running may end.
    fn abandon(&mut self, container: Index) {
        let mut containers = vec![container];
        while let Some(container) = containers.pop() {
            for position in 0..self.entries[container].members.len() {
                let member = self.entries[container].members[position];
                let entry = &mut self.entries[member];
                if entry.is_open() {
                    entry.fate = Fate::Over;
                    self.delayed.remove(&member);
                    containers.push(member);
                }
            }
        }
    }

    /// From the first failure on, independent tasks have a limited time.
    pub(super) fn count_down(&mut self, now: Timestamp) {
        let wait = self.info.wait_after_fail;
        if wait <= 0.0 {
            self.out_of_time = true;
        } else {
            self.draft.timers.push(Timer { at: later(now, wait), key: TimerKey::WaitAfterFail });
        }
    }
}

/// A handler on the task comes before the failure's own wish, except that an operation which asked
/// to be run again is run again (spec workflows.md section 5.3).
fn verdict(task: &Task, failure: &Failure) -> Verdict {
    let after = match failure.severity {
        Severity::Retry { retry_after } => retry_after,
        _ if task.on_failure.is_ignored() => return Verdict::Ignore,
        _ if matches!(task.on_failure, OnFailure::Check(_)) => return Verdict::Fail,
        Severity::Recoverable { retry_after } => retry_after,
        Severity::Fatal => return Verdict::Fail,
    };
    if task.retry.may_retry() { Verdict::Retry(after) } else { Verdict::Fail }
}

/// What a check came to, as a note about its instance.
fn found(check: &Check, task: &Task, ok: bool, result: Value, timestamp: Timestamp) -> (NodeInstanceId, Note) {
    let finding = Finding { ok, task: task.name().to_owned(), result, timestamp };
    let note = match &check.aspect {
        Aspect::Status => Note::Status(finding),
        Aspect::Drift => Note::Drift(finding),
        Aspect::SourceDrift(target) => Note::SourceDrift(target.clone(), finding),
        Aspect::TargetDrift(source) => Note::TargetDrift(source.clone(), finding),
    };
    (check.instance.clone(), note)
}

fn next_attempt(task: &Task, id: &TaskId) -> Task {
    let mut task = task.clone();
    task.retry.current += 1;
    if let Work::Operation(call) = &mut task.work {
        id.as_str().clone_into(&mut call.context.task_id);
        call.context.operation.retry_number = task.retry.current;
        call.context.resume = false;
    }
    task
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates; waits are seconds to days")]
fn later(now: Timestamp, seconds: f64) -> Timestamp {
    now.plus_micros((seconds.max(0.0) * 1e6) as i64)
}
