//! Modifications and updates of deployments.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::Fresh;

const SCALED: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  web:
    type: cloudify.nodes.Root
    capabilities: {scalable: {properties: {default_instances: 2}}}
    relationships: [{type: cloudify.relationships.connected_to, target: db}]
  db:
    type: cloudify.nodes.Root
";

async fn deployed() -> Fresh {
    let fresh = Fresh::start().await;
    fresh.upload("scaled", SCALED).await.expect(201);
    fresh.put("/deployments/d1", json!({"blueprint_id": "scaled"})).await.expect(201);
    fresh
}

async fn ids(fresh: &Fresh) -> Vec<Value> {
    let list = fresh.get("/node-instances?deployment_id=d1&node_id=web&_sort=id").await.expect(200);
    list["items"].as_array().unwrap().iter().map(|instance| instance["id"].clone()).collect()
}

async fn planned(fresh: &Fresh) -> (Value, Value) {
    let node = fresh.get("/nodes?deployment_id=d1&id=web").await.expect(200)["items"][0].clone();
    (node["planned_number_of_instances"].clone(), node["number_of_instances"].clone())
}

async fn start(fresh: &Fresh, instances: i64) -> Value {
    let body = json!({"deployment_id": "d1", "nodes": {"web": {"instances": instances}}, "context": {"why": "load"}});
    fresh.post("/deployment-modifications", body).await.expect(201)
}

#[tokio::test]
async fn growing_adds_instances_at_once() {
    let fresh = deployed().await;
    let before = ids(&fresh).await;
    let begun = start(&fresh, 3).await;
    assert_eq!((&begun["status"], &begun["context"]["why"]), (&json!("started"), &json!("load")));
    assert_eq!(begun["node_instances"]["before_modification"].as_array().unwrap().len(), 3, "{begun}");
    let added: Vec<&Value> = begun["node_instances"]["added_and_related"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|instance| instance["modification"] == "added")
        .collect();
    assert_eq!(added.len(), 1);
    assert_eq!(added[0]["relationships"][0]["target_name"], "db");
    assert_eq!((ids(&fresh).await.len(), planned(&fresh).await), (3, (json!(3), json!(2))));
    let message = fresh
        .post("/deployment-modifications", json!({"deployment_id": "d1", "nodes": {}}))
        .await
        .refused(400, "existing_started_deployment_modification_error");
    assert!(message.contains(begun["id"].as_str().unwrap()), "{message}");
    let id = begun["id"].as_str().unwrap();
    let done = fresh.post(&format!("/deployment-modifications/{id}/finish"), json!({})).await.expect(200);
    assert_eq!((&done["status"], planned(&fresh).await), (&json!("finished"), (json!(3), json!(3))));
    assert!(before.iter().all(|id| !added.iter().any(|new| new["id"] == *id)));
    fresh
        .post(&format!("/deployment-modifications/{id}/rollback"), json!({}))
        .await
        .refused(400, "deployment_modification_already_ended_error");
    assert_eq!(fresh.get("/deployment-modifications?deployment_id=d1").await.expect(200)["items"][0]["id"], id);
}

#[tokio::test]
async fn shrinking_removes_at_the_end_and_only_what_may_go() {
    let fresh = deployed().await;
    let before = ids(&fresh).await;
    let keep = &before[1];
    let change = json!({"instances": 1, "removed_ids_exclude_hint": [keep]});
    let begun = fresh
        .post("/deployment-modifications", json!({"deployment_id": "d1", "nodes": {"web": change}}))
        .await
        .expect(201);
    assert_eq!(ids(&fresh).await.len(), 2);
    let id = begun["id"].as_str().unwrap();
    fresh.post(&format!("/deployment-modifications/{id}/finish"), json!({})).await.expect(200);
    assert_eq!(ids(&fresh).await, std::slice::from_ref(keep));
}

#[tokio::test]
async fn rolling_back_restores_everything() {
    let fresh = deployed().await;
    let before = ids(&fresh).await;
    let begun = start(&fresh, 4).await;
    let first = before[0].as_str().unwrap();
    let changed = json!({"version": 10, "runtime_properties": {"a": 1}, "state": "started"});
    fresh.patch(&format!("/node-instances/{first}"), changed).await.expect(200);
    let id = begun["id"].as_str().unwrap();
    let done = fresh.post(&format!("/deployment-modifications/{id}/rollback"), json!({})).await.expect(200);
    assert_eq!(done["status"], "rolledback");
    assert_eq!(done["node_instances"]["before_rollback"].as_array().unwrap().len(), 5);
    assert_eq!((ids(&fresh).await, planned(&fresh).await), (before.clone(), (json!(2), json!(2))));
    let instance = fresh.get(&format!("/node-instances/{first}")).await.expect(200);
    assert_eq!((&instance["state"], &instance["runtime_properties"]), (&json!("uninitialized"), &json!({})));
}

#[tokio::test]
async fn modifications_of_what_is_not_there_change_nothing() {
    let fresh = deployed().await;
    let post = async |body: Value| fresh.post("/deployment-modifications", body).await;
    post(json!({"deployment_id": "nope"})).await.refused(404, "not_found_error");
    post(json!({"deployment_id": "d1", "nodes": {"nope": {"instances": 1}}})).await.refused(404, "not_found_error");
    post(json!({"deployment_id": "d1", "nodes": {"web": {}}})).await.refused(400, "bad_parameters_error");
    post(json!({"deployment_id": "d1", "nodes": {"web": {"instances": -1}}}))
        .await
        .refused(400, "bad_parameters_error");
    post(json!({"deployment_id": "d1", "nodes": []})).await.refused(400, "bad_parameters_error");
    assert_eq!(fresh.get("/deployment-modifications").await.expect(200)["items"], json!([]));
    let elsewhere = fresh.elsewhere().await;
    let begun = start(&fresh, 3).await;
    let path = format!("/deployment-modifications/{}/finish", begun["id"].as_str().unwrap());
    fresh.ask_as(&elsewhere, Method::POST, &path, Some(json!({}))).await.refused(404, "not_found_error");
}

#[tokio::test]
async fn an_update_begins_with_its_execution() {
    let fresh = deployed().await;
    fresh.upload("next", SCALED).await.expect(201);
    let body = json!({"blueprint_id": "next", "skip_install": true, "reinstall_list": ["web"]});
    let update = fresh.post("/deployment-updates/d1/update/initiate", body).await.expect(200);
    assert!(update["id"].as_str().unwrap().starts_with("d1-"), "{update}");
    assert_eq!((&update["old_blueprint_id"], &update["new_blueprint_id"]), (&json!("scaled"), &json!("next")));
    assert_eq!((&update["steps"], &update["recursive_dependencies"]), (&json!([]), &Value::Null));
    let execution = fresh.get(&format!("/executions/{}", update["execution_id"].as_str().unwrap())).await.expect(200);
    let parameters = &execution["parameters"];
    assert_eq!((&execution["workflow_id"], &parameters["update_id"]), (&json!("update"), &update["id"]));
    assert_eq!((&parameters["skip_install"], &parameters["update_plugins"]), (&json!(true), &json!(true)));
    assert_eq!(parameters["reinstall_list"], json!(["web"]));
    let id = update["id"].as_str().unwrap();
    let shown = fresh.post(&format!("/deployment-updates/{id}/update/finalize"), json!({})).await.expect(200);
    assert_eq!(shown["id"], update["id"]);
    let start =
        async |id: &str, body: Value| fresh.post(&format!("/deployment-updates/{id}/update/initiate"), body).await;
    start("nope", json!({})).await.refused(404, "not_found_error");
    start("d1", json!({"blueprint_id": "nope"})).await.refused(404, "not_found_error");
    start("d1", json!({"inputs": []})).await.refused(400, "bad_parameters_error");
    start("d1", json!({"skip_heal": "maybe"})).await.refused(400, "bad_parameters_error");
}

#[tokio::test]
async fn an_update_that_others_stand_against_is_noted_as_failed() {
    let fresh = deployed().await;
    let child = json!({"blueprint_id": "scaled", "labels": [{"csys-obj-parent": "d1"}]});
    fresh.put("/deployments/child", child).await.expect(201);
    fresh.post("/deployment-updates/d1/update/initiate", json!({})).await.refused(400, "dependent_exists_error");
    let noted = fresh.get("/deployment-updates?deployment_id=d1").await.expect(200)["items"][0].clone();
    assert_eq!(noted["state"], "failed");
    let execution = fresh.get(&format!("/executions/{}", noted["execution_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(execution["status"], "failed");
    assert!(execution["error"].as_str().unwrap().starts_with("Error preparing execution: "), "{execution}");
}

#[tokio::test]
async fn records_of_updates_are_written_by_executions_and_restores() {
    let fresh = deployed().await;
    let record = json!({"deployment_id": "d1", "state": "updating"});
    let message = fresh.put("/deployment-updates/u1", record).await.refused(403, "forbidden_error");
    assert_eq!(message, "Deployment update objects can only be created by executions");
    assert_eq!(fresh.post("/deployment-updates", json!({"deployment_updates": []})).await.status, 204);
    let steps = json!([{"action": "add", "entity_type": "node", "entity_id": ["nodes", "web"], "topology_order": 1}]);
    let records = json!([{
        "id": "u1", "deployment_id": "d1", "state": "successful", "created_at": "2020-01-01T00:00:00.000Z",
        "old_blueprint_id": "scaled", "new_blueprint_id": "scaled", "old_inputs": {"a": 1}, "steps": steps,
    }]);
    fresh.post("/deployment-updates", json!({"deployment_updates": records})).await.expect(201);
    let update = fresh.get("/deployment-updates/u1").await.expect(200);
    assert_eq!((&update["created_at"], &update["old_inputs"]["a"]), (&json!("2020-01-01T00:00:00.000Z"), &json!(1)));
    assert_eq!(
        (&update["steps"][0]["entity_id"], &update["steps"][0]["deployment_update_id"]),
        (&json!(["nodes", "web"]), &json!("u1"))
    );
    let patch = json!({"state": "failed", "plan": {"nodes": []}, "steps": steps});
    let patched = fresh.patch("/deployment-updates/u1", patch).await.expect(200);
    assert_eq!((&patched["state"], patched["steps"].as_array().unwrap().len()), (&json!("failed"), 2));
    fresh.patch("/deployment-updates/u1", json!({"state": "sideways"})).await.refused(400, "bad_parameters_error");
    let no_step = json!({"steps": [{"action": "dance", "entity_type": "node", "entity_id": []}]});
    fresh.patch("/deployment-updates/u1", no_step).await.refused(400, "bad_parameters_error");
    let elsewhere = fresh.elsewhere().await;
    fresh.ask_as(&elsewhere, Method::GET, "/deployment-updates/u1", None).await.refused(404, "not_found_error");
}
