//! Updates of deployments with real operations: what runs in them and in which order, through the unmodified `cfy`, and
//! through `kill -9` in the middle. What runs is what the original's sources lead to; they were not run beside it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use nephele_testkit::cfy::Cfy;
use nephele_testkit::home::{Home, Manager};
use nephele_testkit::postgres::Database;
use nephele_testkit::rest::{Rest, blueprint};
use serde_json::{Value, json};

use crate::home;

const TRACE: &str = r#"#!/bin/sh
set -eu
operation=$(ctx operation name)
echo "$(ctx node name) ${operation##*.}" >> "$folder/trace"
if [ -n "${pause:-}" ]; then sleep "$pause"; fi
if [ -n "${fails:-}" ]; then ctx abort-operation 'it does not work'; fi
if [ -n "${answer:-}" ]; then ctx returns "$answer"; fi
"#;

const LINK: &str = r#"#!/bin/sh
set -eu
operation=$(ctx operation name)
echo "$(ctx source node name) $(ctx target node name) ${operation##*.}" >> "$folder/trace"
"#;

/// Types whose operations leave traces: plain ones, ones that can be updated, ones that find out whether they must be.
const TYPES: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs:
  folder: {type: string}
  value: {default: first}
  answer: {default: ''}
  fails: {default: ''}
  pause: {default: ''}
node_types:
  plain:
    derived_from: cloudify.nodes.Root
    properties: {value: {default: ''}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: trace.sh, inputs: &trace {folder: {default: {get_input: folder}}, pause: {default: {get_input: pause}}}}
        delete: {implementation: trace.sh, inputs: *trace}
  updatable:
    derived_from: plain
    interfaces:
      cloudify.interfaces.lifecycle:
        update:
          implementation: trace.sh
          inputs: {folder: {default: {get_input: folder}}, fails: {default: {get_input: fails}}}
  checked:
    derived_from: updatable
    interfaces:
      cloudify.interfaces.lifecycle:
        check_drift:
          implementation: trace.sh
          inputs: {folder: {default: {get_input: folder}}, answer: {default: {get_input: answer}}}
relationships:
  linked:
    derived_from: cloudify.relationships.connected_to
    source_interfaces:
      cloudify.interfaces.relationship_lifecycle:
        establish: {implementation: link.sh, inputs: &link {folder: {default: {get_input: folder}}}}
        unlink: {implementation: link.sh, inputs: *link}
";

const BEFORE: &str = "
node_templates:
  plain: {type: plain, properties: {value: {get_input: value}}}
  updatable: {type: updatable, properties: {value: {get_input: value}}, relationships: [{type: linked, target: same}]}
  checked: {type: checked, properties: {value: {get_input: value}}}
  same: {type: plain, relationships: [{type: linked, target: old}]}
  old: {type: plain}
";

const AFTER: &str = "
node_templates:
  plain: {type: plain, properties: {value: {get_input: value}}}
  updatable: {type: updatable, properties: {value: {get_input: value}}, relationships: [{type: linked, target: checked}]}
  checked: {type: checked, properties: {value: {get_input: value}}}
  same: {type: plain, relationships: [{type: linked, target: new}]}
  new: {type: plain}
";

struct Journey {
    cfy: Cfy,
    folder: PathBuf,
}

impl Journey {
    /// An installed deployment `d` of the first blueprint.
    fn begin(home: &Home, manager: &Manager) -> Self {
        let folder = home.folder().join("traces");
        fs::create_dir_all(&folder).unwrap();
        let cfy = Cfy::new(&home.folder().join("cfy-home"));
        let (password, ca) = (home.password(), home.ca());
        cfy.ok(&[
            "profiles",
            "use",
            "127.0.0.1",
            "-u",
            "admin",
            "-t",
            "default_tenant",
            "--ssl",
            "-p",
            &password,
            "--rest-port",
            manager.https_port(),
            "-c",
            ca.to_str().unwrap(),
        ]);
        for (name, nodes) in [("before", BEFORE), ("after", AFTER)] {
            let path = home.folder().join(name);
            blueprint(&path, &format!("{TYPES}{nodes}"), &[("trace.sh", TRACE), ("link.sh", LINK)]);
            cfy.ok(&["blueprints", "upload", path.join("blueprint.yaml").to_str().unwrap(), "-b", name]);
        }
        let journey = Self { cfy, folder };
        let inputs = json!({"folder": journey.folder}).to_string();
        journey.cfy.ok(&["deployments", "create", "d", "-b", "before", "-i", &inputs]);
        journey.cfy.ok(&["executions", "start", "install", "-d", "d"]);
        journey.traces();
        journey
    }

    /// What operations did since the last look.
    fn traces(&self) -> Vec<String> {
        let path = self.folder.join("trace");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        text.lines().map(str::to_owned).collect()
    }

    /// The same, in the order of the alphabet.
    fn sorted_traces(&self) -> Vec<String> {
        let mut traces = self.traces();
        traces.sort();
        traces
    }

    fn states(&self) -> Vec<String> {
        let list = self.cfy.json(&["node-instances", "list", "-d", "d"]);
        let state = |one: &Value| format!("{} {}", one["node_id"].as_str().unwrap(), one["state"].as_str().unwrap());
        let mut states: Vec<String> = list.as_array().unwrap().iter().map(state).collect();
        states.sort();
        states
    }
}

fn travel(home: &Home, manager: &Manager) {
    let journey = Journey::begin(home, manager);
    let cfy = &journey.cfy;

    let shown = cfy.ok(&["deployments", "update", "d", "-b", "after", "-i", "value=second", "--preview"]);
    for part in ["new", "old", "updatable"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert_eq!(journey.traces(), [""; 0]);
    assert_eq!(cfy.json(&["deployments", "list"])[0]["blueprint_id"], "before");

    // Changed, without a way to be updated: installed again. Updatable: updated. Checked: nothing was found.
    let said = cfy.ok(&["deployments", "update", "d", "-i", "value=second"]);
    assert!(said.contains("Successfully updated deployment d"), "{said}");
    assert_eq!(journey.sorted_traces(), ["checked check_drift", "plain create", "plain delete", "updatable update"]);
    let list = cfy.json(&["deployments", "inputs", "d"]);
    assert!(list.to_string().contains("second"), "{list}");

    // Something was found this time, and one update fails: what cannot be updated is installed again.
    cfy.ok(&["deployments", "update", "d", "-i", "answer=found", "-i", "fails=yes"]);
    let traces = journey.sorted_traces();
    let tried: Vec<&str> = traces.iter().map(String::as_str).filter(|trace| !trace.contains(" establish")).collect();
    for part in ["checked check_drift", "checked create", "checked delete", "checked update"] {
        assert!(tried.contains(&part), "{traces:?}");
    }

    cfy.ok(&["deployments", "update", "d", "-b", "after", "-i", "answer=", "-i", "fails=", "-i", "value=third"]);
    let traces = journey.traces();
    let at = |trace: &str| traces.iter().position(|one| one == trace);
    for (earlier, later) in [
        ("updatable same unlink", "updatable update"),
        ("same old unlink", "old delete"),
        ("old delete", "plain delete"),
        ("plain delete", "plain create"),
        ("plain create", "new create"),
        ("new create", "same new establish"),
        ("same new establish", "updatable checked establish"),
    ] {
        assert!(at(earlier).is_some() && at(earlier) < at(later), "{earlier} before {later}: {traces:?}");
    }
    let once = |trace: &str| traces.iter().filter(|one| *one == trace).count() == 1;
    assert!(once("same new establish") && once("updatable checked establish"), "{traces:?}");
    assert_eq!(
        journey.states(),
        ["checked", "new", "plain", "same", "updatable"].map(|node| format!("{node} started"))
    );

    let said = cfy.fails(&["deployments", "update", "d", "-i", "unknown=1", "-b", "nothing"]);
    assert!(said.contains("404") || said.contains("not found"), "{said}");
    let updates = cfy.json(&["deployments", "history", "-d", "d"]);
    assert_eq!(updates.as_array().map(Vec::len), Some(4), "{updates}");
}

#[test]
fn on_sqlite() {
    let home = home();
    let manager = home.start();
    travel(&home, &manager);
}

#[test]
fn on_postgresql() {
    let database = Database::empty();
    let home = home().with_database(database.url());
    let manager = home.start();
    travel(&home, &manager);
}

/// An update that takes a while is killed again and again, and does what it would have done.
#[tokio::test]
async fn an_update_goes_on_after_kill_9() {
    let home = home();
    let folder = home.folder().join("traces");
    fs::create_dir_all(&folder).unwrap();
    let mut manager = home.start();
    let mut rest = Rest::new(&home, &manager);
    for (name, nodes) in [("before", BEFORE), ("after", AFTER)] {
        let path = home.folder().join(name);
        blueprint(&path, &format!("{TYPES}{nodes}"), &[("trace.sh", TRACE), ("link.sh", LINK)]);
        rest.upload_folder(name, &path).await;
    }
    rest.create_deployment("d", "before", json!({"folder": folder, "pause": "0.3"})).await.expect(201);
    rest.run("d", "install").await;
    let body = json!({"blueprint_id": "after", "inputs": {"value": "second"}, "force_reinstall": true});
    let update = rest.post("/deployment-updates/d/update/initiate", &body).await.expect(200);
    let execution = update["execution_id"].as_str().unwrap().to_owned();
    for pause in [0, 100, 400, 700, 400, 600] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        manager.kill();
        manager = home.start();
        rest = Rest::new(&home, &manager);
    }
    let ended = rest.ended(&execution).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    let update = rest.get(&format!("/deployment-updates/{}", update["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(update["state"], "successful");
    let instances = rest.get("/node-instances?deployment_id=d").await.expect(200);
    let instances = instances["items"].as_array().unwrap();
    assert_eq!(instances.len(), 5, "{instances:#?}");
    assert!(instances.iter().all(|one| one["state"] == "started"), "{instances:#?}");
    let nodes: Vec<&str> = instances.iter().map(|one| one["node_id"].as_str().unwrap()).collect();
    assert!(nodes.contains(&"new") && !nodes.contains(&"old"), "{nodes:?}");
}
