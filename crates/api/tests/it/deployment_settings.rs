//! What a blueprint settles for its deployments when they are made, on both databases.

use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL};

const SETTLED: &str = "
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
inputs: {customer: {default: acme}}
node_templates:
  app: {type: cloudify.nodes.Root}
labels:
  stage: {values: [test]}
deployment_settings:
  display_name: {concat: [{get_input: customer}, ' in ', {get_label: [stage, 0]}]}
  default_groups: [settled, {get_input: customer}]
  default_schedules:
    daily: {workflow: check_status, since: '2030-01-01 10:00', recurrence: 1 days}
";

const NEEDY: &str = "
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
node_templates:
  app: {type: cloudify.nodes.Root}
outputs:
  said: {value: {get_environment_capability: twice}}
";

async fn both<F: Future<Output = ()>>(test: impl Fn(Fresh) -> F) {
    let database = Database::empty();
    for url in [None, Some(database.url())] {
        test(Fresh::start_on(url).await).await;
    }
}

#[tokio::test]
async fn a_deployment_gets_its_name_its_groups_and_its_schedules() {
    both(|fresh| async move {
        fresh.upload("settled", SETTLED).await.expect(201);
        fresh.put("/deployment-groups/settled", json!({"description": "there before"})).await.expect(200);
        let made = fresh.put("/deployments/d1", json!({"blueprint_id": "settled"})).await.expect(201);
        assert_eq!(made["display_name"], "acme in test");
        let named = json!({"blueprint_id": "settled", "display_name": "Mine", "inputs": {"customer": "zeta"}});
        let made = fresh.put("/deployments/d2", named).await.expect(201);
        assert_eq!(made["display_name"], "Mine", "who makes it chooses");
        let members = async |group: &str| {
            let group = fresh.get(&format!("/deployment-groups/{group}")).await.expect(200);
            let mut ids: Vec<String> =
                group["deployment_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
            ids.sort();
            ids
        };
        assert_eq!(members("settled").await, ["d1", "d2"]);
        assert_eq!((members("acme").await, members("zeta").await), (vec!["d1".to_owned()], vec!["d2".to_owned()]));
        assert_eq!(fresh.get("/deployment-groups/settled").await.expect(200)["description"], "there before");
        for id in ["d1", "d2"] {
            let schedules = fresh.get(&format!("/execution-schedules?deployment_id={id}")).await.expect(200);
            let schedule = &schedules["items"][0];
            assert_eq!((&schedule["id"], &schedule["workflow_id"]), (&json!("daily"), &json!("check_status")));
        }
    })
    .await;
}

#[tokio::test]
async fn settings_that_cannot_be_applied_fail_the_creation_and_say_why() {
    both(|fresh| async move {
        let long = SETTLED.replace("{get_input: customer}, ' in '", &format!("'{}'", "x".repeat(300)));
        fresh.upload("long", &long).await.expect(201);
        let message = fresh.put("/deployments/d1", json!({"blueprint_id": "long"})).await;
        let message = message.refused(400, "deployment_creation_error");
        assert!(message.contains("display name is too long"), "{message}");
        fresh.upload("small", SMALL).await.expect(201);
        let body = |name: &str| json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}, "display_name": name});
        fresh.put("/deployments/d2", body("two\nlines")).await.refused(400, "bad_parameters_error");
        let made = fresh.put("/deployments/d2", body("\u{fb01}ne")).await.expect(201);
        assert_eq!(made["display_name"], "fine");
        let too_long: Value = json!({"display_name": "x".repeat(257)});
        fresh.patch("/deployments/d2", too_long).await.refused(400, "bad_parameters_error");
    })
    .await;
}

#[tokio::test]
async fn what_the_environment_must_be_capable_of_is_asked_for() {
    both(|fresh| async move {
        fresh.upload("small", SMALL).await.expect(201);
        fresh.upload("needy", NEEDY).await.expect(201);
        let alone = fresh.put("/deployments/d1", json!({"blueprint_id": "needy"})).await;
        let message = alone.refused(400, "deployment_creation_error");
        assert_eq!(message, "Environment not found, but environment capabilities are required: twice");
        let inside = |parent: &str| json!({"blueprint_id": "needy", "labels": [{"csys-obj-parent": parent}]});
        let able = json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}});
        fresh.put("/deployments/able", able).await.expect(201);
        let unable = SMALL.replace("twice:", "thrice:");
        fresh.upload("unable", &unable).await.expect(201);
        fresh
            .put("/deployments/unable", json!({"blueprint_id": "unable", "inputs": {"greeting": "hi"}}))
            .await
            .expect(201);
        let message = fresh.put("/deployments/d2", inside("unable")).await.refused(400, "deployment_creation_error");
        assert_eq!(message, "Environment unable (unable) does not have the required capabilities: twice");
        fresh.put("/deployments/d3", inside("able")).await.expect(201);
        let outputs = fresh.get("/deployments/d3/outputs").await.expect(200);
        assert_eq!(outputs["outputs"]["said"], "hihi");
    })
    .await;
}
