//! The life of a component beside the life of the whole.

use nephele_model::operation::{Failure, Outcome, Request};
use serde_json::{Value, json};

use crate::deployed::{blueprint, component, deploy, fails, history, instance, labeled, run, runs, start};
use crate::hands::{Hands, well};
use crate::harness::{Fresh, SMALL};

/// A part whose mood its operations find in their inputs.
const PART: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {mood: {default: well}}
node_templates:
  app:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: run.sh, max_retries: 0}
        heal: {implementation: run.sh, max_retries: 0}
      cloudify.interfaces.validation:
        check_status: {implementation: run.sh, max_retries: 0, inputs: {mood: {get_input: mood}}}
capabilities:
  mood: {value: {get_input: mood}}
";

/// What a part of the whole says of its deployment.
const DEPLOYMENT: &str =
    "id: part, inputs: {mood: {get_input: mood}}, labels: [{kind: part}, {csys-obj-parent: nobody}]";

/// One part, whose blueprint is an input.
fn one_part(deployment: &str) -> String {
    let part = component("part", "id: {get_input: blueprint}, external_resource: true", deployment);
    blueprint(&format!(
        "{part}inputs: {{mood: {{default: well}}, blueprint: {{default: one-bp}}}}
capabilities:
  mood: {{value: {{get_attribute: [part, capabilities, mood]}}}}
"
    ))
}

/// A check finds what the mood is; everything else ends well.
fn honest(request: &Request) -> Outcome {
    if request.inputs.get("mood") == Some(&json!("ill")) {
        Outcome::Failed(Failure::fatal("ill"))
    } else {
        well(request)
    }
}

/// The whole, not installed, and two blueprints for its part.
async fn whole() -> (Fresh, Hands) {
    let fresh = Fresh::start().await;
    let hands = Hands::new(honest);
    hands.take_up(&fresh).await;
    deploy(&fresh, "one", PART, json!({})).await;
    deploy(&fresh, "two", &PART.replace("capabilities:", "description: the second\ncapabilities:"), json!({})).await;
    deploy(&fresh, "whole", &one_part(DEPLOYMENT), json!({})).await;
    (fresh, hands)
}

async fn update(fresh: &Fresh, body: Value) -> Value {
    let begun = fresh.post("/deployment-updates/whole/update/initiate", body).await.expect(200);
    fresh.ended(begun["execution_id"].as_str().unwrap()).await
}

#[tokio::test]
async fn it_is_looked_at_and_healed() {
    let (fresh, _hands) = whole().await;
    runs(&fresh, "whole", "install").await;
    assert_eq!(labeled(&fresh, "part", "csys-obj-parent").await, ["whole"]);
    assert_eq!(labeled(&fresh, "whole", "csys-consumer-id").await, ["part"]);
    let part = instance(&fresh, "whole", "part").await;
    assert_eq!(part["runtime_properties"]["deployment"], json!({"id": "part"}));
    assert_eq!(part["runtime_properties"]["capabilities"], json!({"mood": "well"}));

    runs(&fresh, "whole", "check_status").await;
    assert_eq!(instance(&fresh, "whole", "part").await["is_status_check_ok"], true);
    assert_eq!(history(&fresh, "part").await, ["create_deployment_environment", "install", "check_status"]);

    let ended = update(&fresh, json!({"inputs": {"mood": "ill"}})).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    let error = fails(&fresh, "whole", "check_status").await;
    let expected = "Expected deployment 'part' to be in a good state, but got deployment status: 'requires_attention'";
    assert!(error.contains(expected) && !error.contains("Error in"), "{error}");
    let part = instance(&fresh, "whole", "part").await;
    assert_eq!(
        (&part["is_status_check_ok"], &part["system_properties"]["status"]["ok"]),
        (&json!(false), &json!(false))
    );
    let deployment = fresh.get("/deployments/whole").await.expect(200);
    assert_eq!(
        [&deployment["unavailable_instances"], &deployment["sub_services_status"], &deployment["deployment_status"]],
        [&json!(1), &json!("requires_attention"), &json!("requires_attention")]
    );

    runs(&fresh, "whole", "heal").await;
    assert_eq!(history(&fresh, "part").await.last().unwrap(), "heal");
    let part = instance(&fresh, "whole", "part").await;
    assert_eq!(part["system_properties"]["status"]["healed"], true, "{part:#}");
    let deployment = fresh.get("/deployments/whole").await.expect(200);
    assert_eq!(
        [&deployment["unavailable_instances"], &deployment["sub_services_status"], &deployment["deployment_status"]],
        [&json!(0), &json!("good"), &json!("good")]
    );
    runs(&fresh, "whole", "uninstall").await;
    fresh.get("/deployments/part").await.refused(404, "not_found_error");
}

#[tokio::test]
async fn how_it_differs_is_found_and_mended() {
    let (fresh, _hands) = whole().await;
    runs(&fresh, "whole", "install").await;
    runs(&fresh, "whole", "check_drift").await;
    assert_eq!(instance(&fresh, "whole", "part").await["has_configuration_drift"], false);

    // What was noted of it is not so any more.
    let part = instance(&fresh, "whole", "part").await;
    let mut known = part["runtime_properties"].clone();
    known["capabilities"] = json!({"mood": "other", "foo": "bar"});
    let path = format!("/node-instances/{}", part["id"].as_str().unwrap());
    fresh.patch(&path, json!({"version": part["version"], "runtime_properties": known})).await.expect(200);
    runs(&fresh, "whole", "check_drift").await;
    let part = instance(&fresh, "whole", "part").await;
    let drift = &part["system_properties"]["configuration_drift"]["result"];
    assert_eq!((&part["has_configuration_drift"], drift), (&json!(true), &json!({"capabilities": ["mood", "foo"]})));
    assert_eq!(fresh.get("/deployments/whole").await.expect(200)["drifted_instances"], 1);
    let operation = json!({"operation": "cloudify.interfaces.lifecycle.refresh"});
    let refresh = start(&fresh, "whole", "execute_operation", operation).await;
    assert_eq!(fresh.ended(&refresh).await["status"], "terminated");
    runs(&fresh, "whole", "check_drift").await;
    assert_eq!(instance(&fresh, "whole", "part").await["has_configuration_drift"], false);

    // It has a label more than it should.
    let labels = json!([{"kind": "part"}, {"more": "of it"}, {"csys-obj-parent": "whole"}]);
    fresh.patch("/deployments/part", json!({"labels": labels})).await.expect(200);
    runs(&fresh, "whole", "check_drift").await;
    let drift = instance(&fresh, "whole", "part").await["system_properties"]["configuration_drift"]["result"].clone();
    assert_eq!(drift, json!({"deployment": ["labels"]}));
    fresh
        .patch("/deployments/part", json!({"labels": [{"kind": "part"}, {"csys-obj-parent": "whole"}]}))
        .await
        .expect(200);

    // What the whole says of its part changes, and the part with it.
    let ended = update(&fresh, json!({"inputs": {"mood": "glad"}})).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    let part = fresh.get("/deployments/part").await.expect(200);
    assert_eq!((&part["inputs"], &part["blueprint_id"]), (&json!({"mood": "glad"}), &json!("one-bp")));
    let ended = update(&fresh, json!({"inputs": {"blueprint": "two-bp"}})).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    let part = fresh.get("/deployments/part").await.expect(200);
    assert_eq!((&part["blueprint_id"], &part["description"]), (&json!("two-bp"), &json!("the second")));
    assert_eq!(history(&fresh, "part").await.iter().filter(|workflow| *workflow == "update").count(), 2);
    let updates = fresh.get("/deployment-updates?deployment_id=part").await.expect(200);
    assert!(updates["items"].as_array().unwrap().iter().all(|update| update["state"] == "successful"), "{updates}");

    // Another deployment it cannot become.
    deploy(&fresh, "other", &one_part(&DEPLOYMENT.replace("id: part,", "id: elsewhere,")), json!({})).await;
    let ended = update(&fresh, json!({"blueprint_id": "other-bp", "skip_reinstall": true})).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    let told = fresh.get("/events?type=cloudify_event&event_type=task_failed&_size=100").await.expect(200);
    let told =
        told["items"].as_array().unwrap().iter().map(|event| event["error_causes"].to_string()).collect::<String>();
    assert!(told.contains(r#"Update not available for \"part\" because of deployment_id change"#), "{told}");
}

#[tokio::test]
async fn what_it_says_is_said_in_the_whole_as_well() {
    let (fresh, _hands) = whole().await;
    let execution = run(&fresh, "whole", "install").await;
    let path = format!("/events?execution_id={}&type=cloudify_log&_size=1000", execution["id"].as_str().unwrap());
    let lines = fresh.get(&path).await.expect(200);
    let lines: Vec<&str> =
        lines["items"].as_array().unwrap().iter().filter_map(|line| line["message"].as_str()).collect();
    let app = instance(&fresh, "part", "app").await["id"].as_str().unwrap().to_owned();
    let times = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(times("Starting 'install' workflow execution"), 1, "{lines:#?}");
    assert_eq!(times(&format!("[{app}.create] Task succeeded 'script_runner.tasks.run'")), 1, "{lines:#?}");
    let known = instance(&fresh, "whole", "part").await["runtime_properties"]["received_events"].clone();
    assert_eq!(known.as_object().unwrap().len(), 2, "of its creation and its installation: {known}");

    let quiet = DEPLOYMENT.replace("id: part,", "id: quiet, logs: false,");
    deploy(&fresh, "silence", &one_part(&quiet), json!({})).await;
    runs(&fresh, "silence", "install").await;
    assert!(instance(&fresh, "silence", "part").await["runtime_properties"].get("received_events").is_none());
}

#[tokio::test]
async fn what_was_there_before_is_used_and_stays() {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    fresh.put("/deployments/part", json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}})).await.expect(201);
    let user = blueprint(&component("part", "id: small, external_resource: true", "id: part, external_resource: true"));
    deploy(&fresh, "user", &user, json!({})).await;
    runs(&fresh, "user", "install").await;
    assert_eq!(fresh.get("/deployments/part").await.expect(200)["installation_status"], "active");
    assert!(labeled(&fresh, "part", "csys-obj-parent").await.is_empty());
    runs(&fresh, "user", "uninstall").await;
    assert_eq!(fresh.get("/deployments/part").await.expect(200)["installation_status"], "inactive");
    assert_eq!(history(&fresh, "part").await, ["create_deployment_environment", "install", "uninstall"]);

    deploy(&fresh, "lost", &user.replace("id: part,", "id: nowhere,"), json!({})).await;
    let error = fails(&fresh, "lost", "install").await;
    assert!(error.contains("Error in create") && error.contains("nowhere"), "{error}");
    deploy(&fresh, "late", &user.replace("id: small,", "id: nothing,"), json!({})).await;
    let error = fails(&fresh, "late", "install").await;
    let expected = "Error in upload_blueprint: Blueprint ID \"nothing\" does not exist on tenant \"default_tenant\", but \
                    external_resource is True.";
    assert!(error.contains(expected), "{error}");
}

#[tokio::test]
async fn it_stops_and_goes_on_with_the_whole() {
    let fresh = Fresh::start().await;
    deploy(&fresh, "one", PART, json!({})).await;
    deploy(&fresh, "whole", &one_part(DEPLOYMENT), json!({})).await;
    let whole = start(&fresh, "whole", "install", json!({})).await;
    // Nobody does the part's operation.
    let mut part = None;
    for _ in 0..500 {
        let list = fresh.get("/executions?deployment_id=part&workflow_id=install&status=started").await.expect(200);
        part = list["items"][0]["id"].as_str().map(str::to_owned);
        if part.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let part = part.unwrap();
    let why = fresh.get(&format!("/executions/{whole}/why")).await;
    assert!(why.status == 404 || why.json().to_string().contains(&part), "{why:?}");
    fresh.post(&format!("/executions/{whole}"), json!({"action": "cancel"})).await.expect(200);
    Hands::new(honest).take_up(&fresh).await;
    for execution in [&whole, &part] {
        assert_eq!(fresh.ended(execution).await["status"], "cancelled");
    }
    fresh.post(&format!("/executions/{whole}"), json!({"action": "resume"})).await.expect(200);
    let ended = fresh.ended(&whole).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    assert_eq!(fresh.get("/deployments/part").await.expect(200)["installation_status"], "active");
}

#[tokio::test]
async fn a_failure_shows_all_the_way_up_and_goes_away_again() {
    let fresh = Fresh::start().await;
    let door = blueprint("  door: {type: cloudify.nodes.PasswordSecret, properties: {length: 3}}\n");
    deploy(&fresh, "one", &door, json!({})).await;
    let moodless = |id: &str| one_part(&format!("id: {id}"));
    deploy(&fresh, "middle", &moodless("part"), json!({})).await;
    deploy(&fresh, "whole", &moodless("center").replace("one-bp", "middle-bp"), json!({})).await;
    let error = fails(&fresh, "whole", "install").await;
    assert!(error.contains("Password length is required to be at least 6 characters"), "{error}");
    for (id, services) in [("whole", 2), ("center", 1), ("part", 0)] {
        let found = fresh.get(&format!("/deployments/{id}")).await.expect(200);
        assert_eq!(
            (&found["deployment_status"], &found["sub_services_count"]),
            (&json!("requires_attention"), &json!(services)),
            "{id}"
        );
    }
    runs(&fresh, "whole", "uninstall").await;
    for id in ["part", "center"] {
        fresh.get(&format!("/deployments/{id}")).await.refused(404, "not_found_error");
    }
    let found = fresh.get("/deployments/whole").await.expect(200);
    assert_eq!((&found["sub_services_count"], &found["sub_services_status"]), (&json!(0), &Value::Null));
}
