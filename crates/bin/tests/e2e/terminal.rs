//! What a person sees at a terminal: progress, Ctrl-C, narrow windows (`tests/terminal.py`).

use std::path::Path;
use std::process::Command;

use nephele_testkit::python;
use nephele_testkit::rest::Rest;
use serde_json::json;

use crate::home;

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_types:
  slow.Node:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: wait.sh}
node_templates:
  first: {type: slow.Node}
  second:
    type: slow.Node
    relationships: [{type: cloudify.relationships.depends_on, target: first}]
";

#[tokio::test]
async fn a_run_is_watched_left_and_watched_again() {
    let home = home();
    let folder = home.folder().join("slow");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("blueprint.yaml"), BLUEPRINT).unwrap();
    std::fs::write(folder.join("wait.sh"), "#!/bin/sh\nsleep 2\n").unwrap();
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    rest.upload_folder("slow", &folder).await;
    rest.create_deployment("slow", "slow", json!({})).await.expect(201);
    let mut command = Command::new(python::program());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/terminal.py"));
    command.args([env!("CARGO_BIN_EXE_nephele"), &manager.http, &home.password(), "slow"]);
    let output = command.env("HOME", home.folder()).output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{said}");
}
