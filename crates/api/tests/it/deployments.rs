//! Deployments and the executions on them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL};

async fn deployed() -> Fresh {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    let body = json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}, "labels": [{"env": "prod"}], "display_name": "The D1"});
    let made = fresh.put("/deployments/d1", body).await.expect(201);
    assert_eq!((&made["display_name"], &made["inputs"]["greeting"]), (&json!("The D1"), &json!("hi")));
    fresh
}

#[tokio::test]
async fn creation_fills_the_deployment() {
    let fresh = deployed().await;
    let deployment = fresh.get("/deployments/d1").await.expect(200);
    assert_eq!(deployment["labels"][0]["key"], "env");
    assert_eq!(deployment["latest_execution_status"], "completed");
    let install = deployment["workflows"].as_array().unwrap().iter().find(|workflow| workflow["name"] == "install");
    assert_eq!(install.unwrap()["is_available"], true);
    let outputs = fresh.get("/deployments/d1/outputs").await.expect(200);
    assert_eq!(outputs, json!({"deployment_id": "d1", "outputs": {"said": "hi"}}));
    let capabilities = fresh.get("/deployments/d1/capabilities").await.expect(200);
    assert_eq!(capabilities["capabilities"]["twice"], "hihi");
    assert_eq!(fresh.get("/nodes?deployment_id=d1").await.expect(200)["items"][0]["id"], "app");
    assert_eq!(fresh.get("/node-instances?node_id=app").await.expect(200)["items"][0]["state"], "uninitialized");
    let body = json!({"deployment_id": "d1", "payload": {"a": {"get_input": "greeting"}}, "context": {}});
    assert_eq!(fresh.post("/evaluate/functions", body).await.expect(200)["payload"]["a"], "hi");
    let body = json!({"deployment_id": "d1", "payload": {"a": {"get_secret": "nope"}}, "context": {}});
    let message = fresh.post("/evaluate/functions", body).await.refused(404, "not_found_error");
    assert_eq!(message, "Requested `Secret` with ID `nope` was not found");
}

#[tokio::test]
async fn creation_is_refused_with_the_known_codes() {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    let create = async |body: Value| fresh.put("/deployments/d0", body).await;
    create(json!({"blueprint_id": "nope"})).await.refused(404, "not_found_error");
    create(json!({"blueprint_id": "small"})).await.refused(400, "missing_required_deployment_input_error");
    let unknown = create(json!({"blueprint_id": "small", "inputs": {"greeting": "x", "zzz": 1}})).await;
    assert_eq!(
        unknown.refused(400, "unknown_deployment_input_error"),
        "Cannot create deployment - unknown inputs: zzz"
    );
    create(json!({"blueprint_id": "small", "inputs": {"greeting": "x"}, "site_name": "x"}))
        .await
        .refused(404, "not_found_error");
    fresh.get("/deployments/d0").await.refused(404, "not_found_error");
    create(json!({"blueprint_id": "small", "inputs": {"greeting": "x"}})).await.expect(201);
    let again = create(json!({"blueprint_id": "small", "inputs": {"greeting": "x"}})).await;
    assert_eq!(
        again.refused(409, "conflict_error"),
        "<Deployment id=`d0` tenant=`default_tenant`> already exists on <Tenant name=`default_tenant`> or with global visibility"
    );
    let message = fresh.delete("/blueprints/small").await.refused(400, "dependent_exists_error");
    assert!(message.ends_with("Deployments ids: d0"), "{message}");
}

#[tokio::test]
async fn executions_run_and_are_refused_with_the_known_texts() {
    let fresh = deployed().await;
    let start = async |body: Value| fresh.post("/executions", body).await;
    let message = start(json!({"deployment_id": "d1", "workflow_id": "zz"})).await;
    assert_eq!(message.refused(400, "nonexistent_workflow_error"), "Workflow zz does not exist in the deployment d1");
    start(json!({"deployment_id": "zz", "workflow_id": "install"})).await.refused(404, "not_found_error");
    start(json!({"deployment_id": "d1", "workflow_id": "install", "parameters": {"zz": 1}}))
        .await
        .refused(400, "illegal_execution_parameters_error");
    let run = start(json!({"deployment_id": "d1", "workflow_id": "install"})).await.expect(201);
    assert_eq!((&run["status"], &run["error"]), (&json!("pending"), &Value::Null));
    let run = fresh.ended(run["id"].as_str().unwrap()).await;
    assert_eq!((&run["status_display"], &run["error"]), (&json!("completed"), &json!("")));
    let deployment = fresh.get("/deployments/d1").await.expect(200);
    assert_eq!(
        (&deployment["installation_status"], &deployment["deployment_status"]),
        (&json!("active"), &json!("good"))
    );
    let id = run["id"].as_str().unwrap();
    let message = fresh.post(&format!("/executions/{id}"), json!({"action": "cancel"})).await;
    assert_eq!(
        message.refused(400, "illegal_action_error"),
        format!("Can't cancel execution {id} because it's in status terminated")
    );
    let message = fresh.post(&format!("/executions/{id}"), json!({"action": "resume"})).await;
    assert_eq!(
        message.refused(409, "conflict_error"),
        format!("Cannot resume execution: `{id}` in state: `terminated`")
    );
    let events = fresh.get(&format!("/events?execution_id={id}&type=cloudify_event&_sort=reported_timestamp")).await;
    let events = events.expect(200);
    assert_eq!(events["items"][0]["event_type"], "workflow_started");
    let message = fresh.delete("/deployments/d1").await.refused(400, "dependent_exists_error");
    assert!(message.starts_with("Can't delete deployment d1 - There are live nodes"), "{message}");
}

#[tokio::test]
async fn children_keep_their_parent() {
    let fresh = deployed().await;
    let child = json!({"blueprint_id": "small", "inputs": {"greeting": "x"}, "labels": [{"csys-obj-parent": "d1"}]});
    fresh.put("/deployments/child1", child).await.expect(201);
    let message = fresh.delete("/deployments/d1").await.refused(400, "dependent_exists_error");
    assert!(message.ends_with("[1] Deployment `d1` is the parent of deployment child1"), "{message}");
    let cycle = fresh.patch("/deployments/d1", json!({"labels": [{"csys-obj-parent": "child1"}]})).await;
    assert_eq!(cycle.refused(409, "conflict_error"), "cyclic dependencies: d1");
    let absent = fresh.patch("/deployments/d1", json!({"labels": [{"csys-obj-parent": "nope"}]})).await;
    absent.refused(404, "deployment_parent_not_found_error");
}

#[tokio::test]
async fn deletion_takes_the_row_when_its_execution_ends() {
    let fresh = deployed().await;
    fresh.delete("/deployments/d1").await.expect(204);
    for _ in 0..500 {
        if fresh.get("/deployments/d1").await.status == 404 {
            fresh.delete("/blueprints/small").await.expect(204);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the deployment stays");
}
