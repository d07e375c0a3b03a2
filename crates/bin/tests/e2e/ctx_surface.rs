//! All of `ctx` in an operation of a plugin: in a fork of a warm interpreter, and once more by hand as the original starts
//! it, with the same input. What it sees and which requests that takes is the same, and as recorded of the original.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nephele_testkit::python;
use nephele_testkit::rest::blueprint;
use serde_json::{Value, json};

use crate::users::{Users, package, python_home};

const TASKS: &str = include_str!("ctx_surface/tasks.py");
const BLUEPRINT: &str = include_str!("ctx_surface/blueprint.yaml");
const YAML: &str =
    "plugins: {surface: {executor: central_deployment_agent, package_name: surface-plugin, package_version: '1.0'}}";

/// The requests of an operation that logs, reads a property, changes runtime properties and stores them, changes them
/// again, sends an event, reads a secret, reads a file of the blueprint and downloads it: method, path with `*` for ids,
/// and the fields of the body (spec workflows.md section 10.5).
const RECORDED: [(&str, &str, &[&str]); 15] = [
    ("POST", "/api/v3.1/events", EVENTS),
    ("GET", "/api/v3.1/nodes?deployment_id=d&id=subject&_evaluate_functions=True&_instance_context=*", &[]),
    ("GET", "/api/v3.1/node-instances/*?_evaluate_functions=True", &[]),
    ("PATCH", "/api/v3.1/node-instances/*", CHANGE),
    ("GET", "/api/v3.1/node-instances/*?_evaluate_functions=True", &[]),
    ("POST", "/api/v3.1/events", EVENTS),
    ("GET", "/api/v3.1/secrets/key", &[]),
    ("GET", "/resources/deployments/default_tenant/d/files/a.txt", &[]),
    ("GET", "/api/v3.1/blueprints/app", &[]),
    ("GET", "/resources/blueprints/default_tenant/app/files/a.txt", &[]),
    ("GET", "/resources/deployments/default_tenant/d/files/a.txt", &[]),
    ("GET", "/api/v3.1/blueprints/app", &[]),
    ("GET", "/resources/blueprints/default_tenant/app/files/a.txt", &[]),
    ("POST", "/api/v3.1/events", EVENTS),
    ("PATCH", "/api/v3.1/node-instances/*", CHANGE),
];
const EVENTS: &[&str] = &["agent_name", "events", "execution_id", "logs", "manager_name"];
const CHANGE: &[&str] = &["runtime_properties", "state", "version"];

/// What the original puts into the context of an operation that runs beside the manager (section 1.5).
const CONTEXT: [&str; 35] = [
    "__cloudify_context",
    "blueprint_id",
    "bypass_maintenance",
    "deployment_creator",
    "deployment_display_name",
    "deployment_id",
    "deployment_resource_tags",
    "execution_creator_username",
    "execution_env",
    "execution_id",
    "execution_token",
    "executor",
    "has_intrinsic_functions",
    "host_id",
    "local",
    "node_id",
    "node_name",
    "operation",
    "plugin",
    "rest_host",
    "rest_port",
    "rest_token",
    "task_id",
    "task_name",
    "task_queue",
    "task_target",
    "tenant",
    "timeout",
    "timeout_recoverable",
    "type",
    "workflow_id",
    "workflow_parameters",
    "related",
    "resume",
    "update_execution_status",
];

fn read(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))).unwrap()
}

/// Runs an operation again as the original starts it, in the environment that it had. What it returned is in the answer.
fn by_hand(traces: &Path, name: &str, work: &Path) -> Value {
    let left = traces.join(name);
    let folder = traces.join(format!("task-{name}"));
    fs::create_dir_all(&folder).unwrap();
    fs::copy(left.join("input.json"), folder.join("input.json")).unwrap();
    let environment = read(&left.join("environment.json"));
    let variables = environment.as_object().unwrap().iter().map(|(name, value)| (name, value.as_str().unwrap()));
    let bin = environment["PATH"].as_str().unwrap().split(':').next().unwrap();
    let mut command = Command::new(PathBuf::from(bin).join("python"));
    command.args(["-u", "-m", "cloudify.dispatch"]).arg(&folder).env_clear().envs(variables).env("BY_HAND", "-by-hand");
    let ran = command.current_dir(work).output().unwrap();
    assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
    read(&folder.join("output.json"))
}

/// A call without what differs from run to run: times, versions, the state of the moment, and folders.
fn steady(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| match (name.as_str(), value) {
                ("timestamp" | "version" | "state", value) if !value.is_null() => (name.clone(), json!("*")),
                ("text", Value::String(text)) if text.starts_with("Downloaded ") => {
                    (name.clone(), json!(text.split(" to ").next()))
                }
                _ => (name.clone(), steady(value)),
            })
            .collect(),
        Value::Array(items) => items.iter().map(steady).collect(),
        other => other.clone(),
    }
}

/// What was asked; of the answers only their fields.
fn asked(call: &Value) -> Value {
    let mut call = steady(call);
    let answer = call["answer"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    let mut names = BTreeSet::new();
    fields(&answer, "", &mut names);
    call["answer"] = json!(names);
    call
}

fn fields(value: &Value, above: &str, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let is_of_the_moment = name == "system_properties";
                let name = format!("{above}.{name}");
                if !is_of_the_moment {
                    fields(value, &name, names);
                }
                names.insert(name);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, above, names)),
        _ => {}
    }
}

/// The answers to requests whose path begins like this.
fn answers(calls: &[Value], path: &str) -> Vec<Value> {
    let to = calls.iter().filter(|call| call["path"].as_str().unwrap().starts_with(path) && call["status"] == 200);
    let found: Vec<Value> = to.map(|call| serde_json::from_str(call["answer"].as_str().unwrap()).unwrap()).collect();
    assert!(!found.is_empty(), "no answer from {path}");
    found
}

fn has_all(value: &Value, names: &str) {
    for name in names.split(' ') {
        assert!(value.get(name).is_some(), "`{name}` is missing in {value:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_see_the_same_in_a_warm_interpreter_and_by_hand() {
    let home = python_home();
    let users = Users::arrive(&home);
    users.rest.put("/secrets/key", &json!({"value": "hidden"})).await.expect(200);
    let source = package(&users.folder.join("surface"), "surface-plugin", "1.0", "surface", TASKS, "");
    users.upload_described(&python::wagon(&source, &users.folder.join("wagon")), YAML);
    let (app, traces) = (users.folder.join("app"), users.folder.join("traces"));
    fs::create_dir_all(&traces).unwrap();
    blueprint(
        &app,
        BLUEPRINT,
        &[("files/a.txt", "plain"), ("files/b.txt", "{{ word }} {{ ctx.node.id }}"), ("more/only.txt", "")],
    );
    users.rest.upload_folder("app", &app).await;
    users.rest.create_deployment("d", "app", json!({"folder": traces})).await.expect(201);
    let execution = users.rest.start("d", "install", json!({})).await;
    for _ in 0..1200 {
        let ended = users.rest.get(&format!("/executions/{execution}")).await.expect(200)["status"] == "failed";
        if ended || traces.join("waiting").exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let error = &users.rest.get(&format!("/executions/{execution}")).await.body["error"];
    assert!(traces.join("waiting").exists(), "{error:#?}");

    let work = home.data_dir().join("worker/work");
    for name in ["surface", "recorded", "link"] {
        let output = by_hand(&traces, name, &work);
        let [warm, hand] = ["", "-by-hand"].map(|how| read(&traces.join(format!("{name}{how}/calls.json"))));
        assert_eq!(warm["result"], hand["result"], "{name}");
        assert_eq!(output, json!({"type": "result", "payload": warm["result"]}), "{name}");
        let [warm, hand] = [warm, hand].map(|told| told["calls"].as_array().unwrap().iter().map(asked).collect());
        let (warm, hand): (Vec<Value>, Vec<Value>) = (warm, hand);
        for (warm, hand) in warm.iter().zip(&hand) {
            assert_eq!(warm, hand, "{name}");
        }
        assert_eq!(warm.len(), hand.len(), "{name}");
    }
    fs::write(traces.join("go"), "").unwrap();
    assert_eq!(users.rest.ended(&execution).await["status"], "terminated");

    as_recorded(&traces);
    as_written(&read(&traces.join("surface/calls.json"))["result"], &home.data_dir());
    let context = &read(&traces.join("surface/input.json"))["cloudify_context"];
    for name in &CONTEXT[..32] {
        assert!(context.get(name).is_some(), "`{name}` is missing in {context:#}");
    }
    let unknown: Vec<&String> =
        context.as_object().unwrap().keys().filter(|name| !CONTEXT.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert_eq!(read(&traces.join("link/input.json"))["cloudify_context"]["related"]["is_target"], json!(true));
}

/// The requests are those of the original, with its headers, and answers have what its client reads (section 11.6).
fn as_recorded(traces: &Path) {
    let told = read(&traces.join("recorded/calls.json"));
    let calls = told["calls"].as_array().unwrap();
    let instance =
        read(&traces.join("recorded/input.json"))["cloudify_context"]["node_id"].as_str().unwrap().to_owned();
    let ours: Vec<(String, String, Vec<String>)> = calls
        .iter()
        .map(|call| {
            let mut names: Vec<String> =
                call["body"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
            names.sort_unstable();
            let text = |name: &str| call[name].as_str().unwrap().replace(&instance, "*");
            (text("method"), text("path"), names)
        })
        .collect();
    let theirs = RECORDED.map(|(method, path, names)| {
        (method.to_owned(), path.to_owned(), names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    });
    assert_eq!(ours, theirs);
    for call in calls {
        let names: Vec<&String> = call["headers"].as_object().unwrap().keys().collect();
        let is_file = call["path"].as_str().unwrap().starts_with("/resources/");
        assert_eq!(names.len(), if is_file { 1 } else { 2 }, "{call:#}");
        assert!(call["headers"]["Execution-Token"].is_string(), "{call:#}");
    }
    let found = answers(calls, "/api/v3.1/node-instances/");
    has_all(
        &found[0],
        "id node_id deployment_id host_id version state runtime_properties system_properties relationships index \
         scaling_groups",
    );
    has_all(&found[0]["relationships"][0], "target_id target_name type");
    let found = answers(calls, "/api/v3.1/nodes?");
    assert_eq!(found[0]["items"].as_array().unwrap().len(), 1);
    let node = &found[0]["items"][0];
    has_all(
        node,
        "id deployment_id type type_hierarchy properties number_of_instances planned_number_of_instances operations \
         plugins plugins_to_install host_id relationships",
    );
    has_all(
        &node["operations"]["cloudify.interfaces.lifecycle.create"],
        "operation plugin has_intrinsic_functions inputs executor max_retries retry_interval timeout timeout_recoverable",
    );
    has_all(&node["relationships"][0], "target_id type type_hierarchy properties source_operations target_operations");
    has_all(&answers(calls, "/api/v3.1/blueprints/")[0], "id visibility tenant_name plan");
    has_all(&answers(calls, "/api/v3.1/secrets/")[0], "key value");
}

/// What the operation saw is what the blueprint and the manager say.
fn as_written(seen: &Value, data: &Path) {
    let place = data.canonicalize().unwrap().join("worker");
    let prefix = place.join("plugins/default_tenant/surface-plugin/1.0");
    let workdir = place.join("work/deployments/default_tenant/d/plugins/surface");
    for (path, wanted) in [
        ("/evaluated", json!("hidden")),
        ("/context/workflow_id", json!("install")),
        ("/context/task_name", json!("surface.tasks.surface")),
        ("/context/type", json!("node-instance")),
        ("/context/timeout", json!(600)),
        ("/context/tenant_name", json!("default_tenant")),
        ("/context/execution_creator_username", json!("admin")),
        ("/context/workflow_parameters", json!({"type_names": [], "node_ids": [], "node_instance_ids": []})),
        ("/deployment/id", json!("d")),
        ("/deployment/creator", json!("admin")),
        ("/blueprint", json!("app")),
        ("/operation/name", json!("cloudify.interfaces.lifecycle.create")),
        ("/operation/retry_number", json!(0)),
        ("/plugin/package_version", json!("1.0")),
        ("/plugin/properties/region/value", json!("hidden")),
        ("/plugin/prefix", json!(prefix)),
        ("/plugin/workdir", json!(workdir)),
        ("/node/type_hierarchy", json!(["cloudify.nodes.Root", "surface.Node"])),
        ("/properties/text", json!("hidden")),
        ("/instance/host_ip", json!("10.0.0.7")),
        ("/instance/index", json!(1)),
        ("/before", json!({})),
        ("/relationships/1/0", json!("surface.link")),
        ("/relationships/1/2", json!("other")),
        ("/managers", json!(1)),
        ("/after", json!({"plain": {"deep": [1, 2.5, null, true, "ö"]}, "later": "merged"})),
        ("/secret", json!("hidden")),
        ("/resource", json!("plain")),
        ("/rendered", json!("hello subject")),
        ("/downloaded", json!("plain")),
        ("/written", json!("bye subject")),
        ("/directory", json!(["only.txt"])),
        ("/missing", json!(["HttpException", 404])),
        ("/uploaded", json!("kept")),
        ("/note", json!(["note"])),
    ] {
        assert_eq!(seen.pointer(path), Some(&wanted), "{path}");
    }
}
