//! What an execution waits for, asked from outside while it does, and its tasks as they change: in a queue, at work,
//! between attempts, after a failure; on SQLite and on PostgreSQL.

use std::fs;

use nephele_testkit::home::{Home, Manager};
use nephele_testkit::postgres::Database;
use nephele_testkit::rest::{Rest, blueprint};
use serde_json::{Value, json};

use crate::home;

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
inputs: {folder: {type: string}}
node_templates:
  web:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: run.sh, inputs: {folder: {get_input: folder}}, max_retries: RETRIES, retry_interval: 600, timeout: 300}
";

const RUN: &str = r#"#!/bin/sh
set -eu
: > "$folder/begun"
while [ -e "$folder/hold" ]; do sleep 0.1; done
[ ! -e "$folder/fail" ] || { echo "the disk is on fire" >&2; exit 7; }
"#;

async fn on_both<F: AsyncFn(&Home)>(journey: F) {
    journey(&home()).await;
    let database = Database::empty();
    journey(&home().with_database(database.url())).await;
}

/// A deployment whose one operation is tried this often again.
async fn deploy(home: &Home, rest: &Rest, id: &str, retries: u32) {
    let folder = home.folder().join(format!("blueprint-{id}"));
    blueprint(&folder, &BLUEPRINT.replace("RETRIES", &retries.to_string()), &[("run.sh", RUN)]);
    rest.upload_folder(id, &folder).await;
    rest.create_deployment(id, id, json!({"folder": home.folder()})).await.expect(201);
}

/// Waits until an execution waits for this, and gives the whole answer.
async fn waits_for(rest: &Rest, id: &str, kind: &str) -> Value {
    rest.wait_for(&format!("/executions/{id}/why"), |why| why["waits"][0]["kind"] == kind).await
}

fn why(home: &Home, manager: &Manager, arguments: &[&str]) -> String {
    let mut command = home.command();
    command.args(["executions", "why"]).args(arguments).args(["--manager", &manager.http]);
    let output = command.env("NEPHELE_DATA_DIR", home.data_dir()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn reason(why: &Value) -> &str {
    why["waits"][0]["reason"].as_str().unwrap()
}

#[tokio::test]
async fn a_long_operation_and_what_queues_behind_it() {
    on_both(async |home| {
        let manager = home.start();
        let rest = Rest::new(home, &manager);
        deploy(home, &rest, "site", 0).await;
        fs::write(home.folder().join("hold"), "").unwrap();
        let first = rest.start("site", "install", json!({})).await;
        let at_work = waits_for(&rest, &first, "operation").await;
        let wait = &at_work["waits"][0];
        let instance = wait["node_instance_id"].as_str().unwrap();
        assert!(reason(&at_work).starts_with(&format!("`create` of {instance} runs on ")), "{at_work:#}");
        assert!(wait["since"].is_string() && wait["deadline"].as_str() > wait["since"].as_str(), "{wait:#}");
        assert_eq!((&wait["details"]["timeout"], wait["details"]["worker"].is_string()), (&json!(300.0), true));

        let body = json!({"deployment_id": "site", "workflow_id": "uninstall", "queue": true});
        let second = rest.post("/executions", &body).await.expect(201)["id"].as_str().unwrap().to_owned();
        let queued = waits_for(&rest, &second, "deployment").await;
        assert_eq!(queued["status"], "queued");
        assert_eq!(queued["waits"][0]["details"]["executions"][0]["id"], first.as_str());
        let expected = format!("its deployment site is occupied by `install` ({first}), which is started");
        assert_eq!(reason(&queued), expected);
        assert_eq!(
            (&queued["waits"][1]["kind"], &queued["waits"][1]["details"]["position"]),
            (&json!("queue"), &json!(1))
        );

        let tasks = rest.get(&format!("/executions/{first}/tasks")).await.expect(200);
        assert_eq!((&tasks["whole"], &tasks["status"]), (&json!(true), &json!("started")));
        let all = tasks["tasks"].as_array().unwrap();
        let create = all.iter().find(|task| task["id"] == wait["task_id"]).expect("the task");
        assert_eq!(create["operation"], "cloudify.interfaces.lifecycle.create");
        assert_eq!(
            (&create["node_id"], &create["state"], &create["graph"]),
            (&json!("web"), &json!("started"), &json!("install"))
        );
        assert!(create["queued_at"].as_str() <= create["started_at"].as_str() && create["ended_at"].is_null());
        assert!(all.iter().any(|task| task["id"] == create["subgraph"] && task["type"] == "SubgraphTask"), "{tasks:#}");
        let since = format!("/executions/{first}/tasks?since={}", tasks["version"]);
        assert_eq!(rest.get(&since).await.expect(200)["tasks"], json!([]));

        fs::remove_file(home.folder().join("hold")).unwrap();
        assert_eq!(rest.ended(&first).await["status"], "terminated");
        let changed = rest.get(&since).await.expect(200);
        let changed_tasks = changed["tasks"].as_array().unwrap();
        let ended = changed_tasks.iter().find(|task| task["id"] == create["id"]).expect("the task changed");
        assert_eq!(
            (&ended["state"], ended["ended_at"].is_string(), &changed["whole"]),
            (&json!("succeeded"), true, &json!(false))
        );
        assert!(changed["version"].as_i64() > tasks["version"].as_i64());
        let untouched = |task: &&Value| task["state"] == "succeeded";
        for task in all.iter().filter(untouched) {
            assert!(!changed_tasks.iter().any(|changed| changed["id"] == task["id"]), "{task:#} did not change");
        }
        let said = why(home, &manager, &[&first]);
        assert!(said.starts_with("`install` completed at "), "{said}");
        assert_eq!(rest.ended(&second).await["status"], "terminated");
        rest.get(&format!("/executions/{first}/tasks?since=soon")).await.refused(
            400,
            "bad_parameters_error",
            &["since"],
        );
        rest.get("/executions/nothing/why").await.refused(404, "not_found_error", &["nothing"]);
    })
    .await;
}

#[tokio::test]
async fn a_failure_says_what_failed_and_a_retry_when_it_comes() {
    on_both(async |home| {
        let manager = home.start();
        let rest = Rest::new(home, &manager);
        deploy(home, &rest, "once", 0).await;
        deploy(home, &rest, "often", 4).await;
        fs::write(home.folder().join("fail"), "").unwrap();

        let failed = rest.start("once", "install", json!({})).await;
        assert_eq!(rest.ended(&failed).await["status"], "failed");
        let needed = waits_for(&rest, &failed, "person").await;
        let wait = &needed["waits"][0];
        let instance = wait["node_instance_id"].as_str().unwrap();
        assert!(reason(&needed).starts_with(&format!("`create` of {instance} failed: ")), "{needed:#}");
        assert!(reason(&needed).contains("the disk is on fire"), "{needed:#}");
        assert!(reason(&needed).ends_with("Once the cause is gone, `resume` goes on from there"), "{needed:#}");
        assert_eq!(wait["details"]["actions"], json!(["resume"]));
        let said = why(home, &manager, &[&failed]);
        assert!(said.starts_with("`install` failed at ") && said.contains("\n  person: `create` of "), "{said}");
        let read: Value = serde_json::from_str(&why(home, &manager, &[&failed, "--json"])).unwrap();
        assert_eq!(read, needed);

        let trying = rest.start("often", "install", json!({})).await;
        let between = waits_for(&rest, &trying, "retry").await;
        let wait = &between["waits"][0];
        assert!(reason(&between).starts_with("attempt 2 of 5 of `create` of web_"), "{between:#}");
        assert!(reason(&between).contains("the disk is on fire"), "{between:#}");
        assert!(wait["deadline"].as_str() > wait["since"].as_str(), "{wait:#}");
        let tasks = rest.get(&format!("/executions/{trying}/tasks")).await.expect(200);
        let next = tasks["tasks"].as_array().unwrap().iter().find(|task| task["id"] == wait["task_id"]).unwrap();
        assert_eq!(
            (&next["state"], &next["attempt"], &next["max_attempts"]),
            (&json!("pending"), &json!(2), &json!(5))
        );
        assert_eq!(next["due_at"], wait["deadline"]);
        let before = tasks["tasks"].as_array().unwrap().iter().find(|task| task["id"] == next["retry_of"]).unwrap();
        assert!(before["error"].as_str().unwrap().contains("the disk is on fire"), "{before:#}");

        rest.post(&format!("/executions/{trying}"), &json!({"action": "cancel"})).await.expect(200);
        rest.ended(&trying).await;
        let cancelled = rest.get(&format!("/executions/{trying}/why")).await.expect(200);
        assert_eq!(cancelled["waits"], json!([]));
        let summary = cancelled["summary"].as_str().unwrap();
        assert!(
            summary.starts_with("`install` was cancelled at ") && summary.ends_with("`resume` goes on from there"),
            "{summary}"
        );
    })
    .await;
}
