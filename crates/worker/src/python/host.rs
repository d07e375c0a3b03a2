//! A warm interpreter: a process that has the dispatcher imported and forks for each operation, which
//! saves an operation the start of an interpreter.
//!
//! Invariant: an operation whose process number did not arrive here has not begun and never will, and
//! when this side of a host is gone, so are its operations. The other side is `host.py`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::forks::Forks;

/// The program of a host, and of whatever runs without one.
pub(super) const PROGRAM: &str = include_str!("host.py");
/// For the imports of the dispatcher, on a machine that is very busy.
const START: Duration = Duration::from_mins(1);

/// What a host writes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Ready { threads: usize },
    Started { id: u64, pid: i32 },
    Ended { id: u64, status: i32 },
}

/// Who waits for an operation's process.
struct Waiting {
    started: Option<oneshot::Sender<i32>>,
    ended: oneshot::Sender<ExitStatus>,
}

/// Operations by number.
#[derive(Default)]
struct Jobs {
    waiting: HashMap<u64, Waiting>,
    next: u64,
    /// The host has ended.
    is_over: bool,
}

/// A running host.
pub(super) struct Host {
    requests: tokio::sync::Mutex<ChildStdin>,
    jobs: Arc<Mutex<Jobs>>,
}

/// An operation's process: leader of a group of its own.
pub(super) struct Forked {
    pub(super) group: i32,
    ended: oneshot::Receiver<ExitStatus>,
}

impl Forked {
    /// Waits for the end of the process. An error means that its host is gone.
    pub(super) async fn wait(self) -> io::Result<ExitStatus> {
        self.ended.await.map_err(|_| io::Error::other("the process that operations are forked from ended"))
    }
}

impl Host {
    /// Starts a host, and waits until it can fork. `None`: operations need processes of their own with
    /// this interpreter, since it runs threads or cannot import the dispatcher.
    pub(super) async fn start(
        program: &Path,
        variables: Vec<(OsString, OsString)>,
        folder: &Path,
        forks: &Forks,
    ) -> io::Result<Option<Self>> {
        let mut command = Command::new(program);
        command.args(["-u", "-c", PROGRAM]).env_clear().envs(variables).current_dir(folder).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = forks.spawn(&mut command).await?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("the host has no pipes"));
        };
        let mut answers = BufReader::new(answers).lines();
        let first = timeout(START, answers.next_line()).await.map_err(io::Error::other)??;
        let first = first.and_then(|line| serde_json::from_str(&line).ok());
        if !matches!(first, Some(Answer::Ready { threads: 1 })) {
            return Ok(None);
        }
        let jobs = Arc::default();
        tokio::spawn(listen(child, answers, Arc::clone(&jobs)));
        Ok(Some(Self { requests: tokio::sync::Mutex::new(requests), jobs }))
    }

    /// Whether it can take operations.
    pub(super) fn is_alive(&self) -> bool {
        !locked(&self.jobs).is_over
    }

    /// Whether no operation runs.
    pub(super) fn is_idle(&self) -> bool {
        locked(&self.jobs).waiting.is_empty()
    }

    /// Starts the dispatcher on a task's folder; what it prints goes to the end of `log`. An error means
    /// that nothing was started.
    pub(super) async fn fork(&self, folder: &Path, variables: Map<String, Value>, log: &Path) -> io::Result<Forked> {
        let (started, begun) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        let id = {
            let mut jobs = locked(&self.jobs);
            if jobs.is_over {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            jobs.next += 1;
            let id = jobs.next;
            jobs.waiting.insert(id, Waiting { started: Some(started), ended });
            id
        };
        let mut line = json!({"id": id, "dir": folder, "env": variables, "log": log}).to_string();
        line.push('\n');
        if let Err(error) = self.requests.lock().await.write_all(line.as_bytes()).await {
            locked(&self.jobs).waiting.remove(&id);
            return Err(error);
        }
        let group = begun.await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(Forked { group, ended: end })
    }
}

/// Passes on what the host says until it ends.
async fn listen(mut child: Child, mut answers: Lines<BufReader<ChildStdout>>, jobs: Arc<Mutex<Jobs>>) {
    while let Ok(Some(line)) = answers.next_line().await {
        let mut jobs = locked(&jobs);
        match serde_json::from_str(&line) {
            Ok(Answer::Started { id, pid }) => {
                let waiting = jobs.waiting.get_mut(&id).and_then(|waiting| waiting.started.take());
                // Nobody waits for an operation that was given up.
                let _ = waiting.map(|started| started.send(pid));
            }
            Ok(Answer::Ended { id, status }) => {
                let waiting = jobs.waiting.remove(&id);
                let _ = waiting.map(|waiting| waiting.ended.send(ExitStatus::from_raw(status)));
            }
            Ok(Answer::Ready { .. }) | Err(_) => tracing::warn!(line, "a host of Python operations said something odd"),
        }
    }
    {
        let mut jobs = locked(&jobs);
        jobs.is_over = true;
        // Whoever waits learns it.
        jobs.waiting.clear();
    }
    if let Err(error) = child.wait().await {
        tracing::warn!(%error, "a host of Python operations could not be waited for");
    }
}

fn locked(jobs: &Mutex<Jobs>) -> MutexGuard<'_, Jobs> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}
