//! Properties of any graph with any failures.

use std::collections::{HashMap, HashSet};

use nephele_engine::graph::Graph;
use nephele_engine::task::{Call, OnFailure, Retry, Task, Work};
use nephele_engine::{Event, Finish};
use nephele_model::operation::{Failure, Outcome, Request};
use proptest::prelude::*;
use serde_json::Value;

use crate::world::World;

/// One task: which earlier ones it waits for, whether it fails, whether that is ignored.
type Shape = (Vec<prop::sample::Index>, bool, bool);

fn operation(name: usize, ignored: bool) -> Task {
    let mut call = Call::default();
    call.context.task_name = "p.run".into();
    call.context.operation.name = name.to_string();
    let mut task = Task::new(Work::Operation(Box::new(call)));
    task.retry = Retry { total: 1, interval: 1.0, current: 0 };
    if ignored {
        task.on_failure = OnFailure::Ignore;
    }
    task
}

fn graph(shapes: &[Shape]) -> (Graph, Vec<HashSet<usize>>) {
    let mut graph = Graph::new("g");
    let mut earlier = Vec::new();
    for (position, (edges, _, ignored)) in shapes.iter().enumerate() {
        let waits_for: HashSet<usize> =
            if position == 0 { HashSet::new() } else { edges.iter().map(|edge| edge.index(position)).collect() };
        let mut task = operation(position, *ignored);
        task.dependencies = waits_for.iter().copied().collect();
        graph.tasks.push(task);
        earlier.push(waits_for);
    }
    (graph.optimise(), earlier)
}

proptest! {
    #[test]
    fn every_task_that_can_run_ends_and_no_other_begins(
        shapes in prop::collection::vec(
            (prop::collection::vec(any::<prop::sample::Index>(), 0..4), prop::bool::weighted(0.2), prop::bool::weighted(0.3)),
            1..60,
        )
    ) {
        let (graph, earlier) = graph(&shapes);
        let mut reachable = vec![true; shapes.len()];
        for position in 0..shapes.len() {
            let blocked = |index: &usize| !reachable[*index] || (shapes[*index].1 && !shapes[*index].2);
            reachable[position] = !earlier[position].iter().any(blocked);
        }
        let mut world = World::new(graph);
        let mut begun: HashMap<usize, usize> = HashMap::new();
        let mut ended = HashSet::new();
        let mut early = false;
        let finish = world.play(&mut |request: &Request| {
            let position: usize = request.context.operation.name.parse().expect("a number");
            early |= !earlier[position].is_subset(&ended);
            *begun.entry(position).or_default() += 1;
            let (_, fails, ignored) = shapes[position];
            if fails {
                if ignored || begun[&position] == 2 { ended.insert(position); }
                Outcome::Failed(Failure::recoverable("no"))
            } else {
                ended.insert(position);
                Outcome::Done(Value::Null)
            }
        });
        prop_assert!(!early, "a task began before those it waits for had ended");
        for position in 0..shapes.len() {
            let (_, fails, ignored) = shapes[position];
            let tries = if !reachable[position] { 0 } else if fails && !ignored { 2 } else { 1 };
            prop_assert_eq!(begun.get(&position).copied().unwrap_or_default(), tries);
        }
        let failed = (0..shapes.len()).any(|index| reachable[index] && shapes[index].1 && !shapes[index].2);
        prop_assert_eq!(matches!(finish, Finish::Failed { .. }), failed);
    }

    #[test]
    fn a_machine_takes_any_event_without_a_panic(
        shapes in prop::collection::vec((prop::collection::vec(any::<prop::sample::Index>(), 0..3), Just(false), Just(false)), 1..10),
        events in prop::collection::vec((0..7u8, 1..14usize), 0..60),
    ) {
        let (graph, _) = graph(&shapes);
        let mut world = World::new(graph);
        let mut finishes = 0;
        for (kind, number) in events {
            let id = nephele_model::id::TaskId::new(format!("t{number}"));
            let event = match kind {
                0 => Event::Start,
                1 => Event::TaskStarted(id),
                2 | 3 => Event::TaskFinished(id, Outcome::Done(Value::Null)),
                4 => Event::TaskFinished(id, Outcome::Failed(Failure::recoverable("no"))),
                5 => Event::TimerFired(nephele_engine::TimerKey::Retry(id)),
                _ => Event::CancelAsked(nephele_model::execution::CancelAction::Cancel),
            };
            if let Ok(step) = world.run.step(event, world.now) {
                finishes += usize::from(step.finish.is_some());
                world.rows.write(&step.batch);
            }
        }
        prop_assert!(finishes <= 1);
    }
}
