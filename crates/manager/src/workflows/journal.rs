//! The engine's journal on the store: one batch, one transaction, with the outbox in it.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use nephele_bus::{Message, topology};
use nephele_engine::Journal;
use nephele_model::operation::{CENTRAL, Context, Failure, Outcome, Request};
use nephele_model::task::JournalBatch;
use nephele_model::{Result, Secret};
use nephele_store::executions::Execution;
use nephele_store::{journal, outbox::NewMessage};

use crate::workflows::native::is_native;
use crate::{Manager, rows};

/// Writes the batches of one execution's run.
pub(super) struct ExecutionJournal {
    manager: Arc<Manager>,
    execution: Execution,
    token: Secret,
}

impl ExecutionJournal {
    /// `token` is what operations of the run show to the REST service.
    pub(super) fn new(manager: &Arc<Manager>, execution: &Execution, token: Secret) -> Self {
        Self { manager: manager.clone(), execution: execution.clone(), token }
    }

    /// The message for a worker: the request, with the way back to the manager added. What has
    /// nobody to run it is answered right away, on the way that all answers take.
    fn message(&self, request: &Request) -> NewMessage {
        let mut request = request.clone();
        let context = &mut request.context;
        context.rest_host = vec![self.manager.settings.host.clone()];
        context.rest_port = Some(self.manager.settings.port);
        context.rest_token = Some(self.token.expose().clone());
        context.execution_token = Some(self.token.expose().clone());
        if context.task_target.is_empty() {
            let answer = Message {
                body: Outcome::Failed(Failure::fatal(no_agent(context))).to_wire(),
                reply_to: None,
                correlation_id: Some(request.id.clone()),
            };
            return self.manager.own_row(&topology::responses(&self.execution.id), answer);
        }
        let address = if is_native(context) {
            topology::native_operations()
        } else if context.task_target == CENTRAL {
            topology::operations()
        } else {
            topology::agent_operations(context.tenant.name.as_str().into(), &context.task_target)
        };
        let message = Message {
            body: request.to_wire(),
            reply_to: Some(topology::response_key(&self.execution.id)),
            correlation_id: Some(request.id.clone()),
        };
        self.manager.own_row(&address, message)
    }
}

impl Journal for ExecutionJournal {
    fn record<'a>(&'a self, batch: &'a JournalBatch) -> BoxFuture<'a, Result<()>> {
        async move {
            let messages: Vec<NewMessage> = batch.dispatches.iter().map(|request| self.message(request)).collect();
            let sends = !messages.is_empty();
            let run = journal::Run::from(&self.execution).told_by(&self.manager.settings.hostname);
            journal::write(&self.manager.store, &run, batch, messages).await.map_err(rows::failed).inspect_err(
                |error| {
                    // The sooner it is known, the sooner operations end that nobody waits for.
                    if rows::is_fenced(error) {
                        self.manager.workflows.refused.notify_one();
                    }
                },
            )?;
            if sends {
                self.manager.workflows.wake();
            }
            Ok(())
        }
        .boxed()
    }
}

/// The reference's words for a host without an agent, and what to do.
fn no_agent(context: &Context) -> String {
    let host = context.host_id.as_deref().unwrap_or("the host");
    format!(
        "{host}: missing cloudify_agent.queue runtime information. This most likely means that the Compute node was \
         never started successfully. To run `{}` beside the manager, give it `executor: central_deployment_agent`",
        context.operation.name
    )
}
