//! Bad input: the right status and error code, a message that helps, and nothing half-written.

use std::fs;
use std::path::Path;

use nephele_testkit::archive;
use nephele_testkit::home::{Home, Manager};
use nephele_testkit::rest::{Answer, Rest};
use serde_json::json;

use crate::home;
use crate::trial::Trial;

const GOOD: &str = "tosca_definitions_version: cloudify_dsl_1_4\nimports:\n  - cloudify/types/types.yaml\n\
                    inputs:\n  size:\n    type: integer\nnode_templates:\n  web:\n    type: cloudify.nodes.Root\n";

struct Setting {
    home: Home,
    rest: Rest,
    _manager: Manager,
}

fn setting() -> Setting {
    let home = home();
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    Setting { home, rest, _manager: manager }
}

impl Setting {
    /// Uploads something bad, expects the refusal, and that a good upload of the same id follows.
    async fn upload_refused(&self, id: &str, archive: Vec<u8>, parts: &[&str]) -> String {
        let answer = self.rest.upload(id, archive).await;
        let message = answer.body["message"].as_str().unwrap_or_default().to_owned();
        answer.refused(400, "invalid_blueprint_error", parts);
        self.nothing_kept(id).await;
        self.rest.upload(id, archive::single(GOOD)).await.expect(201);
        let found = self.rest.get(&format!("/blueprints/{id}")).await.expect(200);
        assert_eq!(found["state"], "uploaded");
        message
    }

    /// A refused blueprint is not there, or says in its state and error that it is none; it has no
    /// files, and nothing can be deployed from it.
    async fn nothing_kept(&self, id: &str) {
        let found = self.rest.get(&format!("/blueprints/{id}")).await;
        if found.status != 404 {
            let state = found.body["state"].as_str().unwrap().to_owned();
            assert!(state == "invalid" || state.starts_with("failed_"), "{state}");
            assert!(found.body["error"].as_str().is_some_and(|error| !error.is_empty()), "{:#}", found.body);
        }
        assert_eq!(files_named(&self.home.data_dir(), id), Vec::<String>::new());
        let created = self.rest.create_deployment("from-nothing", id, json!({})).await;
        assert!((400..500).contains(&created.status), "{created:?}");
        self.rest.get("/deployments/from-nothing").await.refused(404, "not_found_error", &["from-nothing"]);
    }
}

/// Files below `folder` that have `name` as a part of their path.
fn files_named(folder: &Path, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(&current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.strip_prefix(folder).unwrap().iter().any(|part| part.to_string_lossy().contains(name)) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// Checks that a message tells the file and the line, in either of the wordings in use.
#[track_caller]
fn tells_place(message: &str, line: usize) {
    assert!(message.contains("blueprint.yaml"), "no file in `{message}`");
    let wordings = [format!("blueprint.yaml:{line}:"), format!("line {line}, column"), format!("line: {line}, column")];
    assert!(wordings.iter().any(|wording| message.contains(wording)), "line {line} is not in `{message}`");
}

#[tokio::test]
async fn broken_yaml() {
    let setting = setting();
    let broken = GOOD.replace("    type: integer\n", "    type: [integer\n");
    let message = setting.upload_refused("broken-yaml", archive::single(&broken), &["broken-yaml"]).await;
    tells_place(&message, 7);
}

#[tokio::test]
async fn unknown_type() {
    let setting = setting();
    let wrong = GOOD.replace("cloudify.nodes.Root", "cloudify.nodes.Roof");
    let message = setting.upload_refused("unknown-type", archive::single(&wrong), &["cloudify.nodes.Roof"]).await;
    tells_place(&message, 9);
}

#[tokio::test]
async fn script_that_is_not_in_the_archive() {
    let setting = setting();
    let wrong = format!("{GOOD}    interfaces: {{cloudify.interfaces.lifecycle: {{create: nowhere.sh}}}}\n");
    let message = setting.upload_refused("missing-script", archive::single(&wrong), &["nowhere.sh", "create"]).await;
    assert!(message.contains("web"), "the node is not in `{message}`");
}

#[tokio::test]
async fn archive_without_a_blueprint() {
    let setting = setting();
    let archive = archive::files(&[("folder/readme.txt", "nothing here")]);
    setting.upload_refused("no-blueprint", archive, &["blueprint.yaml"]).await;
}

#[tokio::test]
async fn archives_that_want_to_leave_their_folder() {
    let setting = setting();
    let slips = ["../../../escaped", "blueprint/../../../escaped", "/tmp/nephele-test-escaped"];
    for (number, slip) in slips.iter().enumerate() {
        let entries = [("blueprint/blueprint.yaml", GOOD), (*slip, "gotcha")];
        setting.upload_refused(&format!("slip-zip-{number}"), archive::zip(&entries), &[slip]).await;
        setting.upload_refused(&format!("slip-tar-{number}"), archive::files(&entries), &[slip]).await;
    }
    assert_eq!(files_named(setting.home.folder(), "escaped"), Vec::<String>::new());
    assert!(!Path::new("/tmp/nephele-test-escaped").exists());
}

#[tokio::test]
async fn truncated_and_senseless_archives() {
    let setting = setting();
    // Enough content for the cut to fall into it.
    let numbers = (0..20_000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_string());
    let filler = numbers.collect::<Vec<_>>().join("\n# ");
    let entries = [("blueprint/blueprint.yaml", GOOD), ("blueprint/filler.txt", filler.as_str())];
    for (id, whole) in [("cut-tar", archive::files(&entries)), ("cut-zip", archive::zip(&entries))] {
        let half = whole[..whole.len() / 2].to_vec();
        let answer = setting.rest.upload(id, half).await;
        assert_eq!(answer.status, 400, "{:#}", answer.body);
        assert!(answer.body["message"].as_str().is_some_and(|message| message.contains("archive")), "{answer:?}");
        setting.nothing_kept(id).await;
        setting.rest.upload(id, whole).await.expect(201);
    }
    let answer = setting.rest.upload("no-archive", b"this is no archive".to_vec()).await;
    assert_eq!(answer.status, 400, "{:#}", answer.body);
    setting.nothing_kept("no-archive").await;
}

#[tokio::test]
async fn missing_wrong_and_unknown_inputs() {
    let setting = setting();
    setting.rest.upload("sized", archive::single(GOOD)).await.expect(201);
    let create = |inputs| setting.rest.create_deployment("sized", "sized", inputs);
    create(json!({})).await.refused(400, "missing_required_deployment_input_error", &["size"]);
    create(json!({"size": 1, "colour": "red"})).await.refused(400, "unknown_deployment_input_error", &["colour"]);
    setting.rest.get("/deployments/sized").await.refused(404, "not_found_error", &["sized"]);
    create(json!({"size": "large"})).await.refused(400, "deployment_creation_error", &["size", "integer", "large"]);
    assert_eq!(setting.rest.ids("/node-instances?deployment_id=sized").await, Vec::<String>::new());
    create(json!({"size": 1})).await.expect(201);
}

#[tokio::test]
async fn unknown_ids() {
    let setting = setting();
    let rest = &setting.rest;
    let unknown = "5d4a5a0e-6a2e-4b5f-9df0-0f3d2b7f2f11";
    for path in ["/blueprints/", "/deployments/", "/executions/", "/node-instances/"] {
        rest.get(&format!("{path}{unknown}")).await.refused(404, "not_found_error", &[unknown]);
    }
    for path in ["/blueprints/", "/deployments/"] {
        rest.delete(&format!("{path}{unknown}")).await.refused(404, "not_found_error", &[unknown]);
    }
    rest.create_deployment("d", unknown, json!({})).await.refused(404, "not_found_error", &[unknown]);
    let start = json!({"deployment_id": unknown, "workflow_id": "install"});
    rest.post("/executions", &start).await.refused(404, "not_found_error", &[unknown]);
    let cancel = json!({"action": "cancel"});
    rest.post(&format!("/executions/{unknown}"), &cancel).await.refused(404, "not_found_error", &[unknown]);
    assert_eq!(rest.get("/no-such-thing").await.status, 404);
}

#[tokio::test]
async fn wrong_password_and_unknown_tenant() {
    let setting = setting();
    let stranger = setting.rest.with_password("wrong");
    stranger.get("/deployments").await.refused(401, "unauthorized_error", &["User unauthorized"]);
    let elsewhere = setting.rest.with_tenant("nowhere");
    elsewhere.get("/deployments").await.refused(403, "forbidden_error", &["nowhere"]);
    setting.rest.get("/deployments").await.expect(200);
}

#[tokio::test]
async fn second_execution_while_one_runs() {
    let setting = setting();
    let rest = &setting.rest;
    let trial = Trial::new(setting.home.folder());
    rest.upload_folder("trial", &trial.blueprint).await;
    rest.create_deployment("trial", "trial", json!({"folder": trial.traces})).await.expect(201);
    trial.hold();
    let first = rest.start("trial", "install", json!({})).await;
    trial.wait_begun("create first");
    let second: Answer = rest.post("/executions", &json!({"deployment_id": "trial", "workflow_id": "install"})).await;
    second.refused(400, "existing_running_execution_error", &[&first]);
    let delete = rest.delete("/deployments/trial").await;
    delete.refused(400, "dependent_exists_error", &["trial"]);
    trial.release();
    assert_eq!(rest.ended(&first).await["status"], "terminated");
    assert_eq!(trial.lines("begun"), ["create first", "create second"]);
}
