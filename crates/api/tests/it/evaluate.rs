//! Functions over REST: what is answered, what is refused, and to whom.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{As, Fresh};

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs:
  size: {type: integer, default: 3}
node_types:
  app.Node:
    derived_from: cloudify.nodes.Root
    properties:
      port: {default: 80}
      address: {default: {get_attribute: [SELF, ip]}}
node_templates:
  app:
    type: app.Node
workflows:
  grow:
    mapping: script.sh
    parameters:
      by: {default: {get_input: size}, type: integer}
      where: {default: {at: {get_attribute: [app, ip]}}}
      how: {default: plain}
outputs:
  ip: {value: {get_attribute: [app, ip]}}
  word: {value: {get_secret: word}}
capabilities:
  ip: {value: {get_attribute: [app, ip]}}
";

async fn deployed() -> Fresh {
    let fresh = Fresh::start().await;
    let files: &[(&str, &[u8])] = &[("bp/blueprint.yaml", BLUEPRINT.as_bytes()), ("bp/script.sh", b"#!/bin/sh\n")];
    fresh.upload_archive("app", &crate::harness::tar_gz(files)).await.expect(201);
    fresh.put("/secrets/word", json!({"value": "sesame"})).await.expect(200);
    fresh.put("/deployments/d", json!({"blueprint_id": "app"})).await.expect(201);
    let found = fresh.get("/node-instances?deployment_id=d").await.expect(200);
    let instance = &found["items"][0];
    let path = format!("/node-instances/{}", instance["id"].as_str().unwrap());
    let noted = json!({"ip": "10.0.0.1", "url": {"concat": ["http://", {"get_attribute": ["SELF", "ip"]}]}});
    fresh.patch(&path, json!({"version": 1, "runtime_properties": noted})).await.expect(200);
    fresh
}

async fn evaluate(fresh: &Fresh, payload: Value, context: Value) -> Value {
    let body = json!({"deployment_id": "d", "payload": payload, "context": context});
    fresh.post("/evaluate/functions", body).await.expect(200)["payload"].clone()
}

#[tokio::test]
async fn every_door_evaluates_over_what_is_there_now() {
    let fresh = deployed().await;
    let id = fresh.get("/node-instances?deployment_id=d").await.expect(200)["items"][0]["id"].clone();
    let payload = json!({"ip": {"get_attribute": ["SELF", "ip"]}, "port": {"get_property": ["SELF", "port"]}});
    assert_eq!(evaluate(&fresh, payload, json!({"self": id})).await, json!({"ip": "10.0.0.1", "port": 80}));
    let outputs = fresh.get("/deployments/d/outputs").await.expect(200);
    assert_eq!(outputs["outputs"], json!({"ip": "10.0.0.1", "word": "sesame"}));
    let capabilities = fresh.get("/deployments/d/capabilities").await.expect(200);
    assert_eq!(capabilities["capabilities"], json!({"ip": "10.0.0.1"}));
    let nodes = fresh.get("/nodes?deployment_id=d&_evaluate_functions=True").await.expect(200);
    assert_eq!(nodes["items"][0]["properties"]["address"], "10.0.0.1");
    let plain = fresh.get("/nodes?deployment_id=d").await.expect(200);
    assert_eq!(plain["items"][0]["properties"]["address"], json!({"get_attribute": ["SELF", "ip"]}));
    let path = format!("/node-instances/{}", id.as_str().unwrap());
    let evaluated = fresh.get(&format!("{path}?_evaluate_functions=True")).await.expect(200);
    assert_eq!(evaluated["runtime_properties"]["url"], "http://10.0.0.1");
    let plain = fresh.get(&path).await.expect(200);
    assert!(plain["runtime_properties"]["url"].is_object());
    // The secret goes, its output goes with it.
    fresh.delete("/secrets/word").await.expect(204);
    let outputs = fresh.get("/deployments/d/outputs").await.expect(200);
    assert_eq!(outputs["outputs"], json!({"ip": "10.0.0.1"}));
}

#[tokio::test]
async fn parameters_of_runs_are_evaluated_before_they_are_checked() {
    let fresh = deployed().await;
    let start = async |parameters: Value| {
        let body = json!({"deployment_id": "d", "workflow_id": "grow", "parameters": parameters, "force": true});
        fresh.post("/executions", body).await
    };
    let run = start(json!({"how": {"concat": ["by ", {"get_secret": "word"}]}})).await.expect(201);
    let parameters = &run["parameters"];
    assert_eq!(
        (&parameters["by"], &parameters["where"], &parameters["how"]),
        (&json!(3), &json!({"at": "10.0.0.1"}), &json!("by sesame"))
    );
    let refused = start(json!({"by": {"get_attribute": ["app", "ip"]}})).await;
    refused.refused(400, "illegal_execution_parameters_error");
    start(json!({"how": {"get_secret": "absent"}})).await.refused(404, "not_found_error");
    start(json!({"how": {"get_attribute": ["SOURCE", "ip"]}})).await.refused(400, "functions_evaluation_error");
}

#[tokio::test]
async fn mistakes_are_refused_with_the_known_codes() {
    let fresh = deployed().await;
    let ask = async |body: Value| fresh.post("/evaluate/functions", body).await;
    let missing = ask(json!({"deployment_id": "d"})).await.refused(400, "bad_parameters_error");
    assert_eq!(missing, "Missing payload in json request body");
    let wrong = ask(json!({"deployment_id": "d", "payload": []})).await.refused(400, "bad_parameters_error");
    assert_eq!(wrong, "payload parameter is expected to be of type dict but is of type list");
    ask(json!({"deployment_id": "d", "payload": {}, "context": []})).await.refused(400, "bad_parameters_error");
    ask(json!({"payload": {}})).await.refused(400, "bad_parameters_error");
    let absent = ask(json!({"deployment_id": "zz", "payload": {"a": 1}})).await.refused(404, "not_found_error");
    assert_eq!(absent, "Requested `Deployment` with ID `zz` was not found");
    for (function, status, code) in [
        (json!({"get_attribute": ["SELF", "ip"]}), 400, "functions_evaluation_error"),
        (json!({"get_attribute": "app"}), 400, "functions_evaluation_error"),
        (json!({"get_property": ["app", "nope"]}), 400, "functions_evaluation_error"),
        (json!({"get_property": ["SELF", "port"]}), 400, "functions_evaluation_error"),
        (json!({"string_split": ["a,b", ",", 7]}), 400, "functions_evaluation_error"),
        (json!({"get_input": "nope"}), 400, "functions_evaluation_error"),
        (json!({"get_secret": ["word", "part"]}), 400, "functions_evaluation_error"),
        (json!({"get_property": ["nope", "port"]}), 404, "not_found_error"),
        (json!({"get_capability": ["nope", "ip"]}), 404, "not_found_error"),
        (json!({"get_capability": ["d", "nope"]}), 400, "functions_evaluation_error"),
        (json!({"get_group_capability": ["nope", "ip"]}), 404, "not_found_error"),
    ] {
        ask(json!({"deployment_id": "d", "payload": {"a": function}})).await.refused(status, code);
    }
    let context = json!({"self": "app_nowhere"});
    let body = json!({"deployment_id": "d", "payload": {"a": {"get_attribute": ["SELF", "ip"]}}, "context": context});
    assert_eq!(
        ask(body).await.refused(404, "not_found_error"),
        "Requested `NodeInstance` with ID `app_nowhere` was not found"
    );
    let mut deep = json!({"get_secret": "word"});
    for _ in 0..60 {
        deep = json!({"string_lower": deep});
    }
    let message = ask(json!({"deployment_id": "d", "payload": {"a": deep}})).await;
    assert!(
        message.refused(400, "functions_evaluation_error").starts_with("The recursion limit (50) has been reached"),
    );
}

#[tokio::test]
async fn nothing_is_told_across_tenants_or_without_the_right() {
    let fresh = deployed().await;
    fresh.post("/tenants/other", json!({})).await.expect(201);
    let other = As { user: "admin", password: "admin", tenant: Some("other") };
    let body = json!({"deployment_id": "d", "payload": {"a": {"get_secret": "word"}}});
    let post =
        async |caller: &As<'_>| fresh.ask_as(caller, Method::POST, "/evaluate/functions", Some(body.clone())).await;
    post(&other).await.refused(404, "not_found_error");
    for path in ["outputs", "capabilities"] {
        fresh
            .ask_as(&other, Method::GET, &format!("/deployments/d/{path}"), None)
            .await
            .refused(404, "not_found_error");
    }
    let nodes = fresh.ask_as(&other, Method::GET, "/nodes?_evaluate_functions=True", None).await.expect(200);
    assert_eq!(nodes["items"], json!([]));
    fresh.user("looker", "viewer").await;
    let viewer = As { user: "looker", password: "secret", tenant: Some("default_tenant") };
    post(&viewer).await.refused(403, "forbidden_error");
    fresh.user("worker", "user").await;
    let worker = As { user: "worker", password: "secret", tenant: Some("default_tenant") };
    post(&worker).await.expect(200);
    // A hidden value is shown to its owner and to operations alone.
    fresh.patch("/secrets/word", json!({"is_hidden_value": true})).await.expect(200);
    assert_eq!(post(&worker).await.expect(200)["payload"], json!({"a": ""}));
}
