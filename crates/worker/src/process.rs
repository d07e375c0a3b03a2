//! A process of an operation: leader of a group of its own, followed to its end, killed when it must be.
//!
//! Invariant: a group that was started stands in its task's folder before anybody waits for it, and
//! when the operation's time is up or it is killed, nobody of the group is left.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::pin::{Pin, pin};
use std::process::ExitStatus;
use std::time::Duration;

use futures::FutureExt;
use futures::future::FusedFuture;
use nephele_model::operation::{Failure, Severity};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::time::{Instant, sleep};

use crate::memory;
use crate::operation::Operation;

/// Between SIGTERM and SIGKILL.
const PATIENCE: Duration = Duration::from_secs(5);
const CHECK: Duration = Duration::from_millis(20);

/// How a process came to its end.
pub(crate) enum Event {
    /// By itself.
    Exited(ExitStatus),
    /// It took longer than the operation may.
    TimedOut,
    /// The operation's kill token fired.
    Killed,
    /// Its processes held so many bytes of memory, which is more than an operation may.
    TooLarge(u64),
}

/// The number of the group that a process leads.
pub(crate) fn group(child: &Child) -> io::Result<i32> {
    // A child that has not been waited for has an id; without one there is no group to record.
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    id.ok_or_else(|| io::Error::other("the process ended before it could be followed"))
}

/// Follows a process that leads a group to its `exit`, and does `meanwhile` while it runs. Only an
/// error of `meanwhile` matters; it is not waited for.
pub(crate) async fn follow(
    operation: &Operation,
    group: i32,
    exit: impl Future<Output = io::Result<ExitStatus>>,
    meanwhile: impl Future<Output = io::Error>,
) -> io::Result<Event> {
    let mut exit = pin!(exit.fuse());
    let event = match operation.dir.record_group(group) {
        Ok(()) => wait(operation, group, exit.as_mut(), meanwhile).await,
        Err(error) => Err(error),
    };
    if !matches!(event, Ok(Event::Exited(_))) {
        end(exit, group).await;
    }
    event
}

async fn wait(
    operation: &Operation,
    group: i32,
    exit: Pin<&mut impl Future<Output = io::Result<ExitStatus>>>,
    meanwhile: impl Future<Output = io::Error>,
) -> io::Result<Event> {
    tokio::select! {
        status = exit => status.map(Event::Exited),
        () = operation.kill.cancelled() => Ok(Event::Killed),
        () = past_deadline(operation) => Ok(Event::TimedOut),
        held = memory::beyond(group, operation.memory) => Ok(Event::TooLarge(held)),
        error = meanwhile => Err(error),
    }
}

/// Returns when the operation has taken as long as it may; never, if it may take any time.
pub(crate) async fn past_deadline(operation: &Operation) {
    match operation.request.context.timeout.filter(|seconds| seconds.is_finite() && *seconds > 0.0) {
        Some(seconds) => sleep(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)).await,
        None => std::future::pending().await,
    }
}

/// The exit code, or the negative number of the signal that ended the process.
pub(crate) fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| -status.signal().unwrap_or_default())
}

/// Ends a whole process group: SIGTERM, and SIGKILL for whoever is left after [`PATIENCE`].
async fn end(mut exit: Pin<&mut impl FusedFuture<Output = io::Result<ExitStatus>>>, group: i32) {
    let group = Pid::from_raw(group);
    // A group that is gone already is what is wanted.
    let _ = killpg(group, Signal::SIGTERM);
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        // Waiting takes the first process off the system's table, without which the group stays.
        tokio::select! {
            _ = &mut exit, if !exit.is_terminated() => {}
            () = sleep(CHECK) => {}
        }
        if killpg(group, None).is_err() {
            return;
        }
    }
    let _ = killpg(group, Signal::SIGKILL);
    if !exit.is_terminated() {
        let _ = exit.await;
    }
}

/// What an operation comes to that took too long.
pub(crate) fn timed_out(operation: &Operation) -> Failure {
    let context = &operation.request.context;
    let seconds = context.timeout.unwrap_or_default();
    let message = format!("Process killed due to timeout of {seconds} seconds");
    if context.timeout_recoverable == Some(true) { Failure::recoverable(message) } else { Failure::fatal(message) }
}

/// What an operation comes to that held so many bytes.
pub(crate) fn too_large(operation: &Operation, held: u64) -> Failure {
    let megabytes = |bytes: u64| bytes >> 20;
    Failure::fatal(format!(
        "Process killed: its operation held {} MiB of memory, more than the {} MiB that the setting `operation_memory` \
         (NEPHELE_OPERATION_MEMORY) allows. Give it more, or have the operation do less at a time, and resume the execution.",
        megabytes(held),
        megabytes(operation.memory.unwrap_or_default()),
    ))
}

/// What an operation comes to that was killed. Nobody waits for it.
pub(crate) fn killed() -> Failure {
    Failure::new(
        Severity::Fatal,
        "ProcessKillCancelled",
        "The operation was killed because its execution was cancelled",
    )
}
