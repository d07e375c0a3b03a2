//! Commands that the original does not have, or that need more than a manager: order and pictures of blueprints, what
//! sets deployments apart, ways out of a failure, manual pages, completions, hints, plugins on their way to a manager.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use nephele_testkit::home::{Home, Manager};
use nephele_testkit::python;
use nephele_testkit::rest::{Rest, blueprint};
use serde_json::{Value, json};

use crate::home;
use crate::trial::Trial;
use crate::users::{package, python_home};

struct Said {
    code: i32,
    data: String,
    remarks: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let [data, remarks] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        Self { code: output.status.code().unwrap(), data, remarks }
    }
}

impl Said {
    #[track_caller]
    fn with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.data, self.remarks);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {}", self.data))
    }
}

fn alone(home: &Home, arguments: &[&str]) -> Said {
    home.command().args(arguments).current_dir(home.folder()).output().unwrap().into()
}

fn with(home: &Home, manager: &Manager, arguments: &[&str]) -> Said {
    let mut command = home.command();
    command.args(arguments).args(["--manager", &manager.http]).env("NEPHELE_DATA_DIR", home.data_dir());
    command.output().unwrap().into()
}

const UNTIDY: &str = "tosca_definitions_version: cloudify_dsl_1_4   \nimports:\n  - cloudify/types/types.yaml  # why\n\n\n\ninputs:\n  b: {}\n\n";
const TIDY: &str = "tosca_definitions_version: cloudify_dsl_1_4\n\nimports:\n  - cloudify/types/types.yaml  # why\n\ninputs:\n  b: {}\n";

#[test]
fn blueprints_are_put_in_order() {
    let home = home();
    let [untidy, tidy] = ["untidy.yaml", "tidy.yaml"].map(|name| home.folder().join(name));
    fs::write(&untidy, UNTIDY).unwrap();
    fs::write(&tidy, TIDY).unwrap();
    let said = alone(&home, &["blueprints", "fmt", "--check", "untidy.yaml", "tidy.yaml"]).with(1);
    assert_eq!(said.data, "untidy.yaml\n");
    assert_eq!(fs::read_to_string(&untidy).unwrap(), UNTIDY);
    assert_eq!(alone(&home, &["blueprints", "fmt", "untidy.yaml", "tidy.yaml"]).with(0).data, "untidy.yaml\n");
    assert_eq!(fs::read_to_string(&untidy).unwrap(), TIDY);
    assert_eq!(alone(&home, &["blueprints", "fmt", "--check", "untidy.yaml", "tidy.yaml"]).with(0).data, "");

    fs::write(&untidy, "inputs: [\n").unwrap();
    let said = alone(&home, &["blueprints", "fmt", "untidy.yaml"]).with(1);
    assert!(said.remarks.contains("untidy.yaml is not YAML"), "{}", said.remarks);
    assert_eq!(fs::read_to_string(&untidy).unwrap(), "inputs: [\n");
    let said = alone(&home, &["blueprints", "fmt", "nowhere.yaml"]).with(1);
    assert!(said.remarks.contains("nowhere.yaml cannot be read"), "{}", said.remarks);
}

#[test]
fn blueprints_are_drawn() {
    let home = home();
    let trial = Trial::new(home.folder());
    let file = trial.blueprint.join("blueprint.yaml");
    let drawn = |way: &[&str]| alone(&home, &[&["blueprints", "graph", file.to_str().unwrap()], way].concat());
    let dot = drawn(&[]).with(0).data;
    assert!(dot.starts_with("digraph blueprint {") && dot.contains("\"second\" -> \"first\" [label=\"connected_to\"]"));
    let mermaid = drawn(&["--as", "mermaid"]).with(0).data;
    assert!(mermaid.starts_with("flowchart BT\n") && mermaid.contains("-->|connected_to|"), "{mermaid}");
    let svg = drawn(&["--as", "svg"]).with(0).data;
    let check = "import sys, xml.etree.ElementTree as tree; root = tree.fromstring(sys.argv[1]); \
                 print(root.tag, [text.text for text in root.iter('{http://www.w3.org/2000/svg}text')])";
    let read = Command::new(python::program()).args(["-c", check, &svg]).output().unwrap();
    let read = Said::from(read).with(0).data;
    assert!(read.starts_with("{http://www.w3.org/2000/svg}svg") && read.contains("'first'"), "{read}");
    assert!(drawn(&["--as", "oil"]).with(1).remarks.contains("dot, mermaid or svg"));
}

#[tokio::test]
async fn deployments_are_compared() {
    let home = home();
    let trial = Trial::new(home.folder());
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    rest.upload_folder("trial", &trial.blueprint).await;
    for (id, word) in [("one", "hello"), ("two", "hello"), ("other", "goodbye")] {
        rest.create_deployment(id, "trial", json!({"folder": trial.traces, "word": word})).await.expect(201);
    }
    let diff = |words: &[&str]| with(&home, &manager, &[&["deployments", "diff"], words].concat());
    diff(&["one", "two"]).with(0);
    let rows = diff(&["one", "other", "--output", "json"]).with(1).json();
    let word = rows.as_array().unwrap().iter().find(|row| row["what"] == "inputs.word").unwrap();
    assert_eq!(word, &json!({"what": "inputs.word", "one": "hello", "other": "goodbye"}));
    assert!(diff(&["one", "other"]).with(1).data.contains("goodbye"));
    with(&home, &manager, &["deployments", "labels", "add", "stage:test", "two"]).with(0);
    let rows = diff(&["one", "two", "--json"]).with(1).json();
    assert_eq!(rows, json!([{"what": "labels.stage=test", "one": null, "two": true}]));
    let said = diff(&["one", "nothing"]).with(1);
    assert!(said.remarks.contains("hint: `nephele deployments list`"), "{}", said.remarks);
}

const FAILING: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_types:
  part:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: fail.sh, max_retries: 0}
node_templates:
  app: {type: part}
";

#[tokio::test]
async fn a_failure_names_the_commands_that_put_it_right() {
    let home = home();
    let folder = home.folder().join("failing");
    blueprint(&folder, FAILING, &[("fail.sh", "#!/bin/sh\necho no luck >&2\nexit 1\n")]);
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    rest.upload_folder("failing", &folder).await;
    rest.create_deployment("failing", "failing", json!({})).await.expect(201);
    let execution = rest.start("failing", "install", json!({})).await;
    assert_eq!(rest.ended(&execution).await["status"], "failed");

    let said = with(&home, &manager, &["executions", "fix", &execution]).with(0).data;
    assert!(said.starts_with("`install` failed") && said.contains(&format!("nephele executions resume {execution}")));
    let ways = with(&home, &manager, &["executions", "fix", &execution, "--output", "json"]).with(0).json();
    let commands: Vec<&str> = ways.as_array().unwrap().iter().map(|way| way["command"].as_str().unwrap()).collect();
    assert!(commands.iter().any(|command| command.contains("node-instances update-runtime app_")), "{commands:?}");
    // What it names is done as it stands there.
    let skip = commands.iter().find(|command| command.contains("skip-task")).unwrap();
    let words: Vec<&str> =
        skip.split(' ').skip(1).map(|word| if word == "REASON" { "not needed" } else { word }).collect();
    with(&home, &manager, &words).with(0);
    with(&home, &manager, &["executions", "resume", &execution]).with(0);
    let after = with(&home, &manager, &["executions", "fix", &execution, "--json"]).with(0);
    assert_eq!(after.json(), json!([]));
}

#[test]
fn every_command_has_a_manual_page() {
    let home = home();
    let said = alone(&home, &["man", "pages"]).with(0);
    let pages: Vec<String> = fs::read_dir(home.folder().join("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(said.remarks.starts_with(&format!("{} pages are in pages", pages.len())), "{}", said.remarks);
    let page =
        |name: &str| fs::read_to_string(home.folder().join("pages").join(name)).unwrap_or_else(|_| panic!("no {name}"));
    assert!(page("nephele-deployments-create.1").contains("\\-\\-blueprint\\-id"));
    // Those that are not of the command line's own crate as well.
    for name in ["nephele.1", "nephele-up.1", "nephele-config-show.1", "nephele-config-list.1", "nephele-migrate-run.1"]
    {
        assert!(page(name).contains(".TH"), "{name}");
    }
    for word in ["HOME", "NO_COLOR", "CLOUDIFY_PASSWORD"] {
        assert!(!page("nephele-deployments-list.1").contains(&format!("\\-\\-{word}")), "{word}");
    }
    assert_eq!(alone(&home, &["man", "pages/nephele.1/x"]).with(1).data, "");
}

#[test]
fn shells_complete_commands() {
    let home = home();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = alone(&home, &["completions", shell]).with(0).data;
        for word in ["deployments", "executions", "migrate", "pagination-size"] {
            assert!(script.contains(word), "{shell} knows no {word}");
        }
        assert!(!script.contains("--NO_COLOR"), "{shell} offers variables");
    }
    let script = alone(&home, &["completions", "bash"]).with(0).data;
    let file = home.folder().join("completions.bash");
    fs::write(&file, script).unwrap();
    let completed = |words: &str| {
        let run = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}}-1)); \
             _nephele nephele \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[*]}}\"",
            file.display()
        );
        Said::from(Command::new("bash").args(["--norc", "-c", &run]).output().unwrap()).with(0).data.trim().to_owned()
    };
    assert_eq!(completed("nephele blueprints upl"), "upload");
    assert_eq!(completed("nephele migr"), "migrate");
    assert!(completed("nephele deployments list --pagination-").contains("--pagination-size"));
    let said = alone(&home, &["completions", "abacus"]).with(1);
    assert!(said.remarks.contains("bash, zsh, fish"), "{}", said.remarks);
}

#[tokio::test]
async fn mistakes_come_with_hints() {
    let home = home();
    let manager = home.start();
    let remarks = |words: &[&str], code| with(&home, &manager, words).with(code).remarks;
    assert!(remarks(&["deployments", "lst"], 2).contains("similar subcommand"));
    assert!(remarks(&["deployments", "list", "--pagination-sise", "3"], 2).contains("--pagination-size"));
    assert!(remarks(&["blueprints", "get", "nothing"], 1).contains("hint: `nephele blueprints list`"));
    let wrong = remarks(&["deployments", "list", "--user", "nobody", "--password", "x"], 1);
    assert!(wrong.contains("hint: give --user and --password"), "{wrong}");
    let nobody = alone(&home, &["status", "--manager", "http://127.0.0.1:9", "--password", "x"]).with(1).remarks;
    assert!(nobody.contains("hint: `nephele up` starts a manager"), "{nobody}");
    // Scripts of the original see errors as they know them.
    let mut command = home.command();
    command.args(["blueprints", "get", "nothing", "--manager", &manager.http]).env("NEPHELE_DATA_DIR", home.data_dir());
    let strict: Said = command.env("NEPHELE_CFY_STRICT_COMPAT", "1").output().unwrap().into();
    let strict = strict.with(1);
    assert!(strict.data.contains("An error occurred on the server: 404") && !strict.data.contains("hint:"));
}

fn wagon(folder: &Path, name: &str, setup: &str) -> (String, String) {
    let source = package(&folder.join(name), name, "1.0", &name.replace('-', "_"), "def run(**_): pass\n", setup);
    let wagon = python::wagon(&source, &folder.join(format!("{name}-wagon")));
    let yaml = wagon.with_file_name("plugin.yaml");
    let text = format!(
        "plugins:\n  {name}:\n    executor: central_deployment_agent\n    package_name: {name}\n    package_version: '1.0'\n"
    );
    fs::write(&yaml, text).unwrap();
    (wagon.to_str().unwrap().to_owned(), yaml.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_plugin_is_installed_by_a_command() {
    let home = python_home();
    let manager = home.start();
    let uploaded = |name: &str, setup: &str| {
        let (wagon, yaml) = wagon(home.folder(), name, setup);
        let upload = ["plugins", "upload", &wagon, "-y", &yaml, "--query", "id"];
        with(&home, &manager, &upload).with(0).data.trim().to_owned()
    };
    let plain = uploaded("plain-plugin", "");
    let said = with(&home, &manager, &["plugins", "install", &plain]).with(0);
    assert!(said.remarks.contains("Installed on"), "{}", said.remarks);
    let state = with(&home, &manager, &["plugins", "get", &plain, "--output", "json"]).with(0).data;
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
    assert!(state.contains("installed") && state.contains(&hostname), "{state}");
    // Again, by name.
    with(&home, &manager, &["plugins", "install", &plain, "--manager-hostname", &hostname]).with(0);

    let broken = uploaded("broken-plugin", "install_requires=['no-such-package-in-any-wagon==9.9']");
    let said = with(&home, &manager, &["plugins", "install", &broken]).with(1);
    assert!(said.remarks.contains("cannot be installed on"), "{}", said.remarks);
    let said =
        with(&home, &manager, &["plugins", "install", &plain, "--manager-hostname", "nowhere", "--timeout", "1"]);
    assert!(said.with(1).remarks.contains("nowhere"));
    let said = with(&home, &manager, &["plugins", "install", "nothing"]).with(1);
    assert!(said.remarks.contains("hint: `nephele plugins list`"), "{}", said.remarks);
}

#[tokio::test]
async fn waiting_has_an_end() {
    let home = home();
    let trial = Trial::new(home.folder());
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    rest.upload_folder("trial", &trial.blueprint).await;
    rest.create_deployment("trial", "trial", json!({"folder": trial.traces})).await.expect(201);
    trial.hold();
    let said = with(&home, &manager, &["executions", "start", "install", "-d", "trial", "--timeout", "1"]).with(1);
    assert!(said.remarks.contains("has not ended within 1 s; it goes on"), "{}", said.remarks);
    let id = &rest.ids("/executions?workflow_id=install").await[0];
    assert_eq!(with(&home, &manager, &["executions", "follow", id, "--timeout", "1"]).code, 1);
    let started = with(&home, &manager, &["executions", "start", "install", "-d", "trial", "--queue"]).with(0);
    assert!(started.remarks.contains("queued"), "{}", started.remarks);
    trial.release();
    assert_eq!(rest.ended(id).await["status"], "terminated");
    let started = with(&home, &manager, &["executions", "start", "uninstall", "-d", "trial", "--no-wait", "--queue"]);
    assert_eq!(started.code, 0, "{}", started.remarks);
}
