//! Executions that wait for others: whom they wait for, in which order they begin, and with what, on both databases.

use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::harness::Fresh;

const SITE: &str = "
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
node_templates:
  app: {type: cloudify.nodes.Root}
workflows:
  mine: {mapping: default_workflows.cloudify.plugins.workflows.install, parameters: {}}
";

async fn both<F: Future<Output = ()>>(test: impl Fn(Fresh) -> F) {
    let database = Database::empty();
    for url in [None, Some(database.url())] {
        let fresh = Fresh::start_on(url).await;
        fresh.upload("site", SITE).await.expect(201);
        for id in ["d1", "d2"] {
            fresh.put(&format!("/deployments/{id}"), json!({"blueprint_id": "site"})).await.expect(201);
        }
        test(fresh).await;
    }
}

impl Fresh {
    /// An execution that stands in a status without anybody at work.
    async fn standing(&self, deployment: &str, workflow: &str, status: &str, system: bool) -> String {
        let body = json!({
            "deployment_id": deployment, "workflow_id": workflow, "force_status": status, "parameters": {},
            "is_system_workflow": system,
        });
        self.post("/executions", body).await.expect(201)["id"].as_str().unwrap().to_owned()
    }

    async fn begin(&self, deployment: &str, workflow: &str, more: Value) -> Value {
        let mut body = json!({"deployment_id": deployment, "workflow_id": workflow});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post("/executions", body).await.expect(201)
    }

    async fn ends(&self, execution: &str) {
        let path = format!("/executions/{execution}");
        self.patch(&path, json!({"status": "cancelled", "error": ""})).await.expect(200);
    }

    async fn status(&self, execution: &Value) -> Value {
        let id = execution["id"].as_str().unwrap();
        self.get(&format!("/executions/{id}")).await.expect(200)["status"].clone()
    }
}

#[tokio::test]
async fn what_is_forced_begins_whatever_the_rules_say_also_after_it_had_to_wait() {
    both(|fresh| async move {
        let whole = fresh.standing("", "create_snapshot", "started", true).await;
        let body = json!({"deployment_id": "d1", "workflow_id": "uninstall"});
        fresh.post("/executions", body).await.refused(400, "unavailable_workflow_error");
        let forced = fresh.begin("d2", "uninstall", json!({"force": true})).await;
        assert_eq!(forced["status"], "queued", "the whole manager is being worked on");
        fresh.ends(&whole).await;
        assert_eq!(fresh.ended(forced["id"].as_str().unwrap()).await["status"], "terminated");
    })
    .await;
}

#[tokio::test]
async fn what_waited_begins_with_the_parameters_that_are_declared_then() {
    both(|fresh| async move {
        let other = fresh.standing("d1", "install", "started", false).await;
        let waiting = fresh.begin("d1", "mine", json!({"queue": true})).await;
        assert_eq!((&waiting["status"], &waiting["parameters"]), (&json!("queued"), &json!({})));
        fresh.upload("later", &SITE.replace("parameters: {}", "parameters: {size: {default: 3}}")).await.expect(201);
        let body = json!({"blueprint_id": "later"});
        let update = fresh.post("/deployment-updates/d1/update/initiate", body).await.expect(200);
        assert_eq!(fresh.ended(update["execution_id"].as_str().unwrap()).await["status"], "terminated");
        fresh.ends(&other).await;
        let ended = fresh.ended(waiting["id"].as_str().unwrap()).await;
        assert_eq!((&ended["status"], &ended["parameters"]), (&json!("terminated"), &json!({"size": 3})));
    })
    .await;
}

#[tokio::test]
async fn what_makes_an_environment_comes_before_everything_else_of_its_deployment() {
    both(|fresh| async move {
        let other = fresh.standing("d1", "install", "started", false).await;
        let older = fresh.begin("d1", "install", json!({"queue": true})).await;
        let making = fresh.standing("d1", "create_deployment_environment", "queued", false).await;
        let elsewhere = fresh.standing("d2", "install", "started", false).await;
        // Any end lets others begin.
        fresh.ends(&elsewhere).await;
        assert_eq!(fresh.ended(&making).await["status"], "terminated", "it does not wait for what runs");
        assert_eq!(fresh.status(&older).await, "queued");
        fresh.ends(&other).await;
        assert_eq!(fresh.ended(older["id"].as_str().unwrap()).await["status"], "terminated");
    })
    .await;
}

#[tokio::test]
async fn the_manager_runs_as_many_at_a_time_as_it_is_told() {
    both(|fresh| async move {
        let most = fresh.get("/config/max_concurrent_workflows?scope=rest").await.expect(200)["value"].clone();
        assert!(most.as_u64().unwrap() >= 1000, "{most}");
        let limit = |most: u64| json!({"value": most, "scope": "rest"});
        fresh.put("/config/max_concurrent_workflows", limit(1)).await.expect(200);
        let whole = fresh.standing("", "create_snapshot", "started", true).await;
        let busy = fresh.standing("d1", "install", "started", false).await;
        let waiting = fresh.begin("d2", "install", json!({})).await;
        fresh.ends(&whole).await;
        assert_eq!(fresh.status(&waiting).await, "queued", "one is under way");
        fresh.ends(&busy).await;
        assert_eq!(fresh.ended(waiting["id"].as_str().unwrap()).await["status"], "terminated");
    })
    .await;
}
