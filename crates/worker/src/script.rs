//! `script_runner.tasks.run`: an operation that is a script (spec workflows.md section 4), if the script
//! is a program. Python code that is to be evaluated goes to [`crate::python`].
//!
//! The script's way: where it comes from ([`source`]), with what it runs ([`settings`]), the
//! process and its lines ([`crate::logged`]), what it said through `ctx`
//! ([`Session::conclude`]).

use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use nephele_model::operation::{Failure, Outcome, Request, Severity};
use serde_json::Value;
use tokio::process::Command;

use crate::ctx::proxy::{Proxy, Url};
use crate::ctx::session::Session;
use crate::executor::Executor;
use crate::forks::Forks;
use crate::logged::{self, Ending, Exit};
use crate::operation::Operation;
use crate::pauses::Pauses;
use crate::process::{killed, timed_out, too_large};
use crate::resources::Scripts;
use crate::script::settings::{CtxProxy, Settings};
use crate::{Error, Options};

mod path_dir;
mod settings;
mod source;

/// The task that this executor runs.
pub(crate) const TASK: &str = "script_runner.tasks.run";

/// Whether the script is Python code to be evaluated by Cloudify's own script runner, and no program.
/// Settings that contradict each other are told by whoever runs programs.
pub(crate) fn is_evaluated(request: &Request) -> bool {
    Settings::read(request).is_ok_and(|settings| settings.is_evaluated())
}

/// Runs scripts.
pub(crate) struct Script {
    proxy: Arc<Proxy>,
    scripts: Scripts,
    forks: Arc<Forks>,
    pauses: Pauses,
    environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
    /// The folder with `ctx` in it.
    path_dir: PathBuf,
}

impl Script {
    pub(crate) fn new(options: &Options, forks: Arc<Forks>, proxy: Arc<Proxy>, pauses: Pauses) -> Result<Self, Error> {
        let path_dir = path_dir::create(&options.work_dir, &options.ctx_program)?;
        let environment = options.environment.clone();
        Ok(Self { proxy, scripts: Scripts::default(), forks, pauses, environment, path_dir })
    }

    async fn run_script(&self, operation: &Arc<Operation>) -> Result<Value, Failure> {
        let settings = Settings::read(&operation.request)?;
        let script = tokio::select! {
            prepared = source::prepare(operation, &settings, &self.scripts, &self.forks) => prepared?,
            () = operation.kill.cancelled() => return Err(killed()),
        };
        let session =
            Session::new(Arc::clone(operation), Arc::clone(&self.forks), settings.cwd.clone(), self.pauses.clone());
        let session = Arc::new(session);
        let url = (settings.ctx_proxy == CtxProxy::Http).then(|| self.proxy.open(&session));
        let command = settings.command_line(&script);
        let environment = settings::Environment { base: &self.environment, path_dir: &self.path_dir };
        let variables = environment.of(operation, &settings, url.as_ref().map(Url::as_str));
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(&command).env_clear().envs(variables);
        if let Some(cwd) = &settings.cwd {
            shell.current_dir(cwd);
        }
        let ended = logged::run(operation, shell, &command, settings.streams(), &self.forks).await;
        drop(url);
        match ended.map_err(|error| Failure::recoverable(format!("command: {command}: {error}")))? {
            Ending::Killed => Err(killed()),
            Ending::TimedOut => Err(timed_out(operation)),
            Ending::TooLarge(held) => Err(too_large(operation, held)),
            Ending::Exited(exit) => {
                let ended = if exit.code == 0 { Ok(()) } else { Err(process_exception(&command, exit)) };
                let result = session.conclude(ended).await;
                session.flush().await?;
                result
            }
        }
    }
}

impl Executor for Script {
    fn run(&self, operation: Arc<Operation>) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            match self.run_script(&operation).await {
                Ok(value) => Outcome::Done(value),
                Err(failure) => Outcome::Failed(failure),
            }
        })
    }
}

fn process_exception(command: &str, exit: Exit) -> Failure {
    let mut message = format!("command: {command}, exit_code: {}", exit.code);
    for (name, text) in [("stdout", exit.stdout), ("stderr", exit.stderr)] {
        if !text.is_empty() {
            message = format!("{message}, {name}: {text}");
        }
    }
    Failure::new(Severity::Recoverable { retry_after: None }, "ProcessException", message)
}
