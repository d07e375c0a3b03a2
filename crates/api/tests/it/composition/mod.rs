//! Deployments made of deployments. No worker runs here: the manager does all of it itself, so that nothing can wait for a
//! worker that waits for it. Where parts have operations of their own, hands do them.

mod components;
mod shared;
mod standing;

use serde_json::json;

use crate::deployed::{blueprint, component, fails, on_demand, runs, shared_resource, whole};
use crate::harness::{Fresh, SMALL};

/// A part whose blueprint is there, and one that comes with its blueprint.
fn two_parts() -> String {
    let part = component(
        "part",
        "id: small, external_resource: true",
        "id: part, inputs: {greeting: hi}, labels: [{kind: part}]",
    );
    let own = component(
        "own",
        "id: packed, blueprint_archive: parts/small, main_file_name: blueprint.yaml",
        "id: own, auto_inc_suffix: true, inputs: {greeting: ho}",
    );
    blueprint(&format!(
        "{part}{own}    relationships: [{{type: cloudify.relationships.depends_on, target: part}}]
capabilities:
  said: {{value: {{get_attribute: [part, capabilities, twice]}}}}
"
    ))
}

#[tokio::test]
async fn components_come_and_go_with_the_whole() {
    let fresh = Fresh::start().await;
    whole(&fresh, &two_parts()).await;
    runs(&fresh, "whole", "install").await;
    for (id, said) in [("part", "hihi"), ("own-0", "hoho")] {
        let deployment = fresh.get(&format!("/deployments/{id}")).await.expect(200);
        assert_eq!(deployment["installation_status"], "active", "{deployment}");
        let parent = json!("whole");
        let labels = deployment["labels"].as_array().unwrap();
        assert!(labels.iter().any(|label| label["key"] == "csys-obj-parent" && label["value"] == parent), "{labels:?}");
        let capabilities = fresh.get(&format!("/deployments/{id}/capabilities")).await.expect(200);
        assert_eq!(capabilities["capabilities"]["twice"], said);
    }
    let capabilities = fresh.get("/deployments/whole/capabilities").await.expect(200);
    assert_eq!(capabilities["capabilities"], json!({"said": "hihi"}));
    let whole = fresh.get("/deployments/whole").await.expect(200);
    assert_eq!((&whole["sub_services_count"], &whole["sub_services_status"]), (&json!(2), &json!("good")));
    let needed = fresh.get("/deployments/inter-deployment-dependencies?source_deployment_id=whole").await;
    assert_eq!(needed.expect(200)["items"].as_array().map(Vec::len), Some(2));
    let start = json!({"deployment_id": "part", "workflow_id": "uninstall"});
    fresh.post("/executions", start).await.refused(400, "dependent_exists_error");

    runs(&fresh, "whole", "uninstall").await;
    for path in ["/deployments/part", "/deployments/own-0", "/blueprints/packed"] {
        fresh.get(path).await.refused(404, "not_found_error");
    }
    fresh.get("/blueprints/small").await.expect(200);
    let instances = fresh.get("/node-instances?deployment_id=whole&node_id=part").await.expect(200);
    let runtime = &instances["items"][0]["runtime_properties"];
    assert!(runtime.get("deployment").is_none(), "{runtime}");
}

#[tokio::test]
async fn a_component_that_fails_fails_the_whole_and_says_why() {
    let fresh = Fresh::start().await;
    whole(&fresh, &two_parts().replace("inputs: {greeting: hi}", "inputs: {unknown: hi}")).await;
    let error = fails(&fresh, "whole", "install").await;
    assert!(error.contains("Error in create: Cannot create deployment - missing inputs: greeting"), "{error}");
}

#[tokio::test]
async fn shared_resources_are_brought_up_on_demand() {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    on_demand(&fresh, "shared").await;
    fresh.put("/deployments/idle", json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}})).await.expect(201);
    fresh.upload("user", &blueprint(&shared_resource("shared"))).await.expect(201);
    fresh.put("/deployments/user", json!({"blueprint_id": "user"})).await.expect(201);
    for (workflow, status) in [("install", "active"), ("uninstall", "inactive")] {
        runs(&fresh, "user", workflow).await;
        assert_eq!(fresh.get("/deployments/shared").await.expect(200)["installation_status"], status);
    }

    fresh.upload("sad", &blueprint(&shared_resource("idle"))).await.expect(201);
    fresh.put("/deployments/sad", json!({"blueprint_id": "sad"})).await.expect(201);
    let error = fails(&fresh, "sad", "install").await;
    assert!(error.contains("is in an inactive state"), "{error}");
}

#[tokio::test]
async fn passwords_are_made_and_kept_as_secrets() {
    let fresh = Fresh::start().await;
    let text = blueprint(
        "  door:
    type: cloudify.nodes.PasswordSecret
    properties: {length: 20, digits: 15, symbols: -1, secret_name: door}
outputs:
  password: {value: {get_attribute: [door, password]}}
",
    );
    fresh.upload("house", &text).await.expect(201);
    fresh.put("/deployments/house", json!({"blueprint_id": "house"})).await.expect(201);
    runs(&fresh, "house", "install").await;
    let secret = fresh.get("/secrets/door").await.expect(200)["value"].as_str().unwrap().to_owned();
    let digits = secret.chars().filter(char::is_ascii_digit).count();
    assert!(secret.len() == 20 && digits >= 15 && secret.chars().all(|one| one.is_ascii_alphanumeric()), "{secret}");
    assert_eq!(fresh.get("/deployments/house/outputs").await.expect(200)["outputs"]["password"], secret.as_str());
    runs(&fresh, "house", "uninstall").await;
    fresh.get("/secrets/door").await.refused(404, "not_found_error");

    fresh.upload("weak", &text.replace("length: 20", "length: 10")).await.expect(201);
    fresh.put("/deployments/weak", json!({"blueprint_id": "weak"})).await.expect(201);
    let error = fails(&fresh, "weak", "install").await;
    assert!(error.contains("lengths of required character groups is larger"), "{error}");
}
