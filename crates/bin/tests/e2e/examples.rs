//! The examples of the repository, through the product's own command line.

use std::path::{Path, PathBuf};
use std::process::Command;

use nephele_testkit::home::{Home, Manager};
use nephele_testkit::rest::Rest;
use serde_json::{Value, json};

use crate::home;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").canonicalize().unwrap()
}

/// Runs a command of the product against this manager; it must succeed.
fn nephele(home: &Home, manager: &Manager, arguments: &[&str]) -> String {
    let mut command = home.command();
    command.args(arguments).env("NEPHELE_MANAGER", &manager.http).env("NEPHELE_PASSWORD", home.password());
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "nephele {}: {}\n{stdout}{stderr}", arguments.join(" "), output.status);
    stdout
}

fn outputs(home: &Home, manager: &Manager, deployment: &str) -> Value {
    let printed = nephele(home, manager, &["deployments", "outputs", deployment, "--json"]);
    let described: Value = serde_json::from_str(&printed).unwrap();
    let outputs = described.as_object().unwrap().iter();
    outputs.map(|(name, output)| (name.clone(), output["value"].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn hello_greets_and_says_goodbye() {
    let home = home();
    let manager = home.start();
    let blueprint = examples().join("hello/blueprint.yaml");
    nephele(&home, &manager, &["blueprints", "upload", blueprint.to_str().unwrap()]);
    nephele(&home, &manager, &["deployments", "create", "hello", "-b", "hello", "-i", "name=Ada"]);
    let events = nephele(&home, &manager, &["executions", "start", "install", "-d", "hello"]);
    assert!(events.contains("Hello, Ada!"), "{events}");
    assert_eq!(outputs(&home, &manager, "hello"), json!({"greeting": "Hello, Ada!"}));
    let events = nephele(&home, &manager, &["executions", "start", "uninstall", "-d", "hello"]);
    assert!(events.contains("Goodbye: Hello, Ada!"), "{events}");
}

#[tokio::test]
async fn the_shop_opens_sells_and_closes() {
    let home = home();
    let manager = home.start();
    let blueprint = examples().join("shop/blueprint.yaml");
    let base = format!("base_directory={}", home.folder().display());
    nephele(&home, &manager, &["blueprints", "upload", blueprint.to_str().unwrap()]);
    nephele(&home, &manager, &["deployments", "create", "eu", "-b", "shop", "-i", "region=eu", "-i", &base]);
    nephele(&home, &manager, &["executions", "start", "install", "-d", "eu"]);

    let outputs = outputs(&home, &manager, "eu");
    let url = outputs["url"].as_str().unwrap();
    let capabilities = nephele(&home, &manager, &["deployments", "capabilities", "eu"]);
    assert!(capabilities.contains(url), "{capabilities}");
    let _ = Rest::new(&home, &manager); // settles which TLS provider this process uses
    let page = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(page.contains("The shop in eu"), "the input did not travel to the page: {page}");
    assert!(page.contains("plums at 2.40"), "the database's content did not travel to the page: {page}");
    assert!(page.contains("Visit number 1"), "{page}");
    let page = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(page.contains("Visit number 2"), "{page}");

    let directory = PathBuf::from(outputs["directory"].as_str().unwrap());
    let pids: Vec<String> = ["database", "application", "web"]
        .map(|tier| std::fs::read_to_string(directory.join(tier).with_extension("pid")).unwrap().trim().to_owned())
        .into();
    assert!(pids.iter().all(|pid| runs(pid)), "{pids:?}");

    nephele(&home, &manager, &["executions", "start", "uninstall", "-d", "eu"]);
    assert!(!pids.iter().any(|pid| runs(pid)), "uninstall left processes of {pids:?}");
    assert!(!directory.exists(), "uninstall left {}", directory.display());
    assert!(reqwest::get(url).await.is_err(), "something still answers at {url}");
    nephele(&home, &manager, &["deployments", "delete", "eu"]);
    nephele(&home, &manager, &["blueprints", "delete", "shop"]);
    assert_eq!(nephele(&home, &manager, &["blueprints", "list", "--output", "json"]).trim(), "[]");
}

#[test]
fn generated_blueprints_of_each_shape_install() {
    let home = home();
    let manager = home.start();
    for shape in ["flat", "shell", "tree"] {
        let folder = home.folder().join(shape);
        let generated = Command::new(examples().join("many/generate")).args([shape, "20"]).arg(&folder).status();
        assert!(generated.unwrap().success());
        let blueprint = folder.join("blueprint.yaml");
        nephele(&home, &manager, &["blueprints", "upload", blueprint.to_str().unwrap()]);
        nephele(&home, &manager, &["deployments", "create", shape, "-b", shape]);
        let events = nephele(&home, &manager, &["executions", "start", "install", "-d", shape]);
        assert!(events.contains("'install' workflow execution succeeded"), "{events}");
        let started = events.lines().filter(|line| line.contains("Node instance started")).count();
        assert_eq!(started, 20, "{shape}: {events}");
    }
}

/// Whether a process is there and is not just waiting to be buried.
fn runs(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    state.is_ok_and(|state| !state.contains(") Z "))
}
