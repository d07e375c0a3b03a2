//! A server that answers as the manager did whose snapshot was recorded: lists in pages, records, archives.
//!
//! Invariant: it notes every request, and whatever is not a GET apart.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use zip::ZipArchive;

/// Lists by their paths, with the names that snapshots have for them and what tells their records apart.
const LISTS: [(&str, &str, &[&str]); 22] = [
    ("tenants", "tenants", &["name"]),
    ("permissions", "permissions", &["role", "permission"]),
    ("user-groups", "user_groups", &["name"]),
    ("users", "users", &["username"]),
    ("sites", "sites", &["name"]),
    ("plugins", "plugins", &["id"]),
    ("secrets-providers", "secrets_providers", &["name"]),
    ("secrets/share/export", "secrets", &["key"]),
    ("blueprints", "blueprints", &["id"]),
    ("deployments", "deployments", &["id"]),
    ("deployment-groups", "deployment_groups", &["id"]),
    ("nodes", "nodes", &["deployment_id", "id"]),
    ("node-instances", "node_instances", &["id"]),
    ("agents", "agents", &["id"]),
    ("deployments/inter-deployment-dependencies", "inter_deployment_dependencies", &["id"]),
    ("executions", "executions", &["id"]),
    ("execution-groups", "execution_groups", &["id"]),
    ("deployment-updates", "deployment_updates", &["id"]),
    ("plugins-updates", "plugins_update", &["id"]),
    ("filters/deployments", "deployments_filters", &["id"]),
    ("filters/blueprints", "blueprints_filters", &["id"]),
    ("execution-schedules", "execution_schedules", &["deployment_id", "id"]),
];

/// What it holds and was asked.
#[derive(Default)]
pub(super) struct Held {
    /// By tenant and kind; what belongs to none under an empty name.
    pub(super) records: BTreeMap<(String, String), Vec<Value>>,
    blobs: BTreeMap<String, Vec<u8>>,
    pub(super) asked: Vec<String>,
    /// Bodies of requests that change something.
    pub(super) writes: Vec<Value>,
}

#[derive(Clone)]
pub(super) struct OldManager {
    pub(super) url: String,
    pub(super) held: Arc<Mutex<Held>>,
}

impl OldManager {
    /// Starts one with what is in a recorded snapshot.
    pub(super) async fn start(archive: &Path) -> Self {
        let held = Arc::new(Mutex::new(read(archive)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&held));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, held }
    }

    /// How many records of a kind there are over all tenants.
    pub(super) fn count(&self, kind: &str) -> usize {
        self.held.lock().unwrap().records.iter().filter(|((_, of), _)| of == kind).map(|(_, found)| found.len()).sum()
    }

    /// What was asked since the last time.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.held.lock().unwrap().asked)
    }

    /// Changes the records of a kind.
    pub(super) fn change(&self, tenant: &str, kind: &str, change: impl FnOnce(&mut Vec<Value>)) {
        let mut held = self.held.lock().unwrap();
        change(held.records.entry((tenant.to_owned(), kind.to_owned())).or_default());
    }
}

fn read(archive: &Path) -> Held {
    let mut held = Held::default();
    let mut zip = ZipArchive::new(std::fs::File::open(archive).unwrap()).unwrap();
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    let mut names: Vec<String> = names.into_iter().filter(|name| !name.ends_with('/')).collect();
    names.sort();
    for name in names {
        let mut content = Vec::new();
        zip.by_name(&name).unwrap().read_to_end(&mut content).unwrap();
        let parts: Vec<&str> = name.split('/').collect();
        let tenant = match parts.as_slice() {
            ["mgmt", _] => "",
            ["tenants", tenant, _] => tenant,
            ["tenants", ..] => {
                held.blobs.insert(name, content);
                continue;
            }
            _ => continue,
        };
        let file: Value = serde_json::from_slice(&content).unwrap();
        let kind = file["type"].as_str().unwrap();
        for item in file["items"].as_array().unwrap() {
            let item = as_listed(kind, tenant, &file, item.clone());
            let found = held.records.entry((tenant.to_owned(), kind.to_owned())).or_default();
            let key = LISTS.iter().find(|(_, of, _)| *of == kind).map_or(&["id"][..], |(_, _, key)| key);
            let same = |other: &Value| kind != "events" && key.iter().all(|field| other[*field] == item[*field]);
            match found.iter().position(same) {
                // What was under way stands in the archive again.
                Some(place) => found[place] = item,
                None if kind == "events" && found.contains(&item) => {}
                None => found.push(item),
            }
        }
    }
    held
}

/// A record of a snapshot with what lists say besides.
fn as_listed(kind: &str, tenant: &str, file: &Value, mut item: Value) -> Value {
    let source = file["source_id"].clone();
    match kind {
        "nodes" | "node_instances" => item["deployment_id"] = source,
        "agents" => item["deployment"] = source,
        "events" if file["source"] == "execution_groups" => item["execution_group_id"] = source,
        "events" => item["execution_id"] = source,
        _ => {}
    }
    if !tenant.is_empty() && item["tenant_name"].is_null() {
        item["tenant_name"] = if item["visibility"] == "global" { "default_tenant" } else { tenant }.into();
    }
    item
}

async fn answer(
    State(held): State<Arc<Mutex<Held>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let mut held = held.lock().unwrap();
    held.asked.push(format!("{method} {uri}"));
    if headers.get("authorization").is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if uri.path() == "/api/version" {
        return axum::Json(json!({"version": "7.1.0", "edition": "premium"})).into_response();
    }
    let tenant = headers.get("tenant").map(|name| name.to_str().unwrap().to_owned()).unwrap_or_default();
    let path = uri.path().strip_prefix("/api/v3.1/").unwrap().to_owned();
    if method != Method::GET {
        held.writes.push(serde_json::from_str(&body).unwrap());
        return axum::Json(json!({"id": "handed", "status": "pending"})).into_response();
    }
    if path == "executions/handed" {
        return axum::Json(json!({"id": "handed", "status": "terminated"})).into_response();
    }
    held.find(&tenant, &path, uri.query().unwrap_or_default()).unwrap_or_else(|| {
        (StatusCode::NOT_FOUND, axum::Json(json!({"error_code": "not_found_error"}))).into_response()
    })
}

impl Held {
    fn find(&self, tenant: &str, path: &str, query: &str) -> Option<Response> {
        let query: Vec<(&str, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name, value.replace("%2C", ",").replace("%3A", ":")))
            .collect();
        if let Some((_, kind, _)) = LISTS.iter().find(|(list, _, _)| *list == path) {
            let found = self.of(tenant, kind);
            return Some(listed(found, &query, path == "secrets/share/export"));
        }
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["events"] => Some(listed(self.of(tenant, "events"), &query, false)),
            ["tasks_graphs"] => {
                let without = |mut graph: Value| {
                    graph.as_object_mut().unwrap().remove("operations");
                    graph
                };
                let graphs = self.of(tenant, "tasks_graphs").into_iter().map(without).collect();
                Some(listed(graphs, &query, false))
            }
            ["operations"] => {
                let wanted = &query.iter().find(|(name, _)| *name == "graph_id")?.1;
                let graph = self.of(tenant, "tasks_graphs").into_iter().find(|graph| graph["id"] == wanted.as_str())?;
                let operations = graph["operations"].as_array().cloned().unwrap_or_default();
                Some(listed(operations, &query[1..], false))
            }
            [kind @ ("blueprints" | "plugins"), id, "archive"] => {
                let ending = if *kind == "blueprints" { "tar.gz" } else { "zip" };
                let blob = self.blobs.get(&format!("tenants/{tenant}/{kind}/{id}.{ending}"))?;
                Some(blob.clone().into_response())
            }
            [kind, id] => {
                let mut item = self.of(tenant, kind).into_iter().find(|item| item["id"] == *id)?;
                let files = self.blobs.get(&format!("tenants/{tenant}/deployments/{id}.b64zip"));
                if let Some(files) = files.filter(|_| *kind == "deployments") {
                    item["workdir_zip"] = String::from_utf8_lossy(files).into();
                }
                Some(axum::Json(item).into_response())
            }
            _ => None,
        }
    }

    fn of(&self, tenant: &str, kind: &str) -> Vec<Value> {
        let own = self.records.get(&(tenant.to_owned(), kind.to_owned()));
        own.or_else(|| self.records.get(&(String::new(), kind.to_owned()))).cloned().unwrap_or_default()
    }
}

/// A page of a list as the original gives it.
fn listed(mut items: Vec<Value>, query: &[(&str, String)], is_bare: bool) -> Response {
    let asked = |name: &str| query.iter().find(|(of, _)| *of == name).map(|(_, value)| value.as_str());
    for field in ["id", "execution_id"] {
        let wanted: Vec<&str> = query.iter().filter(|(of, _)| *of == field).map(|(_, value)| value.as_str()).collect();
        items.retain(|item| wanted.is_empty() || wanted.iter().any(|wanted| item[field] == *wanted));
    }
    if let Some(range) = asked("_range") {
        let [field, from, _] = range.split(',').collect::<Vec<_>>()[..] else { panic!("{range}") };
        items.retain(|item| item[field].as_str().unwrap_or_default() >= from);
    }
    if let Some(field) = asked("_sort") {
        let name = field.trim_start_matches('-').to_owned();
        items.sort_by(|one, other| one[&name].as_str().cmp(&other[&name].as_str()));
        if field.starts_with('-') {
            items.reverse();
        }
    }
    let total = items.len();
    if is_bare {
        return axum::Json(items).into_response();
    }
    let number = |name: &str, usual: usize| asked(name).map_or(usual, |text| text.parse().unwrap());
    let (offset, size) = (number("_offset", 0), number("_size", 1000));
    let page: Vec<Value> = items.into_iter().skip(offset).take(size).collect();
    let pagination = json!({"total": total, "size": size, "offset": offset});
    axum::Json(json!({"items": page, "metadata": {"pagination": pagination}})).into_response()
}
