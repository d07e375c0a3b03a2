//! What a run does about success, failure, retries, time and requests to stop.

use nephele_engine::graph::{Block, Graph, Sequence};
use nephele_engine::lifecycle::{Parameters, Workflow};
use nephele_engine::task::{Call, OnFailure, OnSuccess, Retry, Task, Work};
use nephele_engine::{Error, Event, Finish, Run, RunInfo, TimerKey};
use nephele_model::Timestamp;
use nephele_model::execution::CancelAction;
use nephele_model::id::TaskId;
use nephele_model::operation::{Failure, Outcome, Request, Severity};
use nephele_model::task::TaskState;
use serde_json::{Value, json};

use crate::shop::shop;
use crate::world::{World, counted, info};

pub(crate) fn operation(name: &str) -> Task {
    let mut call = Call::default();
    call.context.task_name = "p.run".into();
    call.context.node_id = Some("n_1".into());
    call.context.operation.name = name.into();
    let mut task = Task::new(Work::Operation(Box::new(call)));
    task.retry = Retry { total: 1, interval: 30.0, current: 0 };
    task
}

pub(crate) fn one(task: Task) -> Graph {
    let mut graph = Graph::new("g");
    graph.append(&mut Sequence::new(None), vec![Block::Task(task)]);
    graph
}

pub(crate) fn done() -> Outcome {
    Outcome::Done(Value::Null)
}

pub(crate) fn always(outcome: Outcome) -> impl FnMut(&Request) -> Outcome {
    move |_| outcome.clone()
}

#[test]
fn a_recoverable_failure_is_tried_again_under_a_new_id() {
    let mut world = World::new(one(operation("op")));
    let finish = world.play(&mut |request: &Request| match request.context.operation.retry_number {
        0 => Outcome::Failed(Failure::new(Severity::Recoverable { retry_after: Some(7.0) }, "ValueError", "boom")),
        _ => Outcome::Done(json!({"a": true})),
    });
    assert_eq!(finish, Finish::Succeeded);
    assert_eq!(
        world.rows.messages(),
        [
            "Sending task 'p.run'",
            "Task started 'p.run'",
            "Task failed 'p.run' -> boom [retry_after=7]",
            "Sending task 'p.run' [retry 1/1]",
            "Task started 'p.run' [retry 1/1]",
            "Task succeeded 'p.run' - {'a': True} [retry 1/1]",
        ]
    );
    let retry = &world.rows.tasks[1];
    assert_eq!(retry.parameters["retried_task"], json!(world.rows.tasks[0].id));
    assert_eq!((retry.attempt, &retry.parameters["current_retries"]), (2, &json!(1)));
    assert_eq!(retry.parameters["task_kwargs"]["kwargs"]["__cloudify_context"]["operation"]["retry_number"], json!(1));
}

#[test]
fn retries_run_out_and_the_error_says_what_failed() {
    let mut world = World::new(one(operation("op")));
    let finish = world.play(&mut always(Outcome::Failed(Failure::recoverable("boom"))));
    assert_eq!(finish, Finish::Failed { message: "Task failed: p.run (n_1:op): RecoverableError `boom`".into() });
    assert_eq!(
        world.rows.events.last().and_then(|event| event.error_causes.clone()),
        Some(json!([
            {"message": "boom", "type": "RecoverableError", "traceback": null}
        ]))
    );
}

#[test]
fn several_errors_are_counted_and_the_first_traceback_is_shown() {
    let mut graph = Graph::new("g");
    graph.append(&mut Sequence::new(None), vec![Block::Together(vec![operation("a"), operation("b")])]);
    let mut failure = Failure::fatal("no");
    failure.causes =
        vec![json!({"type": "E", "message": "m", "traceback": "Traceback (most recent call last):\nline"})];
    let finish = World::new(graph).play(&mut always(Outcome::Failed(failure)));
    let message = "2 operation errors:\np.run (n_1:a): E `m`\np.run (n_1:b): E `m`\n\
                   Traceback of p.run (n_1:a) (most recent call last):\nline";
    assert_eq!(finish, Finish::Failed { message: message.into() });
}

#[test]
fn an_operation_that_asks_again_is_rescheduled_even_if_failures_are_ignored() {
    let mut task = operation("op");
    task.on_failure = OnFailure::IgnoreWithEvent("n_1".into());
    let mut world = World::new(one(task));
    let finish = world.play(&mut |request: &Request| match request.context.operation.retry_number {
        0 => Outcome::Failed(Failure::new(Severity::Retry { retry_after: None }, "OperationRetry", "later")),
        _ => Outcome::Failed(Failure::recoverable("boom")),
    });
    assert_eq!(finish, Finish::Succeeded);
    assert_eq!(world.rows.tasks[0].state, TaskState::Rescheduled);
    let messages = world.rows.messages();
    assert_eq!(messages[2], "Task rescheduled 'p.run' -> later");
    assert_eq!(messages.last(), Some(&"Ignoring task p.run failure"));
}

#[test]
fn a_host_is_asked_until_it_has_started_whatever_the_limit() {
    let mut task = operation("cloudify.interfaces.host.get_state");
    task.on_success = OnSuccess::HostStarted;
    let mut asked = 0;
    let mut world = World::new(one(task));
    let finish = world.play(&mut |_: &Request| {
        asked += 1;
        Outcome::Done(json!(asked == 5))
    });
    assert_eq!(finish, Finish::Succeeded);
    assert_eq!(world.rows.tasks.len(), 5);
}

#[test]
fn a_failure_stops_its_container_and_what_depends_on_it_but_nothing_else() {
    let parameters = Parameters { task_retries: 0, ..Parameters::default() };
    let mut graphs = Workflow::Install.foresee(&shop("uninitialized"), &parameters).expect("graphs");
    let mut world = World::new(graphs.remove(0));
    let finish = world.play(&mut |request: &Request| match request.context.node_id.as_deref() {
        Some("app_1") => Outcome::Failed(Failure::recoverable("boom")),
        _ => done(),
    });
    let message = "Task failed: script_runner.tasks.run (app_1:cloudify.interfaces.lifecycle.create): \
                   RecoverableError `boom`";
    assert_eq!(finish, Finish::Failed { message: message.into() });
    let states = world.rows.final_states();
    assert_eq!(states["app_1"], "creating");
    assert_eq!(states["app_2"], "started");
    assert!(!states.contains_key("web_1"));
    assert!(world.rows.messages().contains(&"Subgraph failed 'install_app_1'"));
}

#[test]
fn nothing_goes_on_in_a_container_that_failed() {
    for late in [done(), Outcome::Failed(Failure::recoverable("not yet"))] {
        let mut graph = Graph::new("g");
        let both = Block::Together(vec![operation("a"), operation("b")]);
        let container = graph.subgraph("s", OnFailure::Decide, vec![both]);
        let mut after_b = operation("c");
        after_b.container = Some(container);
        after_b.dependencies = vec![container + 2];
        graph.tasks.push(after_b);
        graph.tasks.push(operation("elsewhere"));
        let mut world = World::new(graph);
        world.tell(Event::Start);
        assert_eq!(world.outbox.drain(..).count(), 3);
        world.tell(Event::TaskFinished("t3".into(), Outcome::Failed(Failure::fatal("never"))));
        world.tell(Event::TaskFinished("t4".into(), late));
        assert!(world.outbox.is_empty());
        assert_eq!((world.finish.clone(), world.timers.len()), (None, 1), "only the time after the failure runs");
        world.tell(Event::TaskFinished("t6".into(), done()));
        assert!(matches!(world.finish, Some(Finish::Failed { .. })));
        assert_eq!(world.rows.state("t5"), Some(TaskState::Pending));
    }
}

#[test]
fn independent_tasks_have_limited_time_after_a_failure() {
    let mut graph = Graph::new("g");
    graph.append(&mut Sequence::new(None), vec![Block::Together(vec![operation("a"), operation("b")])]);
    let mut world = World::new(graph);
    world.tell(Event::Start);
    world.tell(Event::TaskFinished("t2".into(), Outcome::Failed(Failure::fatal("no"))));
    assert_eq!(world.finish, None);
    assert_eq!(world.timers, [TimerKey::WaitAfterFail]);
    world.tell(Event::TimerFired(TimerKey::WaitAfterFail));
    assert!(matches!(world.finish, Some(Finish::Failed { .. })));
    assert_eq!(world.rows.state("t3"), Some(TaskState::Sent));
}

#[test]
fn a_cancelled_run_waits_for_what_is_running_and_starts_nothing() {
    let mut graph = Graph::new("g");
    graph.append(&mut Sequence::new(None), vec![Block::Task(operation("a")), Block::Task(operation("b"))]);
    let mut world = World::new(graph);
    world.tell(Event::Start);
    world.tell(Event::CancelAsked(CancelAction::Cancel));
    assert_eq!(world.finish, None);
    world.tell(Event::TaskFinished("t2".into(), done()));
    assert_eq!(world.finish, Some(Finish::Cancelled { kill: vec![] }));
    assert_eq!(world.rows.state("t3"), Some(TaskState::Pending));
    let mut resumed = World::with(world.rows.resumed("r"), world.rows.clone());
    resumed.tell(Event::Resumed);
    assert_eq!(resumed.outbox.iter().map(|request| request.id.as_str()).collect::<Vec<_>>(), ["t3"]);
}

#[test]
fn a_retry_that_comes_up_while_the_run_is_cancelled_is_kept_for_later() {
    let mut world = World::new(one(operation("a")));
    world.tell(Event::Start);
    world.tell(Event::CancelAsked(CancelAction::Cancel));
    world.tell(Event::TaskFinished("t2".into(), Outcome::Failed(Failure::recoverable("boom"))));
    assert_eq!(world.finish, Some(Finish::Cancelled { kill: vec![] }));
    let mut resumed = World::with(world.rows.resumed("r"), world.rows.clone());
    resumed.tell(Event::Resumed);
    assert_eq!(resumed.outbox[0].context.operation.retry_number, 1);
}

#[test]
fn force_does_not_wait_and_kill_names_what_to_kill() {
    for (action, kill) in [(CancelAction::Force, vec![]), (CancelAction::Kill, vec![TaskId::from("t2")])] {
        let mut world = World::new(one(operation("a")));
        world.tell(Event::Start);
        world.tell(Event::CancelAsked(action));
        assert_eq!(world.finish, Some(Finish::Cancelled { kill }));
    }
}

#[test]
fn a_request_to_stop_only_gets_harder() {
    let mut world = World::new(one(operation("a")));
    world.tell(Event::Start);
    world.tell(Event::CancelAsked(CancelAction::Cancel));
    world.tell(Event::CancelAsked(CancelAction::Kill));
    assert_eq!(world.finish, Some(Finish::Cancelled { kill: vec!["t2".into()] }));
}

#[test]
fn illegal_events_are_refused_and_repeated_ones_ignored() {
    let now = Timestamp::from_micros(0);
    let mut run = Run::new(info(), one(operation("a")), counted("t"));
    assert!(matches!(run.step(Event::TaskStarted("t2".into()), now), Err(Error::NotStarted)));
    let started = run.step(Event::Start, now).expect("the run begins");
    assert_eq!(started.batch.dispatches.len(), 1);
    assert!(matches!(run.step(Event::Start, now), Err(Error::AlreadyStarted)));
    assert!(matches!(run.step(Event::TaskStarted("nobody".into()), now), Err(Error::UnknownTask(_))));
    assert!(run.step(Event::TimerFired(TimerKey::WaitAfterFail), now).is_ok_and(|step| step.finish.is_none()));
    let first = run.step(Event::TaskFinished("t2".into(), done()), now).expect("an answer");
    assert_eq!(first.finish, Some(Finish::Succeeded));
    let again = run.step(Event::TaskFinished("t2".into(), done()), now).expect("the answer again");
    assert!(again.batch.is_empty() && again.finish.is_none());
}

#[test]
fn a_circle_of_tasks_ends_the_run_instead_of_hanging_it() {
    let mut graph = Graph::new("g");
    let one = graph.subgraph("one", OnFailure::Decide, vec![Block::Task(operation("a"))]);
    let two = graph.subgraph("two", OnFailure::Decide, vec![Block::Task(operation("b"))]);
    graph.depend(one, two);
    graph.depend(two, one);
    let mut world = World::new(graph.optimise());
    world.tell(Event::Start);
    assert!(matches!(&world.finish, Some(Finish::Failed { message }) if message.contains("one, p.run, two")));
}

#[test]
fn a_dry_run_shows_events_and_changes_nothing() {
    let parameters = Parameters { dry_run: true, ..Parameters::default() };
    let mut graphs = Workflow::Install.foresee(&shop("uninitialized"), &parameters).expect("graphs");
    let mut run = Run::new(RunInfo { dry_run: true, ..info() }, graphs.remove(0), counted("t"));
    let step = run.step(Event::Start, Timestamp::from_micros(0)).expect("the run begins");
    assert_eq!(step.finish, Some(Finish::Succeeded));
    let batch = step.batch;
    assert!(batch.new_tasks.is_empty() && batch.changes.is_empty() && batch.new_graphs.is_empty());
    assert!(batch.instance_states.is_empty() && batch.dispatches.is_empty());
    let messages: Vec<&str> = batch.events.iter().map(|event| event.message.as_str()).collect();
    assert!(messages.contains(&"Task succeeded 'script_runner.tasks.run' (dry run)"));
    assert!(messages.contains(&"Subgraph started 'install_db_1' (dry run)"));
}

#[test]
fn a_graph_without_tasks_ends_as_it_begins() {
    let mut world = World::new(Graph::new("empty"));
    world.tell(Event::Start);
    assert_eq!((world.finish, world.rows.graphs.len()), (Some(Finish::Succeeded), 1));
}
