//! Python operations and workflows: each runs in a process of its own, with the interpreter of its plugin.
//!
//! The process is the unmodified dispatcher of `cloudify-common`, and talks to the worker through
//! files in the task's folder (spec workflows.md section 2): the worker leaves `input.json`, the
//! dispatcher `output.json`. The way of an operation: which interpreter ([`crate::plugins`], [`base`]),
//! what is around it ([`surroundings`]), the process, which is a fork of a warm interpreter where that can be
//! ([`hosts`]), and what it comes to ([`verdict`]).

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use futures::future::BoxFuture;
use nephele_model::operation::{Context, Failure, Outcome};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::Options;
use crate::executor::Executor;
use crate::forks::Forks;
use crate::intake::client_failure;
use crate::operation::Operation;
use crate::plugins::{Plugins, place};
use crate::process::{self, Event, killed, timed_out, too_large};
use crate::python::base::Base;
use crate::python::hosts::Hosts;
use crate::python::interpreter::Interpreter;
use crate::python::output::Output;
use crate::python::surroundings::Surroundings;

pub(crate) mod base;
mod host;
mod hosts;
pub(crate) mod interpreter;
mod output;
pub(crate) mod surroundings;
mod verdict;

/// What is logged of a process that somebody else ended by force.
const KILLED_FROM_OUTSIDE: &str = "The operation's process was killed from outside (signal 9). The system does that when \
    memory runs out: `dmesg` tells. The setting `operation_memory` keeps one operation from taking all of it.";

/// Runs Python operations.
pub(crate) struct Python {
    base: Arc<Base>,
    plugins: Arc<Plugins>,
    surroundings: Arc<Surroundings>,
    hosts: Hosts,
    forks: Arc<Forks>,
    /// The folder of the deployments' logs.
    logs: PathBuf,
}

impl Python {
    pub(crate) fn new(
        options: &Options,
        base: Arc<Base>,
        plugins: Arc<Plugins>,
        surroundings: Arc<Surroundings>,
        forks: Arc<Forks>,
    ) -> Self {
        let hosts = Hosts::new(Arc::clone(&forks), Arc::clone(&surroundings));
        Self { base, plugins, surroundings, hosts, forks, logs: options.work_dir.join("logs") }
    }

    async fn run_operation(&self, operation: &Operation) -> Result<Value, Failure> {
        let interpreter = tokio::select! {
            found = self.plugins.interpreter_of(operation) => found?,
            () = operation.kill.cancelled() => return Err(killed()),
        };
        let base = self.base.get(&operation.request.id).await?;
        self.leave_input(operation).await?;
        let output = Output::new(operation.dir.path());
        let event = self.run_process(operation, &interpreter, base, &output).await;
        let said = match output.keep(&self.log_of(operation)) {
            Ok(said) => said,
            Err(error) => {
                tracing::warn!(task = operation.request.id, %error, "the output of an operation is not logged");
                String::new()
            }
        };
        match event.map_err(|error| Failure::recoverable(format!("{}: {error}", interpreter.program.display())))? {
            Event::Killed => Err(killed()),
            Event::TimedOut => Err(timed_out(operation)),
            Event::TooLarge(held) => Err(too_large(operation, held)),
            Event::Exited(status) => {
                let code = process::code(status);
                if code != 0 && operation.workflow.is_some() {
                    return Err(verdict::silent(code, &said));
                }
                if code != 0 && !said.is_empty() {
                    operation.logs.log("error", &format!("The end of what the operation wrote:\n{said}"));
                }
                if code == -9 {
                    operation.logs.log("error", KILLED_FROM_OUTSIDE);
                }
                match verdict::judge(code, &operation.dir.path().join("output.json")) {
                    Outcome::Done(result) => Ok(result),
                    Outcome::Failed(failure) => Err(failure),
                }
            }
        }
    }

    /// Writes what the dispatcher reads.
    async fn leave_input(&self, operation: &Operation) -> Result<(), Failure> {
        let context = if let Some(context) = &operation.workflow {
            self.surroundings.prepare_workflow(operation).await?;
            context.clone()
        } else {
            let mut context = json!(self.context_of(operation).await?);
            // The same for all operations, and told by the original.
            context["__cloudify_context"] = json!("0.3");
            context["local"] = json!(false);
            if operation.hook.is_some() {
                context["no_ctx_kwarg"] = json!(true);
            }
            context
        };
        let args: Vec<&Value> = operation.hook.iter().collect();
        let input = json!({"cloudify_context": context, "args": args, "kwargs": operation.request.inputs});
        let folder = operation.dir.path();
        let deployment = self.folder_of(operation)?;
        let written = deployment
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(folder.join("input.json"), input.to_string()));
        written.map_err(|error| {
            Failure::recoverable(format!("The worker cannot prepare the operation in {}: {error}", folder.display()))
        })
    }

    /// The context that an operation sees.
    async fn context_of(&self, operation: &Operation) -> Result<Context, Failure> {
        let mut context = operation.request.context.clone();
        context.plugin.properties = self.properties_of(operation).await?;
        // They have been evaluated on the way here.
        context.has_intrinsic_functions = false;
        // A script that was interrupted is run again, in whatever language it is written.
        context.resume &= context.task_name != crate::script::TASK;
        Ok(context)
    }

    /// The properties of the plugin, evaluated for the deployment.
    async fn properties_of(&self, operation: &Operation) -> Result<Option<Value>, Failure> {
        let context = &operation.request.context;
        let (Some(properties @ Value::Object(written)), Some(deployment)) =
            (&context.plugin.properties, &context.deployment_id)
        else {
            return Ok(context.plugin.properties.clone());
        };
        if written.is_empty() {
            return Ok(Some(properties.clone()));
        }
        let evaluated = operation.client.evaluate().functions(deployment, &json!({}), properties).await;
        evaluated.map(Some).map_err(|error| client_failure(&error))
    }

    /// The working folder of the operation's deployment.
    fn folder_of(&self, operation: &Operation) -> Result<Option<PathBuf>, Failure> {
        let context = &operation.request.context;
        let Some(deployment) = &context.deployment_id else { return Ok(None) };
        let (tenant, deployment) = (place::name(&context.tenant.name)?, place::name(deployment)?);
        Ok(Some(self.surroundings.of_deployment(tenant, deployment)))
    }

    /// The log of the operation's deployment.
    fn log_of(&self, operation: &Operation) -> PathBuf {
        let context = &operation.request.context;
        let deployment = context.deployment_id.as_deref().unwrap_or("__system__");
        self.logs.join(&context.tenant.name).join(format!("{deployment}.log"))
    }

    async fn run_process(
        &self,
        operation: &Operation,
        interpreter: &Interpreter,
        base: &Interpreter,
        output: &Output,
    ) -> std::io::Result<Event> {
        let mut variables = self.surroundings.variables(operation, interpreter, base);
        if operation.workflow.is_some() {
            variables.extend(self.surroundings.of_workflow(operation));
        }
        if let Some(forked) = self.hosts.fork(operation, interpreter, &variables, output).await {
            return process::follow(operation, forked.group, forked.wait(), output.bound()).await;
        }
        let mut command = Command::new(&interpreter.program);
        command.args(["-u", "-c", host::PROGRAM]).arg(operation.dir.path());
        command.env_clear().envs(variables);
        command.current_dir(self.surroundings.work()).process_group(0).stdin(Stdio::null());
        command.stdout(output.writer()?).stderr(output.writer()?);
        let mut child = self.forks.spawn(&mut command).await?;
        process::follow(operation, process::group(&child)?, child.wait(), output.bound()).await
    }
}

impl Executor for Python {
    fn run(&self, operation: Arc<Operation>) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            match self.run_operation(&operation).await {
                Ok(value) => Outcome::Done(value),
                Err(failure) => Outcome::Failed(failure),
            }
        })
    }
}
