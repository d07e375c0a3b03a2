//! Exit codes and messages of the product's own command line.

use std::process::{Output, Stdio};

use nephele_testkit::home::{Home, Manager};
use nephele_testkit::rest::{Rest, blueprint};
use serde_json::{Value, json};

use crate::home;
use crate::trial::Trial;

fn run(home: &Home, manager: &Manager, arguments: &[&str]) -> Output {
    let mut command = home.command();
    command.args(arguments).args(["--manager", &manager.http]);
    command.env("NEPHELE_DATA_DIR", home.data_dir()).output().unwrap()
}

#[track_caller]
fn ends(output: &Output, code: i32, stderr: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(stderr), "`{stderr}` is not in `{text}`");
}

#[tokio::test]
async fn exit_codes_tell_what_happened() {
    let home = home();
    let trial = Trial::new(home.folder());
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    rest.upload_folder("trial", &trial.blueprint).await;
    rest.create_deployment("trial", "trial", json!({"folder": trial.traces})).await.expect(201);

    ends(&run(&home, &manager, &["status"]), 0, "");
    ends(&run(&home, &manager, &["deployments", "outputs", "nothing"]), 1, "nothing");
    ends(&run(&home, &manager, &["executions", "start", "dance", "-d", "trial"]), 1, "dance");
    ends(&run(&home, &manager, &["executions", "start", "install"]), 2, "--deployment-id");
    ends(&run(&home, &manager, &["status", "--password", "wrong"]), 1, "401");
    ends(&run(&home, &manager, &["blueprints", "upload", "/nowhere/blueprint.yaml"]), 1, "/nowhere/blueprint.yaml");

    trial.hold();
    let mut command = home.command();
    command.args(["executions", "start", "install", "-d", "trial", "--manager", &manager.http]);
    let following = command.env("NEPHELE_DATA_DIR", home.data_dir()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let following = following.spawn().unwrap();
    trial.wait_begun("create first");
    let running = &rest.ids("/executions?workflow_id=install").await[0];
    ends(&run(&home, &manager, &["executions", "cancel", running]), 0, "");
    trial.release();
    ends(&following.wait_with_output().unwrap(), 3, "was cancelled");
    ends(&run(&home, &manager, &["executions", "resume", running]), 0, "");
    assert_eq!(trial.lines("ended"), ["create first", "create second"]);
}

#[test]
fn without_a_manager_the_address_is_named() {
    let output = home().command().args(["status", "--manager", "http://127.0.0.1:9", "--password", "x"]).output();
    ends(&output.unwrap(), 1, "http://127.0.0.1:9");
}

#[test]
fn a_blueprint_is_checked_without_a_manager() {
    let home = home();
    let trial = Trial::new(home.folder());
    let file = trial.blueprint.join("blueprint.yaml");
    let check = || home.command().args(["blueprints", "validate"]).arg(&file).output().unwrap();
    ends(&check(), 0, "");
    let broken = std::fs::read_to_string(&file).unwrap().replace("target: first", "target: frist");
    std::fs::write(&file, broken).unwrap();
    ends(&check(), 1, "blueprint.yaml:");
    ends(&check(), 1, "frist");
}

#[test]
fn without_a_manager_blueprints_run_here() {
    let home = home();
    let trial = Trial::new(home.folder());
    let local = |arguments: &[&str]| {
        let mut command = home.command();
        command.args(arguments).env("CFY_WORKDIR", home.folder().join("user"));
        command.env_remove("NEPHELE_DATA_DIR").output().unwrap()
    };
    ends(&local(&["profiles", "use", "local"]), 0, "");
    let folder = format!("folder={}", trial.traces.display());
    let blueprint = trial.blueprint.join("blueprint.yaml");
    ends(&local(&["install", blueprint.to_str().unwrap(), "-b", "here", "-i", &folder]), 0, "");
    assert_eq!(trial.lines("ended"), ["create first", "create second"]);
    let outputs = local(&["deployments", "outputs", "-b", "here", "--output", "json"]);
    ends(&outputs, 0, "");
    let instances = |words: &[&str]| local(&[&["node-instances"], words, &["-b", "here"]].concat());
    let all: Value = serde_json::from_slice(&instances(&[]).stdout).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 2);
    let second: Value = serde_json::from_slice(&instances(&["second"]).stdout).unwrap();
    assert_eq!((&second[0]["node_id"], &second[0]["state"]), (&json!("second"), &json!("started")));
    ends(&instances(&["third"]), 1, "here has no node third");
    ends(&local(&["uninstall", "-b", "here"]), 0, "is removed");
    ends(&local(&["deployments", "outputs", "-b", "here"]), 1, "here");
}

const STUBBORN: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {trace: {type: string}}
node_types:
  stubborn:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: fail.sh, inputs: {trace: {default: {get_input: trace}}}}
node_templates:
  app: {type: stubborn}
";

#[test]
fn without_a_manager_failures_are_tried_again_as_often_as_is_said() {
    let home = home();
    let folder = home.folder().join("stubborn");
    blueprint(&folder, STUBBORN, &[("fail.sh", "#!/bin/sh\necho tried >> \"$trace\"\nexit 1\n")]);
    let trace = home.folder().join("trace");
    let mut command = home.command();
    command.args(["install", folder.join("blueprint.yaml").to_str().unwrap(), "-b", "stubborn"]);
    command.args(["-i", &format!("trace={}", trace.display()), "--task-retries", "2", "--task-retry-interval", "1"]);
    command.env("CFY_WORKDIR", home.folder().join("user")).env("HOME", home.folder()).env_remove("XDG_DATA_HOME");
    ends(&command.output().unwrap(), 1, "failed");
    assert_eq!(std::fs::read_to_string(&trace).unwrap().lines().count(), 3);
}

#[test]
fn with_a_manager_node_instances_are_a_group() {
    let home = home();
    let manager = home.start();
    ends(&run(&home, &manager, &["node-instances", "-b", "x"]), 2, "node-instances list");
    ends(&run(&home, &manager, &["node-instances", "list"]), 0, "Showing 0 of 0");
}

#[test]
fn data_comes_in_any_format() {
    let home = home();
    let manager = home.start();
    let said = |arguments: &[&str]| {
        let output = run(&home, &manager, arguments);
        ends(&output, 0, "");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(said(&["tenants", "list", "--output", "name"]), "default_tenant");
    assert_eq!(said(&["ten", "li", "--query", "[0].name"]), "default_tenant");
    assert!(said(&["tenants", "list", "--output", "yaml"]).starts_with("- name: default_tenant\n"));
    assert!(said(&["tenants", "list", "--json"]).starts_with("[\n{\"name\":\"default_tenant\""));
    assert!(said(&["tenants", "get", "default_tenant", "-x"]).contains("Field"));
    assert!(
        said(&["completions", "bash"]).contains("execution-groups")
            || said(&["completions", "bash"]).contains("executions")
    );
    ends(&run(&home, &manager, &["de"]), 2, "");
    ends(&run(&home, &manager, &["doctor"]), 0, "");
}

#[test]
fn snapshots_are_made_by_themselves_as_told() {
    let home = home();
    let manager = home.start();
    let said = |arguments: &[&str]| {
        let output = run(&home, &manager, &[&["snapshots", "schedule"], arguments].concat());
        ends(&output, 0, "");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(said(&[]), "No snapshots are made by themselves");
    assert_eq!(said(&["--every", "1 day", "--keep", "3"]), "A snapshot is made every 1 day; the last 3 stay");
    ends(&run(&home, &manager, &["snapshots", "schedule", "--every", "often"]), 1, "`often`");
    ends(&run(&home, &manager, &["snapshots", "schedule", "--every", "1 day", "--off"]), 1, "exclude each other");
    let told: serde_json::Value = serde_json::from_str(&said(&["--off", "--output", "json"])).unwrap();
    assert_eq!(told, json!({"every": "", "keep": 3}));
}
