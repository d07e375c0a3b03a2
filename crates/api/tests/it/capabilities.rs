//! Deployments that ask others for capabilities need them: that is written down, kept up and respected.

use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL};

const HEAD: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
";

/// Runs a test on both databases.
async fn both<F: Future<Output = ()>>(test: impl Fn(Fresh) -> F) {
    test(Fresh::start().await).await;
    let database = Database::empty();
    let fresh = Fresh::start_on(Some(database.url())).await;
    let manager = fresh.manager.clone();
    test(fresh).await;
    manager.store.close().await;
}

async fn deploy(fresh: &Fresh, id: &str, blueprint: &str, inputs: Value) -> Value {
    fresh.upload(&format!("{id}-bp"), blueprint).await.expect(201);
    let body = json!({"blueprint_id": format!("{id}-bp"), "inputs": inputs});
    fresh.put(&format!("/deployments/{id}"), body).await.expect(201)
}

/// What a deployment needs, as `creator > target`, and the functions that give targets.
async fn needs(fresh: &Fresh, id: &str) -> (Vec<String>, Vec<Value>) {
    let path = format!("/deployments/inter-deployment-dependencies?source_deployment_id={id}&_sort=dependency_creator");
    let found = fresh.get(&path).await.expect(200)["items"].as_array().unwrap().clone();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("?").to_owned();
    let shown =
        found.iter().map(|row| format!("{} > {}", text(row, "dependency_creator"), text(row, "target_deployment_id")));
    let functions =
        found.iter().map(|row| row["target_deployment_func"].clone()).filter(|function| !function.is_null());
    (shown.collect(), functions.collect())
}

async fn run(fresh: &Fresh, deployment: &str, workflow: &str) -> Value {
    let body = json!({"deployment_id": deployment, "workflow_id": workflow});
    let execution = fresh.post("/executions", body).await.expect(201);
    fresh.ended(execution["id"].as_str().unwrap()).await
}

async fn consumers(fresh: &Fresh, id: &str) -> Vec<Value> {
    let labels = fresh.get(&format!("/deployments/{id}")).await.expect(200)["labels"].as_array().unwrap().clone();
    labels.into_iter().filter(|label| label["key"] == "csys-consumer-id").map(|label| label["value"].clone()).collect()
}

#[tokio::test]
async fn who_is_named_is_needed_at_once() {
    both(|fresh| async move {
        deploy(&fresh, "base", SMALL, json!({"greeting": "hi"})).await;
        let asking = format!(
            "{HEAD}inputs: {{from: {{}}}}
node_types: {{t: {{derived_from: cloudify.nodes.Root, properties: {{p: {{}}}}}}}}
node_templates:
  app:
    type: t
    properties: {{p: {{get_capability: [{{get_input: from}}, twice]}}}}
    capabilities: {{scalable: {{properties: {{default_instances: 2}}}}}}
outputs:
  a: {{value: {{get_capability: [base, twice]}}}}
  b: {{value: {{get_capability: [nowhere, twice]}}}}
"
        );
        deploy(&fresh, "asks", &asking, json!({"from": "base"})).await;
        let (found, functions) = needs(&fresh, "asks").await;
        assert_eq!(
            found,
            [
                "nodes.app.properties.p.get_capability > base",
                "nodes.app.properties.p.get_capability > base",
                "outputs.a.value.get_capability > base",
                "outputs.b.value.get_capability > ?",
            ]
        );
        assert_eq!(functions, Vec::<Value>::new());
        let message = fresh.delete("/deployments/base").await.refused(400, "dependent_exists_error");
        assert_eq!(
            message,
            "Can't delete deployment base - the following existing installations depend on it:\n\
             [1] Deployment `asks` uses capabilities of the current deployment in its node `app`\n\
             [2] Deployment `asks` uses capabilities of the current deployment in its node `app`\n\
             [3] Deployment `asks` uses capabilities of the current deployment in its node `a`"
        );
        let body = json!({"deployment_id": "base", "workflow_id": "stop"});
        fresh.post("/executions", body).await.refused(400, "dependent_exists_error");
        fresh.delete("/deployments/asks?force=true").await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn who_is_found_at_run_time_is_needed_from_then_on() {
    both(|fresh| async move {
        deploy(&fresh, "base", SMALL, json!({"greeting": "hi"})).await;
        fresh.put("/secrets/where", json!({"value": "nowhere"})).await.expect(200);
        let asking = format!(
            "{HEAD}node_templates: {{app: {{type: cloudify.nodes.Root}}}}
outputs:
  a: {{value: {{get_capability: [{{get_secret: where}}, twice]}}}}
"
        );
        deploy(&fresh, "asks", &asking, json!({})).await;
        let function = json!({"function": {"get_secret": "where"}, "context": {}});
        assert_eq!(
            needs(&fresh, "asks").await,
            (vec!["outputs.a.value.get_capability > ?".to_owned()], vec![function.clone()])
        );
        fresh.patch("/secrets/where", json!({"value": "base"})).await.expect(200);
        assert_eq!(run(&fresh, "asks", "install").await["status"], "terminated");
        assert_eq!(
            needs(&fresh, "asks").await,
            (vec!["outputs.a.value.get_capability > base".to_owned()], vec![function])
        );
        assert_eq!(consumers(&fresh, "base").await, ["asks"]);
        let message = fresh.delete("/deployments/base").await.refused(400, "dependent_exists_error");
        assert!(message.contains("Deployment `asks` uses capabilities"), "{message}");
        // What cannot be shows when the execution ends.
        for (value, reason) in [
            (
                "asks",
                "Cyclic dependency between <Deployment id=`asks` tenant=`default_tenant`> and <Deployment id=`asks`",
            ),
            ("nowhere", ""),
        ] {
            fresh.patch("/secrets/where", json!({"value": value})).await.expect(200);
            let ended = run(&fresh, "asks", "stop").await;
            let error = ended["error"].as_str().unwrap_or_default();
            if reason.is_empty() {
                assert_eq!(ended["status"], "terminated", "{error}");
                continue;
            }
            assert_eq!(ended["status"], "failed");
            assert!(
                error.starts_with(&format!("Failed updating dependencies of deployment asks: {reason}")),
                "{error}"
            );
            let path = format!("/events?execution_id={}&type=cloudify_log", ended["id"].as_str().unwrap());
            let logs = fresh.get(&path).await.expect(200);
            assert!(logs["items"].as_array().unwrap().iter().any(|log| log["message"] == error), "{logs}");
        }
    })
    .await;
}
