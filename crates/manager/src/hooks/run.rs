//! Running hooks: from the note of an event to the end of what it set off, on a worker.
//!
//! Invariant: the note stays until the worker has answered, so what a crash interrupts is run again; what failed is not.
//! Hooks of one execution run in the order of its events. Each is given a token of whoever started the execution, which
//! ends with the hook, or with this process if that does not see the hook's end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nephele_bus::{Message, topology};
use nephele_model::event::{NewLog, Origin};
use nephele_model::operation::{Context, Failure, Outcome, Plugin, Request, TenantRef};
use nephele_model::{Error, Result, Secret};
use nephele_store::hooks as rows;
use nephele_store::journal::Run;
use nephele_store::{Actor, events, executions, plugins};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::file::Hook;
use crate::auth::Credentials;
use crate::rows::{failed, is_passing};
use crate::workflows::catalog;
use crate::{Ctx, Manager};

/// Hooks that run at the same time.
const AT_ONCE: usize = 5;
/// Rest after a failure, and the longest time a note waits when a word of it was missed.
const REST: Duration = Duration::from_secs(1);
/// For a worker to take a hook up and to answer, beside the time that the hook may take.
const GRACE: Duration = Duration::from_mins(1);
/// The task that runs a program.
const PROGRAM: &str = "script_runner.tasks.run";
/// What functions of hooks see as their target, as in the original.
const TARGET: &str = "cloudify-hooks";

/// Takes a row off the list of what is being run.
struct Turn(Arc<Manager>, i64);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.hooks.under_way().remove(&self.1);
        self.0.hooks.changed.notify_one();
    }
}

impl Manager {
    /// Runs hooks until `shutdown`. What is being run then is run again at the next start.
    pub async fn run_hooks(self: Arc<Self>, shutdown: CancellationToken) {
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        while let Some(Ok(slot)) = shutdown.run_until_cancelled(Arc::clone(&slots).acquire_owned()).await {
            // What is wrong in the file is to be told before somebody waits for a hook in vain.
            self.hooks.present();
            let next = self.next_hook().await.unwrap_or_else(|error| {
                tracing::warn!(?error, "hooks wait for the database");
                None
            });
            let Some(noted) = next else {
                drop(slot);
                let changed = tokio::time::timeout(REST, self.hooks.changed.notified());
                let _ = shutdown.run_until_cancelled(changed).await;
                continue;
            };
            let turn = Turn(Arc::clone(&self), noted.storage_id);
            let work = async move {
                let Turn(manager, _) = &turn;
                // What a hook changes, it changes on behalf of whoever started its execution.
                let actor = Actor {
                    username: Some(noted.username.to_string()),
                    execution_id: Some(noted.execution_id.to_string()),
                    lease: None,
                };
                actor.act(Box::pin(manager.run_hook(&noted))).await;
                drop(slot);
            };
            tokio::spawn(shutdown.clone().run_until_cancelled_owned(work));
        }
    }

    async fn next_hook(&self) -> Result<Option<rows::Hook>> {
        let under_way: Vec<i64> = self.hooks.under_way().iter().copied().collect();
        let next = rows::next(&*self.store, self.process(), &under_way).await.map_err(failed)?;
        self.hooks.under_way().extend(next.iter().map(|noted| noted.storage_id));
        Ok(next)
    }

    /// Runs one hook, tells of its failure, and forgets the event.
    async fn run_hook(&self, noted: &rows::Hook) {
        let hook: Result<Hook> = noted.hook.parse().map_err(failed);
        let outcome = match &hook {
            Ok(hook) => self.perform_hook(noted, hook).await,
            Err(error) => Err(Error::internal(error.to_string())),
        };
        let problem = match outcome {
            Ok(Outcome::Done(_)) => None,
            Ok(Outcome::Failed(failure)) => Some(failure.message),
            Err(error) => Some(error.message().to_owned()),
        };
        let name = hook.map_or_else(|_| "unreadable".to_owned(), |hook| hook.implementation);
        match &problem {
            None => tracing::info!(hook = name, execution = %noted.execution_id, "a hook has run"),
            Some(problem) => tracing::error!(hook = name, execution = %noted.execution_id, problem, "a hook failed"),
        }
        let line = problem.map(|problem| {
            let event = noted.event.value().unwrap_or_default();
            let event = event["event_type"].as_str().unwrap_or_default();
            format!("The hook `{name}` for {event} failed: {problem}")
        });
        while let Err(error) = self.settle_hook(noted, line.clone()).await {
            tracing::warn!(?error, "the end of a hook could not be noted; trying again");
            tokio::time::sleep(REST).await;
        }
    }

    /// Forgets the event, and writes a line into the log of the execution if that is still there.
    async fn settle_hook(&self, noted: &rows::Hook, line: Option<String>) -> Result<()> {
        let tx = self.begin_write().await?;
        rows::delete(&tx, noted.storage_id).await.map_err(failed)?;
        if let Some(message) = line
            && let Some(execution) = executions::by_id(&tx, &noted.execution_id).await.map_err(failed)?
        {
            let line = NewLog {
                logger: "hooks".to_owned(),
                level: "error".to_owned(),
                message,
                origin: Origin::default(),
                timestamp: self.clock.now(),
                reported: None,
            };
            let run = Run::from(&execution).told_by(&self.settings.hostname);
            events::insert(&tx, &run, &[], &[line]).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)
    }

    /// Has a worker run a hook with a token of its own. An error is a reason why that cannot be.
    async fn perform_hook(&self, noted: &rows::Hook, hook: &Hook) -> Result<Outcome> {
        loop {
            match self.try_hook(noted, hook).await {
                Err(error) if is_passing(&error) => tokio::time::sleep(REST).await,
                ended => return ended,
            }
        }
    }

    async fn try_hook(&self, noted: &rows::Hook, hook: &Hook) -> Result<Outcome> {
        let internal = Ctx::internal(noted.tenant_name.clone(), noted.tenant_id);
        let ctx = Ctx { user_id: noted.user_id, username: noted.username.clone(), ..internal };
        let description = format!("Hook rest token: {} {}.", hook.implementation, noted.execution_id);
        let ends = format!("+{} seconds", (limit(hook) + GRACE).as_secs());
        let token = self.create_token_here(&ctx, description, &ends).await?;
        let outcome = self.hand_over(noted, hook, token["value"].as_str().unwrap_or_default()).await;
        // It may have been deleted by the hook itself; where it cannot be now, it ends by itself or with this process.
        if let Err(error) = self.delete_token(&ctx, token["id"].as_str().unwrap_or_default()).await {
            tracing::debug!(?error, "the token of a hook could not be deleted");
        }
        outcome
    }

    /// Asks a worker, and waits for its answer.
    async fn hand_over(&self, noted: &rows::Hook, hook: &Hook, token: &str) -> Result<Outcome> {
        let mut event = noted.event.value().map_err(failed)?;
        event["rest_token"] = token.into();
        let request = self.request_of(noted, hook, token, &event).await?;
        let mut body = request.to_wire();
        body["cloudify_task"]["args"] = json!([event]);
        let answers = topology::hooks().answer(&request.id);
        let mut subscription = self.bus.subscribe(answers.clone(), 1).await.map_err(Error::internal)?;
        let number = Some(request.id.clone());
        let message = Message { body, reply_to: number.clone(), correlation_id: number };
        self.bus.publish(topology::hooks(), message).await.map_err(Error::internal)?;
        let answer = tokio::time::timeout(limit(hook) + GRACE, subscription.next()).await;
        let outcome = match answer {
            Ok(Some(answer)) => {
                let outcome = Outcome::from_wire(&answer.message.body);
                answer.ack().await.map_err(Error::internal)?;
                outcome
            }
            _ => Outcome::Failed(Failure::fatal("No worker has answered in time")),
        };
        self.bus.remove(answers).await.map_err(Error::internal)?;
        Ok(outcome)
    }

    /// The hook as a task: a program, or a function of a plugin or of the base environment.
    async fn request_of(&self, noted: &rows::Hook, hook: &Hook, token: &str, event: &Value) -> Result<Request> {
        let mut context = Context {
            kind: "hook".to_owned(),
            task_id: format!("hook-{}", uuid::Uuid::new_v4()),
            execution_id: noted.execution_id.to_string(),
            tenant: TenantRef { name: noted.tenant_name.to_string() },
            timeout: Some(hook.timeout),
            rest_host: vec![self.settings.host.clone()],
            rest_port: Some(self.settings.port),
            rest_token: Some(token.to_owned()),
            task_target: TARGET.to_owned(),
            ..Context::default()
        };
        let mut inputs = hook.inputs.clone();
        if hook.implementation.contains('/') {
            PROGRAM.clone_into(&mut context.task_name);
            add_program(&mut inputs, self.hooks.folder(), &hook.implementation, event);
        } else if let Some((plugin, function)) = self.plugin_of_hook(noted, hook, token).await? {
            context.plugin = plugin;
            function.clone_into(&mut context.task_name);
        } else {
            context.task_name.clone_from(&hook.implementation);
        }
        Ok(Request { id: context.task_id.clone(), context, inputs })
    }

    /// The newest plugin that the function's first name is the package of, and the rest of the name.
    async fn plugin_of_hook<'a>(
        &self,
        noted: &rows::Hook,
        hook: &'a Hook,
        token: &str,
    ) -> Result<Option<(Plugin, &'a str)>> {
        let Some((package, function)) = hook.implementation.split_once('.') else { return Ok(None) };
        let credentials = Credentials { token: Some(Secret::new(token.to_owned())), ..Credentials::default() };
        let ctx = self.authenticate(&credentials, Some(&noted.tenant_name), String::new()).await?;
        let scope = self.scope(&ctx, false).await?;
        let known = plugins::of_package(&*self.store, &scope, package).await.map_err(failed)?;
        Ok(catalog::newest(known).map(|plugin| {
            let plugin = Plugin {
                name: package.to_owned(),
                package_name: Some(plugin.package_name),
                package_version: plugin.package_version,
                visibility: Some(plugin.visibility.as_str().to_owned()),
                ..Plugin::default()
            };
            (plugin, function)
        }))
    }
}

/// Adds the inputs that have a program run in its place, with the event as JSON among its variables.
fn add_program(inputs: &mut Map<String, Value>, folder: &Path, program: &str, event: &Value) {
    let program = folder.join(program).display().to_string().replace('\'', r"'\''");
    inputs.insert("script_source".to_owned(), format!("#!/bin/sh\nexec '{program}' \"$@\"\n").into());
    inputs.insert("hook_context".to_owned(), event.clone());
    let process = inputs.entry("process").or_insert_with(|| json!({}));
    if let Some(process) = process.as_object_mut() {
        process.entry("cwd").or_insert_with(|| folder.display().to_string().into());
    }
}

/// The time that a hook has.
fn limit(hook: &Hook) -> Duration {
    Duration::from_secs_f64(hook.timeout)
}
