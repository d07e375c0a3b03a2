//! How deployments stand, and how that shows above them; and the two nodes that are no deployments.

use nephele_model::operation::{Failure, Outcome, Request};
use serde_json::{Value, json};

use crate::deployed::{blueprint, delete, deploy, fails, instance, runs, start, upload, upload_with_part};
use crate::hands::{Hands, well};
use crate::harness::Fresh;

const FRAGILE: &str = "
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
inputs: {mood: {default: well}}
node_templates:
  app:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        configure: {implementation: run.sh, max_retries: 0}
        pull: {implementation: run.sh, max_retries: 0, inputs: {mood: {get_input: mood}}}
        check_drift: {implementation: run.sh, max_retries: 0, inputs: {mood: {get_input: mood}}}
      cloudify.interfaces.validation:
        check_status: {implementation: run.sh, max_retries: 0, inputs: {mood: {get_input: mood}}}
";

fn moody(request: &Request) -> Outcome {
    match (request.inputs.get("mood").and_then(Value::as_str), request.context.operation.name.rsplit('.').next()) {
        (Some("ill"), Some("check_drift")) => Outcome::Done(json!({"size": 2})),
        (Some("ill"), _) => Outcome::Failed(Failure::fatal("ill")),
        _ => well(request),
    }
}

/// `env` with the environment `inner` and the service `web` in it; `db` in `inner`, which has a mood.
async fn planted(mood: &str) -> Fresh {
    let fresh = Fresh::start().await;
    Hands::new(moody).take_up(&fresh).await;
    upload(&fresh, "fragile", FRAGILE).await;
    for (id, kind, parent) in [
        ("env", "environment", None),
        ("inner", "environment", Some("env")),
        ("web", "service", Some("env")),
        ("db", "service", Some("inner")),
    ] {
        let mut labels = vec![json!({"csys-obj-type": kind})];
        labels.extend(parent.map(|parent| json!({"csys-obj-parent": parent})));
        let inputs = if id == "db" { json!({"mood": mood}) } else { json!({}) };
        let body = json!({"blueprint_id": "fragile", "inputs": inputs, "labels": labels});
        fresh.put(&format!("/deployments/{id}"), body).await.expect(201);
    }
    fresh
}

/// The own status of a deployment, and those of the environments and services below it.
async fn standing(fresh: &Fresh, id: &str) -> [String; 3] {
    let found = fresh.get(&format!("/deployments/{id}")).await.expect(200);
    ["deployment_status", "sub_environments_status", "sub_services_status"]
        .map(|key| found[key].as_str().unwrap_or("none").to_owned())
}

const GOOD: &str = "good";
const BAD: &str = "requires_attention";

#[tokio::test]
async fn what_is_below_shows_above() {
    let fresh = planted("ill").await;
    assert_eq!(standing(&fresh, "env").await, [BAD, BAD, BAD]);
    for id in ["env", "inner", "web"] {
        runs(&fresh, id, "install").await;
    }
    assert_eq!(standing(&fresh, "web").await, [GOOD, "none", "none"]);
    assert_eq!(standing(&fresh, "inner").await, [BAD, "none", BAD]);
    assert_eq!(standing(&fresh, "env").await, [BAD, BAD, BAD]);
    runs(&fresh, "db", "install").await;
    assert_eq!(standing(&fresh, "inner").await, [GOOD, "none", GOOD]);
    assert_eq!(standing(&fresh, "env").await, [GOOD, GOOD, GOOD]);

    fails(&fresh, "db", "pull").await;
    let db = fresh.get("/deployments/db").await.expect(200);
    assert_eq!(
        [&db["installation_status"], &db["deployment_status"], &db["latest_execution_status"]],
        [&json!("active"), &json!(BAD), &json!("failed")]
    );
    assert_eq!(standing(&fresh, "env").await, [BAD, BAD, BAD]);
    let direct = fresh.get("/deployments/env?all_sub_deployments=false").await.expect(200);
    assert_eq!(
        [&direct["sub_services_count"], &direct["sub_environments_count"], &direct["sub_services_status"]],
        [&json!(1), &json!(1), &json!(GOOD)]
    );
    runs(&fresh, "db", "restart").await;
    assert_eq!(standing(&fresh, "env").await, [GOOD, GOOD, GOOD]);

    let bad = fresh.get("/deployments?deployment_status=requires_attention").await;
    assert!(bad.status == 200 || bad.status == 400, "{bad:?}");
    let uninstall = json!({"deployment_id": "env", "workflow_id": "uninstall"});
    let message = fresh.post("/executions", uninstall).await.refused(400, "dependent_exists_error");
    assert_eq!(
        message,
        "Can't execute workflow `uninstall` on deployment env - existing installations depend on it:\n[1] Deployment `env` \
         is the parent of deployment inner\n[2] Deployment `env` is the parent of deployment web"
    );
    let recursive = start(&fresh, "env", "uninstall", json!({"recursive": true})).await;
    assert_eq!(fresh.ended(&recursive).await["status"], "terminated");
    for id in ["env", "inner", "web", "db"] {
        let found = fresh.get(&format!("/deployments/{id}")).await.expect(200);
        assert_eq!(found["installation_status"], "inactive", "{id}");
    }
}

#[tokio::test]
async fn what_checks_find_is_counted() {
    let fresh = planted("ill").await;
    runs(&fresh, "db", "install").await;
    let counts = async || {
        let found = fresh.get("/deployments/db").await.expect(200);
        let node = fresh.get("/nodes?deployment_id=db").await.expect(200)["items"][0].clone();
        ["unavailable_instances", "drifted_instances"]
            .map(|key| (found[key].as_i64().unwrap(), node[key].as_i64().unwrap()))
    };
    assert_eq!(counts().await, [(0, 0), (0, 0)]);
    fails(&fresh, "db", "check_status").await;
    runs(&fresh, "db", "check_drift").await;
    assert_eq!(counts().await, [(1, 1), (1, 1)]);
    let app = instance(&fresh, "db", "app").await;
    assert_eq!((&app["is_status_check_ok"], &app["has_configuration_drift"]), (&json!(false), &json!(true)));
    runs(&fresh, "db", "reinstall").await;
    assert_eq!(counts().await, [(0, 0), (0, 0)]);
}

#[tokio::test]
async fn a_password_is_used_again_where_that_is_wanted() {
    let fresh = Fresh::start().await;
    let house = blueprint(
        "  door: {type: cloudify.nodes.PasswordSecret}\noutputs: {password: {value: {get_attribute: [door, password]}}}\n",
    );
    deploy(&fresh, "house", &house, json!({})).await;
    runs(&fresh, "house", "install").await;
    let door = instance(&fresh, "house", "door").await;
    let name = format!("ps_house_{}", door["id"].as_str().unwrap());
    assert_eq!(door["runtime_properties"]["secret_name"], name.as_str());
    let secret = fresh.get(&format!("/secrets/{name}")).await.expect(200);
    assert_eq!(secret["value"].as_str().map(str::len), Some(8));
    assert_eq!(fresh.get("/deployments/house/outputs").await.expect(200)["outputs"]["password"], secret["value"]);

    let shared =
        house.replace("PasswordSecret}", "PasswordSecret, properties: {secret_name: key, use_secret_if_exists: true}}");
    fresh.put("/secrets/key", json!({"value": "sesame"})).await.expect(200);
    deploy(&fresh, "barn", &shared, json!({})).await;
    runs(&fresh, "barn", "install").await;
    assert_eq!(fresh.get("/deployments/barn/outputs").await.expect(200)["outputs"]["password"], "sesame");
    let clash = shared.replace(", use_secret_if_exists: true", "");
    deploy(&fresh, "shed", &clash, json!({})).await;
    let error = fails(&fresh, "shed", "install").await;
    assert!(error.contains("Error in create") && error.contains("key"), "{error}");
    assert_eq!(fresh.get("/secrets/key").await.expect(200)["value"], "sesame");
}

#[tokio::test]
async fn a_blueprint_comes_and_goes_with_its_node() {
    let fresh = Fresh::start().await;
    let text = blueprint(
        "  drawing:
    type: cloudify.nodes.Blueprint
    properties:
      resource_config: {id: drawing, blueprint_archive: parts/small, labels: [{kind: drawn}]}
      secrets: {ink: black}
",
    );
    upload_with_part(&fresh, "desk", &text).await;
    fresh.put("/deployments/desk", json!({"blueprint_id": "desk"})).await.expect(201);
    runs(&fresh, "desk", "install").await;
    let drawing = fresh.get("/blueprints/drawing").await.expect(200);
    assert_eq!((&drawing["state"], &drawing["labels"][0]["value"]), (&json!("uploaded"), &json!("drawn")));
    assert_eq!(fresh.get("/secrets/ink").await.expect(200)["value"], "black");
    let known = instance(&fresh, "desk", "drawing").await["runtime_properties"]["blueprint"].clone();
    assert_eq!((&known["id"], &known["application_file_name"]), (&json!("drawing"), &json!("blueprint.yaml")));

    // It is in use, so it cannot go; once nobody needs it any more the same execution goes on.
    fresh.put("/deployments/user", json!({"blueprint_id": "drawing", "inputs": {"greeting": "hi"}})).await.expect(201);
    let error = fails(&fresh, "desk", "uninstall").await;
    assert!(error.contains("Error in delete") && error.contains("drawing"), "{error}");
    delete(&fresh, "user").await;
    runs(&fresh, "desk", "uninstall").await;
    fresh.get("/blueprints/drawing").await.refused(404, "not_found_error");
    fresh.get("/secrets/ink").await.refused(404, "not_found_error");
}
