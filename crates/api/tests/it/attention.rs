//! What needs a person: nothing in a calm tenant, and each thing with its reason and its place.

use axum::http::Method;
use nephele_model::operation::{Failure, Outcome, Request};
use serde_json::{Value, json};

use crate::deployed::{deploy, fails, instance, runs};
use crate::hands::{Hands, well};
use crate::harness::{As, Fresh};

const TWO: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_types:
  part:
    derived_from: cloudify.nodes.Root
    interfaces: {cloudify.interfaces.lifecycle: {create: {implementation: run.sh}}}
node_templates:
  one: {type: part}
  two: {type: part}
";

fn ailing(request: &Request) -> Outcome {
    let is_ill = request.context.node_name.as_deref() == Some("ill");
    if is_ill { Outcome::Failed(Failure::fatal("the quota is used up")) } else { well(request) }
}

async fn told(fresh: &Fresh, who: &As<'_>) -> Vec<Value> {
    let answer = fresh.ask_as(who, Method::GET, "/attention", None).await.expect(200);
    let items = answer["items"].as_array().unwrap().clone();
    assert_eq!(answer["total"], items.len(), "{answer}");
    items
}

fn reasons(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["reason"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_stands_badly_is_told_with_its_reason_and_its_place() {
    let fresh = Fresh::start().await;
    let admin = crate::harness::ADMIN;
    Hands::new(ailing).take_up(&fresh).await;
    deploy(&fresh, "d1", TWO, json!({})).await;
    assert_eq!(told(&fresh, &admin).await, Vec::<Value>::new(), "what was never installed needs nobody");
    runs(&fresh, "d1", "install").await;
    assert_eq!(told(&fresh, &admin).await, Vec::<Value>::new());

    let one = instance(&fresh, "d1", "one").await;
    let path = format!("/node-instances/{}", one["id"].as_str().unwrap());
    let change = json!({"version": one["version"], "state": "stopped"});
    fresh.patch(&path, change).await.expect(200);
    runs(&fresh, "d1", "check_status").await;
    let half = told(&fresh, &admin).await;
    assert_eq!(reasons(&half), ["half_installed"]);
    assert_eq!(
        (&half[0]["message"], &half[0]["deployment_id"]),
        (&json!("1 of 2 node instances started"), &json!("d1"))
    );

    deploy(&fresh, "d2", &TWO.replace("one:", "ill:"), json!({"display_name": "The second"})).await;
    fails(&fresh, "d2", "install").await;
    let both = told(&fresh, &admin).await;
    assert_eq!(reasons(&both), ["run_failed", "half_installed"], "the latest first: {both:?}");
    assert_eq!(both[0]["name"], "The second");
    assert!(both[0]["message"].as_str().unwrap().starts_with("install failed: "), "{both:?}");
    let run = both[0]["execution_id"].as_str().unwrap();
    assert_eq!(fresh.get(&format!("/executions/{run}")).await.expect(200)["status"], "failed");

    fresh.user("viv", "viewer").await;
    let viewer = As { user: "viv", password: "secret", tenant: Some("default_tenant") };
    assert_eq!(told(&fresh, &viewer).await.len(), 2);
    let elsewhere = fresh.elsewhere().await;
    assert_eq!(told(&fresh, &elsewhere).await, Vec::<Value>::new(), "another tenant is calm");
}

#[tokio::test]
async fn agents_are_told_and_tokens_only_before_their_end() {
    let fresh = Fresh::start().await;
    let admin = crate::harness::ADMIN;
    deploy(&fresh, "d1", TWO, json!({})).await;
    let one = instance(&fresh, "d1", "one").await;
    let body = json!({
        "node_instance_id": one["id"], "state": "failed", "install_method": "remote", "create_rabbitmq_user": false,
    });
    fresh.put("/agents/hand", body).await.expect(200);
    fresh.post("/tokens", json!({"description": "for the pipeline", "expiration_date": "+8 days"})).await.expect(200);
    // Sessions and the like are meant to end soon.
    fresh.post("/tokens", json!({"description": "short", "expiration_date": "+10h"})).await.expect(200);
    let items = told(&fresh, &admin).await;
    assert_eq!(reasons(&items), ["agent_failed"], "{items:?}");
    let agent = items.iter().find(|item| item["reason"] == "agent_failed").unwrap();
    assert_eq!((&agent["name"], &agent["deployment_id"]), (&json!("hand"), &json!("d1")));
}
