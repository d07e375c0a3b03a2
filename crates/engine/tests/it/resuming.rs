//! What a run does when it goes on from its rows.

use std::collections::HashSet;

use nephele_engine::graph::{Block, Graph};
use nephele_engine::lifecycle::{Parameters, Workflow, cleanup_before_resume};
use nephele_engine::task::OnFailure;
use nephele_engine::{Event, Finish, Timer, TimerKey, resume};
use nephele_model::execution::CancelAction;
use nephele_model::id::TaskId;
use nephele_model::instance::InstanceState;
use nephele_model::operation::{Failure, Outcome, Request};
use nephele_model::task::TaskState;
use serde_json::json;

use crate::semantics::{always, done, one, operation};
use crate::shop::shop;
use crate::world::World;

/// The same world after its process died.
fn reborn(world: &World) -> World {
    World::with(world.rows.resumed("r"), world.rows.clone())
}

#[test]
fn an_operation_that_had_begun_is_told_so_when_it_is_sent_again() {
    for (begun, resumed) in [(false, false), (true, true)] {
        let mut world = World::new(one(operation("a")));
        world.tell(Event::Start);
        if begun {
            world.tell(Event::TaskStarted("t2".into()));
        }
        let mut world = reborn(&world);
        world.tell(Event::Resumed);
        assert_eq!(world.outbox[0].context.resume, resumed);
        world.tell(Event::TaskFinished("t2".into(), done()));
        assert_eq!(world.finish, Some(Finish::Succeeded));
    }
}

#[test]
fn an_operation_whose_end_is_known_is_not_sent_again() {
    let mut graph = Graph::new("g");
    let all = Block::Together(vec![operation("a"), operation("b")]);
    graph.subgraph("s", OnFailure::Decide, vec![all, Block::Task(operation("c"))]);
    let mut world = World::new(graph);
    world.tell(Event::Start);
    world.tell(Event::TaskStarted("t3".into()));
    let known = HashSet::from(["t3".into(), "t5".into(), "unheard of".into()]);
    let mut world = World::with(world.rows.resumed("r").expecting(&known), world.rows.clone());
    world.tell(Event::Resumed);
    let sent: Vec<_> = world.outbox.drain(..).map(|request| request.id).collect();
    assert_eq!(sent, ["t4"], "the one whose end nobody knows");
    world.tell(Event::TaskFinished("t3".into(), done()));
    world.tell(Event::TaskFinished("t4".into(), done()));
    assert_eq!(world.outbox[0].id, "t5", "what was not sent yet is sent in its turn");
    world.tell(Event::TaskFinished("t5".into(), done()));
    assert_eq!(world.finish, Some(Finish::Succeeded));
}

#[test]
fn a_retry_that_waits_keeps_its_time() {
    let mut world = World::new(one(operation("a")));
    world.tell(Event::Start);
    world.tell(Event::TaskFinished("t2".into(), Outcome::Failed(Failure::recoverable("not yet"))));
    let due = world.rows.tasks.last().and_then(|row| row.due_at).expect("a time");

    let mut early = reborn(&world);
    let step = early.step(Event::Resumed);
    assert_eq!(step.timers, [Timer { at: due, key: TimerKey::Retry("t3".into()) }]);
    assert!(step.batch.dispatches.is_empty() && step.finish.is_none());
    early.accept(step);
    early.tell(Event::TimerFired(TimerKey::Retry("t3".into())));
    assert_eq!(early.outbox[0].id, "t3");

    let mut late = reborn(&world);
    late.now = due;
    late.tell(Event::Resumed);
    assert_eq!(late.outbox[0].id, "t3", "its time has passed");
}

#[test]
fn an_operation_that_had_begun_is_told_so_however_often_the_process_dies() {
    let mut world = World::new(one(operation("a")));
    world.tell(Event::Start);
    world.tell(Event::TaskStarted("t2".into()));
    for _ in 0..3 {
        world = reborn(&world);
        world.tell(Event::Resumed);
        assert!(world.outbox[0].context.resume);
    }
}

/// In one container an operation waits for its retry when another one fails for good.
fn container_that_fails_beside_a_retry() -> World {
    let mut graph = Graph::new("g");
    let both = Block::Together(vec![operation("a"), operation("b")]);
    graph.subgraph("s", OnFailure::Decide, vec![both, Block::Task(operation("c"))]);
    let mut world = World::new(graph);
    world.tell(Event::Start);
    world.tell(Event::TaskFinished("t3".into(), Outcome::Failed(Failure::recoverable("not yet"))));
    world.tell(Event::TaskFinished("t4".into(), Outcome::Failed(Failure::fatal("never"))));
    world
}

#[test]
fn a_retry_in_a_container_that_failed_never_starts() {
    let mut world = container_that_fails_beside_a_retry();
    let expected = Finish::Failed { message: "Task failed: p.run (n_1:b): NonRecoverableError `never`".into() };
    assert_eq!(world.finish, Some(expected.clone()), "nothing is left to wait for");
    let retry = world.timers.iter().find(|key| matches!(key, TimerKey::Retry(_))).cloned();
    world.outbox.clear();
    world.tell(Event::TimerFired(retry.expect("a timer")));
    assert!(world.outbox.is_empty());
    let mut world = reborn(&world);
    world.tell(Event::Resumed);
    assert!(world.outbox.is_empty());
    assert_eq!(world.finish, Some(expected));
}

#[test]
fn a_failure_that_was_ignored_stays_ignored() {
    let parameters = Parameters {
        values: json!({"ignore_failure": true}).as_object().cloned().unwrap_or_default(),
        ..Parameters::default()
    };
    let mut graphs = Workflow::Uninstall.foresee(&shop("started"), &parameters).expect("graphs");
    let mut world = World::new(graphs.remove(0));
    world.tell(Event::Start);
    let first = world.outbox.pop_front().expect("a request");
    world.tell(Event::TaskFinished(TaskId::from(first.id), Outcome::Failed(Failure::fatal("no"))));
    let mut world = reborn(&world);
    assert_eq!(world.play(&mut always(Outcome::Failed(Failure::fatal("no")))), Finish::Succeeded);
    assert!(world.rows.final_states().values().all(|state| state == "deleted"));
    let ignored = world.rows.messages().iter().filter(|text| text.starts_with("Ignoring task")).count();
    let failed = world.rows.tasks.iter().filter(|row| row.state == TaskState::Failed).count();
    assert_eq!((ignored, failed), (12, 12));
}

#[test]
fn what_a_user_resumes_though_it_was_ignored_opens_its_container_again() {
    let mut task = operation("a");
    task.on_failure = OnFailure::Ignore;
    let mut graph = Graph::new("g");
    graph.subgraph("s", OnFailure::Decide, vec![Block::Task(task)]);
    let mut world = World::new(graph);
    world.play(&mut always(Outcome::Failed(Failure::fatal("no"))));
    for id in resume::to_reset(&world.rows.tasks, false) {
        let row = world.rows.tasks.iter_mut().find(|row| row.id == id).expect("a row");
        row.state = TaskState::Pending;
    }
    let mut world = reborn(&world);
    world.tell(Event::Resumed);
    assert_eq!(world.rows.state("t2"), Some(TaskState::Started));
    world.tell(Event::TaskFinished("t3".into(), done()));
    assert_eq!(world.finish, Some(Finish::Succeeded));
    assert_eq!(world.rows.state("t2"), Some(TaskState::Succeeded));
}

#[test]
fn only_what_failed_last_is_reset_and_what_is_unanswered_only_by_force() {
    let mut world = World::new(one(operation("a")));
    world.tell(Event::Start);
    assert!(resume::to_reset(&world.rows.tasks, false).is_empty());
    assert_eq!(resume::to_reset(&world.rows.tasks, true), [TaskId::from("t2")]);
    let mut world = World::new(one(operation("a")));
    world.play(&mut always(Outcome::Failed(Failure::recoverable("no"))));
    assert_eq!(resume::to_reset(&world.rows.tasks, true), [TaskId::from("t3")]);
}

#[test]
fn a_run_that_was_interrupted_while_it_was_cancelled_sends_nothing_more() {
    let mut world = World::new(one(operation("a")));
    world.tell(Event::Start);
    let mut run = world.rows.resumed("r");
    run.take(Event::CancelAsked(CancelAction::Cancel), world.now).expect("a request to stop");
    let step = run.step(Event::Resumed, world.now).expect("the run goes on");
    assert!(step.batch.dispatches.is_empty());
    assert_eq!(step.finish, Some(Finish::Cancelled { kill: vec![] }));
}

#[test]
fn a_user_can_resume_a_failed_run_after_its_failures_were_reset() {
    let parameters = Parameters { task_retries: 0, ..Parameters::default() };
    let mut graphs = Workflow::Install.foresee(&shop("uninitialized"), &parameters).expect("graphs");
    let mut world = World::new(graphs.remove(0));
    world.play(&mut |request: &Request| match request.context.node_id.as_deref() {
        Some("db_1") => Outcome::Failed(Failure::recoverable("boom")),
        _ => done(),
    });
    let mut rows = world.rows;
    let again = resume::to_reset(&rows.tasks, false);
    assert_eq!(again.len(), 2, "the operation and its container");
    for row in rows.tasks.iter_mut().filter(|row| again.contains(&row.id)) {
        row.state = TaskState::Pending;
        row.parameters["current_retries"] = json!(0);
    }
    let mut topology = shop("uninitialized");
    topology.set_state("db_1", InstanceState::CREATING);
    let mut run = rows.resumed("r");
    // The operation that failed is `precreate`, so nothing was created that must go first.
    cleanup_before_resume(&mut run, &topology, &parameters).expect("no cleanup");
    let mut resumed = World::with(run, rows);
    assert_eq!(resumed.play(&mut always(done())), Finish::Succeeded);
    assert!(resumed.rows.final_states().values().all(|state| state == "started"));
}

#[test]
fn a_resumed_install_undoes_first_what_it_does_again() {
    let parameters = Parameters { task_retries: 0, ..Parameters::default() };
    let mut graphs = Workflow::Install.foresee(&shop("uninitialized"), &parameters).expect("graphs");
    let mut world = World::new(graphs.remove(0));
    world.play(&mut |request: &Request| match request.context.operation.name.as_str() {
        "cloudify.interfaces.lifecycle.create" => Outcome::Failed(Failure::recoverable("boom")),
        _ => done(),
    });
    let mut rows = world.rows;
    let again = resume::to_reset(&rows.tasks, false);
    for row in rows.tasks.iter_mut().filter(|row| again.contains(&row.id)) {
        row.state = TaskState::Pending;
    }
    let mut topology = shop("uninitialized");
    topology.set_state("db_1", InstanceState::CREATING);
    let mut run = rows.resumed("r");
    cleanup_before_resume(&mut run, &topology, &parameters).expect("a cleanup");
    let shown = rows.events.len();
    let mut resumed = World::with(run, rows);
    let mut order = Vec::new();
    let finish = resumed.play(&mut |request: &Request| {
        let context = &request.context;
        order.push(format!("{} {}", context.node_id.clone().unwrap_or_default(), context.operation.name));
        // A cleanup that fails stops nothing.
        if context.operation.name.ends_with(".delete") { Outcome::Failed(Failure::fatal("no")) } else { done() }
    });
    assert_eq!(finish, Finish::Succeeded);
    assert_eq!(
        order[..3],
        ["delete", "postdelete", "create"].map(|name| format!("db_1 cloudify.interfaces.lifecycle.{name}"))
    );
    let messages = resumed.rows.messages();
    assert_eq!(messages[shown + 1], "Rolling back prior to resuming install");
    assert!(messages.contains(&"Finished rolling back, now resuming install"));
}
