//! One tenant or one deployment out of a snapshot, on both databases: it is as it was, and all else is as it is.

use axum::http::Method;
use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::harness::{ADMIN, As, Fresh, SMALL};
use crate::snapshots::{settled, snapshot};

const OTHER: As<'_> = As { tenant: Some("other"), ..ADMIN };

async fn at(fresh: &Fresh, caller: &As<'_>, method: Method, path: &str, body: Value) -> Value {
    let answer = fresh.ask_as(caller, method, path, Some(body).filter(|body| !body.is_null())).await;
    assert!(answer.status.is_success(), "{path}: {}", String::from_utf8_lossy(&answer.bytes));
    if answer.bytes.is_empty() { Value::Null } else { answer.json() }
}

async fn list(fresh: &Fresh, caller: &As<'_>, path: &str) -> Vec<Value> {
    at(fresh, caller, Method::GET, path, Value::Null).await["items"].as_array().unwrap().clone()
}

async fn ids(fresh: &Fresh, caller: &As<'_>, path: &str) -> Vec<String> {
    let found = list(fresh, caller, path).await;
    let mut ids: Vec<String> = found.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

async fn deploy(fresh: &Fresh, caller: &As<'_>, id: &str) {
    let body = json!({"blueprint_id": "small", "inputs": {"greeting": id}, "labels": [{"env": "prod"}]});
    at(fresh, caller, Method::PUT, &format!("/deployments/{id}"), body).await;
}

async fn run(fresh: &Fresh, caller: &As<'_>, id: &str, workflow: &str) {
    let begun =
        at(fresh, caller, Method::POST, "/executions", json!({"deployment_id": id, "workflow_id": workflow})).await;
    let path = format!("/executions/{}", begun["id"].as_str().unwrap());
    for _ in 0..500 {
        let now = at(fresh, caller, Method::GET, &path, Value::Null).await;
        match now["status"].as_str().unwrap() {
            "terminated" => return,
            "failed" | "cancelled" => panic!("{now:#}"),
            _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
    panic!("{workflow} of {id} does not end");
}

/// Two tenants with deployments, one of which is installed in each.
async fn furnish(fresh: &Fresh) {
    fresh.elsewhere().await;
    fresh.plain_user("ann", "default").await;
    fresh.join("ann", "other", "manager").await;
    for caller in [&ADMIN, &OTHER] {
        fresh.upload_as(caller, "small", "tenant", SMALL).await.expect(201);
        deploy(fresh, caller, "d1").await;
        deploy(fresh, caller, "d2").await;
        run(fresh, caller, "d1", "install").await;
        at(fresh, caller, Method::PUT, "/secrets/s1", json!({"value": "early"})).await;
        at(fresh, caller, Method::PUT, "/deployment-groups/g1", json!({"deployment_ids": ["d1", "d2"]})).await;
    }
}

async fn restore(fresh: &Fresh, id: &str, part: Value) -> Value {
    let mut body = json!({"force": true});
    body.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
    let begun = fresh.post(&format!("/snapshots/{id}/restore"), body).await.expect(200);
    let ended = fresh.ended(begun["id"].as_str().unwrap()).await;
    settled(fresh).await;
    ended
}

async fn secret(fresh: &Fresh, caller: &As<'_>) -> Value {
    at(fresh, caller, Method::GET, "/secrets/s1", Value::Null).await["value"].clone()
}

/// What must be the same again of a deployment.
async fn state(fresh: &Fresh, caller: &As<'_>, id: &str) -> Value {
    let mut found = json!({});
    for kind in ["nodes", "node-instances", "executions", "events"] {
        let mut items = list(fresh, caller, &format!("/{kind}?deployment_id={id}&_size=500")).await;
        for item in &mut items {
            item.as_object_mut().unwrap().remove("_storage_id");
        }
        found[kind] = items.into();
    }
    let mut deployment = at(fresh, caller, Method::GET, &format!("/deployments/{id}"), Value::Null).await;
    deployment.as_object_mut().unwrap().remove("updated_at");
    found["deployment"] = deployment;
    found
}

async fn parts_come_back(fresh: &Fresh) {
    furnish(fresh).await;
    let before = state(fresh, &OTHER, "d1").await;
    let own = state(fresh, &ADMIN, "d1").await;
    snapshot(fresh, "early").await;
    // Both tenants go on.
    for caller in [&ADMIN, &OTHER] {
        run(fresh, caller, "d1", "uninstall").await;
        at(fresh, caller, Method::PATCH, "/secrets/s1", json!({"value": "late"})).await;
        deploy(fresh, caller, "d3").await;
        at(fresh, caller, Method::DELETE, "/deployments/d2?force=true", Value::Null).await;
    }
    for _ in 0..200 {
        if ids(fresh, &ADMIN, "/deployments").await == ["d1", "d3"]
            && ids(fresh, &OTHER, "/deployments").await == ["d1", "d3"]
        {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let kept = state(fresh, &ADMIN, "d1").await;

    let ended = restore(fresh, "early", json!({"tenant_name": "other"})).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    assert_eq!(ids(fresh, &OTHER, "/deployments").await, ["d1", "d2"]);
    assert_eq!((secret(fresh, &OTHER).await, secret(fresh, &ADMIN).await), (json!("early"), json!("late")));
    assert_eq!(state(fresh, &OTHER, "d1").await, before);
    assert_eq!(state(fresh, &ADMIN, "d1").await, kept);
    assert_eq!(ids(fresh, &ADMIN, "/deployments").await, ["d1", "d3"]);
    let group = at(fresh, &OTHER, Method::GET, "/deployment-groups/g1", Value::Null).await;
    assert_eq!(group["deployment_ids"].as_array().unwrap().len(), 2);
    let ann = As { user: "ann", password: "secret", tenant: Some("other") };
    assert_eq!(ids(fresh, &ann, "/deployments").await, ["d1", "d2"]);
    run(fresh, &OTHER, "d1", "uninstall").await;
    run(fresh, &OTHER, "d2", "install").await;

    // One deployment alone, over another state of it and where it is gone.
    for id in ["d1", "d2"] {
        let ended = restore(fresh, "early", json!({"tenant_name": "default_tenant", "deployment_id": id})).await;
        assert_eq!(ended["status"], "terminated", "{ended:#}");
    }
    assert_eq!(state(fresh, &ADMIN, "d1").await, own);
    assert_eq!(ids(fresh, &ADMIN, "/deployments").await, ["d1", "d2", "d3"]);
    assert_eq!(secret(fresh, &ADMIN).await, "late");
    run(fresh, &ADMIN, "d1", "uninstall").await;
    run(fresh, &ADMIN, "d2", "install").await;
    deploy(fresh, &ADMIN, "d4").await;
    refusals(fresh).await;
}

async fn refusals(fresh: &Fresh) {
    let refused = async |part: Value, force: bool| {
        let mut body = json!({"force": force});
        body.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        let begun = fresh.post("/snapshots/early/restore", body).await.expect(200);
        let ended = fresh.ended(begun["id"].as_str().unwrap()).await;
        settled(fresh).await;
        assert_eq!(ended["status"], "failed", "{ended:#}");
        ended["error"].as_str().unwrap().to_owned()
    };
    assert!(refused(json!({"tenant_name": "nobody"}), true).await.contains("no tenant `nobody`"));
    let nothing = json!({"tenant_name": "other", "deployment_id": "nothing"});
    assert!(refused(nothing, true).await.contains("no deployment `nothing`"));
    assert!(refused(json!({"tenant_name": "other"}), false).await.contains("--force"));
    for id in ["d1", "d2", "d3"] {
        at(fresh, &ADMIN, Method::DELETE, &format!("/deployments/{id}?force=true"), Value::Null).await;
    }
    at(fresh, &ADMIN, Method::DELETE, "/deployments/d4?force=true", Value::Null).await;
    for _ in 0..200 {
        if ids(fresh, &ADMIN, "/deployments").await.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    at(fresh, &ADMIN, Method::DELETE, "/blueprints/small", Value::Null).await;
    let alone = json!({"tenant_name": "default_tenant", "deployment_id": "d1"});
    assert!(refused(alone, true).await.contains("needs the blueprint `default_tenant/small`"));
    let answer = fresh.post("/snapshots/early/restore", json!({"force": true, "deployment_id": "d1"})).await;
    answer.refused(400, "bad_parameters_error");
    assert_eq!(secret(fresh, &ADMIN).await, "late");
}

#[tokio::test]
async fn parts_come_back_on_sqlite() {
    parts_come_back(&Fresh::start_on(None).await).await;
}

#[tokio::test]
async fn parts_come_back_on_postgresql() {
    let database = Database::empty();
    parts_come_back(&Fresh::start_on(Some(database.url())).await).await;
}

#[tokio::test]
async fn a_tenant_moves_to_another_manager() {
    let (here, database) = (Fresh::start_on(None).await, Database::empty());
    let there = Fresh::start_on(Some(database.url())).await;
    furnish(&here).await;
    let archive = snapshot(&here, "early").await;
    there.upload("own", SMALL).await.expect(201);
    there.send_bytes(Method::PUT, "/snapshots/came/archive", archive).await.expect(201);
    let ended = restore(&there, "came", json!({"tenant_name": "other"})).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    assert_eq!(state(&there, &OTHER, "d1").await, state(&here, &OTHER, "d1").await);
    assert_eq!(secret(&there, &OTHER).await, "early");
    assert_eq!(ids(&there, &ADMIN, "/blueprints").await, ["own"]);
    assert_eq!(there.items("/users").await.len(), 1, "users are of no tenant");
    run(&there, &OTHER, "d1", "uninstall").await;
}
