//! Who runs an operation: the seam between the worker and the ways of running code.

use std::sync::Arc;

use futures::future::BoxFuture;
use nephele_model::operation::{Failure, Outcome, Request};

use crate::native::Plugin;
use crate::operation::Operation;

/// Runs operations of one kind.
pub trait Executor: Send + Sync {
    /// Runs one operation to its end. When [`Operation::kill`] fires it must end what it started
    /// and return soon; the outcome does not matter then.
    fn run(&self, operation: Arc<Operation>) -> BoxFuture<'_, Outcome>;
}

/// The executors at hand, by what the operation is.
pub(crate) struct Executors {
    pub(crate) native: Arc<dyn Executor>,
    pub(crate) script: Arc<dyn Executor>,
    pub(crate) python: Arc<dyn Executor>,
}

impl Executors {
    pub(crate) fn of(&self, request: &Request) -> Arc<dyn Executor> {
        let task = request.context.task_name.as_str();
        if task.starts_with("cloudify_agent.") {
            return Arc::new(NoAgents);
        }
        if Plugin::of(request).is_some() {
            return Arc::clone(&self.native);
        }
        let is_program = task == crate::script::TASK && !crate::script::is_evaluated(request);
        Arc::clone(if is_program { &self.script } else { &self.python })
    }
}

/// Says what to do about operations that install agents.
struct NoAgents;

impl Executor for NoAgents {
    fn run(&self, operation: Arc<Operation>) -> BoxFuture<'_, Outcome> {
        let context = &operation.request.context;
        let message = format!(
            "Operation `{}` cannot run: it is `{}` of plugin `{}`, and installing agents is not supported yet. Set the \
             node's property `agent_config.install_method` to `none` and run its operations beside the manager (executor \
             `central_deployment_agent`).",
            context.operation.name, context.task_name, context.plugin.name
        );
        Box::pin(futures::future::ready(Outcome::Failed(Failure::fatal(message))))
    }
}
