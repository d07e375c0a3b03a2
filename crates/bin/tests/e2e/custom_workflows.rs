//! Workflows written in Python, as users have them: in a wagon that the real `wagon` built and the real `cfy`
//! uploaded, and as a script of a blueprint; started, stopped, killed and resumed by `cfy`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nephele_testkit::cfy::Cfy;
use nephele_testkit::home::{Home, Manager};
use nephele_testkit::postgres::Database;
use nephele_testkit::python;
use nephele_testkit::rest::{Rest, blueprint};
use serde_json::{Value, json};

use crate::home;

const FLOWS: &str = include_str!("custom_workflows/flows.py");
const PLUGIN: &str = include_str!("custom_workflows/plugin.yaml");
const BLUEPRINT: &str = include_str!("custom_workflows/blueprint.yaml");
const OWN: &str = include_str!("custom_workflows/own.py");
const SETUP: &str = "from setuptools import setup\nsetup(name='flows-plugin', version='1.0', packages=['flows'])\n";

/// A manager with the plugin, and a deployment `d` of a blueprint that uses it.
struct Scene {
    home: Home,
    manager: Manager,
    rest: Rest,
    cfy: Cfy,
    /// Where operations and workflows leave their traces.
    traces: PathBuf,
}

impl Scene {
    async fn set(home: Home) -> Self {
        let home = home.with_python(python::program());
        let manager = home.start();
        let (rest, cfy) = (Rest::new(&home, &manager), Cfy::new(&home.folder().join("cfy")));
        let folder = home.folder().to_owned();
        let traces = folder.join("traces");
        fs::create_dir_all(&traces).unwrap();
        let source = folder.join("source");
        fs::create_dir_all(source.join("flows")).unwrap();
        for (file, text) in [("setup.py", SETUP), ("flows/__init__.py", ""), ("flows/flows.py", FLOWS)] {
            fs::write(source.join(file), text).unwrap();
        }
        let (wagon, yaml) = (python::wagon(&source, &folder.join("wagon")), folder.join("plugin.yaml"));
        fs::write(&yaml, PLUGIN).unwrap();
        let scene = Self { home, manager, rest, cfy, traces };
        scene.introduce();
        scene.cfy.ok(&["plugins", "upload", wagon.to_str().unwrap(), "-y", yaml.to_str().unwrap()]);
        let app = folder.join("app");
        blueprint(&app, BLUEPRINT, &[("scripts/own.py", OWN)]);
        scene.rest.upload_folder("d", &app).await;
        scene.rest.create_deployment("d", "d", json!({})).await.expect(201);
        scene
    }

    /// Tells `cfy` where the manager is.
    fn introduce(&self) {
        let (password, ca) = (self.home.password(), self.home.ca());
        let to = ["profiles", "use", "127.0.0.1", "-u", "admin", "-t", "default_tenant", "--ssl", "-p", &password];
        self.cfy.ok(&[&to[..], &["--rest-port", self.manager.https_port(), "-c", ca.to_str().unwrap()]].concat());
    }

    /// `kill -9`, and another start.
    fn crash(mut self, meanwhile: impl FnOnce(&Path)) -> Self {
        self.manager.kill();
        meanwhile(&self.traces);
        self.manager = self.home.start();
        self.rest = Rest::new(&self.home, &self.manager);
        // Its profile names ports that are not there any more.
        self.cfy = Cfy::new(&self.home.folder().join(format!("cfy-{}", self.manager.https_port())));
        self.introduce();
        self
    }

    /// Starts a workflow by `cfy`, which waits for its end, and gives what that said.
    fn cfy_runs(&self, workflow: &str, parameters: &Value, ends_well: bool) -> String {
        let parameters = parameters.to_string();
        let arguments = ["executions", "start", workflow, "-d", "d", "-p", &parameters];
        if ends_well { self.cfy.ok(&arguments) } else { self.cfy.fails(&arguments) }
    }

    fn traces(&self, name: &str) -> Vec<String> {
        fs::read_to_string(self.traces.join(name)).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Waits until a trace has so many lines.
    async fn wait_for(&self, name: &str, lines: usize) {
        for _ in 0..600 {
            if self.traces(name).len() >= lines {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} has not got {lines} lines; the log says\n{}", self.home.log());
    }

    async fn latest(&self) -> Value {
        let list = self.rest.get("/executions?deployment_id=d&_sort=-created_at").await.expect(200);
        list["items"][0].clone()
    }

    async fn instances(&self) -> Vec<Value> {
        let list = self.rest.get("/node-instances?deployment_id=d").await.expect(200);
        list["items"].as_array().unwrap().clone()
    }
}

fn messages(events: &[Value], kind: &str) -> Vec<String> {
    let of_kind = events.iter().filter(|event| event["event_type"] == kind);
    of_kind.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

/// A graph, operations one after the other, a script of the blueprint, and failures.
async fn everything(home: Home) {
    let scene = Scene::set(home).await;
    let folder = json!(scene.traces);
    let said = scene.cfy_runs("everywhere", &json!({"word": "mumble", "folder": folder}), true);
    assert!(said.contains("'everywhere' workflow execution succeeded"), "{said}");
    for instance in scene.instances().await {
        assert_eq!(
            (&instance["state"], &instance["runtime_properties"]["word"]),
            (&json!("greeted"), &json!("mumble"))
        );
    }
    let execution = scene.latest().await;
    assert_eq!((&execution["status"], &execution["error"]), (&json!("terminated"), &json!("")));
    assert_eq!(execution["total_operations"], execution["finished_operations"], "{execution:#}");
    let events = scene.rest.events(execution["id"].as_str().unwrap()).await;
    assert_eq!(messages(&events, "workflow_started"), ["Starting 'everywhere' workflow execution"]);
    assert_eq!(messages(&events, "workflow_node_event"), ["Greeting begins"; 3]);
    assert_eq!(messages(&events, "task_succeeded").len(), 3, "{events:#?}");
    let retries = messages(&events, "task_failed");
    assert!(retries.len() == 6 && retries.iter().all(|text| text.contains("louder [retry_after=0.1]")), "{retries:#?}");

    let said = scene.cfy_runs("converse", &json!({"folder": folder, "times": 2}), true);
    assert!(said.contains("heard 6") && said.contains("heard: hello, first_"), "{said}");
    let told: Value = serde_json::from_str(&scene.traces("said")[0]).unwrap();
    let operations: Vec<&str> = told["operations"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(operations.contains(&"greetings.greet") && operations.contains(&"cloudify.interfaces.lifecycle.create"));
    for (name, value) in
        [("deployment", "d"), ("tenant", "default_tenant"), ("creator", "admin"), ("type", "flows.Node")]
    {
        assert_eq!(told[name], value, "{told:#}");
    }

    scene.cfy_runs("own", &json!({"folder": folder}), true);
    assert_eq!(scene.traces("own"), ["d a,b 3"]);

    for (how, errors) in [
        ("raise", ["nothing to be done", "NonRecoverableError"]),
        ("operation", ["I would rather not", "in fail\n"]),
        ("die", ["ended with exit code 3 before it said what became of the workflow", "\nlast words"]),
    ] {
        let said = scene.cfy_runs("fail", &json!({"how": how}), false);
        let execution = scene.latest().await;
        let stored = execution["error"].as_str().unwrap();
        assert_eq!(execution["status"], "failed", "{said}");
        assert!(errors.iter().all(|error| stored.contains(error)), "{how}: {stored}\n{said}");
    }
    let said = scene.cfy.ok(&["executions", "start", "everywhere", "-d", "d", "--dry-run"]);
    assert!(said.contains("'everywhere' workflow execution succeeded (dry run)"), "{said}");
    let left = fs::read_dir(scene.home.data_dir().join("worker/running")).unwrap().count();
    assert_eq!(left, 0, "folders of workflows that have ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_and_blueprints_bring_workflows() {
    everything(home()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_and_blueprints_bring_workflows_on_postgresql() {
    let database = Database::empty();
    everything(home().with_database(database.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workflows_are_cancelled_and_killed() {
    let scene = Scene::set(home()).await;
    for (flag, patient) in [("", false), ("-f", true), ("-k", true)] {
        let before = scene.traces("waiting").len();
        let parameters = json!({"folder": scene.traces, "patient": patient});
        let id = scene.rest.start("d", "wait", parameters).await;
        scene.wait_for("waiting", before + 1).await;
        let process = PathBuf::from("/proc").join(scene.traces("waiting").last().unwrap());
        assert!(process.exists());
        let words = ["executions", "cancel", &id, flag];
        scene.cfy.ok(words.strip_suffix(&[""]).unwrap_or(&words));
        let ended = scene.rest.ended(&id).await;
        assert_eq!(ended["status"], "cancelled", "{flag} {ended:#}");
        gone(&process).await;
        let events = scene.rest.events(&id).await;
        assert_eq!(messages(&events, "workflow_cancelled"), ["'wait' workflow execution cancelled"], "{flag}");
        assert_eq!(scene.traces("stopped").len(), 1, "only the one that listens stops in order");
    }

    // It says that it has ended well, and has been asked to stop before.
    let before = scene.traces("waiting").len();
    let id = scene.rest.start("d", "heedless", json!({"folder": scene.traces})).await;
    scene.wait_for("waiting", before + 1).await;
    scene.cfy.ok(&["executions", "cancel", &id]);
    let ended = scene.rest.ended(&id).await;
    assert_eq!((&ended["status"], &ended["error"]), (&json!("cancelled"), &json!("")), "{ended:#}");
    assert!(!scene.home.log().contains("cannot go on"), "{}", scene.home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn workflows_go_on_after_a_crash() {
    let scene = Scene::set(home()).await;
    fs::write(scene.traces.join("gate-second"), "").unwrap();
    let parameters = json!({"folder": scene.traces});
    let id = scene.rest.start("d", "everywhere", parameters.clone()).await;
    let done = format!("/events?execution_id={id}&event_type=task_succeeded");
    scene.rest.wait_for(&done, |events| events["metadata"]["pagination"]["total"] == 1).await;
    scene.wait_for("begun", 3).await;
    let scene = scene.crash(|traces| fs::remove_file(traces.join("gate-second")).unwrap());
    let ended = scene.rest.ended(&id).await;
    assert_eq!((&ended["status"], &ended["error"]), (&json!("terminated"), &json!("")), "{}", scene.home.log());
    let count = |name: &str, node: &str| scene.traces(name).iter().filter(|id| id.starts_with(node)).count();
    assert_eq!((count("begun", "first"), count("ended", "first")), (1, 1), "what had ended runs again");
    assert_eq!((count("begun", "second"), count("ended", "second")), (4, 2), "what was under way runs again");
    assert!(scene.instances().await.iter().all(|instance| instance["state"] == "greeted"));
    let events = scene.rest.events(&id).await;
    let begins = ["Starting 'everywhere' workflow execution", "Resuming 'everywhere' workflow execution"];
    assert_eq!(messages(&events, "workflow_started"), begins);

    // One that cannot go on says so.
    let id = scene.rest.start("d", "wait", parameters.clone()).await;
    scene.wait_for("waiting", 1).await;
    let scene = scene.crash(|_| {});
    let ended = scene.rest.ended(&id).await;
    let error = ended["error"].as_str().unwrap();
    assert!(ended["status"] == "failed" && error.contains("Cannot resume - workflow not resumable"), "{ended:#}");

    // One that failed goes on when it is told to.
    fs::write(scene.traces.join("closed"), "").unwrap();
    scene.cfy_runs("everywhere", &parameters, false);
    let id = scene.latest().await["id"].as_str().unwrap().to_owned();
    fs::remove_file(scene.traces.join("closed")).unwrap();
    scene.cfy.ok(&["executions", "resume", &id]);
    assert_eq!(scene.rest.ended(&id).await["status"], "terminated");
    assert_eq!(scene.traces("ended").len(), 6);
}

/// Waits until a process is no more.
async fn gone(process: &Path) {
    for _ in 0..400 {
        // One that nobody has asked about yet is a zombie.
        let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
        if stat.is_empty() || stat.contains(") Z ") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} is still there", process.display());
}

/// A request without what differs from run to run: method, and path with `*` in the place of ids.
fn kind(method: &str, path: &str) -> String {
    let path = path.split("/api/v3.1/").last().unwrap().split('?').next().unwrap();
    let is_id = |part: &str| !part.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-".contains(&byte));
    let part = |(at, part)| if at == 1 && is_id(part) { "*" } else { part };
    let parts: Vec<&str> = path.split('/').enumerate().map(part).collect();
    format!("{method} {}", parts.join("/"))
}

/// The names of the fields of a body, also of those in it. What people write is left out.
fn fields(body: &Value, above: &str, all: &mut Vec<String>) {
    match body {
        Value::Object(map) => {
            for (name, value) in map {
                let name = format!("{above}.{name}");
                fields(value, &name, all);
                all.push(name);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| fields(value, above, all)),
        _ => {}
    }
}

/// The requests in their order, each kind once, with the fields of their bodies.
fn kinds(requests: impl Iterator<Item = (String, String, Value)>) -> Vec<(String, Vec<String>)> {
    let mut kinds: Vec<(String, Vec<String>)> = Vec::new();
    for (method, path, body) in requests {
        let kind = kind(&method, &path);
        let mut names = Vec::new();
        fields(&body, "", &mut names);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, known)) => known.extend(names),
            None => kinds.push((kind, names)),
        }
    }
    for (_, names) in &mut kinds {
        names.sort_unstable();
        names.dedup();
    }
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_requests_are_those_of_the_original() {
    let scene = Scene::set(home()).await;

    // The order, as the dispatcher reads it.
    let id = scene.rest.start("d", "wait", json!({"folder": scene.traces})).await;
    scene.wait_for("waiting", 1).await;
    let input = scene.home.data_dir().join("worker/running").join(&id).join("input.json");
    let input: Value = serde_json::from_slice(&fs::read(input).unwrap()).unwrap();
    scene.cfy.ok(&["executions", "cancel", &id]);
    scene.rest.ended(&id).await;
    let recorded: Value = serde_json::from_str(include_str!("custom_workflows/order.json")).unwrap();
    let (ours, theirs) =
        (&input["cloudify_context"], &recorded["body"]["cloudify_task"]["kwargs"]["__cloudify_context"]);
    let shape = |context: &Value| {
        let mut names = Vec::new();
        fields(context, "", &mut names);
        names
    };
    assert_eq!(shape(ours), shape(theirs));
    for name in
        ["type", "task_target", "dry_run", "is_system_workflow", "resume", "wait_after_fail", "bypass_maintenance"]
    {
        assert_eq!(ours[name], theirs[name], "{name}");
    }
    for (ours, theirs) in ours.as_object().unwrap().values().zip(theirs.as_object().unwrap().values()) {
        assert_eq!(std::mem::discriminant(ours), std::mem::discriminant(theirs), "{ours} {theirs}");
    }

    // The requests of a workflow with a graph. Those before its module is imported are not seen; the original
    // was recorded with an agent, a plugin that is not managed, and a graph that is never looked for.
    scene.cfy_runs("everywhere", &json!({"folder": scene.traces}), true);
    let packages = "worker/plugins/default_tenant/flows-plugin/1.0/lib/python3.11/site-packages/flows/calls";
    let calls = fs::read_to_string(scene.home.data_dir().join(packages)).unwrap();
    let calls: Vec<(u32, String, String, Value)> =
        calls.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_graph = calls.iter().find(|(_, _, path, _)| path.contains("tasks_graphs")).unwrap().0;
    let ours =
        kinds(calls.into_iter().filter(|call| call.0 == of_graph).map(|(_, method, path, body)| (method, path, body)));
    let theirs = include_str!("custom_workflows/dispatch-workflow-graph.jsonl").lines().skip(3);
    let theirs = kinds(theirs.map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("method"), text("path"), line["body"].clone())
    }));
    let of_plugins =
        ["GET plugins", "GET deployments", "GET blueprints", "POST evaluate/functions", "GET tasks_graphs"];
    let of_agents = ["GET node-instances", "GET tenants"];
    let cut = |(kind, names): (String, Vec<String>)| {
        if kind.contains("tasks_graphs") { (kind, Vec::new()) } else { (kind, names) }
    };
    let without = |kinds: Vec<(String, Vec<String>)>, left_out: &[&str]| -> Vec<(String, Vec<String>)> {
        kinds.into_iter().filter(|(kind, _)| !left_out.iter().any(|start| kind.starts_with(start))).map(cut).collect()
    };
    assert_eq!(without(ours, &of_plugins), without(theirs, &of_agents));
}
