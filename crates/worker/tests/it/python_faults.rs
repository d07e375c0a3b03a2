//! Python operations that misbehave: the error is clear, nothing is left behind, the next one is fine.

use nephele_model::operation::{Failure, Outcome, Request, Severity};
use serde_json::json;

use crate::bench::{Bench, EXECUTION, eventually, is_alive, request};

fn evaluated(lines: &str) -> Request {
    request(json!({"script_source": format!("from cloudify import ctx\nimport os, subprocess, sys, time\n{lines}")}))
}

async fn failing(bench: &mut Bench, lines: &str) -> Failure {
    bench.failure(evaluated(lines)).await
}

/// Whether the worker is as before: no folder of a task is left, and operations run.
async fn is_sound(bench: &mut Bench) -> bool {
    let left = std::fs::read_dir(bench.file("work/running")).expect("the folder").count();
    left == 0 && bench.run(evaluated("ctx.returns(1)")).await == Outcome::Done(json!(1))
}

#[tokio::test]
async fn a_crash_is_told_with_the_last_words() {
    let mut bench = Bench::start().await;
    let failure = failing(&mut bench, "print('the disk is on fire')\nsys.stdout.flush()\nos._exit(3)").await;
    assert_eq!(failure.severity, Severity::Fatal);
    assert_eq!(failure.message, "Unhandled exception occurred in operation dispatch (rc=3)");
    assert!(
        bench.manager.lines().iter().any(|line| line.contains("the disk is on fire")),
        "{:?}",
        bench.manager.lines()
    );
    let log = bench.read("work/logs/default_tenant/shop1.log");
    assert!(log.contains("the disk is on fire"), "{log}");
    let killed = failing(&mut bench, "os.kill(os.getpid(), 9)").await;
    assert_eq!((killed.message.as_str(), killed.severity), ("Process terminated (rc=-9)", Severity::Fatal));
    assert!(bench.manager.lines().iter().any(|line| line.contains("killed from outside")));
    let crashed = failing(&mut bench, "os.kill(os.getpid(), 11)").await;
    assert_eq!(crashed.message, "Unhandled exception occurred in operation dispatch (rc=-11)");
    assert!(is_sound(&mut bench).await);
}

#[tokio::test]
async fn a_hanging_operation_is_killed_in_time_with_its_children() {
    let mut bench = Bench::start().await;
    let lines = format!(
        "child = subprocess.Popen(['sleep', '300'])\nforked = os.fork()\nif not forked:\n    time.sleep(300)\n\
         with open({:?}, 'w') as pids:\n    pids.write('%d %d %d' % (os.getpid(), child.pid, forked))\ntime.sleep(300)",
        bench.file("pids").display().to_string()
    );
    let mut hanging = evaluated(&lines);
    hanging.context.timeout = Some(8.0);
    let failure = bench.failure(hanging).await;
    assert_eq!(failure.message, "Process killed due to timeout of 8 seconds");
    assert_eq!(failure.severity, Severity::Fatal);
    let pids = bench.read("pids");
    assert_eq!(pids.split(' ').count(), 3, "{pids}");
    assert!(pids.split(' ').all(|pid| !is_alive(pid)), "{pids}");

    let mut hanging = evaluated("time.sleep(300)");
    (hanging.context.timeout, hanging.context.timeout_recoverable) = (Some(0.5), Some(true));
    let failure = bench.failure(hanging).await;
    assert_eq!(failure.severity, Severity::Recoverable { retry_after: None });
    assert!(is_sound(&mut bench).await);
}

#[tokio::test]
async fn a_killed_execution_leaves_nobody_and_gets_no_answer() {
    let mut bench = Bench::start().await;
    let pid = bench.file("pid");
    let lines = format!("open({:?}, 'w').write(str(os.getpid()))\ntime.sleep(300)", pid.display().to_string());
    bench.send(&evaluated(&lines)).await;
    assert!(eventually(|| std::fs::read_to_string(&pid).is_ok_and(|pid| is_alive(&pid))).await);
    bench.handle.kill_execution(EXECUTION);
    let pid = bench.read("pid");
    assert!(eventually(|| !is_alive(&pid)).await);
    assert!(bench.is_quiet().await);
    assert!(is_sound(&mut bench).await);
}

#[tokio::test]
async fn a_flood_of_words_drowns_nobody() {
    let mut bench = Bench::start().await;
    let lines = "line = 'x' * 999 + '\\n'\nfor _ in range(100_000):\n    sys.stdout.write(line)\nctx.returns('dry')";
    assert_eq!(bench.run(evaluated(lines)).await, Outcome::Done(json!("dry")));
    let log = std::fs::metadata(bench.file("work/logs/default_tenant/shop1.log")).expect("a log").len();
    assert!((1000..2 << 20).contains(&log), "{log} bytes");
    assert!(is_sound(&mut bench).await);
}

#[tokio::test]
async fn a_result_that_is_not_json_is_refused() {
    let mut bench = Bench::start().await;
    let failure = failing(&mut bench, "ctx.returns(object())").await;
    assert_eq!(failure.severity, Severity::Fatal);
    assert_eq!(failure.message, "Unhandled exception occurred in operation dispatch (rc=1)");
    let lines = bench.manager.lines();
    assert!(lines.iter().any(|line| line.contains("not JSON serializable")), "{lines:?}");
    let output = "open(os.path.join(sys.argv[1], 'output.json'), 'w')";
    for (lines, part) in [
        ("ctx.returns(float('nan'))".to_owned(), "expected value"),
        (format!("file = {output}\nfile.write('{{')\nfile.close()\nos._exit(0)"), "EOF"),
        ("os._exit(0)".to_owned(), "ended with exit code 0 before it wrote one"),
        ("ctx.returns('x' * (33 << 20))".to_owned(), "it is larger than 32 MiB"),
    ] {
        let failure = failing(&mut bench, &lines).await;
        assert_eq!(failure.severity, Severity::Fatal, "{lines}");
        assert!(failure.message.starts_with("The operation's result cannot be used"), "{}", failure.message);
        assert!(failure.message.contains(part), "{}", failure.message);
    }
    assert!(is_sound(&mut bench).await);
}

#[tokio::test]
async fn a_child_that_outlives_its_operation_holds_nothing_up() {
    let mut bench = Bench::start().await;
    // It keeps the output open, as a service that an operation starts may do.
    let outcome = bench.run(evaluated("ctx.returns(subprocess.Popen(['sleep', '300']).pid)")).await;
    let Outcome::Done(pid) = outcome else { panic!("it failed") };
    assert!(is_alive(&pid.to_string()), "it is not the operation's to end what was started to stay");
    assert!(is_sound(&mut bench).await);
    let pid = i32::try_from(pid.as_i64().expect("a number")).expect("a process");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGKILL).expect("it is there");
}

#[tokio::test]
async fn a_full_disk_is_told_by_whoever_meets_it() {
    let mut bench = Bench::start().await;
    let failure = failing(&mut bench, "with open('/dev/full', 'w') as file:\n    file.write('x')").await;
    assert_eq!(
        (failure.severity, failure.exception_type.as_str()),
        (Severity::Recoverable { retry_after: None }, "OSError")
    );
    assert!(failure.message.contains("No space left on device"), "{}", failure.message);

    let full = "os.symlink('/dev/full', os.path.join(sys.argv[1], 'output.json'))\nctx.returns(1)";
    let failure = failing(&mut bench, full).await;
    assert_eq!(failure.message, "Unhandled exception occurred in operation dispatch (rc=1)");
    let lines = bench.manager.lines();
    assert!(lines.iter().any(|line| line.contains("No space left on device")), "{lines:?}");

    let request = evaluated("ctx.returns(1)");
    let folder = bench.file("work/running").join(&request.id);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::os::unix::fs::symlink("/dev/full", folder.join("input.json")).expect("a link");
    let failure = bench.failure(request).await;
    assert_eq!(failure.severity, Severity::Recoverable { retry_after: None });
    assert!(failure.message.contains("The worker cannot prepare the operation"), "{}", failure.message);
    assert!(failure.message.contains("No space left on device"), "{}", failure.message);
    assert!(is_sound(&mut bench).await);
}

#[tokio::test]
async fn an_operation_gets_no_more_memory_than_it_may_have() {
    let mut bench = Bench::with_memory(300 << 20).await;
    let host = "ctx.returns(os.getppid())";
    let before = bench.run(evaluated(host)).await;
    // By itself, and by what it starts.
    let leak = "held = b'x' * (400 << 20)\ntime.sleep(300)";
    let child = format!("subprocess.run([sys.executable, '-c', 'import time\\n' {leak:?}])");
    for lines in [leak.to_owned(), child] {
        let failure = failing(&mut bench, &lines).await;
        assert_eq!(failure.severity, Severity::Fatal);
        for part in ["MiB of memory, more than the 300 MiB", "NEPHELE_OPERATION_MEMORY"] {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
    }
    let python = nephele_testkit::python::program();
    let script = format!("{} -c \"import time\nheld = b'x' * (400 << 20)\ntime.sleep(300)\"", python.display());
    let Outcome::Failed(failure) = bench.script(&script).await else { panic!("it ended well") };
    assert!(failure.message.contains("more than the 300 MiB"), "{}", failure.message);
    assert_eq!(bench.run(evaluated(host)).await, before, "what was forked leaves nothing in the host");
    assert!(is_sound(&mut bench).await);
}

#[tokio::test]
async fn a_host_that_dies_takes_its_operations_along_and_is_replaced() {
    let mut bench = Bench::start().await;
    let pids = bench.file("pids");
    let lines = format!(
        "with open({:?}, 'w') as pids:\n    pids.write('%d %d' % (os.getpid(), os.getppid()))\ntime.sleep(300)",
        pids.display().to_string()
    );
    let request = evaluated(&lines);
    bench.send(&request).await;
    assert!(eventually(|| std::fs::read_to_string(&pids).is_ok_and(|pids| pids.contains(' '))).await);
    let text = bench.read("pids");
    let (operation, host) = text.split_once(' ').expect("two numbers");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(host.parse().expect("a number")), nix::sys::signal::SIGKILL)
        .expect("the host is there");
    let (id, outcome) = bench.answer().await;
    let Outcome::Failed(failure) = outcome else { panic!("it ended well") };
    assert_eq!((id, failure.severity), (request.id, Severity::Recoverable { retry_after: None }));
    assert!(failure.message.contains("forked from"), "{}", failure.message);
    assert!(!is_alive(operation) && !is_alive(host));
    assert!(is_sound(&mut bench).await);
}
