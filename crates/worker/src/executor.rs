//! Who runs an operation: the seam between the worker and the ways of running code.

use std::sync::Arc;

use futures::future::BoxFuture;
use nephele_model::operation::{Failure, Outcome, Severity};

use crate::operation::Operation;

/// Runs operations of one kind.
pub trait Executor: Send + Sync {
    /// Runs one operation to its end. When [`Operation::kill`] fires it must end what it started
    /// and return soon; the outcome does not matter then.
    fn run(&self, operation: Arc<Operation>) -> BoxFuture<'_, Outcome>;
}

/// The executors at hand, by the operation's task.
pub(crate) struct Executors {
    script: Arc<dyn Executor>,
    unavailable: Arc<dyn Executor>,
}

impl Executors {
    pub(crate) fn new(script: Arc<dyn Executor>) -> Self {
        Self { script, unavailable: Arc::new(Unavailable) }
    }

    pub(crate) fn of(&self, task_name: &str) -> Arc<dyn Executor> {
        Arc::clone(if task_name == crate::script::TASK { &self.script } else { &self.unavailable })
    }
}

/// Says why an operation cannot run here, and what to do about it.
struct Unavailable;

impl Executor for Unavailable {
    fn run(&self, operation: Arc<Operation>) -> BoxFuture<'_, Outcome> {
        let context = &operation.request.context;
        let (name, task, plugin) = (&context.operation.name, &context.task_name, &context.plugin.name);
        let advice = if task.starts_with("cloudify_agent.") {
            "installing agents is not supported yet. Set the node's property `agent_config.install_method` to `none` \
             and run its operations beside the manager (executor `central_deployment_agent`)"
        } else {
            "this manager runs operations of the built-in plugin `script` only. Map the operation to a script of the \
             blueprint, or remove it"
        };
        let message = format!("Operation `{name}` cannot run: it is `{task}` of plugin `{plugin}`, and {advice}.");
        let failure = Failure::new(Severity::Fatal, "NonRecoverableError", message);
        Box::pin(futures::future::ready(Outcome::Failed(failure)))
    }
}
