//! `script_runner.tasks.run`: an operation that is a script (spec workflows.md section 4), if the script
//! is a program. Python code that is to be evaluated goes to [`crate::python`].
//!
//! The script's way: where it comes from ([`source`]), with what it runs ([`settings`]), the
//! process and its lines ([`process`], [`lines`]), what it said through `ctx` ([`judge`]).

use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use nephele_model::operation::{Failure, Outcome, Request, Severity};
use serde_json::Value;

use crate::ctx::proxy::{Proxy, Url};
use crate::ctx::session::{Session, Verdict};
use crate::executor::Executor;
use crate::forks::Forks;
use crate::operation::Operation;
use crate::process::{killed, timed_out, too_large};
use crate::resources::Scripts;
use crate::script::process::{Ending, Exit};
use crate::script::settings::{CtxProxy, Settings};
use crate::{Error, Options};

mod lines;
mod path_dir;
mod process;
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
    proxy: Proxy,
    scripts: Scripts,
    forks: Arc<Forks>,
    environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
    /// The folder with `ctx` in it.
    path_dir: PathBuf,
}

impl Script {
    pub(crate) async fn new(options: &Options, forks: Arc<Forks>) -> Result<Self, Error> {
        let path_dir = path_dir::create(&options.work_dir, &options.ctx_program)?;
        let proxy = Proxy::start().await.map_err(Error::machine("a socket on 127.0.0.1 for ctx"))?;
        let environment = options.environment.clone();
        Ok(Self { proxy, scripts: Scripts::default(), forks, environment, path_dir })
    }

    async fn run_script(&self, operation: &Arc<Operation>) -> Result<Value, Failure> {
        let settings = Settings::read(&operation.request)?;
        let script = tokio::select! {
            prepared = source::prepare(operation, &settings, &self.scripts, &self.forks) => prepared?,
            () = operation.kill.cancelled() => return Err(killed()),
        };
        let session = Arc::new(Session::new(Arc::clone(operation), Arc::clone(&self.forks), settings.cwd.clone()));
        let url = (settings.ctx_proxy == CtxProxy::Http).then(|| self.proxy.open(&session));
        let command = settings.command_line(&script);
        let environment = settings::Environment { base: &self.environment, path_dir: &self.path_dir };
        let variables = environment.of(operation, &settings, url.as_ref().map(Url::as_str));
        let ended = process::run(operation, &settings, &command, variables, &self.forks).await;
        drop(url);
        match ended.map_err(|error| Failure::recoverable(format!("command: {command}: {error}")))? {
            Ending::Killed => Err(killed()),
            Ending::TimedOut => Err(timed_out(operation)),
            Ending::TooLarge(held) => Err(too_large(operation, held)),
            Ending::Exited(exit) => {
                let verdict = session.verdict().await;
                session.flush().await?;
                judge(verdict, &command, exit)
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

/// What an operation comes to, from how its process ended and what it said through `ctx`.
fn judge((verdict, retry): (Verdict, Option<Failure>), command: &str, exit: Exit) -> Result<Value, Failure> {
    let result = match verdict {
        Verdict::Twice => Err(Failure::fatal("ctx may only abort or return once")),
        Verdict::Aborted(message) => Err(Failure::fatal(message)),
        Verdict::Retried => Ok(Value::Null),
        _ if exit.code != 0 => Err(process_exception(command, exit)),
        Verdict::Returned(value) => Ok(value),
        Verdict::None => Ok(Value::Null),
    };
    result.and_then(|value| retry.map_or(Ok(value), Err))
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
