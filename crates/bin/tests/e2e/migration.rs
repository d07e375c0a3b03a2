//! The way over from a Cloudify manager, and snapshots by the unmodified `cfy`, with the real binary: what is restored
//! works on, and `kill -9` leaves what was there.

use std::path::PathBuf;
use std::time::Duration;

use nephele_testkit::cfy::Cfy;
use nephele_testkit::home::Home;
use nephele_testkit::python;
use nephele_testkit::rest::Rest;
use serde_json::{Value, json};

use crate::home;
use crate::trial::Trial;

fn recorded(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../api/tests/cloudify").join(name)
}

/// Runs a command of the binary in this home and gives what it printed.
#[track_caller]
fn run(home: &Home, arguments: &[&str]) -> String {
    let output = home.command().args(arguments).env("NEPHELE_DATA_DIR", home.data_dir()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[tokio::test]
async fn a_migrated_manager_works_on() {
    // The old manager's administrator comes along with the old password.
    let home = home().with_password("admin").with_python(python::program());
    let archive = recorded("l-7.1-full.zip");
    let archive = archive.to_str().unwrap();
    let said = run(&home, &["migrate", "inspect", archive]);
    for words in ["Cloudify 7.1.0", "default_tenant/snap_inst", "tiny-plugin 1.0.0", "agents install"] {
        assert!(said.contains(words), "`{words}` is not in:\n{said}");
    }
    assert!(!home.data_dir().exists(), "an inspection leaves nothing");
    run(&home, &["migrate", "run", archive]);
    let again =
        home.command().args(["migrate", "run", archive]).env("NEPHELE_DATA_DIR", home.data_dir()).output().unwrap();
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("non-empty manager"));
    let told: Value = serde_json::from_str(&run(&home, &["migrate", "run", archive, "--force", "--json"])).unwrap();
    assert_eq!(told["rows"]["deployments"], 18, "{told:#}");

    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    assert_eq!(rest.ids("/deployments?_size=100").await.len(), 17);
    rest.run("snap_gd1", "uninstall").await;
    // What came along knows what depends on it.
    let uninstall = json!({"deployment_id": "snap_sc", "workflow_id": "uninstall"});
    let refused = rest.post("/executions", &uninstall).await.expect(400);
    assert!(refused["message"].as_str().unwrap().contains("snap_pl"), "{refused:#}");
    let forced = json!({"deployment_id": "snap_sc", "workflow_id": "uninstall", "force": true});
    let begun = rest.post("/executions", &forced).await.expect(201);
    assert_eq!(rest.ended(begun["id"].as_str().unwrap()).await["status"], "terminated");
    // An operation whose answer is in the queue of the old broker runs again.
    let cancelled = rest.get("/executions?deployment_id=snap_res&workflow_id=install").await.expect(200);
    let id = cancelled["items"][0]["id"].as_str().unwrap().to_owned();
    rest.post(&format!("/executions/{id}"), &json!({"action": "resume"})).await.expect(200);
    let ended = rest.ended(&id).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    let instances = rest.get("/node-instances?deployment_id=snap_res").await.expect(200);
    for instance in instances["items"].as_array().unwrap() {
        assert_eq!(
            (&instance["state"], &instance["runtime_properties"]["slow_done"]),
            (&json!("started"), &json!(true))
        );
    }
}

#[tokio::test]
async fn snapshots_by_cfy_survive_kill_9() {
    let home = home();
    let trial = Trial::new(home.folder());
    let cfy = Cfy::new(&home.folder().join("cfy-home"));
    let file = home.folder().join("s1.zip");
    let mut manager = home.start();
    let mut rest = Rest::new(&home, &manager);
    rest.upload_folder("trial", &trial.blueprint).await;
    rest.create_deployment("d1", "trial", json!({"folder": trial.traces})).await.expect(201);
    // Something to write, so that there is a moment to die in.
    for number in 0..30 {
        std::fs::create_dir_all(home.data_dir().join("resources/global-resources")).unwrap();
        let noise: Vec<u8> =
            (0..1_000_000_u32).map(|byte| byte.wrapping_mul(2_654_435_761 + number).to_be_bytes()[1]).collect();
        std::fs::write(home.data_dir().join(format!("resources/global-resources/noise-{number}")), noise).unwrap();
    }
    let begun = rest.put("/snapshots/s1", &json!({})).await.expect(201);
    tokio::time::sleep(Duration::from_millis(150)).await;
    manager.kill();
    (manager, rest) = restart(&home);
    let ended = rest.ended(begun["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "terminated", "it is made again: {ended:#}");

    let ca = home.ca();
    let connect = ["profiles", "use", "127.0.0.1", "-u", "admin", "-t", "default_tenant", "--ssl", "-p"];
    let password = home.password();
    let rest_of = [password.as_str(), "--rest-port", manager.https_port(), "-c", ca.to_str().unwrap()];
    cfy.ok(&[&connect[..], &rest_of[..]].concat());
    cfy.ok(&["snapshots", "list"]);
    cfy.ok(&["snapshots", "download", "s1", "-o", file.to_str().unwrap()]);
    assert!(run(&home, &["snapshots", "verify", file.to_str().unwrap()]).contains("in order"));
    cfy.ok(&["snapshots", "upload", file.to_str().unwrap(), "-s", "s2"]);
    assert!(cfy.ok(&["snapshots", "status"]).contains("No snapshot is currently being restored"));
    rest.put("/secrets/late", &json!({"value": "x"})).await.expect(200);

    // Killed in the middle of a restore, it has what it had.
    let begun = rest.post("/snapshots/s2/restore", &json!({"force": true})).await.expect(200);
    rest.wait_for("/snapshot-status", |status| status["status"] == "running").await;
    manager.kill();
    (manager, rest) = restart(&home);
    let ended = rest.ended(begun["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    assert!(ended["error"].as_str().unwrap().contains("restore it again"), "{ended:#}");
    rest.get("/secrets/late").await.expect(200);
    assert_eq!(rest.ids("/deployments").await, ["d1"]);

    let rest_of = [password.as_str(), "--rest-port", manager.https_port(), "-c", ca.to_str().unwrap()];
    cfy.ok(&["profiles", "delete", "127.0.0.1"]);
    cfy.ok(&[&connect[..], &rest_of[..]].concat());
    cfy.ok(&["snapshots", "restore", "s2", "--force"]);
    rest.wait_for("/secrets?_size=10", |found| found["items"].as_array().is_some_and(Vec::is_empty)).await;
    rest.wait_for("/snapshot-status", |status| status["status"] == "not-running").await;
    rest.run("d1", "install").await;
    cfy.ok(&["snapshots", "delete", "s1"]);
}

fn restart(home: &Home) -> (nephele_testkit::home::Manager, Rest) {
    let manager = home.start();
    let rest = Rest::new(home, &manager);
    (manager, rest)
}
