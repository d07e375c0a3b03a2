//! A script's process: started in a group of its own, followed to its end, killed when it must be.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval_at, sleep};

use super::lines::Lines;
use super::settings::Settings;
use crate::forks::Forks;
use crate::operation::Operation;

/// Between SIGTERM and SIGKILL.
const PATIENCE: Duration = Duration::from_secs(5);
const CHECK: Duration = Duration::from_millis(20);
const STILL_WAITING: Duration = Duration::from_secs(20);

/// How a process ended by itself.
pub(super) struct Exit {
    /// The exit code, or the negative number of the signal that ended it.
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// How a process came to its end.
pub(super) enum Ending {
    Exited(Exit),
    TimedOut,
    /// The operation's kill token fired.
    Killed,
}

enum Event {
    Exited(ExitStatus),
    TimedOut,
    Killed,
}

/// Runs a shell command to its end. Errors are those of starting it.
pub(super) async fn run(
    operation: &Operation,
    settings: &Settings,
    command: &str,
    variables: Vec<(OsString, OsString)>,
    forks: &Forks,
) -> io::Result<Ending> {
    let (mut child, mut streams) = start(settings, command, variables, forks).await?;
    // A child that has not been waited for has an id; without one there is no group to record.
    let Some(group) = child.id().and_then(|id| i32::try_from(id).ok()) else {
        return Err(io::Error::other("the process ended before it could be followed"));
    };
    let logs = &operation.logs;
    logs.info(&format!("Process created, PID: {group}"));
    let followed = match operation.dir.record_group(group) {
        Ok(()) => follow(operation, &mut child, group, &mut streams).await,
        Err(error) => Err(error),
    };
    if !matches!(followed, Ok(Event::Exited(_))) {
        end(&mut child, group).await;
    }
    let event = followed?;
    for lines in streams.iter_mut().flatten() {
        lines.drain(logs).await;
    }
    let ending = match event {
        Event::TimedOut => Ending::TimedOut,
        Event::Killed => Ending::Killed,
        Event::Exited(status) => {
            let code = status.code().unwrap_or_else(|| -status.signal().unwrap_or_default());
            logs.info(&format!("Execution done (PID={group}, return_code={code}): {command}"));
            let [stdout, stderr] =
                streams.each_ref().map(|lines| lines.as_ref().map(Lines::output).unwrap_or_default());
            Ending::Exited(Exit { code, stdout, stderr })
        }
    };
    streams.into_iter().flatten().for_each(Lines::discard);
    Ok(ending)
}

async fn start(
    settings: &Settings,
    command: &str,
    variables: Vec<(OsString, OsString)>,
    forks: &Forks,
) -> io::Result<(Child, [Option<Lines>; 2])> {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).env_clear().envs(variables);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    if let Some(cwd) = &settings.cwd {
        shell.current_dir(cwd);
    }
    let mut streams = [None, None];
    if settings.log_stdout {
        let (lines, end) = Lines::pipe("<out> ")?;
        if settings.log_stderr && settings.stderr_to_stdout {
            shell.stderr(end.try_clone()?);
        }
        shell.stdout(end);
        streams[0] = Some(lines);
    }
    if settings.log_stderr && !settings.stderr_to_stdout {
        let (lines, end) = Lines::pipe("<err> ")?;
        shell.stderr(end);
        streams[1] = Some(lines);
    }
    let child = forks.spawn(&mut shell).await?;
    Ok((child, streams))
}

/// Logs what the process writes until it exits, or until it must be ended.
async fn follow(
    operation: &Operation,
    child: &mut Child,
    group: i32,
    [stdout, stderr]: &mut [Option<Lines>; 2],
) -> io::Result<Event> {
    let logs = &operation.logs;
    let deadline = operation.request.context.timeout.filter(|seconds| seconds.is_finite() && *seconds > 0.0);
    let timeout = sleep(Duration::try_from_secs_f64(deadline.unwrap_or_default()).unwrap_or(Duration::MAX));
    tokio::pin!(timeout);
    let mut reminder = interval_at(Instant::now() + STILL_WAITING, STILL_WAITING);
    loop {
        tokio::select! {
            status = child.wait() => return status.map(Event::Exited),
            () = operation.kill.cancelled() => return Ok(Event::Killed),
            () = &mut timeout, if deadline.is_some() => return Ok(Event::TimedOut),
            _ = reminder.tick() => logs.info(&format!("Waiting for process {group} to end...")),
            read = pump(stdout, operation), if is_open(stdout.as_ref()) => read?,
            read = pump(stderr, operation), if is_open(stderr.as_ref()) => read?,
        }
    }
}

fn is_open(lines: Option<&Lines>) -> bool {
    lines.is_some_and(|lines| !lines.has_ended())
}

async fn pump(lines: &mut Option<Lines>, operation: &Operation) -> io::Result<()> {
    match lines {
        Some(lines) => lines.pump(&operation.logs).await,
        None => Ok(()),
    }
}

/// Ends a whole process group: SIGTERM, and SIGKILL for whoever is left after [`PATIENCE`].
async fn end(child: &mut Child, group: i32) {
    let group = Pid::from_raw(group);
    // A group that is gone already is what is wanted.
    let _ = killpg(group, Signal::SIGTERM);
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        // Waiting takes the first process off the system's table, without which the group stays.
        let _ = child.try_wait();
        if killpg(group, None).is_err() {
            return;
        }
        sleep(CHECK).await;
    }
    let _ = killpg(group, Signal::SIGKILL);
    let _ = child.wait().await;
}
