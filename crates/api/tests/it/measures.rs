//! Health and numbers: what is scraped says what was done, and nothing of whom it was done for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::deployed::runs;
use crate::harness::{ADMIN, Answer, As, Fresh, SMALL};

/// Every series with its value.
async fn scrape(fresh: &Fresh) -> BTreeMap<String, f64> {
    let answer = fresh.ask_as(&ADMIN, Method::GET, "/api/v3.1/metrics", None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4");
    let text = String::from_utf8(answer.bytes).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

async fn open(fresh: &Fresh, path: &str) -> Answer {
    fresh.send(Request::builder().uri(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn numbers_move_with_what_is_done() {
    let fresh = Fresh::start().await;
    let before = scrape(&fresh).await;
    fresh.upload("secret-name", SMALL).await.expect(201);
    let body = json!({"blueprint_id": "secret-name", "inputs": {"greeting": "hello there"}});
    fresh.put("/deployments/another-name", body).await.expect(201);
    runs(&fresh, "another-name", "install").await;
    fresh.get("/deployments/nothing-here").await.refused(404, "not_found_error");
    let after = scrape(&fresh).await;

    let get = |series: &BTreeMap<String, f64>, name: &str| series.get(name).copied().unwrap_or_default();
    let grown = |name: &str| get(&after, name) - get(&before, name);
    // The upload, the environment of the deployment, and the installation.
    assert!(grown("nephele_executions{status=\"terminated\"}") >= 3.0, "{after:#?}");
    assert!(grown("nephele_events_total") >= 3.0 && grown("nephele_database_statements_total") >= 10.0);
    let route = "route=\"/api/v3.1/deployments/{id}\"";
    for (method, status) in [("PUT", 201), ("GET", 404)] {
        let name = format!("nephele_http_requests_total{{method=\"{method}\",{route},status=\"{status}\"}}");
        assert!((get(&after, &name) - 1.0).abs() < 0.1, "{name}: {after:#?}");
        let name = format!("nephele_http_request_duration_seconds_count{{method=\"{method}\",{route}}}");
        assert!((get(&after, &name) - 1.0).abs() < 0.1, "{name}: {after:#?}");
    }
    for name in [
        "nephele_executions{status=\"queued\"}",
        "nephele_operations{state=\"started\"}",
        "nephele_operations{state=\"pending\"}",
        "nephele_bus_messages{queue=\"executions\"}",
        "nephele_outbox_messages",
        "nephele_lease_age_seconds",
        "nephele_managers{state=\"silent\"}",
    ] {
        assert!(after.contains_key(name), "{name}: {after:#?}");
    }
    assert!(get(&after, "process_resident_memory_bytes") > 1e6 && get(&after, "nephele_lease_seconds") > 1.0);
    assert!((get(&after, "nephele_managers{state=\"live\"}") - 1.0).abs() < 0.1);
    assert!(after.keys().any(|name| name.starts_with("nephele_database_connections{")));
    for name in ["secret-name", "another-name", "nothing-here", "default_tenant", "admin"] {
        assert!(!after.keys().any(|series| series.contains(name)), "{name}");
    }
    let now = scrape(&fresh).await;
    assert!(now.len() < after.len() + 10, "a second look adds no more series than its own route's");
}

#[tokio::test]
async fn numbers_are_for_those_who_may_see_the_cluster() {
    let fresh = Fresh::start().await;
    fresh.user("viv", "viewer").await;
    fresh.plain_user("nobody", "default").await;
    open(&fresh, "/metrics").await.refused(401, "unauthorized_error");
    let seen = async |user: &'static str| {
        let caller = As { user, password: "secret", tenant: Some("default_tenant") };
        fresh.ask_as(&caller, Method::GET, "/metrics", None).await.status.as_u16()
    };
    assert_eq!((seen("viv").await, seen("nobody").await), (200, 403));
    let mut request = Fresh::request(&ADMIN, Method::GET, "/metrics", None);
    *request.uri_mut() = "/metrics".parse().unwrap();
    assert_eq!(fresh.send(request).await.status, 200, "beside the API, where it is looked for");
}

#[tokio::test]
async fn a_manager_without_its_database_lives_and_is_not_ready() {
    let fresh = Fresh::start().await;
    assert_eq!(open(&fresh, "/healthz").await.expect(200), json!({"status": "alive"}));
    assert_eq!(open(&fresh, "/readyz").await.expect(200), json!({"status": "ready", "reasons": []}));
    fresh.manager.store.close().await;
    assert_eq!(open(&fresh, "/healthz").await.expect(200), json!({"status": "alive"}));
    let told = open(&fresh, "/readyz").await.expect(503);
    assert_eq!(told, json!({"status": "not ready", "reasons": ["the database does not answer"]}));
}

#[tokio::test]
async fn a_database_that_a_later_manager_has_changed_is_not_served() {
    let database = Database::empty();
    let fresh = Fresh::start_on(Some(database.url())).await;
    open(&fresh, "/readyz").await.expect(200);
    database
        .sql("UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT max(version) FROM _sqlx_migrations)");
    let told = open(&fresh, "/readyz").await.expect(503);
    assert!(told["reasons"][0].as_str().unwrap().starts_with("the database has schema 9999"), "{told}");
}

#[tokio::test]
async fn each_manager_of_a_database_is_shown_with_its_heartbeat() {
    let database = Database::empty();
    let first = Fresh::start_on(Some(database.url())).await;
    let second = Fresh::start_in(Arc::new(tempfile::tempdir().unwrap()), Some(database.url()), "second").await;
    let status = second.get("/cluster-status").await.expect(200);
    assert_eq!(status["status"], "OK", "{status:#}");
    let heart =
        |status: &Value, name: &str| status["services"]["manager"]["nodes"][name]["services"]["Heartbeat"].clone();
    for (name, is_remote) in [("manager", true), ("second", false)] {
        let heart = heart(&status, name);
        assert_eq!((&heart["status"], &heart["is_remote"]), (&json!("Active"), &json!(is_remote)), "{status:#}");
        assert_eq!(heart["extra_info"]["lease_seconds"], 4.0);
    }
    assert!((scrape(&second).await["nephele_managers{state=\"live\"}"] - 2.0).abs() < 0.1);

    drop(first.die().await);
    let mut status = Value::Null;
    for _ in 0..300 {
        status = second.get("/cluster-status").await.expect(200);
        if status["status"] == "Degraded" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(status["status"], "Degraded", "{status:#}");
    assert_eq!(heart(&status, "manager")["status"], "Inactive", "{status:#}");
    assert_eq!(heart(&status, "second")["status"], "Active", "{status:#}");
    for (group, expected) in [("manager", "Degraded"), ("broker", "Degraded"), ("db", "OK")] {
        assert_eq!(status["services"][group]["status"], expected, "{status:#}");
    }
    assert_eq!(status["services"]["broker"]["nodes"]["manager"]["status"], "Fail");
}
