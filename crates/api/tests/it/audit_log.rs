//! The audit log: who changed what, and that a change of the log itself shows.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use nephele_model::clock::SystemClock;
use serde_json::{Value, json};

use crate::harness::{ADMIN, Fresh, SMALL};

async fn entries(fresh: &Fresh, query: &str) -> Vec<Value> {
    let list = fresh.get(&format!("/audit?{query}")).await.expect(200);
    list["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_first_entries_tell_of_the_beginning() {
    let fresh = Fresh::start().await;
    let list = fresh.get("/audit").await.expect(200);
    let items = list["items"].as_array().unwrap();
    assert_eq!((items.len(), &list["metadata"]["pagination"]["size"]), (100, &json!(100)));
    let tenant = json!({
        "id": 1, "ref_table": "tenants", "ref_id": 0, "ref_identifier": {"name": "default_tenant"},
        "operation": "create", "created_at": items[0]["created_at"],
    });
    assert_eq!(items[0], tenant);
    assert_eq!(items[1]["ref_table"], "users");
    assert!(!items[0]["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(entries(&fresh, "size=0").await.len() as u64, list["metadata"]["pagination"]["total"].as_u64().unwrap());
}

#[tokio::test]
async fn every_change_names_its_user_and_its_execution() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "user").await;
    fresh.by("ann", "default_tenant", Method::PUT, "/secrets/k", json!({"value": "v"})).await.expect(200);
    fresh.by("ann", "default_tenant", Method::PATCH, "/secrets/k", json!({"value": "w"})).await.expect(200);
    fresh.by("ann", "default_tenant", Method::DELETE, "/secrets/k", json!({})).await.expect(204);
    let of_ann = entries(&fresh, "creator_name=ann&size=0").await;
    let secrets: Vec<_> = of_ann.iter().filter(|entry| entry["ref_table"] == "secrets").collect();
    let operations: Vec<_> = secrets.iter().map(|entry| entry["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["create", "update", "delete"]);
    assert!(secrets.iter().all(|entry| {
        entry["ref_identifier"] == json!({"tenant_id": 0, "id": "k", "tenant_name": "default_tenant"})
    }));
    let text = serde_json::to_string(&of_ann).unwrap();
    assert!(!text.contains("\"v\"") && !text.contains("\"w\""), "values are nobody's business");

    let blueprint = fresh.upload("bp", SMALL).await.expect(201);
    let execution = blueprint["upload_execution"]["id"].as_str().unwrap();
    let of_run = entries(&fresh, &format!("execution_id={execution}&size=0")).await;
    assert!(of_run.iter().any(|entry| entry["ref_table"] == "blueprints" && entry["creator_name"] == "admin"));
    // A change of who may do what is on record.
    fresh.put("/permissions/viewer/secret_create", json!({})).await.expect(200);
    let last = entries(&fresh, "order_by=id&desc=true&size=3").await;
    assert!(last.iter().any(|entry| entry["ref_table"] == "permissions" && entry["creator_name"] == "admin"));
}

#[tokio::test]
async fn lists_are_cut_ordered_and_refused() {
    let fresh = Fresh::start().await;
    fresh.put("/secrets/a", json!({"value": "v"})).await.expect(200);
    let newest = entries(&fresh, "order_by=id&desc=True&size=2&offset=1").await;
    assert_eq!(newest.len(), 2);
    assert!(newest[0]["id"].as_i64() > newest[1]["id"].as_i64());
    assert_eq!(entries(&fresh, "since=2999-01-01").await.len(), 0);
    assert_eq!(entries(&fresh, "before=1999-01-01T00:00:00.000").await.len(), 0);
    for bad in
        ["size=x", "offset=-1", "desc=maybe", "since=soon", "since=2020-01-01&before=2021-01-01", "order_by=hash"]
    {
        let answer = fresh.get(&format!("/audit?{bad}")).await;
        assert!(answer.status == 422 && answer.json()["detail"].is_string(), "{bad}: {answer:?}");
    }
    assert_eq!(fresh.delete("/audit").await.expect(422)["detail"], "Mandatory parameter not provided: `before`");
}

#[tokio::test]
async fn entries_are_brought_along() {
    let fresh = Fresh::start().await;
    let logs = json!([{
        "ref_table": "blueprints", "ref_id": 7, "ref_identifier": {"id": "old", "tenant_name": "default_tenant"},
        "operation": "create", "creator_name": "zoe", "execution_id": null, "created_at": "2020-01-01T00:00:00.000",
    }]);
    fresh.ask_as(&ADMIN, Method::POST, "/audit", Some(logs)).await.expect(204);
    let found = entries(&fresh, "creator_name=zoe").await;
    assert_eq!(found[0]["ref_identifier"], json!({"tenant_id": 0, "id": "old", "tenant_name": "default_tenant"}));
    assert_eq!(found[0]["created_at"], "2020-01-01T00:00:00.000");
    for bad in [
        json!({}),
        json!([{"ref_table": "x"}]),
        json!([{"ref_table": "x", "ref_id": 1, "operation": "drop", "created_at": "2020-01-01"}]),
    ] {
        let answer = fresh.ask_as(&ADMIN, Method::POST, "/audit", Some(bad)).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
    }
}

async fn report(fresh: &Fresh) -> nephele_manager::audit_log::Report {
    nephele_manager::audit_log::verify(&fresh.manager.settings, Arc::new(SystemClock)).await.unwrap()
}

#[tokio::test]
async fn the_chain_holds_through_truncation() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "user").await;
    fresh.by("ann", "default_tenant", Method::PUT, "/secrets/k", json!({"value": "v"})).await.expect(200);
    fresh.manager.seal_pending().await.unwrap();
    let before = report(&fresh).await;
    assert_eq!((before.problem.as_ref(), before.waiting), (None, 0));
    let all = fresh.get("/audit").await.expect(200)["metadata"]["pagination"]["total"].as_u64().unwrap();
    assert!(before.sealed > 500 && before.sealed <= all, "{before:?} {all}");

    // Out of the middle.
    let middle = fresh.delete("/audit?before=2999-01-01&creator_name=ann").await.expect(200);
    assert!(middle["deleted"].as_u64().unwrap() > 0);
    assert!(entries(&fresh, "creator_name=ann&size=0").await.is_empty());
    fresh.manager.seal_pending().await.unwrap();
    let after = report(&fresh).await;
    assert_eq!(after.problem.as_ref(), None);
    assert!(after.sealed > all, "the truncation is on record, the places stay: {after:?} {all}");

    // Everything.
    let whole = fresh.delete("/audit?before=2999-01-01").await.expect(200);
    assert!(whole["deleted"].as_u64().unwrap() > 500);
    fresh.manager.seal_pending().await.unwrap();
    let left = report(&fresh).await;
    assert_eq!(left.problem.as_ref(), None);
    let kept = entries(&fresh, "size=0").await;
    assert!(left.sealed < 5 && kept.len() < 5, "{left:?} {kept:?}");
    assert!(kept.iter().any(|entry| entry["ref_table"] == "audit_log" && entry["creator_name"] == "admin"), "{kept:?}");
    fresh.put("/secrets/more", json!({"value": "v"})).await.expect(200);
    fresh.manager.seal_pending().await.unwrap();
    assert_eq!(report(&fresh).await.problem, None);
}

#[tokio::test]
async fn those_who_follow_miss_nothing() {
    let fresh = Fresh::start().await;
    let shutdown = tokio_util::sync::CancellationToken::new();
    tokio::spawn(fresh.manager.clone().keep_house(shutdown.clone()));
    let mut following = fresh
        .manager
        .follow_audit_log(nephele_manager::audit_log::Selection {
            creator_name: Some("admin".to_owned()),
            ..Default::default()
        })
        .await
        .unwrap();
    for key in ["a", "b", "c"] {
        fresh.put(&format!("/secrets/{key}"), json!({"value": "v"})).await.expect(200);
    }
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let next = tokio::time::timeout(Duration::from_secs(20), following.next()).await.expect("entries in time");
        let found = next.unwrap().unwrap();
        seen.extend(
            found
                .iter()
                .filter(|entry| entry["ref_table"] == "secrets")
                .map(|entry| entry["ref_identifier"]["id"].clone()),
        );
    }
    assert_eq!(seen, [json!("a"), json!("b"), json!("c")]);
    shutdown.cancel();
}
