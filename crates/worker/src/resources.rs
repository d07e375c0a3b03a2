//! Files that belong to a deployment or its blueprint, fetched from the manager's file server.
//!
//! The order of places is spec workflows.md section 3.4. Scripts of one execution are fetched once:
//! hundreds of instances of a node run the same few.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use nephele_client::{Client, Error};
use nephele_model::operation::{Context, Failure, Severity};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::operation::Operation;

/// Marks a path into an imported blueprint: `namespace--path`.
const NAMESPACE: &str = "--";
/// Scripts that are kept.
const REMEMBERED: usize = 128;

/// A failed download: the addresses that were tried, the HTTP status, the reason.
#[derive(Debug)]
pub(crate) struct HttpError {
    url: String,
    status: u16,
    reason: String,
}

impl std::fmt::Display for HttpError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} ({}) : {}", self.status, self.url, self.reason)
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        Self::new(Severity::Fatal, "HttpException", error.to_string())
    }
}

/// Fetches a file by its path in the deployment or blueprint.
pub(crate) async fn fetch(operation: &Operation, path: &str) -> Result<Vec<u8>, HttpError> {
    let context = &operation.request.context;
    // The file server knows the tenant from the path.
    let files = operation.client.with_tenant(None);
    let tenant = &context.tenant.name;
    let mut blueprint = context.blueprint_id.clone();
    let mut path = path;
    if let Some((namespace, rest)) = path.rsplit_once(NAMESPACE) {
        if let Some(mapped) = imported_blueprint(&operation.client, context, namespace).await {
            blueprint = Some(mapped);
        }
        path = rest;
    }
    let mut tried = Vec::new();
    if let Some(deployment) = &context.deployment_id {
        let place = format!("deployments/{tenant}/{deployment}/{path}");
        if let Some(content) = attempt(&files, place, &mut tried).await? {
            return Ok(content);
        }
    }
    if let Some(blueprint) = &blueprint {
        let tenant = blueprint_tenant(&operation.client, blueprint).await.unwrap_or_else(|| tenant.clone());
        let place = format!("blueprints/{tenant}/{blueprint}/{path}");
        if let Some(content) = attempt(&files, place, &mut tried).await? {
            return Ok(content);
        }
    }
    if let Some(content) = attempt(&files, path.to_owned(), &mut tried).await? {
        return Ok(content);
    }
    Err(HttpError { url: tried.join(","), status: 404, reason: format!("Resource not found: {path}") })
}

/// Tries one place. `None` means that the file is not there and the next place is due.
async fn attempt(files: &Client, place: String, tried: &mut Vec<String>) -> Result<Option<Vec<u8>>, HttpError> {
    let url = format!("{}/resources/{}", files.base(), place.trim_start_matches('/'));
    match files.resources().get(&place).await {
        Ok(content) => return Ok(Some(content.into())),
        Err(Error::Refused { status, message, .. }) if status != 404 => {
            return Err(HttpError { url, status, reason: message });
        }
        Err(_) => tried.push(url),
    }
    Ok(None)
}

/// A global blueprint's files lie under the tenant that owns it.
async fn blueprint_tenant(client: &Client, blueprint: &str) -> Option<String> {
    let found = client.blueprints().get(blueprint, &[("_include", "visibility,tenant_name")]).await.ok()?;
    (found["visibility"] == "global").then(|| found["tenant_name"].as_str().map(str::to_owned))?
}

async fn imported_blueprint(client: &Client, context: &Context, namespace: &str) -> Option<String> {
    let blueprint = context.blueprint_id.as_deref()?;
    let found: Value = client.blueprints().get(blueprint, &[("_include", "plan")]).await.ok()?;
    found["plan"]["namespaces_mapping"][namespace].as_str().map(str::to_owned)
}

/// The scripts of recent executions.
#[derive(Default)]
pub(crate) struct Scripts(Mutex<Shelf>);

type Slot = Arc<OnceCell<Arc<Vec<u8>>>>;
type Key = (String, String);

#[derive(Default)]
struct Shelf {
    slots: HashMap<Key, Slot>,
    order: VecDeque<Key>,
}

impl Scripts {
    /// The script at `path`, fetched at most once per execution; others wait for the first.
    pub(crate) async fn get(&self, operation: &Operation, path: &str) -> Result<Arc<Vec<u8>>, HttpError> {
        let slot = self.slot((operation.request.context.execution_id.clone(), path.to_owned()));
        let content = slot.get_or_try_init(|| async { fetch(operation, path).await.map(Arc::new) }).await?;
        Ok(Arc::clone(content))
    }

    fn slot(&self, key: Key) -> Slot {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = shelf.slots.get(&key) {
            return Arc::clone(slot);
        }
        if shelf.order.len() == REMEMBERED
            && let Some(oldest) = shelf.order.pop_front()
        {
            shelf.slots.remove(&oldest);
        }
        shelf.order.push_back(key.clone());
        Arc::clone(shelf.slots.entry(key).or_default())
    }
}
