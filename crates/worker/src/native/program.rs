//! Programs that built-in plugins run: found in `PATH`, followed, their lines logged.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{PipeReader, PipeWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Map, Value};
use tokio::process::Command;
use tokio::task::JoinHandle;

use super::Native;
use super::task::{Task, unwritable};
use crate::logged::{self, Ending, Exit, Stdout, Streams};
use crate::process::{killed, timed_out, too_large};
use crate::task_dir::MARKER;

/// A program with what all its runs for one operation have in common.
pub(super) struct Program<'a> {
    pub(super) native: &'a Native,
    pub(super) task: &'a Task,
    pub(super) path: PathBuf,
    /// Where it runs.
    pub(super) folder: PathBuf,
    pub(super) variables: Vec<(OsString, OsString)>,
    pub(super) log: bool,
}

impl Program<'_> {
    /// Runs it to its end, whatever its exit code. Arguments are logged: no secret may stand in them.
    pub(super) async fn run(&self, arguments: &[OsString]) -> Result<Exit, Failure> {
        self.start(arguments, None, self.stdout()).await
    }

    /// Runs it with this on its standard input, which stays open for as long as the program runs.
    pub(super) async fn tell(&self, arguments: &[OsString], text: String) -> Result<Exit, Failure> {
        let (reader, writing) = piped(text)?;
        let ended = self.start(arguments, Some(reader), self.stdout()).await;
        drop(writing.await);
        ended
    }

    /// Runs it with this and no more on its standard input.
    pub(super) async fn feed(&self, arguments: &[OsString], text: String) -> Result<Exit, Failure> {
        let (reader, writing) = piped(text)?;
        tokio::spawn(async move { drop(writing.await) });
        self.start(arguments, Some(reader), self.stdout()).await
    }

    fn stdout(&self) -> Stdout {
        if self.log { Stdout::Logged } else { Stdout::Ignored }
    }

    /// Runs it and gives all that it writes to standard output, which is not logged.
    pub(super) async fn read(&self, arguments: &[OsString]) -> Result<String, Failure> {
        let (exit, text) = self.capture(arguments).await?;
        if exit.code != 0 {
            return Err(Failure::recoverable(format!("{}: {}", self.shown(arguments), exit.stderr.trim())));
        }
        Ok(text)
    }

    /// The same whatever its exit code.
    pub(super) async fn capture(&self, arguments: &[OsString]) -> Result<(Exit, String), Failure> {
        let kept = self.task.operation.dir.path().join("output");
        let file = fs::File::create(&kept).map_err(|error| unwritable(&kept, &error))?;
        let exit = self.start(arguments, None, Stdout::Kept(file)).await?;
        let text = fs::read_to_string(&kept).map_err(|error| unwritable(&kept, &error));
        let _ = fs::remove_file(&kept);
        Ok((exit, text?))
    }

    /// Runs it; it must succeed, or may at another try.
    pub(super) async fn must(&self, arguments: &[OsString]) -> Result<Exit, Failure> {
        let exit = self.run(arguments).await?;
        if exit.code == 0 {
            return Ok(exit);
        }
        let shown = self.shown(&arguments[..arguments.len().min(1)]);
        Err(Failure::recoverable(format!("`{shown}` ended with exit code {}: {}", exit.code, exit.stderr.trim())))
    }

    /// The command as people write it.
    pub(super) fn shown(&self, arguments: &[OsString]) -> String {
        let name = self.path.file_name().unwrap_or_default();
        let words = std::iter::once(name).chain(arguments.iter().map(OsString::as_os_str));
        words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
    }

    async fn start(&self, arguments: &[OsString], stdin: Option<PipeReader>, stdout: Stdout) -> Result<Exit, Failure> {
        let operation = &self.task.operation;
        let context = &operation.request.context;
        let mut command = Command::new(&self.path);
        command.args(arguments).current_dir(&self.folder);
        command.env_clear().envs(self.native.environment.iter().cloned());
        command.envs(context.execution_env.iter().map(|(name, value)| (name, python_text::str(value))));
        command.envs(self.variables.iter().cloned()).env(MARKER, &operation.request.id);
        let shown = self.shown(arguments);
        let streams = Streams { stdin, stdout, log_stderr: true, stderr_to_stdout: false };
        let ended = logged::run(operation, command, &shown, streams, &self.native.forks).await;
        match ended.map_err(|error| Failure::recoverable(format!("{shown}: {error}")))? {
            Ending::Killed => Err(killed()),
            Ending::TimedOut => Err(timed_out(operation)),
            Ending::TooLarge(held) => Err(too_large(operation, held)),
            Ending::Exited(exit) => Ok(exit),
        }
    }
}

/// A pipe that this text comes out of, and who holds its other end.
fn piped(text: String) -> Result<(PipeReader, JoinHandle<PipeWriter>), Failure> {
    let piped = std::io::pipe().map_err(|error| Failure::recoverable(format!("a pipe cannot be made: {error}")))?;
    let (reader, mut writer) = piped;
    // A program that ends before it has read everything ends the writing.
    let writing = tokio::task::spawn_blocking(move || {
        let _ = writer.write_all(text.as_bytes());
        writer
    });
    Ok((reader, writing))
}

/// The first of these programs that is there: a path as it is, a bare name in `PATH`.
pub(super) fn find(native: &Native, names: &[&str]) -> Option<PathBuf> {
    let path = native.environment.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.as_os_str());
    let folders: Vec<PathBuf> = path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
    names.iter().find_map(|name| {
        if name.contains('/') {
            return Some(PathBuf::from(name)).filter(|path| is_program(path));
        }
        folders.iter().map(|folder| folder.join(name)).find(|path| is_program(path))
    })
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// Settings as environment variables, each as Python would print it.
pub(super) fn variables(settings: &Map<String, Value>) -> Vec<(OsString, OsString)> {
    let text = |value: &Value| match value {
        Value::Array(_) | Value::Object(_) => python_text::dumps(value),
        other => python_text::str(other),
    };
    settings.iter().map(|(name, value)| (name.into(), text(value).into())).collect()
}

/// Arguments from words of any kind.
pub(super) fn words<const N: usize>(words: [&str; N]) -> Vec<OsString> {
    words.map(OsString::from).into()
}
