//! An operation on its way: the request and what it needs while it runs.

use nephele_client::{Client, Credentials};
use nephele_model::Secret;
use nephele_model::operation::{Context, Request};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::logs::Logs;
use crate::task_dir::TaskDir;

/// One attempt at one operation, at a workflow or at a hook.
pub struct Operation {
    /// What to run and for whom.
    pub request: Request,
    /// The manager, as this execution.
    pub client: Client,
    /// Fires when the operation must end at once.
    pub kill: CancellationToken,
    /// Set for a workflow: its context as it came, of which [`Request::context`] is a part.
    pub(crate) workflow: Option<Value>,
    /// Set for a hook: the event that it is to hear of.
    pub(crate) hook: Option<Value>,
    /// Bytes that its processes may hold together.
    pub(crate) memory: Option<u64>,
    pub(crate) logs: Logs,
    pub(crate) dir: TaskDir,
}

/// The caller of an operation's requests: its execution, or a user's token in old messages.
pub(crate) fn client_of(context: &Context, client: &Client) -> Client {
    let credentials = match (&context.execution_token, &context.rest_token) {
        (Some(token), _) => Credentials::Execution(Secret::new(token.clone())),
        (None, Some(token)) => Credentials::Token(Secret::new(token.clone())),
        (None, None) => Credentials::None,
    };
    client.with(credentials, Some(context.tenant.name.clone().into()))
}

/// The two ends of a relationship operation: (source, target), each (instance id, node name).
pub(crate) fn relationship_ends(context: &Context) -> Option<[(String, String); 2]> {
    let related = context.related.as_ref()?;
    let other = (related.node_id.clone(), related.node_name.clone());
    let own = (context.node_id.clone()?, context.node_name.clone()?);
    Some(if related.is_target { [own, other] } else { [other, own] })
}

/// What `SELF`, `SOURCE` and `TARGET` mean when inputs are evaluated.
pub(crate) fn evaluation_context(context: &Context) -> Value {
    match relationship_ends(context) {
        Some([source, target]) => {
            json!({"source": source.0, "target": target.0, "source_node": source.1, "target_node": target.1})
        }
        None => match &context.node_id {
            Some(instance) => json!({"self": instance}),
            None => json!({}),
        },
    }
}
