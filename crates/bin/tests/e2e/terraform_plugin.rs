//! The built-in plugin for Terraform and `OpenTofu`, with the real program and a module that needs no provider.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use nephele_testkit::archive;
use nephele_testkit::home::Home;
use nephele_testkit::python;
use nephele_testkit::rest::blueprint;
use serde_json::{Value, json};

use crate::deployed::{Deployed, example, left_nothing};
use crate::home;

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:nephele-terraform']
inputs:
  program: {type: string}
  size: {type: integer, default: 1}
  wait: {type: string, default: ''}
node_templates:
  terraform:
    type: cloudify.nodes.terraform
    properties: {terraform_config: {executable_path: {get_input: program}}}
  module:
    type: cloudify.nodes.terraform.Module
    properties:
      resource_config:
        source: {location: module.tar.gz}
        source_path: inner
        variables: {size: {get_input: size}, wait: {get_input: wait}, word: {get_secret: word}}
        store_output_secrets: {word: told-word}
    relationships:
      - {type: cloudify.relationships.terraform.run_on_host, target: terraform}
";

/// Two resources, of which the second takes its time if it is told to.
const MODULE: &str = r#"
variable "size" { type = number }
variable "wait" { type = string }
variable "word" {
  type      = string
  sensitive = true
}
resource "terraform_data" "first" {
  input = { size = var.size, word = var.word }
}
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" {
    command = "if [ -n '${var.wait}' ]; then touch '${var.wait}'; sleep 600; fi"
  }
}
output "size" { value = terraform_data.first.output.size }
output "word" {
  value     = var.word
  sensitive = true
}
output "hidden" {
  value     = "x-${var.word}"
  sensitive = true
}
"#;

fn folder(home: &Home) -> PathBuf {
    let folder = home.folder().join("app");
    blueprint(&folder, BLUEPRINT, &[]);
    pack(home, MODULE);
    folder
}

/// Puts a module with this text into the blueprint's archive of it.
fn pack(home: &Home, text: &str) {
    fs::write(home.folder().join("app/module.tar.gz"), archive::files(&[("inner/main.tf", text)])).unwrap();
}

async fn states(deployed: &Deployed) -> Vec<String> {
    let body = deployed.rest.get("/secrets?_sort=key").await.expect(200);
    let keys = body["items"].as_array().unwrap().iter().map(|secret| secret["key"].as_str().unwrap().to_owned());
    keys.filter(|key| key.starts_with("terraform-state.")).collect()
}

/// The addresses of the resources in the only state that is kept.
async fn kept(deployed: &Deployed) -> Vec<String> {
    let keys = states(deployed).await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    let secret = deployed.rest.get(&format!("/secrets/{}", keys[0])).await.expect(200);
    let state: Value = serde_json::from_str(secret["value"].as_str().unwrap()).unwrap();
    let names = state["resources"].as_array().unwrap().iter().filter(|found| found["instances"] != json!([]));
    names.map(|found| found["name"].as_str().unwrap().to_owned()).collect()
}

/// No file below the data directory holds this text.
fn is_nowhere(home: &Home, text: &str) {
    let found = std::process::Command::new("grep").args(["-rlF", text]).arg(home.data_dir()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{text} lies on the disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_applies_and_destroys() {
    let home = home();
    let deployed = Deployed::on(&home, &[]).await;
    deployed.deploy("terraform", &example("terraform"), json!({"executable_path": python::terraform()})).await;
    deployed.runs("terraform", "install", json!({})).await;
    assert_eq!(deployed.outputs("terraform").await, json!({"sentence": "Hello from a module"}));
    deployed.runs("terraform", "uninstall", json!({})).await;
    assert!(states(&deployed).await.is_empty());
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_lives_from_plan_to_destroy_and_its_secrets_stay_secret() {
    let home = home();
    let deployed = Deployed::on(&home, &[("word", "open-sesame")]).await;
    deployed.deploy("d", &folder(&home), json!({"program": python::terraform()})).await;
    let mut told = deployed.runs("d", "install", json!({})).await;
    let properties = deployed.properties("d", "module").await;
    assert_eq!(properties["outputs"]["size"]["value"], 1);
    assert_eq!(properties["outputs"]["hidden"]["value"], "(sensitive)");
    assert_eq!(properties["outputs"]["word"]["value"], json!({"get_secret": "told-word"}));
    assert_eq!(deployed.rest.get("/secrets/told-word").await.expect(200)["value"], "open-sesame");
    assert_eq!(properties["resources"]["terraform_data.first"]["type"], "terraform_data");
    let values = &properties["resources"]["terraform_data.first"]["values"];
    assert_eq!(values["output"]["word"], "********", "where Terraform itself hides nothing");
    assert_eq!(kept(&deployed).await, ["first", "second"]);

    // Nothing differs from what is there, until something else is wanted.
    told += &deployed.runs("d", "check_drift", json!({})).await;
    assert_eq!(deployed.properties("d", "module").await["is_drifted"], false);
    let variables = json!({"size": 2, "wait": "", "word": "another"});
    let plan = json!({"operation": "terraform.plan", "node_ids": ["module"], "allow_kwargs_override": true,
        "operation_kwargs": {"variables": variables}});
    told += &deployed.runs("d", "execute_operation", plan).await;
    let properties = deployed.properties("d", "module").await;
    assert_eq!(properties["plan"]["terraform_data.first"]["actions"], json!(["update"]), "{:#}", properties["plan"]);
    assert!(properties["plain_text_plan"].as_str().unwrap().contains("1 to change"), "{properties:#}");
    assert_eq!(properties["outputs"]["size"]["value"], 1, "a plan changes nothing");
    let change = json!({"deployment_id": "d", "inputs": {"size": 2}});
    let update = deployed.rest.post("/deployment-updates/d/update/initiate", &change).await.expect(200);
    let execution = update["execution_id"].as_str().unwrap();
    assert_eq!(deployed.rest.ended(execution).await["status"], "terminated");
    told += &deployed.told(execution).await;
    assert_eq!(deployed.properties("d", "module").await["outputs"]["size"]["value"], 2);

    told += &deployed.runs("d", "uninstall", json!({})).await;
    assert!(states(&deployed).await.is_empty());
    assert_eq!(deployed.properties("d", "module").await.get("outputs"), None);
    assert!(told.contains("Apply complete!") && told.contains("Destroy complete!"), "{told}");
    assert!(!told.contains("open-sesame") && !home.log().contains("open-sesame"), "{told}");
    is_nowhere(&home, "open-sesame");
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_before_a_crash_is_known_after_it() {
    let home = home();
    let deployed = Deployed::on(&home, &[("word", "open-sesame")]).await;
    let reached = home.folder().join("reached");
    let inputs = json!({"program": python::terraform(), "wait": reached});
    deployed.deploy("d", &folder(&home), inputs).await;
    let execution = deployed.rest.start("d", "install", json!({})).await;
    for _ in 0..600 {
        if reached.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(reached.exists(), "{}", deployed.told(&execution).await);
    fs::remove_file(&reached).unwrap();
    let deployed = deployed.restart(&home);
    // The module is applied again from the state that was left, and waits again; then it is given up.
    for _ in 0..600 {
        if reached.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(reached.exists(), "{}", deployed.told(&execution).await);
    let cancel = json!({"action": "kill"});
    deployed.rest.post(&format!("/executions/{execution}"), &cancel).await.expect(200);
    deployed.rest.ended(&execution).await;
    let told = deployed.told(&execution).await;
    // What was told just before the crash may be lost; what was made is not.
    assert!(told.matches("terraform_data.first: Creation complete").count() <= 1, "{told}");
    assert!(told.contains("terraform_data.first: Refreshing state"), "{told}");
    deployed.runs("d", "uninstall", json!({"ignore_failure": false})).await;
    assert!(states(&deployed).await.is_empty());
    is_nowhere(&home, "open-sesame");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_says_why() {
    let home = home();
    let deployed = Deployed::on(&home, &[("word", "open-sesame")]).await;
    let folder = folder(&home);
    deployed.deploy("absent", &folder, json!({"program": "/nowhere/tofu"})).await;
    let (error, _) = deployed.fails("absent", "install").await;
    assert!(error.contains("There is no program /nowhere/tofu. Install OpenTofu or Terraform"), "{error}");
    pack(&home, "resource \"terraform_data\" {}\n");
    deployed.deploy("invalid", &folder, json!({"program": python::terraform()})).await;
    let (error, told) = deployed.fails("invalid", "install").await;
    assert!(
        error.contains("Missing name for resource") || told.contains("Missing name for resource"),
        "{error}\n{told}"
    );
    left_nothing(&home);
}
