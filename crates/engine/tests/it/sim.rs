//! Every workflow in a seeded simulation with a scripted world, killed at every write and resumed.
//!
//! A write is a batch of the journal or the end of a phase; the process dies before it or after it. An act of
//! the manager is done before its end is written, so dying before that means that it was done and nobody knows.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use nephele_engine::lifecycle::Workflow;
use nephele_engine::phases::{Act, End as Over, Next, Past};
use nephele_engine::{Event, Finish, Graph, Run, TimerKey, Topology};
use nephele_model::Timestamp;
use nephele_model::id::TaskId;
use nephele_model::instance::InstanceState;
use nephele_model::operation::{Failure, Outcome, Request, Severity};
use nephele_model::phase::{Phase, PhaseEnd, PhaseKind};
use nephele_model::task::TaskState;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

use crate::scenarios::{Scenario, number, scenarios};
use crate::world::{World, counted, info};

/// How a simulation is disturbed.
#[derive(Clone, Copy, Default)]
struct Trouble {
    /// The process dies at this write; `kept` says whether the write still went through.
    kill_at: Option<(usize, bool)>,
    /// The process dies at one write in so many, kept or not.
    often: Option<u32>,
    /// Every answer comes twice.
    echo: bool,
    /// How many operations in 16 fail for good.
    fatal: u64,
}

/// What must not depend on trouble.
#[derive(Debug, PartialEq)]
struct End {
    succeeded: bool,
    errors: Vec<String>,
    states: BTreeMap<String, String>,
    graphs: Vec<String>,
    notes: BTreeMap<String, Value>,
    modification: Modified,
    update_ended: bool,
}

/// How far a modification of the deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Modified {
    No,
    Started,
    Finished,
    RolledBack,
}

struct Sim {
    scenario: Scenario,
    /// How far the modification is, and how often one was begun.
    modification: (Modified, usize),
    update_ended: bool,
    phases: Vec<Phase>,
    world: World,
    random: StdRng,
    seed: u64,
    trouble: Trouble,
    /// Requests that workers have, begun or not.
    workers: Vec<(Request, bool)>,
    runs: HashMap<String, usize>,
    writes: usize,
    deaths: usize,
    /// The most operations that were under way at a time.
    most: usize,
}

impl Sim {
    fn new(scenario: Scenario, seed: u64, trouble: Trouble) -> Self {
        let modification = if scenario.left { Modified::Started } else { Modified::No };
        Self {
            scenario,
            modification: (modification, 0),
            update_ended: false,
            phases: Vec::new(),
            world: World::new(Graph::default()),
            random: StdRng::seed_from_u64(seed),
            seed,
            trouble,
            workers: Vec::new(),
            runs: HashMap::new(),
            writes: 0,
            deaths: 0,
            most: 0,
        }
    }

    /// The same attempt of the same operation always ends the same way.
    fn outcome(&self, request: &Request) -> Outcome {
        let context = &request.context;
        let mut hasher = DefaultHasher::new();
        let related = context.related.as_ref().map(|related| &related.node_id);
        (self.seed, &context.node_id, related, &context.operation.name).hash(&mut hasher);
        let fate = hasher.finish() % 16;
        let retry = context.operation.retry_number;
        match fate {
            fate if fate < self.trouble.fatal => Outcome::Failed(Failure::fatal("never")),
            8..=9 if retry < 2 => Outcome::Failed(Failure::recoverable("not yet")),
            10 if retry < 1 => {
                Outcome::Failed(Failure::new(Severity::Retry { retry_after: Some(1.0) }, "OperationRetry", "later"))
            }
            _ => Outcome::Done(json!("ok")),
        }
    }

    /// Carries the workflow from phase to phase until it is over, through all deaths.
    fn play(&mut self) -> End {
        let over = loop {
            let graphs = self.world.rows.graphs.iter().map(|graph| graph.name.clone()).collect();
            let past = Past { phases: self.phases.clone(), graphs };
            let Scenario { workflow, parameters, .. } = &self.scenario;
            let phase = match workflow.next(&past, Some(&self.present()), parameters, false).next {
                Next::Begin(graph) => {
                    let name = graph.name.clone();
                    let ids = counted(&format!("t{}-{}-", self.phases.len(), self.deaths));
                    self.world.run = Run::new(info(), graph, ids);
                    self.carry(Event::Start).map(|finish| ended(name, finish))
                }
                Next::GoOn(name) => {
                    self.world.run = self.world.rows.resumed(&format!("r{}-", self.deaths));
                    self.carry(Event::Resumed).map(|finish| ended(name, finish))
                }
                Next::Keep(name, value) => {
                    Some(Phase { name, kind: PhaseKind::Decision, end: PhaseEnd::Succeeded, value })
                }
                Next::Act(act) => {
                    let (name, value) = (act.phase().to_owned(), self.act(&act));
                    Some(Phase { name, kind: PhaseKind::Act, end: PhaseEnd::Succeeded, value })
                }
                Next::End(over) => break over,
                Next::Look => panic!("it has looked"),
            };
            let Some(phase) = phase else { continue };
            self.writes += 1;
            let death = self.death();
            if death != Some(false) {
                self.phases.push(phase);
            }
            if death.is_some() {
                self.die();
            }
        };
        let (succeeded, message) = match over {
            Over::Succeeded => (true, String::new()),
            Over::Failed(message) => (false, message),
            Over::Cancelled => panic!("nobody cancelled it"),
        };
        let mut errors: Vec<String> =
            message.lines().map(|line| line.trim_start_matches("Task failed: ").into()).collect();
        errors.sort();
        let rows = &self.world.rows;
        let (modification, begun) = self.modification;
        assert!(begun <= 1, "a modification was begun {begun} times");
        let graphs = rows.graphs.iter().map(|graph| graph.name.clone()).collect();
        let notes = rows.noted().into_iter().map(|(id, notes)| (id, timeless(&notes))).collect();
        let states = rows.final_states();
        End { succeeded, errors, states, graphs, notes, modification, update_ended: self.update_ended }
    }

    /// What the manager does: the second time it finds what it did.
    fn act(&mut self, act: &Act) -> Value {
        if let Some((instances, note)) = act.note() {
            self.world.rows.notes.extend(instances.iter().map(|id| (id.as_str().into(), note.clone())));
        }
        let (status, begun) = &mut self.modification;
        let value = match act {
            Act::StartModification { .. } => json!(self.scenario.made),
            Act::FindStarted if *status == Modified::Started => json!(self.scenario.made),
            Act::ApplyUpdate => json!(self.scenario.touched),
            Act::StartWorkflow(_) => json!("e2"),
            _ => Value::Null,
        };
        match (act, *status) {
            (Act::StartModification { .. }, Modified::No) => (*status, *begun) = (Modified::Started, *begun + 1),
            (Act::FinishModification(_), Modified::Started) => *status = Modified::Finished,
            (Act::RollBackModification(_), Modified::Started) => *status = Modified::RolledBack,
            (Act::Abort(_), Modified::Started) => *status = Modified::No,
            (Act::FinishUpdate | Act::EndPreview, _) => self.update_ended = true,
            _ => {}
        }
        value
    }

    /// The deployment as its rows are now.
    fn present(&self) -> Topology {
        let mut topology = match (&self.scenario.during, self.modification.0) {
            (Some(during), Modified::Started | Modified::Finished) => during.clone(),
            _ => self.scenario.topology.clone(),
        };
        for (instance, state) in self.world.rows.final_states() {
            topology.set_state(&instance, InstanceState::new(state));
        }
        for (instance, notes) in self.world.rows.noted() {
            topology.set_notes(&instance, notes);
        }
        topology
    }

    /// Carries the run of a graph to its end, or to the process's.
    fn carry(&mut self, first: Event) -> Option<Finish> {
        let deaths = self.deaths;
        self.world.finish = None;
        self.tell(first);
        while self.world.finish.is_none() && self.deaths == deaths {
            let event = self.next();
            let echo = (self.trouble.echo && matches!(event, Event::TaskFinished(..))).then(|| event.clone());
            self.tell(event);
            // An answer that was lost in a death has no echo either.
            if let Some(echo) = echo.filter(|_| self.deaths == deaths) {
                self.tell(echo);
            }
        }
        self.world.finish.take().filter(|_| self.deaths == deaths)
    }

    /// A worker begins, a worker answers, or a timer is due: whatever chance wants.
    fn next(&mut self) -> Event {
        let retries: Vec<usize> = (0..self.world.timers.len())
            .filter(|&position| matches!(self.world.timers[position], TimerKey::Retry(_)))
            .collect();
        let choice = self.random.random_range(0..self.workers.len() + retries.len());
        if choice >= self.workers.len() {
            let timer = self.world.timers.remove(retries[choice - self.workers.len()]);
            return Event::TimerFired(timer.expect("a timer"));
        }
        if !self.workers[choice].1 {
            self.begin_work(choice);
            return Event::TaskStarted(TaskId::from(self.workers[choice].0.id.as_str()));
        }
        let (request, _) = self.workers.swap_remove(choice);
        let outcome = self.outcome(&request);
        Event::TaskFinished(TaskId::from(request.id), outcome)
    }

    fn begin_work(&mut self, choice: usize) {
        self.workers[choice].1 = true;
        let id = self.workers[choice].0.id.clone();
        assert_ne!(self.world.rows.state(&id), Some(TaskState::Succeeded), "{id} had succeeded");
        *self.runs.entry(id).or_default() += 1;
    }

    fn tell(&mut self, event: Event) {
        let step = self.world.step(event);
        if !step.batch.is_empty() {
            self.writes += 1;
            if let Some(kept) = self.death() {
                if kept {
                    self.world.rows.write(&step.batch);
                }
                return self.die();
            }
        }
        self.world.accept(step);
        self.workers.extend(self.world.outbox.drain(..).map(|request| (request, false)));
        self.most = self.most.max(self.workers.len());
    }

    /// Whether the process dies at this write, and if so, whether the write went through.
    fn death(&mut self) -> Option<bool> {
        if self.trouble.often.is_some_and(|often| self.random.random_ratio(1, often)) {
            return Some(self.random.random());
        }
        self.trouble.kill_at.filter(|(at, _)| *at == self.writes).map(|(_, kept)| kept)
    }

    /// Everything that was not written is gone: the run, the timers, the workers.
    fn die(&mut self) {
        self.deaths += 1;
        self.workers.clear();
        self.world.timers.clear();
        self.world.finish = None;
    }
}

fn ended(name: String, finish: Finish) -> Phase {
    let (end, value) = match finish {
        Finish::Succeeded => (PhaseEnd::Succeeded, Value::Null),
        Finish::Failed { message } => (PhaseEnd::Failed, message.into()),
        Finish::Cancelled { .. } => (PhaseEnd::Cancelled, Value::Null),
    };
    Phase { name, kind: PhaseKind::Graph, end, value }
}

/// Notes without the times of findings.
fn timeless(notes: &Map<String, Value>) -> Value {
    let mut notes = Value::Object(notes.clone());
    for finding in notes.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Some(finding) = finding.as_object_mut() {
            finding.shift_remove("timestamp");
        }
    }
    notes
}

fn play(scenario: &Scenario, seed: u64, trouble: Trouble) -> (End, Sim) {
    let mut sim = Sim::new(scenario.clone(), seed, trouble);
    (sim.play(), sim)
}

#[test]
fn a_run_killed_at_any_write_reaches_the_same_end() {
    let (mut ends, mut modifications) = (HashSet::new(), Vec::new());
    let workflows: BTreeSet<usize> = scenarios().iter().map(|scenario| number(scenario.workflow)).collect();
    assert_eq!(workflows, (0..=number(Workflow::Update)).collect(), "a workflow has no scenario");
    for (number, scenario) in scenarios().iter().enumerate() {
        for seed in 0..2 {
            let fatal = seed * 2;
            let (expected, calm) = play(scenario, seed, Trouble { fatal, ..Trouble::default() });
            ends.insert(expected.succeeded);
            assert!(scenario.during.is_none() || expected.modification != Modified::No, "scenario {number}");
            modifications.push(expected.modification);
            // The rows are the same after a write that was kept and before the next one.
            let kept = seed == 1;
            for at in 1..=calm.writes {
                let (end, sim) =
                    play(scenario, seed, Trouble { kill_at: Some((at, kept)), fatal, ..Trouble::default() });
                assert_eq!(end, expected, "scenario {number}, seed {seed}, killed at write {at}, kept {kept}");
                assert_eq!(sim.deaths, 1);
                let twice = sim.runs.values().filter(|runs| **runs > 1).count();
                assert!(sim.runs.values().all(|runs| *runs <= 2), "scenario {number}, seed {seed}, write {at}");
                assert!(twice <= calm.most, "scenario {number}, seed {seed}, write {at}: {twice} twice");
            }
        }
    }
    assert_eq!(ends.len(), 2, "the seeds cover runs that succeed and runs that fail");
    for end in [Modified::Finished, Modified::RolledBack] {
        assert!(modifications.contains(&end), "no modification is {end:?}");
    }
}

#[test]
fn a_run_killed_again_and_again_reaches_the_same_end() {
    let mut deaths = 0;
    for scenario in &scenarios() {
        for seed in 0..8 {
            let fatal = seed % 3 * 2;
            let (expected, _) = play(scenario, seed, Trouble { fatal, ..Trouble::default() });
            let (end, sim) = play(scenario, seed, Trouble { often: Some(8), echo: true, fatal, ..Trouble::default() });
            assert_eq!(end, expected, "seed {seed}");
            deaths += sim.deaths;
        }
    }
    assert!(deaths > 100, "{deaths} deaths");
}

#[test]
fn an_answer_that_comes_twice_changes_nothing() {
    for scenario in &scenarios() {
        for seed in 0..6 {
            let fatal = seed % 3 * 2;
            let (expected, calm) = play(scenario, seed, Trouble { fatal, ..Trouble::default() });
            let (end, echoed) = play(scenario, seed, Trouble { echo: true, fatal, ..Trouble::default() });
            assert_eq!(end, expected, "seed {seed}");
            let untimed = |sim: &Sim| {
                let mut rows = sim.world.rows.tasks.clone();
                for row in &mut rows {
                    (row.queued_at, row.started_at, row.ended_at) = (None, None, None);
                    // That it waits for its time counts, not when that comes: each answer takes a moment.
                    row.due_at = row.due_at.map(|_| Timestamp::from_micros(0));
                }
                rows
            };
            assert_eq!(untimed(&echoed), untimed(&calm));
            assert_eq!(echoed.world.rows.messages(), calm.world.rows.messages());
        }
    }
}
