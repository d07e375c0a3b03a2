//! Plans of executions: what a workflow would do, on both databases, and that asking for one changes no row.

use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::harness::{Fresh, tar_gz};

const SITE: &str = "
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
inputs: {size: {type: integer, default: 1}}
node_types:
  part:
    derived_from: cloudify.nodes.Root
    properties: {size: {default: {get_input: size}}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: run.sh}
        start: {implementation: run.sh}
        delete: {implementation: run.sh}
node_templates:
  app:
    type: part
    relationships: [{type: cloudify.relationships.connected_to, target: base}]
  base:
    type: part
workflows:
  mine: {mapping: run.sh}
";

async fn both<F: Future<Output = ()>>(test: impl Fn(Fresh) -> F) {
    let database = Database::empty();
    for url in [None, Some(database.url())] {
        let fresh = Fresh::start_on(url).await;
        let archive = tar_gz(&[("bp/blueprint.yaml", SITE.as_bytes()), ("bp/run.sh", b"#!/bin/sh\n")]);
        fresh.upload_archive("site", &archive).await.expect(201);
        fresh.put("/deployments/d1", json!({"blueprint_id": "site"})).await.expect(201);
        test(fresh).await;
    }
}

impl Fresh {
    async fn plan(&self, workflow: &str, parameters: Value) -> Value {
        let body = json!({"workflow_id": workflow, "parameters": parameters});
        self.post("/deployments/d1/plan", body).await.expect(200)
    }

    /// The ids of the instances of `d1` by node, each moved to this state.
    async fn instances(&self, state: Option<&str>) -> [String; 2] {
        let list = self.get("/node-instances?deployment_id=d1&_sort=node_id").await.expect(200);
        let mut ids = Vec::new();
        for one in list["items"].as_array().unwrap() {
            let id = one["id"].as_str().unwrap().to_owned();
            if let Some(state) = state {
                let body = json!({"state": state, "version": one["version"]});
                self.patch(&format!("/node-instances/{id}"), body).await.expect(200);
            }
            ids.push(id);
        }
        ids.try_into().unwrap()
    }

    /// Every row there is.
    async fn rows(&self) -> Value {
        let mut rows = serde_json::Map::new();
        for path in [
            "/deployments",
            "/nodes",
            "/node-instances",
            "/executions?_include_system_workflows=true",
            "/audit",
            "/deployment-updates",
            "/deployment-modifications",
            "/execution-schedules",
            "/events",
            "/blueprints",
            "/deployments/inter-deployment-dependencies",
            "/deployment-groups",
            "/execution-groups",
        ] {
            rows.insert(path.to_owned(), self.get(path).await.expect(200));
        }
        rows.into()
    }
}

/// `phase: operation NODE` of each operation, in order.
fn operations(plan: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for phase in plan["phases"].as_array().unwrap() {
        for task in phase["tasks"].as_array().unwrap().iter().filter(|task| !task["operation"].is_null()) {
            let operation = task["operation"].as_str().unwrap().rsplit('.').next().unwrap();
            found.push(format!(
                "{}: {operation} {}",
                phase["name"].as_str().unwrap(),
                task["node_id"].as_str().unwrap()
            ));
        }
    }
    found
}

fn names(plan: &Value) -> Vec<&str> {
    plan["phases"].as_array().unwrap().iter().map(|phase| phase["name"].as_str().unwrap()).collect()
}

fn sorted(ids: &Value) -> Vec<&str> {
    let mut ids: Vec<&str> = ids.as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn install_is_planned_in_the_order_in_which_it_would_run() {
    both(|fresh| async move {
        let [app, base] = fresh.instances(None).await;
        let plan = fresh.plan("install", json!({})).await;
        let expected = ["create app", "start app", "create base", "start base"];
        assert_eq!(operations(&plan), expected.map(|one| format!("install: {one}")));
        let tasks = plan["phases"][0]["tasks"].as_array().unwrap();
        let find = |name: &str| tasks.iter().find(|task| task["name"] == name).unwrap();
        let (outer, inner) = (find(&format!("install_{app}")), find(&format!("install_{base}")));
        assert_eq!(outer["dependencies"], json!([inner["id"]]), "the source waits for its target");
        let created = tasks.iter().find(|task| task["operation"] == "cloudify.interfaces.lifecycle.create").unwrap();
        assert_eq!((&created["subgraph"], &created["node_instance_id"]), (&outer["id"], &json!(app)));
        assert_eq!(sorted(&plan["node_instances"]["created"]), [app.as_str(), base.as_str()]);
        assert_eq!((&plan["operations"], &plan["expected_seconds"]), (&json!(4), &Value::Null));
        assert_eq!((&plan["operations_without_history"], &plan["obstacles"]), (&json!(4), &json!([])));
    })
    .await;
}

#[tokio::test]
async fn workflows_of_several_phases_are_planned_to_their_end() {
    both(|fresh| async move {
        let [app, base] = fresh.instances(Some("started")).await;
        let plan = fresh.plan("reinstall", json!({})).await;
        assert_eq!(names(&plan), ["reinstall-uninstall", "reinstall-install"]);
        assert_eq!(sorted(&plan["node_instances"]["changed"]), [app.as_str(), base.as_str()]);
        assert_eq!(operations(&plan).len(), 6);

        let plan = fresh.plan("uninstall", json!({})).await;
        assert_eq!(sorted(&plan["node_instances"]["deleted"]), [app.as_str(), base.as_str()]);

        let plan = fresh.plan("scale", json!({"scalable_entity_name": "app", "delta": 2})).await;
        let expected = ["start_modification", "app_install", "finish_modification"];
        assert_eq!(names(&plan), expected);
        assert_eq!(plan["phases"][0]["detail"]["app"]["instances"], 3);
        assert_eq!(plan["node_instances"]["created"].as_array().map(Vec::len), Some(2), "{plan:#}");
        assert_eq!(operations(&plan).len(), 4);

        // Without a check that found it well, an instance that is named is taken to be ill.
        let plan = fresh.plan("heal", json!({"node_instance_id": app})).await;
        assert_eq!(names(&plan), ["check_status", "heal", "reinstall-uninstall", "reinstall-install"]);
        assert_eq!(sorted(&plan["node_instances"]["changed"]), [app.as_str()]);
        let plan = fresh.plan("heal", json!({"node_instance_id": app, "allow_reinstall": false})).await;
        assert!(plan["error"].as_str().unwrap().contains("allow_reinstall is false"), "{plan}");
    })
    .await;
}

#[tokio::test]
async fn an_update_is_planned_with_its_steps_and_its_graphs() {
    both(|fresh| async move {
        let [app, base] = fresh.instances(Some("started")).await;
        let after = SITE.replace("target: base", "target: db").replace("  base:", "  db:");
        let archive = tar_gz(&[("bp/blueprint.yaml", after.as_bytes()), ("bp/run.sh", b"#!/bin/sh\n")]);
        fresh.upload_archive("after", &archive).await.expect(201);
        let parameters = json!({"blueprint_id": "after", "inputs": {"size": 2}});
        let plan = fresh.plan("update", parameters).await;
        let update = &plan["update"];
        assert_eq!(update["blueprint_id"], json!({"before": "site", "after": "after"}));
        assert_eq!(update["inputs"], json!({"size": {"before": 1, "after": 2}}));
        let has = |action: &str, path: Value| {
            update["steps"].as_array().unwrap().iter().any(|one| one["action"] == action && one["entity_id"] == path)
        };
        assert!(has("add", json!(["nodes", "db"])) && has("remove", json!(["nodes", "base"])), "{update:#}");
        assert_eq!(sorted(&plan["node_instances"]["deleted"]), [base.as_str()]);
        let created = plan["node_instances"]["created"].as_array().unwrap();
        assert!(created.len() == 1 && created[0].as_str().unwrap().starts_with("db_"), "{created:?}");
        assert_eq!(
            sorted(&plan["node_instances"]["changed"]),
            [app.as_str()],
            "it is installed again: its size changed"
        );
        let done = operations(&plan);
        for expected in ["uninstall: delete base", "reinstall-install: create app", "install: create db"] {
            assert!(done.iter().any(|one| one == expected), "{expected} is not in {done:#?}");
        }
        fresh
            .post("/deployments/d1/plan", json!({"workflow_id": "update", "parameters": {"blueprint_id": "none"}}))
            .await
            .refused(404, "not_found_error");
        fresh
            .post("/deployments/d1/plan", json!({"workflow_id": "update", "parameters": {"sklp_install": true}}))
            .await
            .refused(400, "illegal_execution_parameters_error");
    })
    .await;
}

#[tokio::test]
async fn a_plan_changes_no_row() {
    both(|fresh| async move {
        fresh.instances(Some("started")).await;
        let before = fresh.rows().await;
        for (workflow, parameters) in [
            ("uninstall", json!({})),
            ("heal", json!({})),
            ("scale", json!({"scalable_entity_name": "app"})),
            ("scale", json!({"scalable_entity_name": "app", "delta": -1, "abort_started": true})),
            ("update", json!({"inputs": {"size": 3}})),
        ] {
            let plan = fresh.plan(workflow, parameters).await;
            assert_eq!(plan["error"], Value::Null, "{plan}");
        }
        let after = fresh.rows().await;
        assert_eq!(before, after);
    })
    .await;
}

#[tokio::test]
async fn history_says_how_long_it_will_take() {
    both(|fresh| async move {
        fresh.instances(None).await;
        let body = json!({
            "deployment_id": "d1", "workflow_id": "install", "force_status": "terminated", "parameters": {},
        });
        let execution = fresh.post("/executions", body).await.expect(201)["id"].as_str().unwrap().to_owned();
        let operation = |id: &str, node: &str, name: &str| {
            let context = json!({
                "node_name": node, "node_id": format!("{node}_x"),
                "operation": {"name": format!("cloudify.interfaces.lifecycle.{name}"), "retry_number": 0, "max_retries": 1},
            });
            json!({
                "id": id, "name": "script_runner.tasks.run", "type": "RemoteWorkflowTask", "dependencies": [],
                "parameters": {"task_kwargs": {"kwargs": {"__cloudify_context": context}}},
            })
        };
        let graph = json!({
            "name": "install", "execution_id": execution,
            "operations": [operation("o1", "app", "create"), operation("o2", "base", "create")],
        });
        fresh.post("/tasks_graphs/tasks_graphs", graph).await.expect(201);
        for (id, pause) in [("o1", 300), ("o2", 20)] {
            fresh.patch(&format!("/operations/{id}"), json!({"state": "started"})).await.expect(200);
            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            fresh.patch(&format!("/operations/{id}"), json!({"state": "succeeded"})).await.expect(200);
        }
        let plan = fresh.plan("install", json!({})).await;
        let tasks = plan["phases"][0]["tasks"].as_array().unwrap();
        let expected = |node: &str, operation: &str| {
            let name = format!("cloudify.interfaces.lifecycle.{operation}");
            let task = tasks.iter().find(|task| task["node_id"] == node && task["operation"] == name.as_str()).unwrap();
            task["expected_seconds"].as_f64()
        };
        let (app, base) = (expected("app", "create").unwrap(), expected("base", "create").unwrap());
        assert!(app >= 0.3 && base >= 0.02 && base < app, "{app} {base}");
        assert_eq!(expected("app", "start"), None);
        assert_eq!((&plan["operations_without_history"], &plan["expected_seconds"]), (&json!(2), &Value::Null));
        assert!((plan["at_least_seconds"].as_f64().unwrap() - app - base).abs() < 1e-6, "one waits for the other");
        // Another deployment of the blueprint is expected to take as long.
        fresh.put("/deployments/d2", json!({"blueprint_id": "site"})).await.expect(201);
        let other = fresh.post("/deployments/d2/plan", json!({"workflow_id": "install"})).await.expect(200);
        assert_eq!(other["at_least_seconds"], plan["at_least_seconds"]);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_planned_is_refused_and_what_cannot_begin_is_told() {
    both(|fresh| async move {
        let ask = async |body: Value| fresh.post("/deployments/d1/plan", body).await;
        let message = ask(json!({"workflow_id": "mine"})).await.refused(400, "unplannable_workflow_error");
        assert!(message.contains("dry_run"), "{message}");
        ask(json!({"workflow_id": "none"})).await.refused(400, "nonexistent_workflow_error");
        ask(json!({"workflow_id": "scale"})).await.refused(400, "illegal_execution_parameters_error");
        ask(json!({"workflow_id": "install", "parameters": {"x": 1}}))
            .await
            .refused(400, "illegal_execution_parameters_error");
        ask(json!({})).await.refused(400, "bad_parameters_error");
        fresh.post("/deployments/none/plan", json!({"workflow_id": "install"})).await.refused(404, "not_found_error");
        let plan = fresh.plan("uninstall", json!({})).await;
        assert_eq!(plan["obstacles"][0]["error_code"], "unavailable_workflow_error", "nothing is installed: {plan}");
        assert_eq!(plan["node_instances"], json!({"created": [], "changed": [], "deleted": []}));
        fresh.user("looker", "viewer").await;
        let refused =
            fresh.by("looker", "default_tenant", axum::http::Method::POST, "/deployments/d1/plan", json!({})).await;
        assert_eq!(refused.status, 403);
    })
    .await;
}
