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

    /// The executions of a workflow in a deployment, with their status.
    async fn runs(&self, deployment: &str, workflow: &str) -> Vec<(String, Value)> {
        let path = format!("/executions?deployment_id={deployment}&workflow_id={workflow}");
        let list = self.get(&path).await.expect(200);
        let run = |run: &Value| (run["id"].as_str().unwrap().to_owned(), run["status"].clone());
        list["items"].as_array().unwrap().iter().map(run).collect()
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

        let whole = fresh.standing("", "create_snapshot", "started", true).await;
        let busy = fresh.standing("d1", "install", "started", false).await;
        let waiting = fresh.begin("d2", "uninstall", json!({})).await;
        fresh.ends(&whole).await;
        assert_eq!(fresh.status(&waiting).await, "queued", "one is under way");
        fresh.put("/config/max_concurrent_workflows", limit(2)).await.expect(200);
        assert_eq!(fresh.ended(waiting["id"].as_str().unwrap()).await["status"], "terminated");
        fresh.ends(&busy).await;
    })
    .await;
}

/// A deployment whose node stands for another deployment.
async fn contains(fresh: &Fresh, whole: &str, part: &str) {
    fresh.put(&format!("/deployments/{whole}"), json!({"blueprint_id": "whole"})).await.expect(201);
    let list = fresh.get(&format!("/node-instances?deployment_id={whole}")).await.expect(200);
    let instance = list["items"][0]["id"].as_str().unwrap();
    let change = json!({"version": 1, "runtime_properties": {"deployment": {"id": part}}});
    fresh.patch(&format!("/node-instances/{instance}"), change).await.expect(200);
}

const WHOLE: &str = "
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
node_templates:
  part:
    type: cloudify.nodes.Component
    properties: {resource_config: {blueprint: {id: site, external_resource: true}, deployment: {id: none}}}
workflows:
  mine:
    mapping: default_workflows.cloudify.plugins.workflows.start
    is_cascading: true
    parameters: {size: {default: 3}}
";

#[tokio::test]
async fn what_cascades_begins_in_the_parts_when_its_turn_comes() {
    both(|fresh| async move {
        fresh.upload("whole", WHOLE).await.expect(201);
        // d1 is part of middle, which is part of top; d2 is none of theirs.
        contains(&fresh, "middle", "d1").await;
        contains(&fresh, "top", "middle").await;
        fresh.stop_runs();
        let before = fresh.standing("top", "install", "started", false).await;
        let busy = fresh.standing("d1", "install", "started", false).await;
        // The parts do not declare the parameter.
        let how = json!({"queue": true, "parameters": {"size": 4}, "allow_custom_parameters": true});
        let waiting = fresh.begin("top", "mine", how).await;
        assert_eq!(waiting["status"], "queued");
        for deployment in ["middle", "d1"] {
            assert!(fresh.runs(deployment, "mine").await.is_empty(), "its time has not come");
        }
        fresh.ends(&before).await;
        let begun = fresh.get(&format!("/executions/{}", waiting["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(begun["status"], "pending", "{begun:#}");
        let [(of_middle, status)] = &fresh.runs("middle", "mine").await[..] else { panic!("one in the middle") };
        assert_eq!(status, "pending");
        let execution = fresh.get(&format!("/executions/{of_middle}")).await.expect(200);
        assert_eq!(execution["parameters"], json!({"size": 4}));
        let [(_, status)] = &fresh.runs("d1", "mine").await[..] else { panic!("one in d1") };
        assert_eq!(status, "queued", "it waits for what runs there");
        fresh.ends(&busy).await;
        assert_eq!(fresh.runs("d1", "mine").await[0].1, "pending");
        assert!(fresh.runs("d2", "mine").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn rules_that_make_no_sense_are_named_at_the_start_and_in_the_queue() {
    both(|fresh| async move {
        let rules = |rules: &str| SITE.replace("parameters: {}}", &format!("availability_rules: {rules}}}"));
        let odd = rules("{node_instances_active: [none, sometimes]}");
        assert!(fresh.upload("odd", &odd).await.refused(400, "invalid_blueprint_error").contains("'sometimes'"));
        for (id, text) in [
            ("never", "{available: false}"),
            ("hosts", "{node_types_required: [cloudify.nodes.Compute]}"),
            ("sound", "{available: true, node_instances_active: [none], node_types_required: [cloudify.nodes.Root]}"),
        ] {
            fresh.upload(id, &rules(text)).await.expect(201);
            fresh.put(&format!("/deployments/{id}"), json!({"blueprint_id": id})).await.expect(201);
        }
        fresh.stop_runs();
        // Deployments that are restored bring plans that nobody has looked at.
        fresh.put("/deployments/odd?async_create=true", json!({"blueprint_id": "site"})).await.expect(201);
        let rules = json!({"node_instances_active": ["none", "sometimes"]});
        let mine =
            json!({"operation": "cloudify.plugins.workflows.install", "parameters": {}, "availability_rules": rules});
        fresh.patch("/deployments/odd", json!({"workflows": {"mine": mine, "install": {}}})).await.expect(200);
        let creation = fresh.runs("odd", "create_deployment_environment").await.remove(0).0;
        fresh.patch(&format!("/executions/{creation}"), json!({"status": "terminated"})).await.expect(200);
        let start = |id: &str, more: Value| {
            let mut body = json!({"deployment_id": id, "workflow_id": "mine"});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let refused = fresh.post("/executions", start("odd", json!({}))).await;
        let message = refused.refused(400, "invalid_workflow_availability_rule_error");
        assert!(message.contains("sometimes") && message.contains("all, partial, none"), "{message}");
        for id in ["never", "hosts"] {
            fresh.post("/executions", start(id, json!({}))).await.refused(400, "unavailable_workflow_error");
        }
        fresh.post("/executions", start("sound", json!({}))).await.expect(201);
        let available = fresh.get("/workflows?id=odd").await.expect(200);
        assert!(available["items"].is_array(), "a list goes without complaint");

        // The rules are looked at when its turn comes.
        let busy = fresh.standing("odd", "install", "started", false).await;
        let waiting = fresh.begin("odd", "mine", json!({"queue": true})).await;
        let other = fresh.standing("d1", "install", "started", false).await;
        let next = fresh.begin("d1", "install", json!({"queue": true})).await;
        assert_eq!((&waiting["status"], &next["status"]), (&json!("queued"), &json!("queued")));
        fresh.ends(&busy).await;
        let failed = fresh.get(&format!("/executions/{}", waiting["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(failed["status"], "failed");
        let error = failed["error"].as_str().unwrap();
        assert!(error.starts_with("Error dequeueing execution: ") && error.contains("sometimes"), "{error}");
        fresh.ends(&other).await;
        assert_eq!(fresh.status(&next).await, "pending", "the others go on");
        fresh.post("/executions", start("never", json!({"force": true}))).await.expect(201);
    })
    .await;
}
