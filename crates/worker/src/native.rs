//! The plugins that are part of this program and need no Python: HTTP calls, SSH, Ansible,
//! Terraform, Docker, Helm.
//!
//! An operation comes here when its plugin's package is one of [`Plugin`]; blueprints get those by importing
//! the files of types that `nephele_dsl::builtin` has. Invariants: what an operation does is bounded by its
//! timeout and ends when it is killed; whatever is known to be a secret stands in no log and in no error
//! ([`mask`]); what lies on the disk when it has ended lies there on purpose.
//!
//! What an operation is given and what it keeps: [`task`]. Programs that it runs: [`program`].

use std::ffi::OsString;
use std::sync::Arc;

use futures::future::BoxFuture;
use nephele_model::operation::{Failure, Outcome, Request};
use serde_json::Value;

use crate::Options;
use crate::ctx::proxy::Proxy;
use crate::executor::Executor;
use crate::forks::Forks;
use crate::locks::Locks;
use crate::operation::Operation;
use crate::pauses::Pauses;
use crate::process::{killed, timed_out};
use crate::python::surroundings::Surroundings;

mod ansible;
mod docker;
mod executable;
mod helm;
pub(crate) mod mask;
mod program;
mod rest;
mod ssh;
mod task;
mod terraform;
mod unpack;
mod yaml;

use task::Task;

/// A built-in plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plugin {
    Ansible,
    Docker,
    Helm,
    Rest,
    Ssh,
    Terraform,
}

impl Plugin {
    /// The built-in plugin that an operation is of, if it is of one.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        match request.context.plugin.package_name.as_deref()? {
            "nephele-ansible" => Some(Self::Ansible),
            "nephele-docker" => Some(Self::Docker),
            "nephele-helm" => Some(Self::Helm),
            "nephele-rest" => Some(Self::Rest),
            "nephele-ssh" => Some(Self::Ssh),
            "nephele-terraform" => Some(Self::Terraform),
            _ => None,
        }
    }
}

/// Runs operations of built-in plugins.
pub(crate) struct Native {
    forks: Arc<Forks>,
    pauses: Pauses,
    /// The environment that programs start from.
    environment: Vec<(OsString, OsString)>,
    surroundings: Arc<Surroundings>,
    /// What `ctx` of scripts on other hosts reaches.
    proxy: Arc<Proxy>,
    /// Folders that one operation at a time works in.
    locks: Locks,
}

impl Native {
    pub(crate) fn new(
        options: &Options,
        forks: Arc<Forks>,
        pauses: Pauses,
        surroundings: Arc<Surroundings>,
        proxy: Arc<Proxy>,
    ) -> Self {
        Self { forks, pauses, environment: options.environment.clone(), surroundings, proxy, locks: Locks::default() }
    }

    async fn run_operation(&self, plugin: Plugin, operation: &Arc<Operation>) -> Result<Value, Failure> {
        let task = Task::new(operation, &self.forks, &self.pauses).await?;
        let result = match plugin {
            Plugin::Ansible => ansible::run(self, &task).await,
            Plugin::Docker => docker::run(self, &task).await,
            Plugin::Helm => helm::run(self, &task).await,
            Plugin::Rest => bounded(operation, rest::run(&task)).await,
            Plugin::Ssh => ssh::run(self, &task).await,
            Plugin::Terraform => terraform::run(self, &task).await,
        };
        // What an operation has noted counts even if it failed afterwards.
        let noted = task.session.flush().await;
        result.and_then(|value| noted.map(|()| value))
    }
}

impl Executor for Native {
    fn run(&self, operation: Arc<Operation>) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let Some(plugin) = Plugin::of(&operation.request) else {
                return Outcome::Failed(Failure::fatal("an operation of no built-in plugin came to these"));
            };
            match self.run_operation(plugin, &operation).await {
                Ok(value) => Outcome::Done(value),
                Err(mut failure) => {
                    failure.message = operation.logs.redact(&failure.message).into_owned();
                    Outcome::Failed(failure)
                }
            }
        })
    }
}

/// Does work that starts no process, for as long as the operation may take.
async fn bounded(
    operation: &Operation,
    work: impl Future<Output = Result<Value, Failure>> + Send,
) -> Result<Value, Failure> {
    tokio::select! {
        done = work => done,
        () = operation.kill.cancelled() => Err(killed()),
        () = crate::process::past_deadline(operation) => Err(timed_out(operation)),
    }
}

/// What an operation comes to that its plugin does not have.
fn unknown(task: &Task, known: &[&str]) -> Failure {
    let context = &task.operation.request.context;
    let package = context.plugin.package_name.as_deref().unwrap_or_default();
    Failure::fatal(format!(
        "The built-in plugin {package} has no operation `{}`; it has {}. The plugin that runs it as Python code can be \
         uploaded and imported in its place.",
        context.task_name,
        known.join(", "),
    ))
}
