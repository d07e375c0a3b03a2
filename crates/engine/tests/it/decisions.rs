//! What people decide about single tasks, of a run under way and of one that has stopped.

use nephele_engine::graph::{Block, Graph};
use nephele_engine::resume;
use nephele_engine::task::OnFailure;
use nephele_engine::{Event, Finish, TimerKey};
use nephele_model::Timestamp;
use nephele_model::id::TaskId;
use nephele_model::operation::{Failure, Outcome};
use nephele_model::task::{TaskAction, TaskDecision, TaskState};
use serde_json::{Map, Value, json};

use crate::semantics::{always, done, one, operation};
use crate::world::World;

fn decision(action: TaskAction) -> TaskDecision {
    TaskDecision { action, reason: "because".into(), by: "eve".into(), at: Timestamp::from_micros(5) }
}

/// A run whose one operation waits to be tried again, and that new attempt.
fn waiting() -> (World, TaskId) {
    let mut world = World::new(one(operation("op")));
    world.tell(Event::Start);
    let request = world.outbox.pop_front().expect("a request");
    world.tell(Event::TaskFinished(TaskId::from(request.id), Outcome::Failed(Failure::recoverable("boom"))));
    let Some(TimerKey::Retry(id)) = world.timers.pop_front() else { panic!("nothing waits") };
    (world, id)
}

#[test]
fn a_task_that_waits_is_run_at_once() {
    let (mut world, id) = waiting();
    world.tell(Event::Decided(id.clone(), decision(TaskAction::Retry)));
    assert_eq!(world.outbox.pop_front().map(|request| request.id), Some(id.to_string()));
    assert_eq!(world.rows.tasks[1].parameters["decision"]["reason"], "because");
    // The timer comes late and finds nothing to do.
    world.tell(Event::TimerFired(TimerKey::Retry(id.clone())));
    assert!(world.outbox.is_empty());
    world.tell(Event::TaskFinished(id, done()));
    assert_eq!(world.finish, Some(Finish::Succeeded));
}

#[test]
fn a_task_that_waits_is_left_out_and_the_run_ends_well() {
    let (mut world, id) = waiting();
    world.tell(Event::Decided(id.clone(), decision(TaskAction::Skip)));
    assert_eq!((world.finish, world.rows.state(id.as_str())), (Some(Finish::Succeeded), Some(TaskState::Skipped)));
    assert!(world.rows.messages().contains(&"Task 'p.run' is skipped, as eve decided: because"));
}

#[test]
fn what_does_not_wait_is_left_alone() {
    let mut world = World::new(one(operation("op")));
    world.tell(Event::Start);
    let request = world.outbox.pop_front().expect("a request");
    world.tell(Event::Decided(TaskId::from(request.id.as_str()), decision(TaskAction::Skip)));
    assert_eq!((world.finish, world.rows.state(&request.id)), (None, Some(TaskState::Sent)));
}

fn two_failed() -> World {
    let mut graph = Graph::new("g");
    let steps = vec![Block::Task(operation("a")), Block::Task(operation("b"))];
    graph.subgraph("s", OnFailure::Decide, steps);
    graph.subgraph("u", OnFailure::Decide, vec![Block::Together(vec![operation("c"), operation("d")])]);
    let mut world = World::new(graph);
    world.play(&mut always(Outcome::Failed(Failure::fatal("boom"))));
    world
}

fn id_of(world: &World, operation: &str) -> TaskId {
    let is_it = |name: &Value| name == operation;
    let row = world
        .rows
        .tasks
        .iter()
        .find(|row| is_it(&row.parameters["task_kwargs"]["kwargs"]["__cloudify_context"]["operation"]["name"]));
    row.expect("a row").id.clone()
}

#[test]
fn one_failed_task_is_run_again_with_its_subgraph_and_others_stay_failed() {
    let mut world = two_failed();
    let chosen = resume::to_retry(world.rows.tasks.clone(), &id_of(&world, "a")).expect("rows").expect("it is alone");
    assert_eq!(chosen.len(), 2, "the operation and its subgraph");
    for row in world.rows.tasks.iter_mut().filter(|row| chosen.contains(&row.id)) {
        row.state = TaskState::Pending;
    }
    let mut resumed = World::with(world.rows.resumed("r"), world.rows);
    let mut run = Vec::new();
    resumed.tell(Event::Resumed);
    while resumed.finish.is_none() {
        let request = resumed.outbox.pop_front().expect("the run waits for a worker");
        run.push(request.context.operation.name.clone());
        resumed.tell(Event::TaskFinished(TaskId::from(request.id), done()));
    }
    assert_eq!(run, ["a", "b"]);
    assert!(matches!(resumed.finish, Some(Finish::Failed { .. })), "the other subgraph is still failed");
}

#[test]
fn a_task_beside_another_failed_one_waits_for_that_to_be_settled() {
    let mut world = two_failed();
    let (c, d) = (id_of(&world, "c"), id_of(&world, "d"));
    assert_eq!(resume::to_retry(world.rows.tasks.clone(), &c).expect("rows"), Err(d.clone()));
    for row in world.rows.tasks.iter_mut().filter(|row| row.id == d) {
        row.state = TaskState::Skipped;
    }
    let chosen = resume::to_retry(world.rows.tasks.clone(), &c).expect("rows").expect("the other is settled");
    assert_eq!(chosen.len(), 2);
}

#[test]
fn what_was_skipped_in_a_stopped_run_lets_go_on_what_waits_for_it() {
    let mut world = two_failed();
    let (a, c, d) = (id_of(&world, "a"), id_of(&world, "c"), id_of(&world, "d"));
    for row in &mut world.rows.tasks {
        if [&a, &c, &d].contains(&&row.id) {
            row.state = TaskState::Skipped;
        } else if row.state == TaskState::Failed {
            row.state = TaskState::Pending;
        }
    }
    let mut resumed = World::with(world.rows.resumed("r"), world.rows);
    resumed.tell(Event::Resumed);
    let request = resumed.outbox.pop_front().expect("the second step");
    assert_eq!(request.context.operation.name, "b");
    resumed.tell(Event::TaskFinished(TaskId::from(request.id), done()));
    assert_eq!(resumed.finish, Some(Finish::Succeeded));
    assert_eq!(resumed.rows.state(a.as_str()), Some(TaskState::Skipped));
}

#[test]
fn changed_parameters_reach_the_tasks_that_are_still_to_run() {
    let world = two_failed();
    let mut graph = one(operation("a"));
    if let nephele_engine::task::Work::Operation(call) = &mut graph.tasks[0].work {
        call.inputs.insert("size".into(), json!(2));
    }
    let values = Map::from_iter([("size".to_owned(), json!(2))]);
    let renewed = resume::renewed(&world.rows.tasks, &graph, &values).expect("rows");
    assert_eq!(renewed.len(), 4, "every operation is told the parameters");
    let a = id_of(&world, "a");
    let of_a = &renewed.iter().find(|(id, _)| *id == a).expect("it").1["task_kwargs"]["kwargs"];
    assert_eq!((&of_a["size"], &of_a["__cloudify_context"]["workflow_parameters"]["size"]), (&json!(2), &json!(2)));
}
