//! Cancelling, timeouts, repetitions, crashes and stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nephele_bus::{Bus, Message, topology};
use nephele_model::operation::{Outcome, Severity};
use serde_json::json;

use crate::bench::{Bench, EXECUTION, eventually, is_alive, request};

/// A script that notes its own and a child's process id and then waits.
fn waiting(bench: &Bench) -> String {
    format!("sleep 60 & echo $! > {0}.child; echo $$ > {0}; wait", bench.file("pid").display())
}

/// A script that notes its process id and goes on when the file `go` is there.
fn waiting_for_go(bench: &Bench) -> String {
    let (pid, go) = (bench.file("pid"), bench.file("go"));
    format!("echo $$ > {}; until [ -e {} ]; do sleep 0.05; done", pid.display(), go.display())
}

async fn has_begun(bench: &Bench) -> bool {
    eventually(|| bench.read("pid").ends_with('\n')).await
}

async fn is_gone(bench: &Bench) -> bool {
    let pids = [bench.read("pid"), bench.read("pid.child")];
    eventually(|| !pids.iter().any(|pid| is_alive(pid))).await
}

#[tokio::test]
async fn a_timeout_kills_the_whole_group() {
    let mut bench = Bench::start().await;
    let mut patient = request(json!({"script_source": waiting(&bench)}));
    patient.context.timeout = Some(0.5);
    let failure = bench.failure(patient.clone()).await;
    assert_eq!(
        (failure.severity, failure.message.as_str()),
        (Severity::Fatal, "Process killed due to timeout of 0.5 seconds")
    );
    assert!(is_gone(&bench).await);
    patient.id = "other".into();
    patient.context.timeout = Some(1.0);
    patient.context.timeout_recoverable = Some(true);
    let failure = bench.failure(patient).await;
    assert_eq!(failure.severity, Severity::Recoverable { retry_after: None });
    assert_eq!(failure.message, "Process killed due to timeout of 1 seconds");
}

#[tokio::test]
async fn who_ignores_the_first_signal_is_killed_by_the_second() {
    let mut bench = Bench::start().await;
    let script = format!("trap '' TERM; {}; while :; do sleep 1; done", waiting(&bench));
    let mut stubborn = request(json!({"script_source": script}));
    stubborn.context.timeout = Some(0.3);
    let begun = Instant::now();
    assert_eq!(bench.failure(stubborn).await.severity, Severity::Fatal);
    assert!(begun.elapsed() > Duration::from_secs(5));
    assert!(is_gone(&bench).await);
}

#[tokio::test]
async fn killing_an_execution_ends_its_scripts_without_an_answer() {
    let mut bench = Bench::start().await;
    bench.send(&request(json!({"script_source": waiting(&bench)}))).await;
    assert!(has_begun(&bench).await);
    bench.handle.kill_execution("another");
    assert_eq!(bench.handle.running(), 1);
    let body = json!({"service_task": {"task_name": "cancel-operation", "kwargs": {"execution_id": EXECUTION}}});
    bench.bus.publish(topology::manager_service(), Message::new(body)).await.expect("local");
    assert!(is_gone(&bench).await);
    assert!(bench.is_quiet().await);
    assert!(eventually(|| bench.handle.running() == 0).await);
}

#[tokio::test]
async fn operations_of_cancelled_executions_are_dropped() {
    let mut bench = Bench::start().await;
    for status in ["cancelled", "kill_cancelling", "refused"] {
        bench.manager.known().executions.insert(EXECUTION.into(), status);
        bench.send(&request(json!({"script_source": format!("touch {}", bench.file("ran").display())}))).await;
        assert!(bench.is_quiet().await, "{status}");
    }
    assert!(!bench.file("ran").exists());
    assert!(bench.manager.known().reported.is_empty());
}

#[tokio::test]
async fn a_repeated_delivery_is_run_once_and_answered_each_time() {
    let mut bench = Bench::start().await;
    let counter = bench.file("count");
    let once = request(json!({"script_source": format!("echo x >> {}; sleep 0.3; ctx returns 7", counter.display())}));
    bench.send(&once).await;
    bench.send(&once).await;
    assert_eq!(bench.answer().await, (once.id.clone(), Outcome::Done(json!("7"))));
    bench.send(&once).await;
    assert_eq!(bench.answer().await, (once.id.clone(), Outcome::Done(json!("7"))));
    assert_eq!(bench.read("count"), "x\n");
    // A resumed execution has another token, and asks for a new attempt at the same task.
    let mut resumed = once;
    resumed.context.execution_token = Some("new".into());
    assert_eq!(bench.run(resumed).await, Outcome::Done(json!("7")));
    assert_eq!(bench.read("count"), "x\nx\n");
}

#[tokio::test]
async fn an_outcome_whose_answer_was_lost_is_told_again_and_nothing_is_run_twice() {
    let mut bench = Bench::start().await;
    let counter = bench.file("count");
    let first = request(json!({"script_source": format!("echo x >> {}; ctx returns 7", counter.display())}));
    assert_eq!(bench.run(first.clone()).await, Outcome::Done(json!("7")));
    // Both sides die; the manager comes back without the answer and asks with a new token.
    let (dir, manager, _lost) = bench.stop().await;
    let mut bench = Bench::start_in(dir, manager, Arc::default()).await;
    let mut again = first;
    again.context.execution_token = Some("new".into());
    again.context.resume = true;
    assert_eq!(bench.run(again.clone()).await, Outcome::Done(json!("7")));
    assert_eq!(bench.read("count"), "x\n");
    // Without the mark it is a new attempt, and the old outcome is void.
    again.context.execution_token = Some("newer".into());
    again.context.resume = false;
    assert_eq!(bench.run(again).await, Outcome::Done(json!("7")));
    assert_eq!(bench.read("count"), "x\nx\n");
}

#[tokio::test]
async fn a_message_that_is_none_does_not_block_the_others() {
    let mut bench = Bench::start().await;
    bench.bus.publish(topology::operations(), Message::new(json!({"nonsense": true}))).await.expect("local");
    let mut hostile = request(json!({"script_source": "true"}));
    hostile.id = "../../etc".into();
    assert!(bench.failure(hostile).await.message.contains("cannot be the id of a task"));
    assert_eq!(bench.script("true").await, Outcome::Done(json!(null)));
}

#[tokio::test]
async fn a_stopping_worker_kills_what_outlasts_its_grace_and_the_next_runs_it_anew() {
    let bench = Bench::start().await;
    let script =
        format!("if [ -e {0} ]; then ctx returns again; else {1}; fi", bench.file("pid").display(), waiting(&bench));
    bench.send(&request(json!({"script_source": script}))).await;
    assert!(has_begun(&bench).await);
    let pid = bench.read("pid");
    let (dir, manager, bus) = bench.stop().await;
    assert!(!is_alive(&pid));
    let mut bench = Bench::start_in(dir, manager, bus).await;
    assert_eq!(bench.answer().await.1, Outcome::Done(json!("again")));
}

/// Starts a process as a worker does that dies right after.
fn orphan(task: &std::path::Path, records: bool) -> std::process::Child {
    use std::os::unix::process::CommandExt;
    let id = task.file_name().expect("a name");
    std::fs::create_dir_all(task).expect("made");
    let child = std::process::Command::new("sh")
        .args(["-c", "sleep 60; true"])
        .env("NEPHELE_TASK_ID", id)
        .process_group(0)
        .spawn()
        .expect("started");
    if records {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("alive");
        let started = stat.split(' ').nth(21).expect("a start time");
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("linux");
        std::fs::write(task.join("group"), format!("{} {started} {}", child.id(), boot.trim())).expect("written");
    }
    child
}

#[tokio::test]
async fn what_a_dead_worker_left_running_is_killed_before_work_begins() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let tasks = dir.path().join("work/running");
    let mut recorded = orphan(&tasks.join("t1"), true);
    let mut unrecorded = orphan(&tasks.join("t2"), false);
    let mut stranger = orphan(&dir.path().join("t3"), false);
    // A record whose process number belongs to somebody else by now.
    std::fs::create_dir_all(tasks.join("t4")).expect("made");
    std::fs::write(tasks.join("t4/group"), format!("{} 1 another-start", stranger.id())).expect("written");
    let mut bench = Bench::start_in(dir, crate::manager::Manager::default(), std::sync::Arc::default()).await;
    assert_eq!(bench.script("true").await, Outcome::Done(json!(null)));
    assert!(recorded.try_wait().expect("ours").is_some());
    assert!(unrecorded.try_wait().expect("ours").is_some());
    assert!(stranger.try_wait().expect("ours").is_none());
    assert!(
        eventually(|| std::fs::read_dir(bench.file("work/running")).is_ok_and(|mut left| left.next().is_none())).await
    );
    stranger.kill().expect("killed");
    stranger.wait().expect("ours");
}

#[tokio::test]
async fn a_resumed_execution_ends_the_earlier_attempt_before_the_new_one_begins() {
    let mut bench = Bench::start().await;
    let script = format!(
        "if [ -e {0} ]; then kill -0 $(cat {0}) && exit 5; ctx returns alone; else {1}; fi",
        bench.file("pid").display(),
        waiting(&bench)
    );
    let mut task = request(json!({"script_source": script}));
    bench.send(&task).await;
    assert!(has_begun(&bench).await);
    task.context.execution_token = Some("after resume".into());
    assert_eq!(bench.run(task).await, Outcome::Done(json!("alone")));
    assert!(bench.is_quiet().await);
}

#[tokio::test]
async fn a_request_of_an_earlier_run_does_not_stop_the_later_one() {
    let mut bench = Bench::start().await;
    bench.manager.known().token = Some("later");
    let mut later = request(json!({"script_source": format!("{}; ctx returns done", waiting_for_go(&bench))}));
    let earlier = later.clone();
    later.context.execution_token = Some("later".into());
    bench.send(&later).await;
    assert!(has_begun(&bench).await);
    bench.send(&earlier).await;
    assert!(bench.is_quiet().await);
    std::fs::write(bench.file("go"), "").expect("written");
    assert_eq!(bench.answer().await, (later.id, Outcome::Done(json!("done"))));
}

#[tokio::test]
async fn an_attempt_whose_token_ends_gives_no_answer_and_only_its_success_counts() {
    for (ending, later) in [("exit 5", "twice"), ("true", "once")] {
        let mut bench = Bench::start().await;
        bench.manager.known().token = Some("token");
        let script = format!(
            "if [ -e {0} ]; then ctx returns twice; else {1}; touch {0}; ctx returns once; {ending}; fi",
            bench.file("seen").display(),
            waiting_for_go(&bench),
        );
        let mut task = request(json!({"script_source": script}));
        bench.send(&task).await;
        assert!(has_begun(&bench).await);
        bench.manager.known().token = Some("later");
        std::fs::write(bench.file("go"), "").expect("written");
        assert!(eventually(|| bench.handle.running() == 0).await);
        assert!(bench.is_quiet().await);
        task.context.execution_token = Some("later".into());
        task.context.resume = true;
        assert_eq!(bench.run(task).await, Outcome::Done(json!(later)));
    }
}
