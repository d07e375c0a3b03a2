//! Starting and stopping: the first password, the settings, a second manager, SIGTERM in mid-run.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use nephele_testkit::archive;
use nephele_testkit::rest::Rest;
use serde_json::json;

use crate::home;
use crate::trial::Trial;

#[tokio::test]
async fn the_first_password_is_shown_once_and_kept() {
    let home = home();
    let manager = home.start();
    let password = home.password();
    assert!(password.len() >= 16, "`{password}` is a short password");
    let mode = fs::metadata(home.data_dir().join("admin-password")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(home.log().matches(&password).count(), 1, "{}", home.log());
    Rest::new(&home, &manager).get("/status").await.expect(200);
    assert!(manager.stop().success());

    let manager = home.start();
    assert_eq!(home.password(), password);
    assert_eq!(home.log().matches(&password).count(), 1, "the second start showed the password");
    Rest::new(&home, &manager).get("/status").await.expect(200);
}

#[tokio::test]
async fn a_given_password_is_used_and_not_written() {
    let home = home().with_password("correct horse battery staple");
    let manager = home.start();
    assert!(!home.data_dir().join("admin-password").exists());
    assert!(!home.log().contains("correct horse"));
    Rest::new(&home, &manager).get("/status").await.expect(200);
}

#[test]
fn settings_are_shown_with_their_sources() {
    let home = home().with_password("hidden-from-view");
    let output = home.command().args(["config", "show", "--listen", "127.0.0.1:9"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(line("listen ").contains("127.0.0.1:9") && line("listen ").contains("command line"), "{text}");
    assert!(line("listen_tls").contains("53333") && line("listen_tls").contains("default"), "{text}");
    assert!(line("admin_password").contains("NEPHELE_ADMIN_PASSWORD"), "{text}");
    assert!(!text.contains("hidden-from-view"));
}

/// Who moves brings the types of the other manager, and its name.
#[tokio::test]
async fn own_types_take_the_place_of_the_built_in_ones() {
    let types = tempfile::tempdir().unwrap();
    let home = home().with_setting("types", types.path()).with_setting("hostname", "cloudify-manager");
    assert!(home.try_start().is_err());
    assert!(home.log().contains("types.yaml"), "the log does not say what is missing: {}", home.log());

    let text = "tosca_definitions_version: cloudify_dsl_1_4\nnode_types:\n  cloudify.nodes.Root: {}\n  own.Type: {}\n";
    fs::write(types.path().join("types.yaml"), text).unwrap();
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    let text = "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\n\
                node_templates: {n: {type: own.Type}}\n";
    rest.upload("own", archive::single(text)).await.expect(201);
    let events = rest.get("/events").await.expect(200);
    assert_eq!(events["items"][0]["manager_name"], "cloudify-manager", "{events}");
}

#[test]
fn a_second_manager_on_the_same_data_is_refused() {
    let home = home();
    let _first = home.start();
    let refused = home.try_start();
    assert!(refused.is_err(), "two managers run on one data directory");
    let log = home.log();
    assert!(log.contains(&home.data_dir().display().to_string()), "the log does not say which directory: {log}");
}

#[tokio::test]
async fn a_run_goes_on_after_a_stop_in_its_middle() {
    let home = home();
    let trial = Trial::new(home.folder());
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    rest.upload_folder("trial", &trial.blueprint).await;
    rest.create_deployment("trial", "trial", json!({"folder": trial.traces})).await.expect(201);
    trial.hold();
    let execution = rest.start("trial", "install", json!({})).await;
    trial.wait_begun("create first");
    let status = manager.stop();
    assert!(status.success(), "SIGTERM in mid-run: {status}");

    trial.release();
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    let ended = rest.ended(&execution).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    assert_eq!(trial.lines("ended"), ["create first", "create second"]);
}
