//! Lines and events that operations write, sent to the manager in batches.
//!
//! Invariant: one operation's lines arrive in the order in which they were written, and all of
//! them before its answer ([`Logs::flush`]). A line waits at most [`DELAY`]; a writer that is
//! faster than the manager is held up ([`Logs::room`]); no request exceeds [`LARGEST`] by much.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use nephele_client::Client;
use nephele_model::Clock;
use nephele_model::operation::Context;
use serde_json::{Value, json};

use crate::operation::relationship_ends;

const DELAY: Duration = Duration::from_millis(50);
/// Lines that may wait before the writer is held up.
const CAPACITY: usize = 2000;
/// What stands in place of a secret.
pub(crate) const HIDDEN: &str = "********";
const SHORTEST_SECRET: usize = 4;
/// Bytes of one request; the manager refuses much larger ones.
const LARGEST: usize = 512 * 1024;

/// The lines and events of one operation. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Logs(Arc<Inner>);

struct Inner {
    waiting: Mutex<Batch>,
    /// Held while a batch is on its way, so that batches keep their order.
    sending: tokio::sync::Mutex<()>,
    client: Client,
    clock: Arc<dyn Clock>,
    execution: String,
    manager_name: String,
    logger: String,
    context: Value,
    /// Texts that no line shows.
    hidden: RwLock<Vec<String>>,
}

#[derive(Default)]
struct Batch {
    logs: Vec<Value>,
    events: Vec<Value>,
    timer_runs: bool,
}

impl Logs {
    pub(crate) fn new(client: Client, clock: Arc<dyn Clock>, manager_name: String, context: &Context) -> Self {
        Self(Arc::new(Inner {
            waiting: Mutex::default(),
            sending: tokio::sync::Mutex::default(),
            client,
            clock,
            execution: context.execution_id.clone(),
            manager_name,
            logger: format!("ctx.{}", context.task_id),
            context: message_context(context),
            hidden: RwLock::default(),
        }))
    }

    /// Keeps a text out of all that is logged from now on, line by line. Very short ones would make lines
    /// unreadable and are no secrets.
    pub(crate) fn hide(&self, secret: &str) {
        let mut hidden = self.0.hidden.write().unwrap_or_else(PoisonError::into_inner);
        for line in secret.lines().map(str::trim).filter(|line| line.chars().count() >= SHORTEST_SECRET) {
            if !hidden.iter().any(|known| known == line) {
                hidden.push(line.to_owned());
            }
        }
        // A secret that holds another one goes first.
        hidden.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// The text without what is to be hidden.
    pub(crate) fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let hidden = self.0.hidden.read().unwrap_or_else(PoisonError::into_inner);
        hidden.iter().fold(Cow::Borrowed(text), |text, secret| {
            if text.contains(secret.as_str()) { Cow::Owned(text.replace(secret.as_str(), HIDDEN)) } else { text }
        })
    }

    pub(crate) fn log(&self, level: &str, text: &str) {
        let text = self.redact(text);
        let line = json!({
            "context": self.0.context, "logger": self.0.logger, "level": level, "message": {"text": text},
            "timestamp": self.0.clock.now(), "message_code": null, "type": "cloudify_log",
        });
        self.add(|batch| batch.logs.push(line));
    }

    pub(crate) fn info(&self, text: &str) {
        self.log("info", text);
    }

    /// An event of the kind that operations send themselves.
    pub(crate) fn event(&self, text: &str) {
        let event = json!({
            "event_type": "plugin_event", "context": self.0.context, "message": {"text": text, "arguments": null},
            "timestamp": self.0.clock.now(), "message_code": null, "type": "cloudify_event",
        });
        self.add(|batch| batch.events.push(event));
    }

    fn add(&self, add: impl FnOnce(&mut Batch)) {
        let mut batch = self.waiting();
        add(&mut batch);
        if std::mem::replace(&mut batch.timer_runs, true) {
            return;
        }
        drop(batch);
        let logs = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(DELAY).await;
            logs.flush().await;
        });
    }

    /// Returns once there is room for more. Safe to cancel.
    pub(crate) async fn room(&self) {
        if self.waiting().logs.len() >= CAPACITY {
            self.flush().await;
        }
    }

    /// Returns once everything written so far has reached the manager, or was refused by it.
    pub(crate) async fn flush(&self) {
        let logs = self.clone();
        // On a task of its own, so that a caller who stops waiting does not lose the batch.
        let sent = tokio::spawn(async move { logs.send().await }).await;
        if let Err(error) = sent {
            tracing::error!(%error, "sending logs ended abnormally");
        }
    }

    async fn send(&self) {
        let _order = self.0.sending.lock().await;
        let batch = std::mem::take(&mut *self.waiting());
        let mut events = batch.events;
        for logs in portions(batch.logs) {
            self.post(std::mem::take(&mut events), logs).await;
        }
        if !events.is_empty() {
            self.post(events, Vec::new()).await;
        }
    }

    async fn post(&self, events: Vec<Value>, logs: Vec<Value>) {
        let list = |items: Vec<Value>| if items.is_empty() { Value::Null } else { Value::Array(items) };
        let body = json!({
            "execution_id": self.0.execution, "manager_name": self.0.manager_name, "agent_name": null,
            "events": list(events), "logs": list(logs),
        });
        match self.0.client.events().post(&body).await {
            // The execution was cancelled and its token with it: nobody asks for these any more.
            Ok(()) | Err(nephele_client::Error::Refused { status: 401 | 403, .. }) => {}
            Err(error) => tracing::warn!(execution = self.0.execution, %error, "logs of an operation are lost"),
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Batch> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts a list of lines into portions that fit into a request each.
fn portions(logs: Vec<Value>) -> Vec<Vec<Value>> {
    /// What a line has beside its text, roughly.
    const FRAME: usize = 1024;
    let mut portions: Vec<Vec<Value>> = Vec::new();
    let mut size = LARGEST;
    for log in logs {
        let length = FRAME + log["message"]["text"].as_str().map_or(0, str::len);
        size += length;
        match portions.last_mut() {
            Some(last) if size <= LARGEST => last.push(log),
            _ => {
                size = length;
                portions.push(vec![log]);
            }
        }
    }
    portions
}

/// The `context` of logs and events, spec workflows.md section 3.3.
fn message_context(context: &Context) -> Value {
    let mut message = json!({
        "blueprint_id": context.blueprint_id, "deployment_id": context.deployment_id,
        "execution_id": context.execution_id, "workflow_id": context.workflow_id,
        "task_id": context.task_id, "task_name": context.task_name,
        "task_queue": context.task_queue, "task_target": context.task_target,
        "operation": context.operation.name, "plugin": context.plugin.name,
        "tenant": {"name": context.tenant.name},
    });
    if let Some([source, target]) = relationship_ends(context) {
        message["source_id"] = json!(source.0);
        message["source_name"] = json!(source.1);
        message["target_id"] = json!(target.0);
        message["target_name"] = json!(target.1);
    } else if context.node_id.is_some() {
        message["node_id"] = json!(context.node_id);
        message["node_name"] = json!(context.node_name);
    }
    message
}
