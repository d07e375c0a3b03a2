//! `heal`, `scale`, `check_status`, `rollback` and `uninstall` with its services, through the REST API with real scripts,
//! on SQLite and on PostgreSQL; `kill -9` in the middle of a `scale`.

use std::fs;
use std::time::Duration;

use nephele_testkit::home::Home;
use nephele_testkit::postgres::Database;
use nephele_testkit::rest::{Rest, blueprint};
use serde_json::{Value, json};

use crate::home;

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
inputs: {folder: {type: string}}
node_types:
  part:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: run.sh, inputs: {folder: {default: {get_input: folder}}, step: {default: create}}, max_retries: 0}
        delete: {implementation: run.sh, inputs: {folder: {default: {get_input: folder}}, step: {default: delete}}, max_retries: 0}
      cloudify.interfaces.validation:
        check_status: {implementation: run.sh, inputs: {folder: {default: {get_input: folder}}, step: {default: check}}, max_retries: 0}
node_templates:
  app:
    type: part
    capabilities: {scalable: {properties: {default_instances: 2}}}
    interfaces:
      cloudify.interfaces.lifecycle:
        heal: {implementation: run.sh, inputs: {folder: {get_input: folder}, step: heal}, max_retries: 0}
    relationships: [{type: cloudify.relationships.connected_to, target: base}]
  base:
    type: part
";

/// Writes down what it does; fails if a file asks for it; healing and creating make well.
const RUN: &str = r#"#!/bin/sh
set -eu
id=$(ctx instance id)
echo "$step $id" >> "$folder/trace"
[ -e "$folder/slow" ] && sleep 3
[ ! -e "$folder/no-$step" ] || exit 1
case $step in
    check) [ ! -e "$folder/ill-$id" ] ;;
    heal | create) rm -f "$folder/ill-$id" ;;
esac
"#;

/// A deployment whose scripts write into a folder.
struct Site<'a> {
    home: &'a Home,
    rest: Rest,
}

impl Site<'_> {
    fn mark(&self, name: &str) {
        fs::write(self.home.folder().join(name), "").unwrap();
    }

    fn unmark(&self, name: &str) {
        fs::remove_file(self.home.folder().join(name)).unwrap();
    }

    /// What the scripts did since the last look.
    fn trace(&self) -> Vec<String> {
        let path = self.home.folder().join("trace");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    async fn run(&self, workflow: &str, parameters: Value) -> Value {
        let id = self.rest.start("site", workflow, parameters).await;
        self.rest.ended(&id).await
    }

    async fn succeeds(&self, workflow: &str, parameters: Value) -> Value {
        let ended = self.run(workflow, parameters).await;
        assert_eq!((&ended["status"], &ended["error"]), (&json!("terminated"), &json!("")), "{ended:#}");
        ended
    }

    async fn instances(&self, node: &str) -> Vec<Value> {
        let path = format!("/node-instances?deployment_id=site&node_id={node}&_sort=id");
        self.rest.get(&path).await.expect(200)["items"].as_array().unwrap().clone()
    }

    async fn counts(&self) -> (Value, Value) {
        let node = self.rest.get("/nodes?deployment_id=site&id=app").await.expect(200)["items"][0].clone();
        (node["number_of_instances"].clone(), node["planned_number_of_instances"].clone())
    }

    async fn modifications(&self) -> Vec<String> {
        let list = self.rest.get("/deployment-modifications?deployment_id=site&_sort=created_at").await.expect(200);
        let status = |row: &Value| row["status"].as_str().unwrap().to_owned();
        list["items"].as_array().unwrap().iter().map(status).collect()
    }
}

async fn on_both<F: AsyncFn(&Home)>(journey: F) {
    journey(&home()).await;
    let database = Database::empty();
    journey(&home().with_database(database.url())).await;
}

async fn site(home: &Home, rest: Rest) -> Site<'_> {
    let folder = home.folder().join("blueprint");
    blueprint(&folder, BLUEPRINT, &[("run.sh", RUN)]);
    rest.upload_folder("site", &folder).await;
    rest.create_deployment("site", "site", json!({"folder": home.folder()})).await.expect(201);
    let site = Site { home, rest };
    site.succeeds("install", json!({})).await;
    site.trace();
    site
}

fn id(instance: &Value) -> &str {
    instance["id"].as_str().unwrap()
}

#[tokio::test]
async fn what_is_ill_is_healed_and_what_cannot_be_is_reinstalled() {
    on_both(async |home| {
        let manager = home.start();
        let site = site(home, Rest::new(home, &manager)).await;
        let (apps, bases) = (site.instances("app").await, site.instances("base").await);
        let (ill, well, base) = (id(&apps[0]), id(&apps[1]), id(&bases[0]));

        // A check alone says what it found, and fails.
        site.mark(&format!("ill-{ill}"));
        let checked = site.run("check_status", json!({})).await;
        assert_eq!(checked["status"], "failed");
        let found = &site.instances("app").await[0];
        assert_eq!(
            (&found["is_status_check_ok"], &found["system_properties"]["status"]["ok"]),
            (&json!(false), &json!(false))
        );
        site.trace();

        site.succeeds("heal", json!({})).await;
        let healed = &site.instances("app").await[0];
        assert_eq!(healed["system_properties"]["status"]["healed"], true, "{healed:#}");
        assert_eq!(healed["is_status_check_ok"], true);
        let all = [format!("check {base}"), format!("check {ill}"), format!("check {well}"), format!("heal {ill}")];
        let mut expected = all.to_vec();
        expected.sort();
        assert_eq!(site.trace(), expected);

        // Healing fails, so it is taken down and up again; the others are left alone.
        site.mark(&format!("ill-{ill}"));
        site.mark("no-heal");
        let refused = site.run("heal", json!({"allow_reinstall": false})).await;
        let message = format!("allow_reinstall is false, but would need to reinstall instances: {ill}");
        assert_eq!((&refused["status"], &refused["error"]), (&json!("failed"), &json!(message)));
        site.trace();
        let execution = site.succeeds("heal", json!({})).await;
        let done: Vec<String> = site.trace().into_iter().filter(|line| !line.starts_with("check")).collect();
        assert_eq!(done, [format!("create {ill}"), format!("delete {ill}"), format!("heal {ill}")]);
        let healed = &site.instances("app").await[0];
        assert_eq!((&healed["state"], healed["system_properties"].get("heal_failed")), (&json!("started"), None));
        let graphs = site.rest.get(&format!("/tasks_graphs?execution_id={}", id(&execution))).await.expect(200);
        let mut names: Vec<&str> =
            graphs["items"].as_array().unwrap().iter().map(|graph| graph["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ["check_status", "heal", "reinstall-install", "reinstall-uninstall"]);
    })
    .await;
}

#[tokio::test]
async fn a_deployment_grows_shrinks_and_goes_back() {
    on_both(async |home| {
        let manager = home.start();
        let site = site(home, Rest::new(home, &manager)).await;
        site.succeeds("scale", json!({"scalable_entity_name": "app", "delta": 1})).await;
        let apps = site.instances("app").await;
        assert_eq!(apps.len(), 3);
        assert!(apps.iter().all(|app| app["state"] == "started"), "{apps:#?}");
        assert_eq!(
            (site.counts().await, site.modifications().await),
            ((json!(3), json!(3)), vec!["finished".to_owned()])
        );
        assert_eq!(site.trace().len(), 1);

        site.mark("no-create");
        let failed = site.run("scale", json!({"scalable_entity_name": "app", "delta": 2})).await;
        assert_eq!(failed["status"], "failed");
        assert!(failed["error"].as_str().unwrap().contains("cloudify.interfaces.lifecycle.create"), "{failed:#}");
        assert_eq!(site.instances("app").await.len(), 3);
        assert_eq!(site.counts().await, (json!(3), json!(3)));
        assert_eq!(site.modifications().await, ["finished", "rolledback"]);
        let logs = site
            .rest
            .get(&format!("/events?execution_id={}&_size=1000&type=cloudify_log", id(&failed)))
            .await
            .expect(200);
        let lines: Vec<&str> =
            logs["items"].as_array().unwrap().iter().filter_map(|log| log["message"].as_str()).collect();
        assert!(lines.contains(&"Scale out failed, scaling back in."), "{lines:#?}");
        let again = site.rest.post(&format!("/executions/{}", id(&failed)), &json!({"action": "resume"})).await;
        again.refused(409, "conflict_error", &["was undone"]);

        // Without a way back the modification stays, and the same execution goes on once nothing stands in the way.
        let keep = json!({"scalable_entity_name": "app", "delta": 1, "rollback_if_failed": false});
        let stuck = site.run("scale", keep).await;
        assert_eq!((&stuck["status"], site.modifications().await[2].as_str()), (&json!("failed"), "started"));
        site.unmark("no-create");
        site.rest.post(&format!("/executions/{}", id(&stuck)), &json!({"action": "resume"})).await.expect(200);
        let resumed =
            site.rest.wait_for(&format!("/executions/{}", id(&stuck)), |one| one["status"] == "terminated").await;
        assert_eq!((resumed["error"].as_str(), site.modifications().await[2].as_str()), (Some(""), "finished"));
        assert_eq!(site.counts().await, (json!(4), json!(4)));

        let going = id(&apps[1]).to_owned();
        let fewer = json!({"scalable_entity_name": "app", "delta": -1, "include_instances": [going]});
        site.trace();
        site.succeeds("scale", fewer).await;
        assert_eq!(site.trace(), [format!("delete {going}")]);
        assert!(site.instances("app").await.iter().all(|app| id(app) != going));
        assert_eq!((site.counts().await, site.modifications().await.len()), ((json!(3), json!(3)), 4));
    })
    .await;
}

#[tokio::test]
async fn a_scale_that_was_killed_goes_on_with_its_modification() {
    on_both(async |home| {
        let manager = home.start();
        let first = site(home, Rest::new(home, &manager)).await;
        first.mark("slow");
        let execution = first.rest.start("site", "scale", json!({"scalable_entity_name": "app", "delta": 2})).await;
        first.rest.wait_for("/deployment-modifications?deployment_id=site", |list| !list["items"][0].is_null()).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        manager.kill();
        first.unmark("slow");
        let manager = home.start();
        let site = Site { home, rest: Rest::new(home, &manager) };
        let ended = site.rest.ended(&execution).await;
        assert_eq!((&ended["status"], &ended["error"]), (&json!("terminated"), &json!("")), "{ended:#}");
        assert_eq!(site.modifications().await, ["finished"]);
        let apps = site.instances("app").await;
        assert_eq!((apps.len(), site.counts().await), (4, (json!(4), json!(4))));
        assert!(apps.iter().all(|app| app["state"] == "started"), "{apps:#?}");
    })
    .await;
}

#[tokio::test]
async fn services_are_uninstalled_before_their_environment() {
    let home = home();
    let manager = home.start();
    let site = site(&home, Rest::new(&home, &manager)).await;
    let labels = json!({
        "blueprint_id": "site", "inputs": {"folder": home.folder()}, "labels": [{"csys-obj-parent": "site"}],
    });
    site.rest.put("/deployments/service", &labels).await.expect(201);
    site.rest.run("service", "install").await;
    let body = json!({"deployment_id": "site", "workflow_id": "uninstall"});
    site.rest.post("/executions", &body).await.refused(400, "dependent_exists_error", &["service"]);
    site.succeeds("uninstall", json!({"recursive": true})).await;
    for deployment in ["site", "service"] {
        let list = site.rest.get(&format!("/node-instances?deployment_id={deployment}")).await.expect(200);
        assert!(list["items"].as_array().unwrap().iter().all(|one| one["state"] == "deleted"), "{list:#}");
    }
    let groups = site.rest.get("/deployment-groups").await.expect(200);
    assert_eq!(groups["items"], json!([]));
}

#[tokio::test]
async fn a_dry_run_shows_what_would_come_and_changes_nothing() {
    let home = home();
    let manager = home.start();
    let site = site(&home, Rest::new(&home, &manager)).await;
    for (workflow, parameters) in [
        ("scale", json!({"scalable_entity_name": "app", "delta": 1})),
        ("heal", json!({"force_reinstall": true})),
        ("check_status", json!({})),
    ] {
        let body = json!({
            "deployment_id": "site", "workflow_id": workflow, "parameters": parameters, "dry_run": true,
        });
        let begun = site.rest.post("/executions", &body).await.expect(201);
        let ended = site.rest.ended(id(&begun)).await;
        assert_eq!((&ended["status"], &ended["error"]), (&json!("terminated"), &json!("")), "{ended:#}");
        let events = site.rest.events(id(&begun)).await;
        let shown = events.iter().any(|event| event["message"] == "Task succeeded 'script_runner.tasks.run' (dry run)");
        assert!(shown, "{workflow}: {events:#?}");
    }
    assert_eq!((site.counts().await, site.instances("app").await.len()), ((json!(2), json!(2)), 2));
    assert!(site.modifications().await.is_empty() && site.trace().is_empty());
}
