//! Deployments made of deployments. No worker runs here: the manager does all of it itself, so that nothing can wait for a
//! worker that waits for it.

use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL, tar_gz};

const WHOLE: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  part:
    type: cloudify.nodes.Component
    properties:
      resource_config:
        blueprint: {id: small, external_resource: true}
        deployment: {id: part, inputs: {greeting: hi}, labels: [{kind: part}]}
  own:
    type: cloudify.nodes.Component
    properties:
      resource_config:
        blueprint: {id: packed, blueprint_archive: parts/small, main_file_name: blueprint.yaml}
        deployment: {id: own, auto_inc_suffix: true, inputs: {greeting: ho}}
    relationships: [{type: cloudify.relationships.depends_on, target: part}]
capabilities:
  said: {value: {get_attribute: [part, capabilities, twice]}}
";

async fn run(fresh: &Fresh, deployment: &str, workflow: &str) -> Value {
    let start = json!({"deployment_id": deployment, "workflow_id": workflow});
    let execution = fresh.post("/executions", start).await.expect(201);
    fresh.ended(execution["id"].as_str().unwrap()).await
}

async fn whole(fresh: &Fresh) {
    fresh.upload("small", SMALL).await.expect(201);
    let files = [("bp/blueprint.yaml", WHOLE.as_bytes()), ("bp/parts/small/blueprint.yaml", SMALL.as_bytes())];
    fresh.upload_archive("whole", &tar_gz(&files)).await.expect(201);
    fresh.put("/deployments/whole", json!({"blueprint_id": "whole"})).await.expect(201);
}

#[tokio::test]
async fn components_come_and_go_with_the_whole() {
    let fresh = Fresh::start().await;
    whole(&fresh).await;
    let execution = run(&fresh, "whole", "install").await;
    assert_eq!(execution["status"], "terminated", "{execution}");
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

    let execution = run(&fresh, "whole", "uninstall").await;
    assert_eq!(execution["status"], "terminated", "{execution}");
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
    fresh.upload("small", SMALL).await.expect(201);
    let text = WHOLE.replace("inputs: {greeting: hi}", "inputs: {unknown: hi}");
    let files = [("bp/blueprint.yaml", text.as_bytes()), ("bp/parts/small/blueprint.yaml", SMALL.as_bytes())];
    fresh.upload_archive("whole", &tar_gz(&files)).await.expect(201);
    fresh.put("/deployments/whole", json!({"blueprint_id": "whole"})).await.expect(201);
    let execution = run(&fresh, "whole", "install").await;
    assert_eq!(execution["status"], "failed");
    let error = execution["error"].as_str().unwrap();
    assert!(error.contains("Error in create: Cannot create deployment - missing inputs: greeting"), "{error}");
}

#[tokio::test]
async fn shared_resources_are_brought_up_on_demand() {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    let labels = json!([{"csys-obj-type": "on-demand-resource"}]);
    let shared = json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}, "labels": labels});
    fresh.put("/deployments/shared", shared).await.expect(201);
    fresh.put("/deployments/idle", json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}})).await.expect(201);
    let user = |id: &str| {
        format!(
            "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  used: {{type: cloudify.nodes.SharedResource, properties: {{resource_config: {{deployment: {{id: {id}}}}}}}}}
"
        )
    };
    fresh.upload("user", &user("shared")).await.expect(201);
    fresh.put("/deployments/user", json!({"blueprint_id": "user"})).await.expect(201);
    let execution = run(&fresh, "user", "install").await;
    assert_eq!(execution["status"], "terminated", "{execution}");
    assert_eq!(fresh.get("/deployments/shared").await.expect(200)["installation_status"], "active");
    let execution = run(&fresh, "user", "uninstall").await;
    assert_eq!(execution["status"], "terminated", "{execution}");
    assert_eq!(fresh.get("/deployments/shared").await.expect(200)["installation_status"], "inactive");

    fresh.upload("sad", &user("idle")).await.expect(201);
    fresh.put("/deployments/sad", json!({"blueprint_id": "sad"})).await.expect(201);
    let error = run(&fresh, "sad", "install").await["error"].as_str().unwrap().to_owned();
    assert!(error.contains("is in an inactive state"), "{error}");
}

#[tokio::test]
async fn passwords_are_made_and_kept_as_secrets() {
    let fresh = Fresh::start().await;
    let text = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  door:
    type: cloudify.nodes.PasswordSecret
    properties: {length: 20, digits: 15, symbols: -1, secret_name: door}
outputs:
  password: {value: {get_attribute: [door, password]}}
";
    fresh.upload("house", text).await.expect(201);
    fresh.put("/deployments/house", json!({"blueprint_id": "house"})).await.expect(201);
    let execution = run(&fresh, "house", "install").await;
    assert_eq!(execution["status"], "terminated", "{execution}");
    let secret = fresh.get("/secrets/door").await.expect(200)["value"].as_str().unwrap().to_owned();
    let digits = secret.chars().filter(char::is_ascii_digit).count();
    assert!(secret.len() == 20 && digits >= 15 && secret.chars().all(|one| one.is_ascii_alphanumeric()), "{secret}");
    assert_eq!(fresh.get("/deployments/house/outputs").await.expect(200)["outputs"]["password"], secret.as_str());
    assert_eq!(run(&fresh, "house", "uninstall").await["status"], "terminated");
    fresh.get("/secrets/door").await.refused(404, "not_found_error");

    fresh.upload("weak", &text.replace("length: 20", "length: 10")).await.expect(201);
    fresh.put("/deployments/weak", json!({"blueprint_id": "weak"})).await.expect(201);
    let error = run(&fresh, "weak", "install").await["error"].as_str().unwrap().to_owned();
    assert!(error.contains("lengths of required character groups is larger"), "{error}");
}
