//! Programs that the worker itself needs, such as `pip`: run to their end, their output kept for errors.
//!
//! Invariant: when nobody waits for a program any more, it is killed with all that it has started.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Command;

use crate::forks::Forks;
use crate::task_dir::MARKER;

/// Longer than the building of any package takes.
const LONGEST: Duration = Duration::from_mins(30);
/// How much of the output an error quotes; its end says most.
const QUOTED: usize = 8 * 1024;

/// Why a program did not do its work.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It could not be started.
    Missing(std::io::Error),
    /// It said no; this is the end of what it wrote.
    Refused(String),
}

impl std::fmt::Display for Failed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(error) => write!(formatter, "{error}"),
            Self::Refused(output) => formatter.write_str(output.trim()),
        }
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Missing(error)
    }
}

/// How programs are started.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) forks: std::sync::Arc<Forks>,
    /// The environment that they start from.
    pub(crate) environment: Vec<(OsString, OsString)>,
}

impl Tools {
    /// Runs a program for a task, and gives what it wrote to standard output.
    pub(crate) async fn run(&self, mut command: Command, task: &str) -> Result<String, Failed> {
        command.env_clear().envs(self.environment.iter().cloned()).env(MARKER, task);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.forks.spawn(command.process_group(0).kill_on_drop(true)).await?;
        let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()));
        let output = match tokio::time::timeout(LONGEST, child.wait_with_output()).await {
            Ok(output) => output?,
            Err(_) => {
                return Err(Failed::Refused(format!("it was not done within {} minutes", LONGEST.as_secs() / 60)));
            }
        };
        group.0 = None;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        let written = [text(&output.stdout), text(&output.stderr)].concat();
        Err(Failed::Refused(end_of(&written).to_owned()))
    }
}

/// The last part of a text, cut between characters.
fn end_of(text: &str) -> &str {
    let start = text.len().saturating_sub(QUOTED);
    &text[(start..text.len()).find(|index| text.is_char_boundary(*index)).unwrap_or(text.len())..]
}

/// A process group that is killed when it is given up.
struct Group(Option<i32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // That it is gone already is what is wanted.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
}
