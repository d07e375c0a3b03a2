//! Snapshots of what changed since another one, on both databases.

use std::path::PathBuf;

use axum::http::Method;
use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::harness::Fresh;
use crate::snapshots::{entries, furnish, restore, secret, settled, snapshot};

/// Makes a snapshot of what changed since another one and gives its archive.
async fn increment(fresh: &Fresh, id: &str, base: &str) -> Vec<u8> {
    let begun = fresh.put(&format!("/snapshots/{id}"), json!({"include_logs": false, "base": base})).await.expect(201);
    let ended = fresh.ended(begun["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    fresh.get(&format!("/snapshots/{id}/archive")).await.bytes
}

async fn back_to(fresh: &Fresh, id: &str) -> Value {
    let begun = fresh.post(&format!("/snapshots/{id}/restore"), json!({"force": true})).await.expect(200);
    let ended = fresh.ended(begun["id"].as_str().unwrap()).await;
    settled(fresh).await;
    ended
}

async fn set(fresh: &Fresh, value: &str) {
    fresh.patch("/secrets/s1", json!({"value": value})).await.expect(200);
}

async fn sites(fresh: &Fresh) -> Vec<Value> {
    fresh.items("/sites").await.into_iter().map(|site| site["name"].clone()).collect()
}

/// Three snapshots, each of what changed since the one before, and the archives.
async fn chained(fresh: &Fresh) -> [Vec<u8>; 3] {
    furnish(fresh).await;
    let one = snapshot(fresh, "one").await;
    set(fresh, "second").await;
    fresh.delete("/sites/paris").await.expect(204);
    fresh.put("/sites/rome", json!({"location": "41.9, 12.5"})).await.expect(200);
    let two = increment(fresh, "two", "one").await;
    set(fresh, "third").await;
    fresh.put("/sites/oslo", json!({"location": "59.9, 10.8"})).await.expect(200);
    let three = increment(fresh, "three", "two").await;
    set(fresh, "fourth").await;
    [one, two, three]
}

async fn go_back(fresh: &Fresh, [one, two, _]: &[Vec<u8>; 3]) {
    let (all, some) = (entries(one), entries(two));
    assert!(all.contains_key("tables/nodes.jsonl") && !some.contains_key("tables/nodes.jsonl"), "{:?}", some.keys());
    let is_file = |name: &&String| name.starts_with("resources/");
    assert!(all.keys().filter(is_file).count() > 1);
    assert_eq!(some.keys().filter(is_file).count(), 0);
    assert_eq!(String::from_utf8_lossy(&some["tables/sites.jsonl"]).lines().count(), 1);
    // SQLite may give the key of a row that is gone to the next one, which is a change then.
    assert!(some.contains_key("gone/sites.jsonl"));

    for (id, value, wanted) in
        [("three", "third", &["rome", "oslo"][..]), ("one", "hunter2", &["paris"]), ("two", "second", &["rome"])]
    {
        let ended = back_to(fresh, id).await;
        assert_eq!(ended["status"], "terminated", "{ended:#}");
        assert_eq!(secret(fresh).await, value);
        let mut found = sites(fresh).await;
        found.sort_by_key(|name| wanted.iter().position(|wanted| name == wanted));
        assert_eq!(found, wanted);
        let file = "/resources/blueprints/default_tenant/small/scripts/run.sh";
        assert_eq!(fresh.get(file).await.bytes, b"#!/bin/sh\n");
    }
    let refused = fresh.delete("/snapshots/one").await.refused(400, "snapshot_action_error");
    assert!(refused.contains("`two` has only what changed since"), "{refused}");
    fresh.put("/snapshots/four", json!({"base": "nothing"})).await.refused(404, "not_found_error");
}

#[tokio::test]
async fn increments_go_back_to_each_on_sqlite() {
    let fresh = Fresh::start_on(None).await;
    let archives = chained(&fresh).await;
    go_back(&fresh, &archives).await;
}

#[tokio::test]
async fn increments_go_back_to_each_on_postgresql() {
    let database = Database::empty();
    let fresh = Fresh::start_on(Some(database.url())).await;
    let archives = chained(&fresh).await;
    go_back(&fresh, &archives).await;
}

#[tokio::test]
async fn a_chain_moves_and_is_nothing_without_its_base() {
    let here = Fresh::start_on(None).await;
    let [one, two, three] = chained(&here).await;
    let folder = tempfile::tempdir().unwrap();
    let [first, second, third]: [PathBuf; 3] = [("1", &one), ("2", &two), ("3", &three)].map(|(name, bytes)| {
        let place = folder.path().join(name);
        std::fs::write(&place, bytes).unwrap();
        place
    });
    let alone = nephele_manager::verify_snapshot(&third, &[]).unwrap();
    assert!(alone.base.is_some());
    let together = nephele_manager::verify_snapshot(&third, &[first.clone(), second.clone()]).unwrap();
    assert!(together.base.is_none() && together.rows > alone.rows, "{together:?}");
    let missing = nephele_manager::verify_snapshot(&third, std::slice::from_ref(&second)).unwrap_err();
    assert!(missing.message().contains("which is not here"), "{missing}");

    let database = Database::empty();
    let there = Fresh::start_on(Some(database.url())).await;
    let put = async |id: &str, archive: Vec<u8>| {
        there.send_bytes(Method::PUT, &format!("/snapshots/{id}/archive"), archive).await.expect(201);
    };
    put("last", three).await;
    let ended = back_to(&there, "last").await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    assert!(ended["error"].as_str().unwrap().contains("Bring that one as well"), "{ended:#}");
    put("first", one.clone()).await;
    put("middle", two).await;
    let ended = back_to(&there, "last").await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    assert_eq!((secret(&there).await, sites(&there).await), (json!("third"), vec![json!("rome"), json!("oslo")]));
    // A whole one is whole by itself.
    assert_eq!(restore(&there, "again", one).await["status"], "terminated");
    assert_eq!(secret(&there).await, "hunter2");
}
