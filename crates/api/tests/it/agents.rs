//! Agents, as workflows write them down.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{As, Fresh, SMALL};

async fn hosted() -> (Fresh, Value) {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    fresh.put("/deployments/d1", json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}})).await.expect(201);
    let mut host = Value::Null;
    while host.is_null() {
        tokio::task::yield_now().await;
        host = fresh.get("/node-instances?deployment_id=d1").await.expect(200)["items"][0]["id"].clone();
    }
    let body = json!({
        "node_instance_id": host, "state": "creating", "install_method": "remote", "ip": "10.0.0.5", "version": "7.0",
        "create_rabbitmq_user": true, "rabbitmq_password": "bus word",
    });
    let agent = fresh.put("/agents/host_1", body).await;
    assert!(agent.status.is_success(), "{agent:?}");
    (fresh, host)
}

#[tokio::test]
async fn an_agent_is_kept_changed_and_shown_with_care() {
    let (fresh, host) = hosted().await;
    let agent = fresh.get("/agents/host_1").await.expect(200);
    assert_eq!((&agent["node_instance_id"], &agent["state"]), (&host, &json!("creating")));
    assert_eq!(agent["rabbitmq_password"], "bus word");
    let listed = fresh.get("/agents").await.expect(200);
    assert_eq!(listed["items"][0]["rabbitmq_password"], Value::Null);
    fresh.patch("/agents/host_1", json!({"state": "started"})).await.expect(200);
    assert_eq!(fresh.get("/agents/host_1").await.expect(200)["state"], "started");
    fresh.patch("/agents/host_1", json!({"state": "asleep"})).await.refused(400, "bad_parameters_error");
    fresh.patch("/agents/nope", json!({"state": "started"})).await.refused(404, "not_found_error");
    let lost = json!({"node_instance_id": "nope", "state": "creating", "install_method": "remote", "create_rabbitmq_user": false});
    fresh.put("/agents/other", lost).await.refused(404, "not_found_error");
}

#[tokio::test]
async fn agents_of_other_tenants_are_not_there() {
    let (fresh, host) = hosted().await;
    let elsewhere = fresh.elsewhere().await;
    fresh.ask_as(&elsewhere, Method::GET, "/agents/host_1", None).await.refused(404, "not_found_error");
    let steal = json!({"node_instance_id": host, "state": "creating", "install_method": "remote", "create_rabbitmq_user": false});
    fresh.ask_as(&elsewhere, Method::PUT, "/agents/mine", Some(steal)).await.refused(404, "not_found_error");
    fresh.user("eve", "viewer").await;
    let eve = As { user: "eve", password: "secret", tenant: Some("default_tenant") };
    let answer = fresh.ask_as(&eve, Method::GET, "/agents?_get_data=true", None).await;
    assert!(!String::from_utf8_lossy(&answer.bytes).contains("bus word"), "{answer:?}");
}
