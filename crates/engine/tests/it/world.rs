//! The world around a run: a store of rows, and workers that answer by a script.

use std::collections::{BTreeMap, HashMap, VecDeque};

use nephele_engine::resume::Unanswered;
use nephele_engine::{Event, Finish, Graph, Ids, Run, RunInfo, Step, TimerKey};
use nephele_model::Timestamp;
use nephele_model::event::NewEvent;
use nephele_model::finding::Note;
use nephele_model::id::{NodeInstanceId, TaskId};
use nephele_model::operation::{Outcome, Request};
use nephele_model::task::{JournalBatch, StoredGraph, StoredTask, TaskState};
use serde_json::{Map, Value, json};

pub(crate) fn info() -> RunInfo {
    RunInfo {
        execution_id: "e1".into(),
        workflow_id: "install".into(),
        tenant: "default_tenant".into(),
        wait_after_fail: 600.0,
        ..RunInfo::default()
    }
}

pub(crate) fn counted(prefix: &str) -> Ids {
    let prefix = prefix.to_owned();
    let mut last = 0;
    Ids::from_fn(move || {
        last += 1;
        format!("{prefix}{last}")
    })
}

/// What a database holds of a run.
#[derive(Clone, Default)]
pub(crate) struct Rows {
    pub(crate) graphs: Vec<StoredGraph>,
    pub(crate) tasks: Vec<StoredTask>,
    pub(crate) states: BTreeMap<String, Vec<String>>,
    pub(crate) events: Vec<NewEvent>,
    pub(crate) notes: Vec<(NodeInstanceId, Note)>,
    place: HashMap<TaskId, usize>,
}

impl Rows {
    pub(crate) fn write(&mut self, batch: &JournalBatch) {
        self.graphs.extend(batch.new_graphs.iter().cloned());
        for row in &batch.new_tasks {
            self.place.insert(row.id.clone(), self.tasks.len());
            self.tasks.push(row.clone());
        }
        for change in &batch.changes {
            let row = &mut self.tasks[self.place[&change.id]];
            row.state = change.state;
            if change.state == TaskState::Started {
                row.started_at = Some(Timestamp::from_micros(0));
            }
            if let Some(dependencies) = &change.dependencies {
                row.dependencies.clone_from(dependencies);
            }
            if let Some(error) = &change.error {
                row.parameters["error"] = error.clone();
            }
            if let Some(decision) = &change.decision {
                row.parameters["decision"] = json!(decision);
            }
        }
        for (instance, state) in &batch.instance_states {
            self.states.entry(instance.to_string()).or_default().push(state.to_string());
        }
        self.notes.extend(batch.notes.iter().cloned());
        self.events.extend(batch.events.iter().cloned());
    }

    pub(crate) fn state(&self, task: &str) -> Option<TaskState> {
        self.place.get(&TaskId::from(task)).map(|&place| self.tasks[place].state)
    }

    pub(crate) fn messages(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.message.as_str()).collect()
    }

    /// The last state of each instance.
    pub(crate) fn final_states(&self) -> BTreeMap<String, String> {
        self.states.iter().filter_map(|(id, states)| Some((id.clone(), states.last()?.clone()))).collect()
    }

    /// The system properties of each instance that has notes.
    pub(crate) fn noted(&self) -> BTreeMap<String, Map<String, Value>> {
        let mut noted: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for (instance, note) in &self.notes {
            note.add_to(noted.entry(instance.to_string()).or_default());
        }
        noted
    }

    /// The run of the graph that was stored last.
    pub(crate) fn resumed(&self, ids: &str) -> Run {
        let graph = self.graphs.last().expect("a graph").clone();
        let tasks = self.tasks.iter().filter(|row| row.graph == graph.id).cloned().collect();
        Run::resume(info(), graph, tasks, Unanswered::SendAgain, counted(ids)).expect("rows of a run")
    }
}

/// Answers requests; the same request always gets the same answer.
pub(crate) trait Script {
    fn answer(&mut self, request: &Request) -> Outcome;
}

impl<F: FnMut(&Request) -> Outcome> Script for F {
    fn answer(&mut self, request: &Request) -> Outcome {
        self(request)
    }
}

/// A run with the world around it.
pub(crate) struct World {
    pub(crate) run: Run,
    pub(crate) rows: Rows,
    pub(crate) outbox: VecDeque<Request>,
    pub(crate) timers: VecDeque<TimerKey>,
    pub(crate) finish: Option<Finish>,
    pub(crate) now: Timestamp,
    pub(crate) steps: usize,
}

impl World {
    pub(crate) fn new(graph: Graph) -> Self {
        Self::with(Run::new(info(), graph, counted("t")), Rows::default())
    }

    pub(crate) fn with(run: Run, rows: Rows) -> Self {
        let now = Timestamp::from_micros(1_000_000);
        Self { run, rows, outbox: VecDeque::new(), timers: VecDeque::new(), finish: None, now, steps: 0 }
    }

    pub(crate) fn tell(&mut self, event: Event) {
        let step = self.step(event);
        self.accept(step);
    }

    pub(crate) fn step(&mut self, event: Event) -> Step {
        self.now = self.now.plus_micros(1_000_000);
        self.steps += 1;
        self.run.step(event, self.now).expect("a legal event")
    }

    pub(crate) fn accept(&mut self, step: Step) {
        self.rows.write(&step.batch);
        self.outbox.extend(step.batch.dispatches);
        self.timers.extend(step.timers.into_iter().map(|timer| timer.key));
        self.finish = self.finish.take().or(step.finish);
    }

    /// Answers in order until the run ends. Retries come at once; nothing else times out.
    pub(crate) fn play(&mut self, script: &mut dyn Script) -> Finish {
        self.tell(Event::Start);
        while self.finish.is_none() {
            let event = if let Some(request) = self.outbox.pop_front() {
                self.tell(Event::TaskStarted(TaskId::from(request.id.as_str())));
                let outcome = script.answer(&request);
                Event::TaskFinished(TaskId::from(request.id), outcome)
            } else {
                let retry = self.timers.iter().position(|key| matches!(key, TimerKey::Retry(_)));
                let timer = retry.and_then(|position| self.timers.remove(position));
                Event::TimerFired(timer.expect("the run waits for something"))
            };
            self.tell(event);
        }
        self.finish.clone().expect("a finish")
    }
}
