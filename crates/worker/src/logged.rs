//! The process of a script or of another program: how it is started, what is logged of it.

use std::fs::File;
use std::io::{self, PipeReader};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, interval_at};

use crate::forks::Forks;
use crate::lines::Lines;
use crate::operation::Operation;
use crate::process::{self, Event};

const STILL_WAITING: Duration = Duration::from_secs(20);

/// Where standard output goes.
pub(crate) enum Stdout {
    Logged,
    Ignored,
    /// Into this file, and nowhere else.
    Kept(File),
}

/// What a process reads, and where its output goes.
pub(crate) struct Streams {
    pub(crate) stdin: Option<PipeReader>,
    pub(crate) stdout: Stdout,
    pub(crate) log_stderr: bool,
    pub(crate) stderr_to_stdout: bool,
}

/// How a process ended by itself.
pub(crate) struct Exit {
    /// The exit code, or the negative number of the signal that ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// How a process came to its end.
pub(crate) enum Ending {
    Exited(Exit),
    TimedOut,
    /// The operation's kill token fired.
    Killed,
    /// It held so many bytes of memory.
    TooLarge(u64),
}

/// Runs a command to its end; `shown` is what logs call it. Errors are those of starting it.
pub(crate) async fn run(
    operation: &Operation,
    mut command: Command,
    shown: &str,
    streams: Streams,
    forks: &Forks,
) -> io::Result<Ending> {
    let mut streams = connect(&mut command, streams)?;
    let mut child = forks.spawn(&mut command).await?;
    // Our copies of the ends that belong to the process; with them no stream would ever end.
    drop(command);
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
            logs.info(&format!("Execution done (PID={group}, return_code={code}): {shown}"));
            let [stdout, stderr] =
                streams.each_ref().map(|lines| lines.as_ref().map(Lines::output).unwrap_or_default());
            Ending::Exited(Exit { code, stdout, stderr })
        }
    };
    streams.into_iter().flatten().for_each(Lines::discard);
    Ok(ending)
}

/// Gives the command its streams, and the readers of those that are logged.
fn connect(command: &mut Command, streams: Streams) -> io::Result<[Option<Lines>; 2]> {
    command.stdin(streams.stdin.map_or_else(Stdio::null, Stdio::from));
    command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut readers = [None, None];
    match streams.stdout {
        Stdout::Ignored => {}
        Stdout::Kept(file) => {
            command.stdout(file);
        }
        Stdout::Logged => {
            let (lines, end) = Lines::pipe("<out> ")?;
            if streams.log_stderr && streams.stderr_to_stdout {
                command.stderr(end.try_clone()?);
            }
            command.stdout(end);
            readers[0] = Some(lines);
        }
    }
    if streams.log_stderr && !streams.stderr_to_stdout {
        let (lines, end) = Lines::pipe("<err> ")?;
        command.stderr(end);
        readers[1] = Some(lines);
    }
    Ok(readers)
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
