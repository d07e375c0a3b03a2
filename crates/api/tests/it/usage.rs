//! What uses a secret, a plugin or a site.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL, zip};
use crate::plugins::{YAML, wagon};

const SECRETIVE: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_types: {door: {derived_from: cloudify.nodes.Root, properties: {key: {}}}}
node_templates:
  door: {type: door, properties: {key: {get_secret: key}}}
";

fn users(answer: &Value) -> (Value, Value) {
    for kind in ["blueprints", "deployments"] {
        assert_eq!(answer[kind]["total"], answer[kind]["items"].as_array().unwrap().len(), "{answer}");
    }
    (answer["blueprints"]["items"].clone(), answer["deployments"]["items"].clone())
}

#[tokio::test]
async fn secrets_plugins_and_sites_say_who_uses_them() {
    let fresh = Fresh::start().await;
    for key in ["key", "key_of_nobody"] {
        fresh.put(&format!("/secrets/{key}"), json!({"value": "x"})).await.expect(200);
    }
    fresh.upload("doors", SECRETIVE).await.expect(201);
    fresh.put("/deployments/d1", json!({"blueprint_id": "doors"})).await.expect(201);
    let of = async |path: &str| users(&fresh.get(&format!("{path}/used-by")).await.expect(200));
    assert_eq!(of("/secrets/key").await, (json!(["doors"]), json!(["d1"])));
    assert_eq!(of("/secrets/key_of_nobody").await, (json!([]), json!([])), "a longer name is another one");

    let archive = zip(&[("shapes.wgn", &wagon(&json!({}))), ("plugin.yaml", YAML.as_bytes())]);
    let plugin = fresh.send_bytes(Method::POST, "/plugins", archive).await.expect(201);
    let round = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:shapes']
node_types:
  dot:
    derived_from: shapes.Circle
    interfaces: {cloudify.interfaces.lifecycle: {create: {implementation: shapes.draw.it}}}
node_templates: {dot: {type: dot}}
";
    fresh.upload("round", round).await.expect(201);
    let path = format!("/plugins/{}", plugin["id"].as_str().unwrap());
    assert_eq!(of(&path).await, (json!(["round"]), json!([])));

    fresh.put("/sites/Oslo", json!({})).await.expect(200);
    fresh.upload("small", SMALL).await.expect(201);
    let there = json!({"blueprint_id": "small", "inputs": {"greeting": "x"}, "site_name": "Oslo"});
    fresh.put("/deployments/there", there).await.expect(201);
    assert_eq!(of("/sites/Oslo").await, (json!([]), json!(["there"])));

    let elsewhere = fresh.elsewhere().await;
    for path in ["/secrets/key", path.as_str(), "/sites/Oslo"] {
        let asked = fresh.ask_as(&elsewhere, Method::GET, &format!("{path}/used-by"), None).await;
        asked.refused(404, "not_found_error");
    }
}

/// Private deployments of others are not named, whoever owns what they use.
#[tokio::test]
async fn only_those_are_named_that_the_caller_sees() {
    let fresh = Fresh::start().await;
    fresh.put("/secrets/key", json!({"value": "x"})).await.expect(200);
    fresh.upload("doors", SECRETIVE).await.expect(201);
    fresh.put("/deployments/own", json!({"blueprint_id": "doors", "visibility": "private"})).await.expect(201);
    fresh.user("viv", "viewer").await;
    let seen = fresh.by("viv", "default_tenant", Method::GET, "/secrets/key/used-by", json!({})).await.expect(200);
    assert_eq!(users(&seen), (json!(["doors"]), json!([])));
}
