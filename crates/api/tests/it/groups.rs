//! Groups of deployments and of executions.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{As, Fresh, SMALL};

/// A manager with a blueprint and a group that it made two deployments for.
async fn grouped() -> Fresh {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    let body = json!({
        "blueprint_id": "small", "default_inputs": {"greeting": "hi"}, "labels": [{"team": "blue"}],
        "new_deployments": [{"id": "a"}, {"id": "b", "inputs": {"greeting": "ho"}, "labels": [{"env": "prod"}]}],
    });
    let group = fresh.put("/deployment-groups/g1", body).await.expect(200);
    assert_eq!(group["deployment_ids"], json!(["a", "b"]), "{group}");
    settled(&fresh, "g1").await;
    fresh
}

/// Waits until the environments of a group are there.
async fn settled(fresh: &Fresh, group: &str) {
    for _ in 0..500 {
        let members = fresh.get(&format!("/deployments?_group_id={group}")).await.expect(200);
        let done = |one: &Value| one["latest_execution_status"] == "completed";
        if members["items"].as_array().unwrap().iter().all(done) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the environments of {group} are not made");
}

#[tokio::test]
async fn groups_make_gather_and_lose_deployments() {
    let fresh = grouped().await;
    let labels = fresh.get("/deployments/b").await.expect(200)["labels"].clone();
    let keys: Vec<&Value> = labels.as_array().unwrap().iter().map(|label| &label["key"]).collect();
    assert!(keys.contains(&&json!("team")) && keys.contains(&&json!("env")), "{labels}");
    assert_eq!(fresh.get("/deployments/b/outputs").await.expect(200)["outputs"]["said"], "ho");

    let body = json!({"filter_rules": [{"key": "env", "values": ["prod"], "operator": "any_of", "type": "label"}]});
    let narrow = fresh.put("/deployment-groups/g2", body).await.expect(200);
    assert_eq!(narrow["deployment_ids"], json!(["b"]));
    let both = fresh.patch("/deployment-groups/g2", json!({"add": {"deployments_from_group": "g1"}})).await.expect(200);
    let mut members: Vec<_> = both["deployment_ids"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["a", "b"]);
    let one = fresh.patch("/deployment-groups/g2", json!({"remove": {"deployment_ids": ["b"]}})).await.expect(200);
    assert_eq!(one["deployment_ids"], json!(["a"]));
    assert_eq!(fresh.get("/deployments?_group_id=g2").await.expect(200)["metadata"]["pagination"]["total"], 1);

    fresh.put("/deployment-groups/g2", json!({"deployment_ids": ["nope"]})).await.refused(404, "not_found_error");
    fresh.put("/deployment-groups/g3", json!({"new_deployments": [{"id": "c"}]})).await.refused(409, "conflict_error");
    fresh.delete("/deployment-groups/g2").await.expect(204);
    fresh.get("/deployments/a").await.expect(200);
    let labels = fresh.get("/labels/deployment-groups").await;
    assert!(labels.status.as_u16() == 200 || labels.status.as_u16() == 404, "{labels:?}");
}

#[tokio::test]
async fn a_group_goes_with_its_deployments_if_that_is_wanted() {
    let fresh = grouped().await;
    let begun = fresh.delete("/deployment-groups/g1?delete_deployments=true").await.expect(200);
    assert!(begun["execution_group_id"].is_string(), "{begun}");
    for _ in 0..500 {
        if fresh.get("/deployments").await.expect(200)["items"] == json!([]) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the deployments stay");
}

#[tokio::test]
async fn executions_of_a_group_run_and_sort_their_deployments() {
    let fresh = grouped().await;
    fresh.put("/deployment-groups/good", json!({})).await.expect(200);
    let body = json!({"deployment_group_id": "g1", "workflow_id": "install", "concurrency": 1});
    let group = fresh.post("/execution-groups", body).await.expect(200);
    let id = group["id"].as_str().unwrap();
    let targets = json!({"success_group_id": "good"});
    let with_targets = fresh.patch(&format!("/execution-groups/{id}"), targets).await.expect(200);
    assert_eq!(with_targets["concurrency"], 1);
    let executions: Vec<String> =
        group["execution_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    assert_eq!(executions.len(), 2);
    for execution in &executions {
        assert_eq!(fresh.ended(execution).await["status"], "terminated");
    }
    let done = fresh.get(&format!("/execution-groups/{id}")).await.expect(200);
    assert_eq!(done["status"], "terminated");
    let events = fresh.get(&format!("/events?execution_group_id={id}")).await.expect(200);
    assert!(events["items"].as_array().unwrap().iter().any(|event| event["event_type"] == "execution_state_change"));

    let told = json!({
        "execution_group_id": id,
        "logs": [{"logger": "l", "level": "info", "message": {"text": "of all"}, "context": {}}],
    });
    fresh.post("/events", told.clone()).await.expect(201);
    let events = fresh.get(&format!("/events?execution_group_id={id}")).await.expect(200);
    assert!(events["items"].as_array().unwrap().iter().any(|event| event["message"] == "of all"), "{events}");
    let mut both = told;
    both["execution_id"] = json!(executions[0]);
    fresh.post("/events", both).await.refused(409, "conflict_error");
}

#[tokio::test]
async fn what_makes_no_group_is_refused() {
    let fresh = grouped().await;
    let start = async |body: Value| fresh.post("/execution-groups", body).await;
    start(json!({"deployment_group_id": "nope", "workflow_id": "install"})).await.refused(404, "not_found_error");
    start(json!({"workflow_id": "install"})).await.refused(400, "bad_parameters_error");
    let wrong = json!({"deployment_group_id": "g1", "workflow_id": "install", "concurrency": -1});
    start(wrong).await.refused(400, "bad_parameters_error");
    fresh.post("/execution-groups/nope", json!({"action": "cancel"})).await.refused(404, "not_found_error");
}

#[tokio::test]
async fn groups_of_other_tenants_are_not_there() {
    let fresh = grouped().await;
    let elsewhere = fresh.elsewhere().await;
    let ask = async |caller: &As<'_>, method, path: &str, body| fresh.ask_as(caller, method, path, body).await;
    ask(&elsewhere, Method::GET, "/deployment-groups/g1", None).await.refused(404, "not_found_error");
    let take = Some(json!({"deployments_from_group": "g1"}));
    ask(&elsewhere, Method::PUT, "/deployment-groups/own", take).await.refused(404, "not_found_error");
    let take = Some(json!({"deployment_ids": ["a"]}));
    ask(&elsewhere, Method::PUT, "/deployment-groups/own", take).await.refused(404, "not_found_error");
    let start = Some(json!({"deployment_group_id": "g1", "workflow_id": "install"}));
    ask(&elsewhere, Method::POST, "/execution-groups", start).await.refused(404, "not_found_error");
}
