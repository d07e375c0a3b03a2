//! Node instances: the lock on their version.

use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL};

#[tokio::test]
async fn a_stale_version_is_refused() {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    fresh.put("/deployments/d1", json!({"blueprint_id": "small", "inputs": {"greeting": "x"}})).await.expect(201);
    let list = fresh.get("/node-instances?deployment_id=d1").await.expect(200);
    let path = format!("/node-instances/{}", list["items"][0]["id"].as_str().unwrap());
    let message = fresh.patch(&path, json!({"state": "x"})).await.refused(400, "bad_parameters_error");
    assert!(message.contains("field required"));
    let changed = fresh.patch(&path, json!({"version": 1, "runtime_properties": {"a": 1}})).await.expect(200);
    assert_eq!((&changed["version"], &changed["runtime_properties"]), (&json!(2), &json!({"a": 1})));
    let message = fresh.patch(&path, json!({"version": 0, "state": "started"})).await.refused(409, "conflict_error");
    assert_eq!(message, "Node instance update conflict [current version=2, update version=0]");
    let forced =
        fresh.patch(&format!("{path}?force=true"), json!({"version": 0, "state": "started"})).await.expect(200);
    assert_eq!((&forced["state"], &forced["version"]), (&json!("started"), &json!(3)));
    let drift =
        json!({"version": 3, "system_properties": {"configuration_drift": {"result": true}, "status": {"ok": true}}});
    let noted = fresh.patch(&path, drift).await.expect(200);
    assert_eq!((&noted["has_configuration_drift"], &noted["is_status_check_ok"]), (&json!(true), &json!(true)));
    fresh.patch(&path, json!({"version": 4, "relationships": []})).await.refused(403, "only_deployment_update");
}

#[tokio::test]
async fn nodes_and_instances_can_be_added() {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    fresh.put("/deployments/d1", json!({"blueprint_id": "small", "inputs": {"greeting": "x"}})).await.expect(201);
    let node = json!({"id": "more", "type": "t", "type_hierarchy": ["t"], "properties": {}});
    assert_eq!(fresh.post("/nodes", json!({"deployment_id": "d1", "nodes": [node]})).await.expect(201), Value::Null);
    fresh.post("/nodes", json!({"deployment_id": "d1", "nodes": []})).await.expect(204);
    let instance = json!({"id": "more_x1", "node_id": "more", "relationships": []});
    let body = json!({"deployment_id": "d1", "node_instances": [instance]});
    fresh.post("/node-instances", body).await.expect(201);
    assert_eq!(fresh.get("/node-instances/more_x1").await.expect(200)["index"], 1);
}
