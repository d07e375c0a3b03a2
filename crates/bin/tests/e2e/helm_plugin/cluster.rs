//! A store of objects behind the paths of the Kubernetes API, as far as `helm` asks for them: what there is to
//! find out, and `ConfigMaps`. It is no cluster: nothing ever comes of an object, and nobody is asked for a login, which
//! `helm` gives by HTTPS alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Objects by namespace and name.
type Objects = Arc<Mutex<BTreeMap<(String, String), Value>>>;

pub(super) struct Cluster {
    pub(super) address: String,
    objects: Objects,
}

impl Cluster {
    pub(super) async fn start() -> Self {
        let objects = Objects::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&objects));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, objects }
    }

    /// What an object says, if it is there.
    pub(super) fn text(&self, namespace: &str, name: &str) -> Option<String> {
        let objects = self.objects.lock().unwrap();
        let object = objects.get(&(namespace.to_owned(), name.to_owned()))?;
        Some(object["data"]["text"].as_str().unwrap().to_owned())
    }

    /// Removes an object, as somebody else may.
    pub(super) fn lose(&self, namespace: &str, name: &str) {
        self.objects.lock().unwrap().remove(&(namespace.to_owned(), name.to_owned())).unwrap();
    }
}

async fn answer(
    State(objects): State<Objects>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let told = match uri.path() {
        "/version" => json!({"major": "1", "minor": "33", "gitVersion": "v1.33.0"}),
        "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
        "/apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []}),
        "/api/v1" => json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [{
            "name": "configmaps", "singularName": "configmap", "namespaced": true, "kind": "ConfigMap",
            "verbs": ["create", "delete", "get", "list", "patch", "update"],
        }]}),
        path => return object(&objects, &method, path, &headers, &body),
    };
    axum::Json(told).into_response()
}

fn object(objects: &Objects, method: &Method, path: &str, headers: &HeaderMap, body: &str) -> Response {
    let parts: Vec<&str> = path.trim_start_matches("/api/v1/namespaces/").split('/').collect();
    let [namespace, "configmaps", rest @ ..] = parts.as_slice() else {
        return refused(StatusCode::NOT_FOUND, "NotFound");
    };
    let mut sent: Value = serde_json::from_str(body).unwrap_or_default();
    let name = rest.first().copied().or_else(|| sent["metadata"]["name"].as_str());
    let key = ((*namespace).to_owned(), name.unwrap_or_default().to_owned());
    let mut objects = objects.lock().unwrap();
    let known = objects.get(&key).cloned();
    match (method.as_str(), known) {
        ("POST", Some(_)) => refused(StatusCode::CONFLICT, "AlreadyExists"),
        ("GET", Some(known)) => axum::Json(known).into_response(),
        ("DELETE", Some(known)) => {
            objects.remove(&key);
            axum::Json(known).into_response()
        }
        ("POST" | "PATCH" | "PUT", known) => {
            let is_merged = headers["content-type"] != "application/apply-patch+yaml" && method == Method::PATCH;
            match known {
                None if is_merged => return refused(StatusCode::NOT_FOUND, "NotFound"),
                Some(mut known) if is_merged => {
                    merge(&mut known, &sent);
                    sent = known;
                }
                _ => {}
            }
            sent["metadata"]["namespace"] = json!(namespace);
            objects.insert(key, sent.clone());
            axum::Json(sent).into_response()
        }
        _ => refused(StatusCode::NOT_FOUND, "NotFound"),
    }
}

fn merge(value: &mut Value, change: &Value) {
    match change {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| merge(&mut value[name.as_str()], field)),
        other => *value = other.clone(),
    }
}

fn refused(status: StatusCode, reason: &str) -> Response {
    let told = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
        "code": status.as_u16(), "message": format!("{reason} here")});
    (status, axum::Json(told)).into_response()
}
