//! A script's process: how it is started, what is logged of it.

use std::ffi::OsString;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, interval_at};

use super::lines::Lines;
use super::settings::Settings;
use crate::forks::Forks;
use crate::operation::Operation;
use crate::process::{self, Event};

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
    /// It held so many bytes of memory.
    TooLarge(u64),
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
    let group = process::group(&child)?;
    let logs = &operation.logs;
    logs.info(&format!("Process created, PID: {group}"));
    let event = process::follow(operation, group, child.wait(), log(operation, group, &mut streams)).await?;
    for lines in streams.iter_mut().flatten() {
        lines.drain(logs).await;
    }
    let ending = match event {
        Event::TimedOut => Ending::TimedOut,
        Event::Killed => Ending::Killed,
        Event::TooLarge(held) => Ending::TooLarge(held),
        Event::Exited(status) => {
            let code = process::code(status);
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

/// Logs what the process writes, for as long as it is polled. Ends with an error only.
async fn log(operation: &Operation, group: i32, [stdout, stderr]: &mut [Option<Lines>; 2]) -> io::Error {
    let mut reminder = interval_at(Instant::now() + STILL_WAITING, STILL_WAITING);
    loop {
        let read = tokio::select! {
            _ = reminder.tick() => {
                operation.logs.info(&format!("Waiting for process {group} to end..."));
                Ok(())
            }
            read = pump(stdout, operation), if is_open(stdout.as_ref()) => read,
            read = pump(stderr, operation), if is_open(stderr.as_ref()) => read,
        };
        if let Err(error) = read {
            return error;
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
