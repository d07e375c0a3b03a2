//! Updates of deployments from the request to the end of their execution, on both databases. What workers do in them
//! is shown by `crates/bin/tests/e2e/deployment_updates.rs`.

use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::harness::Fresh;

const BEFORE: &str = "
tosca_definitions_version: cloudify_dsl_1_4
description: before
imports: [cloudify/types/types.yaml]
inputs:
  port: {type: integer, default: 80}
  unused: {default: 1}
node_types:
  server: {derived_from: cloudify.nodes.Root, properties: {port: {type: integer}}}
node_templates:
  web:
    type: server
    properties: {port: {get_input: port}}
    relationships: [{type: cloudify.relationships.connected_to, target: old}]
  old:
    type: cloudify.nodes.Root
outputs:
  port: {value: {get_property: [web, port]}}
labels:
  stage: {values: [first]}
";

const AFTER: &str = "
tosca_definitions_version: cloudify_dsl_1_4
description: after
imports: [cloudify/types/types.yaml]
inputs:
  port: {type: integer, default: 80}
node_types:
  server: {derived_from: cloudify.nodes.Root, properties: {port: {type: integer}}}
node_templates:
  web:
    type: server
    properties: {port: {get_input: port}}
    relationships: [{type: cloudify.relationships.connected_to, target: db}]
  db:
    type: cloudify.nodes.Root
    capabilities: {scalable: {properties: {default_instances: 2}}}
outputs:
  address: {value: {concat: ['h:', {get_property: [web, port]}]}}
capabilities:
  port: {value: {get_property: [web, port]}}
labels:
  stage: {values: [second]}
deployment_settings:
  default_schedules:
    daily: {workflow: check_status, since: '2030-01-01 10:00', recurrence: 1 days}
";

/// Runs a test on both databases, with both blueprints and a deployment of the first one.
async fn both<F: Future<Output = ()>>(test: impl Fn(Fresh) -> F) {
    let database = Database::empty();
    for url in [None, Some(database.url())] {
        let fresh = Fresh::start_on(url).await;
        fresh.upload("before", BEFORE).await.expect(201);
        fresh.upload("after", AFTER).await.expect(201);
        fresh.put("/deployments/d1", json!({"blueprint_id": "before", "inputs": {"port": 81}})).await.expect(201);
        test(fresh).await;
    }
}

impl Fresh {
    async fn run(&self, workflow: &str) -> Value {
        let start = json!({"deployment_id": "d1", "workflow_id": workflow});
        let execution = self.post("/executions", start).await.expect(201);
        self.ended(execution["id"].as_str().unwrap()).await
    }

    /// An update and its execution, once that has ended.
    async fn updated(&self, body: Value) -> (Value, Value) {
        let begun = self.post("/deployment-updates/d1/update/initiate", body).await.expect(200);
        let execution = self.ended(begun["execution_id"].as_str().unwrap()).await;
        let id = begun["id"].as_str().unwrap();
        (self.get(&format!("/deployment-updates/{id}")).await.expect(200), execution)
    }

    /// The states of the instances of `d1` by node, in order.
    async fn states(&self) -> Vec<String> {
        let instances = self.items("/node-instances?deployment_id=d1").await;
        let word = |instance: &Value, key: &str| instance[key].as_str().unwrap().to_owned();
        let mut states: Vec<String> =
            instances.iter().map(|one| format!("{} {}", word(one, "node_id"), word(one, "state"))).collect();
        states.sort();
        states
    }
}

/// `action path` of each step that is about no workflow.
fn steps(update: &Value) -> Vec<String> {
    let path = |step: &Value| {
        step["entity_id"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect::<Vec<_>>().join("/")
    };
    let steps = update["steps"].as_array().unwrap().iter().filter(|step| step["entity_type"] != "workflow");
    steps.map(|step| format!("{} {}", step["action"].as_str().unwrap(), path(step))).collect()
}

#[tokio::test]
async fn a_preview_says_what_would_change_and_changes_nothing() {
    both(|fresh| async move {
        assert_eq!(fresh.run("install").await["status"], "terminated");
        let before = fresh.get("/deployments/d1").await.expect(200);
        let body = json!({"blueprint_id": "after", "inputs": {"port": 82}, "preview": true});
        let update = fresh.post("/deployment-updates/d1/update/initiate", body).await.expect(200);
        assert_eq!((&update["state"], &update["new_inputs"]["port"]), (&json!("successful"), &json!(82)), "{update}");
        let expected = [
            "remove nodes/web/relationships/0",
            "remove outputs/port",
            "remove nodes/old",
            "add nodes/db",
            "add outputs/address",
            "add nodes/web/relationships/0",
            "modify description",
            "modify nodes/web/properties/port",
        ];
        assert_eq!(steps(&update), expected);
        let nodes = &update["deployment_update_nodes"];
        assert_eq!((&nodes["add"], &nodes["remove"]), (&json!([["nodes", "db"]]), &json!([["nodes", "old"]])));
        assert_eq!(
            nodes["modify_attributes"]["web"],
            json!(["relationships", "relationships", "properties", "capabilities"])
        );
        let instances = &update["deployment_update_node_instances"];
        let marked = |list: &str, mark: &str| {
            instances[list].as_array().unwrap().iter().filter(|one| one["modification"] == mark).count()
        };
        let counts =
            [("added_and_related", "added"), ("extended_and_related", "extended"), ("removed_and_related", "removed")];
        assert_eq!(counts.map(|(list, mark)| marked(list, mark)), [2, 1, 1], "{instances}");
        assert_eq!(instances["relationships_changed"], json!(["web"]));
        let after = fresh.get("/deployments/d1").await.expect(200);
        for part in ["blueprint_id", "inputs", "outputs", "description", "labels", "updated_at"] {
            assert_eq!(after[part], before[part], "{part}");
        }
        assert_eq!(fresh.states().await, ["old started", "web started"]);
    })
    .await;
}

#[tokio::test]
async fn an_update_makes_the_deployment_follow_its_new_plan() {
    both(|fresh| async move {
        assert_eq!(fresh.run("install").await["status"], "terminated");
        let (update, execution) = fresh.updated(json!({"blueprint_id": "after", "inputs": {"port": 82}})).await;
        assert_eq!(
            (&execution["status"], &update["state"]),
            (&json!("terminated"), &json!("successful")),
            "{execution}"
        );
        assert_eq!(fresh.states().await, ["db started", "db started", "web started"]);
        let deployment = fresh.get("/deployments/d1").await.expect(200);
        assert_eq!((&deployment["blueprint_id"], &deployment["description"]), (&json!("after"), &json!("after")));
        assert_eq!(deployment["inputs"], json!({"port": 82}));
        assert_eq!(fresh.get("/deployments/d1/outputs").await.expect(200)["outputs"], json!({"address": "h:82"}));
        assert_eq!(fresh.get("/deployments/d1/capabilities").await.expect(200)["capabilities"], json!({"port": 82}));
        let mut labels: Vec<&str> =
            deployment["labels"].as_array().unwrap().iter().filter_map(|label| label["value"].as_str()).collect();
        labels.sort_unstable();
        assert_eq!(labels, ["first", "second"]);
        let web = fresh.items("/node-instances?deployment_id=d1&node_id=web").await.remove(0);
        let targets: Vec<&Value> =
            web["relationships"].as_array().unwrap().iter().map(|one| &one["target_name"]).collect();
        assert_eq!(targets, ["db", "db"]);
        let nodes = fresh.items("/nodes?deployment_id=d1").await;
        assert_eq!(nodes.len(), 2);
        assert_eq!(nodes[0]["relationships"][0]["target_id"], "db");
        let schedules = fresh.items("/execution-schedules?deployment_id=d1").await;
        assert_eq!((&schedules[0]["id"], &schedules[0]["workflow_id"]), (&json!("daily"), &json!("check_status")));

        // The same again changes nothing but the schedule, which is there now.
        let (update, _) = fresh.updated(json!({"blueprint_id": "after"})).await;
        assert_eq!((steps(&update), &update["state"]), (Vec::new(), &json!("successful")));
        assert_eq!(fresh.states().await, ["db started", "db started", "web started"]);
        assert_eq!(fresh.items("/execution-schedules?deployment_id=d1").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_skipped_is_not_done() {
    both(|fresh| async move {
        assert_eq!(fresh.run("install").await["status"], "terminated");
        let body = json!({"blueprint_id": "after", "skip_install": true, "skip_uninstall": true});
        let (update, _) = fresh.updated(body).await;
        assert_eq!(update["state"], "successful");
        assert_eq!(fresh.states().await, ["db uninitialized", "db uninitialized", "web started"]);
    })
    .await;
}

#[tokio::test]
async fn inputs_alone_are_an_update_too() {
    both(|fresh| async move {
        let (update, _) = fresh.updated(json!({"inputs": {"port": 90}})).await;
        assert_eq!(steps(&update), ["modify nodes/web/properties/port", "modify outputs/port"]);
        assert_eq!(update["state"], "successful");
        let web = fresh.items("/nodes?deployment_id=d1&id=web").await.remove(0);
        assert_eq!(web["properties"]["port"], 90);
        assert_eq!(fresh.states().await, ["old uninitialized", "web uninitialized"]);
        assert_eq!(fresh.get("/deployments/d1").await.expect(200)["inputs"], json!({"port": 90, "unused": 1}));
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_updated_fails_and_says_so() {
    both(|fresh| async move {
        let other = BEFORE.replace("type: cloudify.nodes.Root", "type: cloudify.nodes.Tier");
        fresh.upload("other", &other).await.expect(201);
        let (update, execution) = fresh.updated(json!({"blueprint_id": "other"})).await;
        assert_eq!((&update["state"], &execution["status"]), (&json!("failed"), &json!("failed")));
        let error = execution["error"].as_str().unwrap();
        assert!(error.starts_with("Cannot update: unsupported steps found: modify node nodes/old"), "{error}");

        let (update, execution) = fresh.updated(json!({"inputs": {"port": "no number"}})).await;
        assert_eq!((&update["state"], &execution["status"]), (&json!("failed"), &json!("failed")));
        assert_eq!(fresh.get("/deployments/d1").await.expect(200)["inputs"]["port"], 81);
        // A later update is not held up by a failed one.
        let (update, _) = fresh.updated(json!({"inputs": {"port": "82"}, "auto_correct_types": true})).await;
        assert_eq!(update["state"], "successful");
        assert_eq!(fresh.get("/deployments/d1").await.expect(200)["inputs"]["port"], 82);
    })
    .await;
}

#[tokio::test]
async fn a_group_of_deployments_is_updated_by_a_group_of_executions() {
    both(|fresh| async move {
        fresh.put("/deployments/d2", json!({"blueprint_id": "before"})).await.expect(201);
        fresh.put("/deployment-groups/all", json!({"deployment_ids": ["d1", "d2"]})).await.expect(200);
        let parameters = json!({"blueprint_id": "after", "inputs": {"port": 99}});
        let body = json!({
            "deployment_group_id": "all", "workflow_id": "csys_update_deployment", "default_parameters": parameters,
        });
        let group = fresh.post("/execution-groups", body).await.expect(200)["id"].as_str().unwrap().to_owned();
        let mut executions = Vec::new();
        for _ in 0..200 {
            executions.clear();
            let ids = fresh.get(&format!("/execution-groups/{group}")).await.expect(200)["execution_ids"].clone();
            for id in ids.as_array().unwrap() {
                executions.push(fresh.get(&format!("/executions/{}", id.as_str().unwrap())).await.expect(200));
            }
            let ended = |one: &Value| matches!(one["status"].as_str(), Some("terminated" | "failed"));
            if executions.len() == 4 && executions.iter().all(ended) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let mut workflows: Vec<&str> = executions.iter().filter_map(|one| one["workflow_id"].as_str()).collect();
        workflows.sort_unstable();
        let expected = ["csys_update_deployment", "csys_update_deployment", "update", "update"];
        assert_eq!(workflows, expected, "{executions:#?}");
        assert!(executions.iter().all(|one| one["status"] == "terminated"), "{executions:#?}");
        for id in ["d1", "d2"] {
            let deployment = fresh.get(&format!("/deployments/{id}")).await.expect(200);
            assert_eq!((&deployment["blueprint_id"], &deployment["inputs"]["port"]), (&json!("after"), &json!(99)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_workflow_of_the_users_own_takes_the_place_of_what_an_update_does() {
    both(|fresh| async move {
        let (update, execution) = fresh.updated(json!({"blueprint_id": "after", "workflow_id": "install"})).await;
        assert_eq!(
            (&execution["status"], &update["state"]),
            (&json!("terminated"), &json!("successful")),
            "{execution}"
        );
        assert_eq!(fresh.states().await, ["db started", "db started", "web started"]);
        let runs = fresh.items("/executions?deployment_id=d1&workflow_id=install").await;
        assert_eq!(runs[0]["parameters"]["update_id"], update["id"]);
        assert_eq!(runs[0]["parameters"]["added_instance_ids"].as_array().map(Vec::len), Some(2));
        let (update, execution) = fresh.updated(json!({"inputs": {"port": 1}, "workflow_id": "nothing"})).await;
        assert_eq!((&execution["status"], &update["state"]), (&json!("failed"), &json!("failed")));
        let id = execution["id"].as_str().unwrap();
        fresh.post(&format!("/executions/{id}"), json!({"action": "resume"})).await.expect(200);
        let execution = fresh.ended(id).await;
        assert!(execution["error"].as_str().unwrap().contains("nothing"), "{execution}");
    })
    .await;
}
