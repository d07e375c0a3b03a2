//! The few REST calls that running an operation makes, answered from memory, so that a worker can be
//! tried without a manager. The end-to-end tests run it against the real one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the manager knows, and what it was told.
#[derive(Default)]
pub(crate) struct Known {
    /// Statuses by execution, or `refused` for one that takes no token; others are started.
    pub(crate) executions: HashMap<String, &'static str>,
    /// The one token that counts; any, when absent.
    pub(crate) token: Option<&'static str>,
    pub(crate) instances: BTreeMap<String, Value>,
    pub(crate) properties: Value,
    pub(crate) files: HashMap<String, String>,
    /// Paths below `/resources` that were asked for.
    pub(crate) asked: Vec<String>,
    /// `(task, state)` as reported.
    pub(crate) reported: Vec<(String, String)>,
    pub(crate) logs: Vec<(String, String)>,
    pub(crate) events: Vec<Value>,
}

#[derive(Clone, Default)]
pub(crate) struct Manager(Arc<Mutex<Known>>);

impl Manager {
    /// Serves on a free port until the test ends, and returns the address.
    pub(crate) async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let router = Router::new()
            .route("/api/v3.1/executions/{id}", get(execution))
            .route("/api/v3.1/operations/{id}", patch(report))
            .route("/api/v3.1/events", post(events))
            .route("/api/v3.1/node-instances/{id}", get(instance).patch(update))
            .route("/api/v3.1/nodes", get(nodes))
            .route("/api/v3.1/plugins", get(|| async { Json(list(vec![])) }))
            .route("/api/v3.1/blueprints/{id}", get(|| async { Json(json!({"visibility": "tenant"})) }))
            .route("/api/v3.1/evaluate/functions", post(evaluate))
            .route("/resources/{*path}", get(resource))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().expect("no test panics while it holds this")
    }

    /// The texts of all logs, in the order of arrival.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.known().logs.iter().map(|(_, text)| text.clone()).collect()
    }
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({"message": message, "error_code": code, "server_traceback": null}))).into_response()
}

fn unauthorized() -> Response {
    refuse(StatusCode::UNAUTHORIZED, "unauthorized_error", "User unauthorized: Unauthorized")
}

/// The answer to a token of an earlier run.
fn refused(known: &Known, headers: &HeaderMap) -> Option<Response> {
    let token = headers.get("Execution-Token").and_then(|token| token.to_str().ok());
    let counts = known.token.is_none() || known.token == token;
    (!counts).then(unauthorized)
}

async fn execution(State(manager): State<Manager>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let known = manager.known();
    match known.executions.get(&id).copied().unwrap_or("started") {
        "refused" => unauthorized(),
        status => {
            refused(&known, &headers).unwrap_or_else(|| Json(json!({"id": id, "status": status})).into_response())
        }
    }
}

async fn report(
    State(manager): State<Manager>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let mut known = manager.known();
    let refused = refused(&known, &headers);
    if refused.is_none() {
        let state = body["state"].as_str().unwrap_or_default().to_owned();
        known.reported.push((id, state));
    }
    refused.unwrap_or_else(|| Json(json!({})).into_response())
}

async fn events(State(manager): State<Manager>, Json(body): Json<Value>) -> Response {
    let mut known = manager.known();
    for log in body["logs"].as_array().into_iter().flatten() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        known.logs.push((text(&log["level"]), text(&log["message"]["text"])));
    }
    known.events.extend(body["events"].as_array().into_iter().flatten().cloned());
    (StatusCode::CREATED, Json(json!({}))).into_response()
}

async fn instance(State(manager): State<Manager>, Path(id): Path<String>) -> Response {
    match manager.known().instances.get(&id) {
        Some(instance) => Json(instance.clone()).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "not_found_error", "no such instance"),
    }
}

async fn update(State(manager): State<Manager>, Path(id): Path<String>, Json(body): Json<Value>) -> Response {
    let mut known = manager.known();
    let Some(instance) = known.instances.get_mut(&id) else {
        return refuse(StatusCode::NOT_FOUND, "not_found_error", "no such instance");
    };
    let version = instance["version"].as_i64().unwrap_or_default();
    if version > body["version"].as_i64().unwrap_or_default() {
        return refuse(StatusCode::CONFLICT, "conflict_error", "Node instance update conflict");
    }
    instance["version"] = json!(version + 1);
    instance["runtime_properties"] = body["runtime_properties"].clone();
    Json(instance.clone()).into_response()
}

async fn nodes(State(manager): State<Manager>) -> Json<Value> {
    let node = json!({
        "id": "web", "type": "shop.Web", "type_hierarchy": ["cloudify.nodes.Root", "shop.Web"],
        "number_of_instances": "1", "properties": manager.known().properties,
    });
    Json(list(vec![node]))
}

#[expect(clippy::needless_pass_by_value, reason = "a list is made in place")]
fn list(items: Vec<Value>) -> Value {
    json!({"items": items, "metadata": {"pagination": {"total": items.len(), "size": 1000, "offset": 0}}})
}

async fn evaluate(Json(body): Json<Value>) -> Json<Value> {
    let mut payload = body["payload"].clone();
    payload["seen"] = json!(format!("{} of {}", body["payload"]["seen"]["get_attribute"][0], body["context"]["self"]));
    Json(json!({"deployment_id": body["deployment_id"], "payload": payload}))
}

async fn resource(State(manager): State<Manager>, Path(path): Path<String>) -> Response {
    let mut known = manager.known();
    known.asked.push(path.clone());
    match known.files.get(&path) {
        Some(content) => Bytes::from(content.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
