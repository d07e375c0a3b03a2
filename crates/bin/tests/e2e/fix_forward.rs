//! From a failed run forward: what was wrong is changed, a task is run again or left out, and the run goes on; on SQLite
//! and on PostgreSQL, with `kill -9` in between, through the command line.

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
node_types:
  part:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: create.sh, inputs: {folder: {default: {get_input: folder}}}, max_retries: 0}
        configure:
          implementation: configure.sh
          inputs:
            folder: {default: {get_input: folder}}
            port: {default: {get_attribute: [SELF, port]}}
          max_retries: 0
        start: {implementation: start.sh, inputs: {folder: {default: {get_input: folder}}}, max_retries: 0}
      own:
        greet: {implementation: greet.sh, inputs: {folder: {default: {get_input: folder}}}, max_retries: 0}
        wait: {implementation: wait.sh, inputs: {folder: {default: {get_input: folder}}}, max_retries: 5, retry_interval: 600}
node_templates:
  app: {type: part}
";

const SCRIPTS: [(&str, &str); 5] = [
    ("create.sh", "#!/bin/sh\nset -eu\necho create >> \"$folder/trace\"\nctx instance runtime-properties port wrong\n"),
    ("configure.sh", "#!/bin/sh\nset -eu\necho \"configure $port\" >> \"$folder/trace\"\n[ \"$port\" = 8080 ]\n"),
    ("start.sh", "#!/bin/sh\nset -eu\necho start >> \"$folder/trace\"\n"),
    ("greet.sh", "#!/bin/sh\nset -eu\necho \"greet $name\" >> \"$folder/trace\"\n[ \"$name\" = right ]\n"),
    ("wait.sh", "#!/bin/sh\nset -eu\necho wait >> \"$folder/trace\"\n[ -e \"$folder/go\" ]\n"),
];

/// A manager with a deployment whose install fails at `configure` because of a runtime property.
struct Site<'a> {
    home: &'a Home,
    rest: Rest,
}

impl Site<'_> {
    /// What the scripts did so far.
    fn trace(&self) -> Vec<String> {
        let text = fs::read_to_string(self.home.folder().join("trace")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    async fn ends(&self, execution: &str, status: &str) -> Value {
        let ended = self.rest.ended(execution).await;
        assert_eq!(ended["status"], status, "{ended:#}");
        ended
    }

    /// The task of this operation: of several attempts the last.
    async fn task(&self, execution: &str, operation: &str) -> Value {
        let list = self.rest.get(&format!("/operations?execution_id={execution}&_size=1000")).await.expect(200);
        let is_it = |task: &&Value| {
            task["parameters"]["task_kwargs"]["kwargs"]["__cloudify_context"]["operation"]["name"] == operation
        };
        list["items"].as_array().unwrap().iter().rfind(is_it).unwrap().clone()
    }

    async fn decide(&self, execution: &str, task: &Value, action: &str) -> nephele_testkit::rest::Answer {
        let path = format!("/executions/{execution}/tasks/{}", task["id"].as_str().unwrap());
        self.rest.post(&path, &json!({"action": action, "reason": "the port is set by hand"})).await
    }

    /// Checks that a decision is told in all places.
    async fn is_on_record(&self, execution: &str, task: &Value) {
        assert_eq!(task["parameters"]["decision"]["reason"], "the port is set by hand", "{task:#}");
        assert_eq!(task["parameters"]["decision"]["by"], "admin");
        let events = self.rest.events(execution).await;
        let told =
            |event: &Value| event["message"].as_str().is_some_and(|text| text.contains("the port is set by hand"));
        assert!(events.iter().any(told), "no event tells of the decision");
        let audit = self.rest.get("/audit?order_by=id&desc=true&size=200").await.expect(200);
        let told = |entry: &&Value| entry["ref_identifier"]["reason"] == "the port is set by hand";
        let entry = audit["items"].as_array().unwrap().iter().find(told).unwrap().clone();
        assert_eq!((&entry["ref_table"], &entry["ref_identifier"]["id"]), (&json!("operations"), &task["id"]));
    }

    async fn state(&self) -> Value {
        self.rest.get("/node-instances?deployment_id=site").await.expect(200)["items"][0]["state"].clone()
    }
}

const CONFIGURE: &str = "cloudify.interfaces.lifecycle.configure";

async fn failed(home: &Home) -> (Site<'_>, Manager, String) {
    let manager = home.start();
    let rest = Rest::new(home, &manager);
    let folder = home.folder().join("site");
    blueprint(&folder, BLUEPRINT, &SCRIPTS);
    rest.upload_folder("site", &folder).await;
    rest.create_deployment("site", "site", json!({"folder": home.folder()})).await.expect(201);
    let execution = rest.start("site", "install", json!({})).await;
    let site = Site { home, rest };
    site.ends(&execution, "failed").await;
    assert_eq!(site.trace(), ["create", "configure wrong"]);
    (site, manager, execution)
}

async fn on_both<F: AsyncFn(&Home)>(journey: F) {
    journey(&home()).await;
    let database = Database::empty();
    journey(&home().with_database(database.url())).await;
}

#[tokio::test]
async fn a_runtime_property_is_put_right_and_the_run_goes_on() {
    on_both(async |home| {
        let (site, _manager, execution) = failed(home).await;
        let instance = site.rest.get("/node-instances?deployment_id=site").await.expect(200)["items"][0].clone();
        let path = format!("/node-instances/{}", instance["id"].as_str().unwrap());
        let body = json!({"runtime_properties": {"port": 8080}, "version": instance["version"]});
        nephele_testkit::rest::send(site.rest.request(reqwest::Method::PATCH, &path).json(&body)).await.expect(200);
        // What a plain resume would do, with a reason.
        let failed = site.task(&execution, CONFIGURE).await;
        let task = site.decide(&execution, &failed, "retry").await.expect(200);
        site.is_on_record(&execution, &task).await;
        site.ends(&execution, "terminated").await;
        assert_eq!(site.trace(), ["create", "configure wrong", "configure 8080", "start"]);
        assert_eq!(site.state().await, "started");
        let refused = site.decide(&execution, &failed, "skip").await;
        refused.refused(409, "conflict_error", &["terminated"]);

        // The same again by its name: a new execution that names the first.
        let again = site.rest.start("site", "execute_operation", json!({"operation": CONFIGURE})).await;
        site.ends(&again, "terminated").await;
        let body = json!({"action": "rerun"});
        let rerun = site.rest.post(&format!("/executions/{again}"), &body).await.expect(200);
        assert_eq!((&rerun["rerun_of"], &rerun["parameters"]["operation"]), (&json!(again), &json!(CONFIGURE)));
        site.ends(rerun["id"].as_str().unwrap(), "terminated").await;
        assert_eq!(site.trace().iter().filter(|line| *line == "configure 8080").count(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_task_is_skipped_and_the_run_goes_on_after_a_crash() {
    on_both(async |home| {
        let (mut site, manager, execution) = failed(home).await;
        let failed = site.task(&execution, CONFIGURE).await;
        let path = format!("/executions/{execution}/tasks/{}", failed["id"].as_str().unwrap());
        let nothing = site.rest.post(&path, &json!({"action": "skip", "reason": " "})).await;
        nothing.refused(400, "bad_parameters_error", &["reason"]);
        let skipped = site.decide(&execution, &failed, "skip").await.expect(200);
        assert_eq!(skipped["state"], "skipped");
        site.is_on_record(&execution, &skipped).await;
        assert_eq!(site.rest.get(&format!("/executions/{execution}")).await.expect(200)["status"], "failed");
        manager.kill();
        let manager = home.start();
        site.rest = Rest::new(home, &manager);
        site.rest.post(&format!("/executions/{execution}"), &json!({"action": "resume"})).await.expect(200);
        let ended = site.ends(&execution, "terminated").await;
        assert_eq!(ended["finished_operations"], ended["total_operations"]);
        assert_eq!(site.trace(), ["create", "configure wrong", "start"]);
        assert_eq!(
            (site.state().await, &site.task(&execution, CONFIGURE).await["state"]),
            (json!("started"), &json!("skipped"))
        );
    })
    .await;
}

#[tokio::test]
async fn parameters_are_changed_and_the_run_goes_on() {
    on_both(async |home| {
        let (site, _manager, _) = failed(home).await;
        let parameters = json!({"operation": "own.greet", "operation_kwargs": {"name": "wrong"}});
        let execution = site.rest.start("site", "execute_operation", parameters).await;
        site.ends(&execution, "failed").await;
        let path = format!("/executions/{execution}");
        let resume = |parameters: Value| json!({"action": "resume", "parameters": parameters});
        let unknown = site.rest.post(&path, &resume(json!({"naem": 1}))).await;
        unknown.refused(400, "illegal_execution_parameters_error", &["naem"]);
        let cancel = site.rest.post(&path, &json!({"action": "cancel", "parameters": {}})).await;
        cancel.refused(400, "bad_parameters_error", &["resume"]);
        let body = resume(json!({"operation_kwargs": {"name": "right"}}));
        let resumed = site.rest.post(&path, &body).await.expect(200);
        assert_eq!(resumed["parameters"]["operation_kwargs"], json!({"name": "right"}));
        site.ends(&execution, "terminated").await;
        assert_eq!(site.trace()[2..], ["greet wrong", "greet right"]);
        let events = site.rest.events(&execution).await;
        let told = |event: &Value| event["message"].as_str().is_some_and(|text| text.contains("changed parameters"));
        assert!(events.iter().any(told));
    })
    .await;
}

#[tokio::test]
async fn a_task_that_waits_is_run_again_at_once_or_left_out() {
    on_both(async |home| {
        let (site, _manager, _) = failed(home).await;
        for (action, state) in [("retry", "succeeded"), ("skip", "skipped")] {
            let _ = fs::remove_file(home.folder().join("go"));
            let execution = site.rest.start("site", "execute_operation", json!({"operation": "own.wait"})).await;
            let tasks = format!("/operations?execution_id={execution}&_size=1000");
            let waits = |list: &Value| {
                let count =
                    |state: &str| list["items"].as_array().unwrap().iter().filter(|one| one["state"] == state).count();
                count("failed") == 1 && count("pending") > 0
            };
            site.rest.wait_for(&tasks, waits).await;
            fs::write(home.folder().join("go"), "").unwrap();
            let task = site.task(&execution, "own.wait").await;
            let decided = site.decide(&execution, &task, action).await.expect(200);
            site.is_on_record(&execution, &decided).await;
            site.ends(&execution, "terminated").await;
            assert_eq!(site.task(&execution, "own.wait").await["state"], state);
        }
        assert_eq!(site.trace().iter().filter(|line| *line == "wait").count(), 3);
    })
    .await;
}

#[tokio::test]
async fn the_command_line_plans_skips_resumes_and_runs_again() {
    let home = home();
    let (site, manager, execution) = failed(&home).await;
    let run = async |arguments: &[&str]| {
        let mut command = home.command();
        command.args(arguments).args(["--manager", &manager.http, "--user", "admin", "--password", &home.password()]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{text}");
        text
    };
    let plan = run(&["executions", "plan", "install", "-d", "site"]).await;
    assert!(plan.contains("cloudify.interfaces.lifecycle.start on app_") && plan.contains("graph install"), "{plan}");
    let failed = site.task(&execution, CONFIGURE).await;
    let task = failed["id"].as_str().unwrap();
    let skipped = run(&["executions", "skip-task", &execution, task, "--reason", "by hand"]).await;
    assert!(skipped.contains("is skipped"), "{skipped}");
    run(&["executions", "resume", &execution]).await;
    site.ends(&execution, "terminated").await;
    let started =
        run(&["executions", "start", "execute_operation", "-d", "site", "-p", "operation=own.wait", "--no-wait"]).await;
    assert!(started.contains("is pending"), "{started}");
}
