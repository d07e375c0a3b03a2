//! Snapshots and log bundles.

use std::io::{Cursor, Read as _};

use axum::http::Method;
use serde_json::{Value, json};
use zip::ZipArchive;

use crate::harness::{As, Fresh, SMALL, zip};

fn names(bytes: &[u8]) -> Vec<String> {
    let archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    archive.file_names().map(|name| name.unwrap().into_owned()).collect()
}

fn text(bytes: &[u8], name: &str) -> String {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn a_snapshot_holds_what_the_manager_keeps() {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    fresh.put("/secrets/s1", json!({"value": "hunter2"})).await.expect(200);
    let begun = fresh.put("/snapshots/now", json!({"include_events": false, "legacy": true})).await.expect(201);
    assert_eq!((&begun["workflow_id"], &begun["is_system_workflow"]), (&json!("create_snapshot"), &json!(true)));
    assert_eq!(begun["parameters"]["include_events"], false);
    assert_eq!(fresh.ended(begun["id"].as_str().unwrap()).await["status"], "terminated");
    let snapshot = fresh.get("/snapshots/now").await.expect(200);
    assert_eq!((&snapshot["status"], &snapshot["visibility"]), (&json!("created"), &json!("private")));

    let archive = fresh.get("/snapshots/now/archive").await;
    assert_eq!(archive.status, 200);
    assert!(text(&archive.bytes, "tables/blueprints.jsonl").contains("\"id\":\"small\""));
    let secrets = text(&archive.bytes, "tables/secrets.jsonl");
    assert!(secrets.contains("\"s1\"") && !secrets.contains("hunter2"), "{secrets}");
    assert!(!names(&archive.bytes).contains(&"tables/events.jsonl".to_owned()));
    assert!(names(&archive.bytes).contains(&"resources/blueprints/default_tenant/small/blueprint.yaml".to_owned()));

    fresh.put("/snapshots/now", json!({})).await.refused(409, "conflict_error");
    fresh.put("/snapshots/1st", json!({})).await.refused(400, "bad_parameters_error");
    fresh.put("/snapshots/x", json!({"listener_timeout": "long"})).await.refused(400, "bad_parameters_error");
    fresh.put("/snapshots/x", json!({"tempdir_path": "/nowhere/at/all"})).await.refused(403, "forbidden_error");
    assert_eq!(fresh.delete("/snapshots/now").await.expect(200)["id"], "now");
    fresh.get("/snapshots/now").await.refused(404, "not_found_error");
}

#[tokio::test]
async fn snapshots_from_elsewhere_are_taken_in_and_given_back() {
    let fresh = Fresh::start().await;
    let (one, two) = (zip(&[("a", b"1")]), zip(&[("a", b"2")]));
    let put = async |bytes: &[u8]| fresh.send_bytes(Method::PUT, "/snapshots/old/archive", bytes.to_vec()).await;
    assert_eq!(put(&one).await.expect(201)["status"], "uploaded");
    assert_eq!(put(&two).await.expect(201), json!({}));
    assert_eq!(fresh.get("/snapshots/old/archive").await.bytes, two);
    put(b"no zip").await.refused(400, "bad_parameters_error");
    put(b"").await.refused(400, "bad_parameters_error");
    fresh.patch("/snapshots/old", json!({"status": "dancing"})).await.refused(400, "bad_parameters_error");
    assert_eq!(fresh.patch("/snapshots/old", json!({"status": "failed", "error": "x"})).await.expect(200), Value::Null);
    let message = fresh.get("/snapshots/old/archive").await.refused(400, "snapshot_action_error");
    assert_eq!(message, "Failed snapshot cannot be downloaded");
}

#[tokio::test]
async fn a_refused_restore_leaves_no_execution() {
    let fresh = Fresh::start().await;
    fresh.send_bytes(Method::PUT, "/snapshots/old/archive", zip(&[("a", b"1")])).await.expect(201);
    let restore = async |id: &str, body: Value| fresh.post(&format!("/snapshots/{id}/restore"), body).await;
    restore("old", json!({})).await.refused(400, "bad_parameters_error");
    restore("old", json!({"force": false, "no_reboot": true})).await.refused(400, "bad_parameters_error");
    restore("nope", json!({"force": false})).await.refused(404, "not_found_error");
    restore("old", json!({"force": false})).await.refused(400, "snapshot_action_error");
    fresh.patch("/snapshots/old", json!({"status": "failed"})).await.expect(200);
    let message = restore("old", json!({"force": true})).await.refused(400, "snapshot_action_error");
    assert_eq!(message, "Failed snapshot cannot be restored");
    let executions = fresh.get("/executions?_include_system_workflows=true").await.expect(200);
    assert_eq!(executions["items"], json!([]));
    assert_eq!(fresh.get("/snapshot-status").await.expect(200), json!({"status": "not-running"}));
}

#[tokio::test]
async fn a_log_bundle_tells_no_secrets() {
    let fresh = Fresh::start().await;
    fresh.put("/secrets/s1", json!({"value": "hunter2"})).await.expect(200);
    let begun = fresh.put("/log-bundles/b1", json!({})).await.expect(201);
    assert_eq!(begun["workflow_id"], "create_log_bundle");
    fresh.ended(begun["id"].as_str().unwrap()).await;
    assert_eq!(fresh.get("/log-bundles/b1").await.expect(200)["status"], "created");
    let bundle = fresh.get("/log-bundles/b1/archive").await;
    let names = names(&bundle.bytes);
    for name in ["manager.json", "config.json", "executions.json", "status.json"] {
        assert!(names.contains(&name.to_owned()), "{names:?}");
    }
    for name in &names {
        let content = text(&bundle.bytes, name);
        assert!(!content.contains("hunter2") && !content.contains("password\": \"a"), "{name}: {content}");
    }
    assert!(text(&bundle.bytes, "executions.json").contains("create_log_bundle"));
    let replaced = zip(&[("a", b"1")]);
    fresh.send_bytes(Method::PUT, "/log-bundles/b1/archive", replaced.clone()).await.expect(201);
    assert_eq!(fresh.get("/log-bundles/b1/archive").await.bytes, replaced);
    fresh.send_bytes(Method::PUT, "/log-bundles/nope/archive", replaced).await.refused(404, "not_found_error");
    fresh.delete("/log-bundles/b1").await.expect(200);
}

#[tokio::test]
async fn archives_are_for_administrators_and_their_tenant() {
    let fresh = Fresh::start().await;
    fresh.send_bytes(Method::PUT, "/snapshots/old/archive", zip(&[("a", b"1")])).await.expect(201);
    fresh.user("ann", "manager").await;
    let ann = As { user: "ann", password: "secret", tenant: Some("default_tenant") };
    for path in ["/snapshots", "/snapshots/old/archive", "/log-bundles"] {
        fresh.ask_as(&ann, Method::GET, path, None).await.refused(403, "forbidden_error");
    }
    assert_eq!(fresh.ask_as(&ann, Method::GET, "/resources/snapshots/old/old.zip", None).await.status, 404);
    let elsewhere = fresh.elsewhere().await;
    fresh.ask_as(&elsewhere, Method::GET, "/snapshots/old", None).await.refused(404, "not_found_error");
    fresh.ask_as(&elsewhere, Method::GET, "/snapshots/old/archive", None).await.refused(404, "not_found_error");
}
