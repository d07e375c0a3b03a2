//! `docs/openapi.json` is made from the code, and says something of everything.

use std::fmt::Write as _;
use std::path::PathBuf;

use nephele_api::table::Version;
use serde_json::Value;

use crate::harness::Fresh;

#[test]
fn the_checked_in_document_is_up_to_date() {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json"));
    let text = text(&nephele_api::document());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let written = std::fs::read_to_string(file).unwrap_or_default();
    let stale = "docs/openapi.json is out of date: UPDATE_DOCS=1 cargo test -p nephele-api --test it openapi";
    assert!(written == text, "{stale}");
}

/// Where answers or effects differ from the original's on purpose, or are not complete yet.
const DIFFERENT: &[(&str, &str, &str)] = &[
    ("GET", "/openapi.json", "ours: the service as an OpenAPI document"),
    ("GET", "/metrics", "ours: numbers for Prometheus; the same at `/metrics`"),
    ("GET", "/events/stream", "ours: what changes, as Server-Sent Events"),
    ("GET", "/executions/{id}/tasks", "ours: the tasks of a run, or what changed of them"),
    ("GET", "/executions/{id}/why", "ours: what an execution waits for, or how it ended"),
    ("GET", "/blueprints/{id}/files", "ours: the files of a blueprint"),
    ("GET", "/blueprints/{id}/files/{path}", "ours: one of them"),
    ("GET", "/deployments/{id}/topology", "ours: a deployment as a picture"),
    ("GET", "/deployments/{id}/runs-grid", "ours: how the last runs ended for each node instance"),
    ("GET", "/attention", "ours: what needs a person, and why"),
    ("GET", "/search", "ours: everything with a name, by a part of it"),
    ("GET", "/secrets/{key}/used-by", "ours: blueprints that name it, and their deployments"),
    ("GET", "/plugins/{id}/used-by", "ours: blueprints that use it, and their deployments"),
    ("GET", "/sites/{name}/used-by", "ours: deployments there"),
    ("GET", "/user/preferences", "ours: what the caller prefers in the console"),
    ("PUT", "/user/preferences", "ours: keeps it, instead of what was kept"),
    ("POST", "/session", "ours: a session of the console, in a cookie"),
    ("DELETE", "/session", "ours: ends it"),
    ("GET", "/version", "the same; the edition is always `premium`, so that clients show every command"),
    ("GET", "/status", "the services of this process"),
    ("GET", "/cluster-status", "managers, each with its heartbeat; brokers and databases"),
    ("POST", "/contacts", "answered here and sent nowhere"),
    ("GET", "/license-check", "always `OK`"),
    ("POST", "/ldap", "as the paid edition; tried out before it is stored"),
    ("POST", "/audit", "the same; sealed in the chain of the log"),
    ("PATCH", "/tasks_graphs/{id}", "answers the graph; graphs have no state, for the original neither"),
    ("POST", "/snapshots/{id}/restore", "the same; what cannot be restored is refused at once"),
    ("PUT", "/deployments/{id}", "the same, but for parts of plans that only a restore brings"),
    ("PATCH", "/agents", "the certificates are kept; agents on hosts come later"),
];

/// What the original has in its paid edition alone.
const PAID: &[&str] =
    &["/users", "/user-groups", "/tenants/", "/license", "/ldap", "/secrets-providers", "/snapshots/{id}/restore"];

fn rows() -> String {
    let mut rows =
        String::from("| method | path | permission | since | against the original |\n|---|---|---|---|---|\n");
    for route in nephele_api::routes().iter().filter(|route| route.until == Version::V31) {
        let path = route.path.replace("{*", "{");
        let operation = nephele_api::document()["paths"][&path][route.method.as_str().to_ascii_lowercase()].clone();
        let known = DIFFERENT.iter().find(|(method, of, _)| route.method.as_str() == *method && path == *of);
        let paid = PAID.iter().any(|place| path.starts_with(place));
        let note = known.map_or(if paid { "as the paid edition" } else { "the same" }, |(_, _, note)| note);
        let permission = operation["x-permission"].as_str().unwrap_or("");
        let since = route.since.as_str();
        let _ = writeln!(rows, "| {} | `{path}` | {permission} | {since} | {note} |", route.method);
    }
    rows
}

#[test]
fn the_table_of_endpoints_is_up_to_date() {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compatibility.md"));
    let page = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = page.split_once("<!-- endpoints -->\n").expect("the mark before the table");
    let (_, after) = rest.split_once("<!-- end of endpoints -->").expect("the mark behind the table");
    let wanted = format!("{before}<!-- endpoints -->\n{}<!-- end of endpoints -->{after}", rows());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    let stale = "docs/compatibility.md is out of date: UPDATE_DOCS=1 cargo test -p nephele-api --test it openapi";
    assert!(std::fs::read_to_string(file).unwrap() == wanted, "{stale}");
}

/// The document with one operation, and one shape, a line.
fn text(document: &Value) -> String {
    let lines = |object: &Value, indent: &str| {
        let entries = object.as_object().unwrap().iter();
        let entries: Vec<_> =
            entries.map(|(key, value)| format!("{indent}{}: {value}", Value::from(key.as_str()))).collect();
        entries.join(",\n")
    };
    let mut parts = Vec::new();
    for (key, value) in document.as_object().unwrap() {
        let inner = match key.as_str() {
            "paths" | "components" => {
                let groups = value.as_object().unwrap().iter();
                let groups: Vec<_> = groups
                    .map(|(name, group)| {
                        format!("    {}: {{\n{}\n    }}", Value::from(name.as_str()), lines(group, "      "))
                    })
                    .collect();
                format!("{{\n{}\n  }}", groups.join(",\n"))
            }
            _ => value.to_string(),
        };
        parts.push(format!("  {}: {inner}", Value::from(key.as_str())));
    }
    format!("{{\n{}\n}}\n", parts.join(",\n"))
}

#[test]
fn every_route_is_described() {
    let document = nephele_api::document();
    let mut names = Vec::new();
    for route in nephele_api::routes().iter().filter(|route| route.until == Version::V31) {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][route.path.replace("{*", "{")][&method];
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {}", route.path)).to_owned();
        assert!(!names.contains(&name), "{name} is the name of two operations");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name} never ends well");
        names.push(name);
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = nephele_api::document();
    let mut todo = vec![&document];
    while let Some(value) = todo.pop() {
        match value {
            Value::Object(object) => {
                if let Some(place) = object.get("$ref").and_then(Value::as_str) {
                    let target = document.pointer(place.trim_start_matches('#'));
                    assert!(target.is_some_and(|target| !target.is_null()), "nothing is at {place}");
                }
                todo.extend(object.values());
            }
            Value::Array(list) => todo.extend(list),
            _ => {}
        }
    }
}

#[tokio::test]
async fn anyone_may_read_it() {
    let fresh = Fresh::start().await;
    let request = axum::http::Request::builder().uri("/api/v3.1/openapi.json").body(axum::body::Body::empty()).unwrap();
    let served = fresh.send(request).await.expect(200);
    assert!(served == nephele_api::document());
}
