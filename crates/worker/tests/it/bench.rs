//! A worker on a bus with a manager beside it, and requests for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nephele_bus::{Bus, Local, Message, Subscription, topology};
use nephele_client::Endpoint;
use nephele_model::clock::SystemClock;
use nephele_model::operation::{Attempt, Context, Failure, Outcome, Plugin, Request, TenantRef};
use nephele_worker::{Handle, Options, Worker};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::manager::Manager;

pub(crate) const EXECUTION: &str = "exec1";
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Bench {
    pub(crate) manager: Manager,
    pub(crate) bus: Arc<Local>,
    pub(crate) dir: TempDir,
    pub(crate) handle: Handle,
    answers: Subscription,
    shutdown: CancellationToken,
    worker: JoinHandle<Result<(), nephele_worker::Error>>,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        Self::start_in(dir, Manager::default(), Arc::new(Local::new())).await
    }

    /// The same with this Python instead of the one that is prepared, and this folder of wheels.
    pub(crate) async fn with_python(program: &str, wheels: Option<PathBuf>) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let change = |options: &mut Options| (options.python, options.wheels) = (program.into(), wheels);
        Self::start_with(dir, Manager::default(), Arc::new(Local::new()), change).await
    }

    /// The same with so many bytes of memory for an operation.
    pub(crate) async fn with_memory(bytes: u64) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        Self::start_with(dir, Manager::default(), Arc::new(Local::new()), |options| options.memory = Some(bytes)).await
    }

    pub(crate) async fn start_in(dir: TempDir, manager: Manager, bus: Arc<Local>) -> Self {
        Self::start_with(dir, manager, bus, |_| {}).await
    }

    async fn start_with(dir: TempDir, manager: Manager, bus: Arc<Local>, change: impl FnOnce(&mut Options)) -> Self {
        let url = manager.start().await;
        let mut options = Options::new(dir.path().join("work"), Endpoint::new(url)).expect("sound options");
        options.ctx_program = ctx_program();
        options.python = nephele_testkit::python::program();
        options.grace = Duration::from_millis(200);
        options.environment.push(("NEPHELE_TEST_PARENT".into(), "parent".into()));
        change(&mut options);
        let worker = Worker::new(options, Arc::clone(&bus) as Arc<dyn Bus>, Arc::new(SystemClock)).expect("a worker");
        let handle = worker.handle();
        let shutdown = CancellationToken::new();
        let worker = tokio::spawn(worker.run(shutdown.clone()));
        let answers = bus.subscribe(topology::responses(&EXECUTION.into()), 1000).await.expect("local");
        Self { manager, bus, dir, handle, answers, shutdown, worker }
    }

    /// Stops the worker and gives back what outlives it.
    pub(crate) async fn stop(self) -> (TempDir, Manager, Arc<Local>) {
        self.shutdown.cancel();
        let stopped = timeout(PATIENCE, self.worker).await;
        stopped.expect("the worker stops").expect("no panic").expect("no error");
        (self.dir, self.manager, self.bus)
    }

    pub(crate) async fn send(&self, request: &Request) {
        let execution = request.context.execution_id.as_str().into();
        let message = Message {
            body: request.to_wire(),
            reply_to: Some(topology::response_key(&execution)),
            correlation_id: Some(request.id.clone()),
        };
        self.bus.publish(topology::operations(), message).await.expect("local");
    }

    /// The next answer: the task's id and how it ended.
    pub(crate) async fn answer(&mut self) -> (String, Outcome) {
        let delivery = timeout(PATIENCE, self.answers.next()).await.expect("an answer in time").expect("a queue");
        let answer =
            (delivery.message.correlation_id.clone().unwrap_or_default(), Outcome::from_wire(&delivery.message.body));
        delivery.ack().await.expect("local");
        answer
    }

    pub(crate) async fn run(&mut self, request: Request) -> Outcome {
        self.send(&request).await;
        let (id, outcome) = self.answer().await;
        assert_eq!(id, request.id);
        outcome
    }

    /// Runs a shell script to its result.
    pub(crate) async fn script(&mut self, script: &str) -> Outcome {
        self.run(request(json!({"script_source": script}))).await
    }

    pub(crate) async fn failure(&mut self, request: Request) -> Failure {
        match self.run(request).await {
            Outcome::Failed(failure) => failure,
            Outcome::Done(value) => panic!("succeeded with {value}"),
        }
    }

    /// Whether no answer comes, and no message of the queue is left.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        let pause = Duration::from_millis(200);
        let mut operations = self.bus.subscribe(topology::operations(), 1).await.expect("local");
        timeout(pause, self.answers.next()).await.is_err() && timeout(pause, operations.next()).await.is_err()
    }

    /// A file in the test's folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }
}

/// The example program `ctx`, which is built with the tests.
pub(crate) fn ctx_program() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let target = test.ancestors().nth(2).expect("target/debug/deps/it");
    target.join("examples/ctx")
}

/// A node operation that runs a script.
#[expect(clippy::needless_pass_by_value, reason = "tests write the inputs in place")]
pub(crate) fn request(inputs: Value) -> Request {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let id = format!("task-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let context = Context {
        kind: "operation".into(),
        task_id: id.clone(),
        task_name: "script_runner.tasks.run".into(),
        execution_id: EXECUTION.into(),
        workflow_id: "install".into(),
        tenant: TenantRef { name: "default_tenant".into() },
        node_id: Some("web_1".into()),
        node_name: Some("web".into()),
        plugin: Plugin { name: "script".into(), ..Plugin::default() },
        operation: Attempt {
            name: "cloudify.interfaces.lifecycle.create".into(),
            retry_number: 2,
            max_retries: 60,
            relationship: None,
        },
        execution_token: Some("token".into()),
        blueprint_id: Some("shop".into()),
        deployment_id: Some("shop1".into()),
        ..Context::default()
    };
    Request { id, context, inputs: inputs.as_object().cloned().unwrap_or_default() }
}

/// Waits for something that other processes bring about.
pub(crate) async fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    for _ in 0..2000 {
        if holds() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

/// Whether a process is there and has not ended.
pub(crate) fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}
