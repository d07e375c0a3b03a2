//! Exit codes and messages of the product's own command line.

use std::process::{Output, Stdio};

use nephele_testkit::home::{Home, Manager};
use nephele_testkit::rest::Rest;
use serde_json::json;

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
