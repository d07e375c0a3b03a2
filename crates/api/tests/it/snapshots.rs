//! Snapshots there and back, on both databases, and archives that are not what they should be.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::Method;
use nephele_testkit::postgres::Database;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::harness::{As, Fresh, SMALL, tar_gz};

/// Tables that differ after a restore by right: what restores, snapshots and logins leave behind themselves.
const OWN: [&str; 7] = ["audit_log", "config", "events", "executions", "settings", "snapshots", "users"];
/// Tables of the installation, which no snapshot replaces.
const KEPT: [&str; 6] = ["certificates", "db_nodes", "licenses", "maintenance_mode", "managers", "rabbitmq_brokers"];

/// Makes a snapshot and gives its archive.
pub(crate) async fn snapshot(fresh: &Fresh, id: &str) -> Vec<u8> {
    let begun = fresh.put(&format!("/snapshots/{id}"), json!({"include_logs": false})).await.expect(201);
    let ended = fresh.ended(begun["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    fresh.get(&format!("/snapshots/{id}/archive")).await.bytes
}

/// Brings an archive in and restores it. Gives the execution.
pub(crate) async fn restore(fresh: &Fresh, id: &str, archive: Vec<u8>) -> Value {
    fresh.send_bytes(Method::PUT, &format!("/snapshots/{id}/archive"), archive).await.expect(201);
    let begun = fresh.post(&format!("/snapshots/{id}/restore"), json!({"force": true})).await.expect(200);
    assert_eq!(begun["workflow_id"], "restore_snapshot");
    let ended = fresh.ended(begun["id"].as_str().unwrap()).await;
    settled(fresh).await;
    ended
}

/// Waits until the files of a restored snapshot are in their places, and the manager takes changes again.
pub(crate) async fn settled(fresh: &Fresh) {
    while fresh.manager.is_restoring() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

pub(crate) fn entries(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut found = BTreeMap::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        if entry.is_dir() {
            continue;
        }
        let name = entry.name().unwrap().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        found.insert(name, content);
    }
    found
}

/// What must be the same in two snapshots of the same state.
fn state(archive: &[u8]) -> BTreeMap<String, String> {
    let is_state = |name: &str| {
        let table = name.strip_prefix("tables/").and_then(|name| name.strip_suffix(".jsonl"));
        table.is_none_or(|table| !OWN.contains(&table) && !KEPT.contains(&table))
    };
    let found = entries(archive).into_iter();
    let found =
        found.filter(|(name, _)| is_state(name) && !["metadata.json", "checksums.jsonl"].contains(&name.as_str()));
    found.map(|(name, content)| (name, String::from_utf8_lossy(&content).into_owned())).collect()
}

/// A zip with these entries and checksums that are right.
fn sealed(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut sums = String::new();
    for (name, content) in entries {
        let digest = crate::cloudify::hex(&Sha256::digest(content));
        sums.push_str(&json!({"name": name, "size": content.len(), "sha256": digest}).to_string());
        sums.push('\n');
    }
    written(entries, &sums)
}

fn written(entries: &[(&str, &[u8])], sums: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries.iter().copied().chain([("checksums.jsonl", sums.as_bytes())]) {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A manager with something of most kinds.
pub(crate) async fn furnish(fresh: &Fresh) {
    let archive = tar_gz(&[("bp/blueprint.yaml", SMALL.as_bytes()), ("bp/scripts/run.sh", b"#!/bin/sh\n")]);
    fresh.upload_archive("small", &archive).await.expect(201);
    let deployment = json!({"blueprint_id": "small", "inputs": {"greeting": "grüß dich"}, "labels": [{"env": "prod"}]});
    fresh.put("/deployments/d1", deployment).await.expect(201);
    let started = fresh.post("/executions", json!({"deployment_id": "d1", "workflow_id": "install"})).await.expect(201);
    fresh.ended(started["id"].as_str().unwrap()).await;
    fresh.put("/secrets/s1", json!({"value": "hunter2"})).await.expect(200);
    fresh.put("/sites/paris", json!({"location": "48.8566, 2.3522"})).await.expect(200);
    fresh.user("ann", "manager").await;
    fresh.post("/tenants/other", json!({})).await.expect(201);
    let filter = json!({"filter_rules": [{"key": "env", "values": ["prod"], "operator": "any_of", "type": "label"}]});
    fresh.put("/filters/deployments/f1", filter).await.expect(200);
    fresh.put("/deployment-groups/g1", json!({"deployment_ids": ["d1"]})).await.expect(200);
}

pub(crate) async fn secret(fresh: &Fresh) -> Value {
    fresh.get("/secrets/s1").await.expect(200)["value"].clone()
}

#[tokio::test]
async fn a_snapshot_travels_between_databases_and_comes_back_the_same() {
    let (lite, database) = (Fresh::start_on(None).await, Database::empty());
    let pg = Fresh::start_on(Some(database.url())).await;
    furnish(&lite).await;
    let token = lite.post("/tokens", json!({"description": "mine"})).await.expect(200);
    let first = snapshot(&lite, "first").await;

    let ended = restore(&pg, "came", first.clone()).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    assert_eq!(secret(&pg).await, "hunter2");
    for path in ["/blueprints", "/deployments", "/nodes", "/node-instances", "/tenants", "/sites", "/deployment-groups"]
    {
        assert_eq!(pg.items(path).await, lite.items(path).await, "{path}");
    }
    let outputs = pg.get("/deployments/d1/outputs").await.expect(200);
    assert_eq!(outputs["outputs"]["said"], "grüß dich");
    let file = "/resources/blueprints/default_tenant/small/scripts/run.sh";
    assert_eq!(pg.get(file).await.bytes, b"#!/bin/sh\n");
    let ann = As { user: "ann", password: "secret", tenant: Some("default_tenant") };
    pg.ask_as(&ann, Method::GET, "/blueprints", None).await.expect(200);
    assert_eq!(pg.items("/tokens").await[0]["id"], token["id"]);
    // What was there before is still there, and nothing of it is under way.
    assert_eq!(pg.items("/snapshots").await.len(), 1);
    assert_eq!(pg.get("/snapshot-status").await.expect(200), json!({"status": "not-running"}));
    // It goes on working: ids are given out behind those that came.
    let started = pg.post("/executions", json!({"deployment_id": "d1", "workflow_id": "uninstall"})).await.expect(201);
    assert_eq!(pg.ended(started["id"].as_str().unwrap()).await["status"], "terminated");
    pg.upload("another", SMALL).await.expect(201);

    // The way back, over what has changed meanwhile.
    let ended = restore(&pg, "again", first.clone()).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    pg.get("/blueprints/another").await.refused(404, "not_found_error");
    let second = snapshot(&pg, "second").await;
    lite.put("/secrets/s2", json!({"value": "late"})).await.expect(200);
    lite.patch("/secrets/s1", json!({"value": "changed"})).await.expect(200);
    let refused =
        lite.post("/snapshots/first/restore", json!({"force": false})).await.refused(400, "snapshot_action_error");
    assert!(refused.contains("--force"), "{refused}");
    let ended = restore(&lite, "back", second).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    lite.get("/secrets/s2").await.refused(404, "not_found_error");
    assert_eq!(secret(&lite).await, "hunter2");
    let third = snapshot(&lite, "third").await;
    let (before, after) = (state(&first), state(&third));
    assert!(before.len() > 30, "{:?}", before.keys());
    for (name, content) in &before {
        assert_eq!(after.get(name), Some(content), "{name}");
    }
    assert_eq!(before.len(), after.len());
}

#[tokio::test]
async fn secrets_stay_encrypted_and_the_key_can_be_left_out() {
    let (here, there) = (Fresh::start_on(None).await, Fresh::start_on(None).await);
    furnish(&here).await;
    let begun = here.put("/snapshots/bare", json!({"include_credentials": false})).await.expect(201);
    here.ended(begun["id"].as_str().unwrap()).await;
    let archive = here.get("/snapshots/bare/archive").await.bytes;
    let found = entries(&archive);
    assert!(!found.contains_key("keys/secrets.key"));
    assert!(!String::from_utf8_lossy(&found["tables/secrets.jsonl"]).contains("hunter2"));
    assert_eq!(restore(&here, "same", archive.clone()).await["status"], "terminated");
    assert_eq!(secret(&here).await, "hunter2");
    let ended = restore(&there, "other", archive).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    there.get("/secrets/s1").await.refused(500, "invalid_fernet_token_format_error");
    let events = there.items(&format!("/events?execution_id={}&_size=100", ended["id"].as_str().unwrap())).await;
    let told = |event: &Value| event["message"].as_str().is_some_and(|text| text.contains("came without its key"));
    assert!(events.iter().any(told), "{events:#?}");
}

/// Refused at once or by the execution; either way with these words, and with nothing changed.
async fn refuses(fresh: &Fresh, archive: Vec<u8>, words: &str) {
    fresh.send_bytes(Method::PUT, "/snapshots/bad/archive", archive).await.expect(201);
    let answer = fresh.post("/snapshots/bad/restore", json!({"force": true})).await;
    let said = if answer.status == 200 {
        let ended = fresh.ended(answer.json()["id"].as_str().unwrap()).await;
        assert_eq!(ended["status"], "failed", "{ended:#}");
        ended["error"].as_str().unwrap().to_owned()
    } else {
        answer.refused(400, "snapshot_action_error")
    };
    assert!(said.contains(words), "{said}");
    assert_eq!(secret(fresh).await, "hunter2");
    let file = "/resources/blueprints/default_tenant/small/scripts/run.sh";
    assert_eq!(fresh.get(file).await.bytes, b"#!/bin/sh\n");
}

#[tokio::test]
async fn what_is_no_sound_snapshot_changes_nothing() {
    let fresh = Fresh::start().await;
    furnish(&fresh).await;
    let sound = snapshot(&fresh, "sound").await;
    let found = entries(&sound);
    let with = |name: &'static str, content: &'static [u8]| {
        let mut entries: Vec<(&str, &[u8])> =
            found.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        entries.retain(|(other, _)| *other != name && *other != "checksums.jsonl");
        entries.push((name, content));
        entries
    };
    let sums = String::from_utf8(found["checksums.jsonl"].clone()).unwrap();

    refuses(&fresh, sound[..sound.len() / 2].to_vec(), "damaged or incomplete").await;
    refuses(&fresh, written(&with("tables/secrets.jsonl", b"{}\n"), &sums), "checksum differs").await;
    refuses(&fresh, written(&with("resources/blueprints/x", b"x"), &sums), "has no checksum").await;
    refuses(&fresh, sealed(&with("tables/secrets.jsonl", b"{\"storage_id\":1}\n")), "rows of `secrets`").await;
    let orphan = b"{\"user_id\":4711,\"tenant_id\":0,\"role\":\"user\"}\n";
    refuses(&fresh, sealed(&with("tables/users_tenants.jsonl", orphan)), "do not fit together").await;
    refuses(&fresh, sealed(&with("resources/../../evil", b"x")), "leads outside").await;
    let bomb = format!("{sums}{}\n", json!({"name": "resources/big", "size": 1_u64 << 50, "sha256": ""}));
    refuses(&fresh, written(&with("resources/big", b"x"), &bomb), "unfold to more").await;
    let newer = br#"{"format": "nephele", "format_version": 99, "schema": 1, "version": "9.9.9", "created_at": 1,
        "execution_id": null, "key": ""}"#;
    let newer: &'static [u8] = Box::leak(
        String::from_utf8_lossy(newer)
            .replace("\"created_at\": 1", "\"created_at\": \"2030-01-01T00:00:00.000Z\"")
            .into_bytes()
            .into_boxed_slice(),
    );
    refuses(&fresh, sealed(&with("metadata.json", newer)), "newer manager").await;
    refuses(&fresh, sealed(&[("a", b"1")]), "no metadata.json").await;
    assert!(!fresh.manager.settings.data_dir.join("evil").exists());
    assert!(std::fs::read_dir(fresh.manager.settings.data_dir.join("restoring")).unwrap().next().is_none());
    assert_eq!(restore(&fresh, "good", sound).await["status"], "terminated");
}

#[tokio::test]
async fn a_restore_waits_for_nobody_and_runs_alone() {
    let fresh = Fresh::start().await;
    furnish(&fresh).await;
    snapshot(&fresh, "sound").await;
    fresh.stop_runs();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let started =
        fresh.post("/executions", json!({"deployment_id": "d1", "workflow_id": "uninstall"})).await.expect(201);
    let answer = fresh.post("/snapshots/sound/restore", json!({"force": true})).await;
    let message = answer.refused(400, "existing_running_execution_error");
    assert!(message.contains(started["id"].as_str().unwrap()), "{message}");
}

#[tokio::test]
async fn a_manager_that_dies_before_the_commit_has_what_it_had() {
    let fresh = Fresh::start_on(None).await;
    furnish(&fresh).await;
    snapshot(&fresh, "sound").await;
    fresh.patch("/secrets/s1", json!({"value": "newer"})).await.expect(200);
    // From the beginning of the restore on nothing reaches the disk.
    let dead = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&dead);
    fresh.manager.store.ask_before_commits(move || !asked.load(Ordering::Relaxed)).await.unwrap();
    let begun = fresh.post("/snapshots/sound/restore", json!({"force": true})).await.expect(200);
    let id = begun["id"].as_str().unwrap().to_owned();
    for _ in 0..500 {
        if fresh.manager.is_restoring() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    dead.store(true, Ordering::Relaxed);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let folder = fresh.die().await;

    let again = Fresh::start_in(folder, None, "manager").await;
    let ended = again.ended(&id).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    assert!(ended["error"].as_str().unwrap().contains("restore it again"), "{ended:#}");
    assert_eq!(secret(&again).await, "newer");
    let begun = again.post("/snapshots/sound/restore", json!({"force": true})).await.expect(200);
    assert_eq!(again.ended(begun["id"].as_str().unwrap()).await["status"], "terminated");
    assert_eq!(secret(&again).await, "hunter2");
}

/// Whoever is told to end while the database writes the restore down does not know whether it will be there.
#[tokio::test]
async fn a_manager_that_ends_within_the_commit_has_rows_and_files_that_belong_together() {
    let source = Fresh::start().await;
    furnish(&source).await;
    let archive = snapshot(&source, "s").await;
    // Sometimes another commit comes first, and then nothing of the restore is there.
    for _ in 0..20 {
        if ends_within_a_commit(archive.clone()).await {
            return;
        }
    }
    panic!("no restore was committed");
}

/// Restores into a new manager, which ends within the first commit from then on. Whether the restore is there.
async fn ends_within_a_commit(archive: Vec<u8>) -> bool {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let fresh = Fresh::open_in(Arc::clone(&folder), None, "manager").await;
    fresh.begin_runs();
    fresh.send_bytes(Method::PUT, "/snapshots/s/archive", archive).await.expect(201);
    let (within, staging) = (Arc::new(tokio::sync::Notify::new()), folder.path().join("restoring"));
    let toll = Arc::clone(&within);
    let wait = move || {
        if staging.exists() {
            toll.notify_one();
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        true
    };
    fresh.manager.store.ask_before_commits(wait).await.unwrap();
    fresh.post("/snapshots/s/restore", json!({"force": true})).await.expect(200);
    within.notified().await;
    drop(fresh.die().await);

    let again = Fresh::open_in(folder, None, "manager").await;
    let is_there = !again.items("/blueprints").await.is_empty();
    let files = again.get("/blueprints/small/archive").await.status;
    assert_eq!(files.as_u16(), if is_there { 200 } else { 404 });
    assert!(!again.manager.settings.data_dir.join("restoring").exists());
    is_there
}
