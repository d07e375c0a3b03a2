//! Hooks as operators have them: a file that names functions and programs, what these are told, what becomes of their
//! failures, and that a crash forgets none of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nephele_testkit::home::{Home, Manager};
use nephele_testkit::postgres::Database;
use nephele_testkit::python;
use nephele_testkit::rest::{Rest, blueprint, send};
use serde_json::{Value, json};

use crate::users::{Users, package, python_home};

const TELL: &str = include_str!("hooks/tell.py");
const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  app:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle: {create: {implementation: fail.sh, max_retries: 0}}
";
const PAGE: &str = "#!/bin/sh\nset -e\necho \"$0 $1 $to $hook_context\" >> paged\n";
const RING: &str = "
def ring(context, file):
    with open(file, 'a') as opened:
        opened.write('@VERSION@ %s\\n' % context['workflow_id'])
";

/// A manager with hooks, and a blueprint `app` whose installation fails.
struct Scene {
    home: Home,
    manager: Manager,
    rest: Rest,
}

impl Scene {
    /// With these hooks from the beginning.
    async fn set(home: Home, hooks: &Value) -> Self {
        let modules = home.folder().join("modules");
        fs::create_dir_all(&modules).unwrap();
        fs::write(modules.join("tell.py"), TELL).unwrap();
        let home = home.with_variable("PYTHONPATH", modules);
        fs::create_dir_all(home.data_dir()).unwrap();
        write_hooks(&home, hooks);
        let manager = home.start();
        let rest = Rest::new(&home, &manager);
        let app = home.folder().join("app");
        blueprint(&app, BLUEPRINT, &[("fail.sh", "#!/bin/sh\nexit 7\n")]);
        rest.upload_folder("app", &app).await;
        Self { home, manager, rest }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.folder().join(name)
    }

    /// The status of the answer to whoever shows this token.
    async fn shows(&self, token: &str) -> u16 {
        let url = format!("{}/api/v3.1/blueprints", self.manager.http);
        let request = reqwest::Client::new().get(url).header("tenant", "default_tenant");
        send(request.header("authentication-token", token)).await.status
    }

    /// The messages that the log of an execution has at this level.
    async fn logged(&self, execution: &str, level: &str) -> Vec<String> {
        let events = self.rest.events(execution).await;
        let of_level = events.iter().filter(|event| event["level"] == level);
        of_level.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until a hook's failure is in the log of an execution, and gives the line.
    async fn failure(&self, execution: &str) -> String {
        for _ in 0..600 {
            let found = self.logged(execution, "error").await.into_iter().find(|line| line.starts_with("The hook"));
            if let Some(found) = found {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no hook of {execution} has failed");
    }
}

fn write_hooks(home: &Home, hooks: &Value) {
    fs::write(home.data_dir().join("hooks.conf"), json!({"hooks": hooks}).to_string()).unwrap();
}

/// Waits until a file has so many lines, and gives them.
async fn lines(file: &Path, count: usize) -> Vec<String> {
    for _ in 0..1200 {
        let lines: Vec<String> = fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect();
        if lines.len() >= count {
            return lines;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} has not got {count} lines", file.display());
}

async fn events_are_told(home: Home) {
    let (told, paged) = (home.folder().join("told"), home.data_dir().join("paged"));
    let tell = json!({
        "event_type": "workflow_started", "implementation": "tell.note", "description": "for the log book",
        "inputs": {"file": told, "word": "hi"},
    });
    let scene = Scene::set(home, &json!([tell])).await;
    scene.rest.create_deployment("d", "app", json!({})).await.expect(201);
    let mut lines_told: Vec<Value> =
        lines(&told, 2).await.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Those of different executions may come in any order.
    lines_told.sort_by_key(|line| line["context"]["deployment_id"].is_string());
    let (of_upload, of_creation) = (&lines_told[0]["context"], &lines_told[1]["context"]);
    assert_eq!((&of_upload["workflow_id"], &of_upload["deployment_id"]), (&json!("upload_blueprint"), &Value::Null));
    let creation =
        &scene.rest.get("/executions?workflow_id=create_deployment_environment").await.expect(200)["items"][0];
    let mut context = of_creation.clone();
    let token = context["rest_token"].take();
    assert!(token.as_str().unwrap().starts_with("ctok-"), "{token}");
    assert!(context["timestamp"].take().as_str().unwrap().ends_with('Z'));
    assert_eq!(context["execution_parameters"].take(), creation["parameters"]);
    assert_eq!(
        context,
        json!({
            "message_type": "hook", "event_type": "workflow_started", "timestamp": null, "arguments": null,
            "execution_id": creation["id"], "workflow_id": "create_deployment_environment", "deployment_id": "d",
            "blueprint_id": "app", "tenant_name": "default_tenant", "is_system_workflow": false,
            "execution_parameters": null, "rest_token": null,
        })
    );
    assert_eq!(
        (&lines_told[1]["inputs"], &lines_told[1]["created_by"], &lines_told[1]["type"]),
        (&json!({"word": "hi"}), &json!("admin"), &json!("hook"))
    );
    let creation = creation["id"].as_str().unwrap();
    assert!(scene.logged(creation, "info").await.contains(&"heard of workflow_started".to_owned()));

    // The file is looked at anew; programs run in its folder.
    let page = scene.home.data_dir().join("page it.sh");
    fs::write(&page, PAGE).unwrap();
    fs::set_permissions(&page, fs::Permissions::from_mode(0o755)).unwrap();
    let page = json!({
        "event_type": "workflow_failed", "implementation": "./page it.sh",
        "inputs": {"to": ["ops", "dev"], "process": {"args": ["now"]}},
    });
    let refuse = json!({"event_type": "workflow_started", "implementation": "tell.refuse", "inputs": null});
    write_hooks(&scene.home, &json!([page, refuse]));
    let install = scene.rest.start("d", "install", json!({})).await;
    let ended = scene.rest.ended(&install).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    let line = lines(&paged, 1).await.remove(0);
    let (before, context) = line.split_once('{').unwrap();
    assert!(before.ends_with("/page it.sh now [\"ops\", \"dev\"] "), "{line}");
    let context: Value = serde_json::from_str(&format!("{{{context}")).unwrap();
    assert_eq!((&context["event_type"], &context["execution_id"]), (&json!("workflow_failed"), &json!(install)));
    let failure = scene.failure(&install).await;
    assert_eq!(failure, "The hook `tell.refuse` for workflow_started failed: no line is free");
    assert_eq!(fs::read_to_string(&told).unwrap().lines().count(), 2, "the hook of before is gone");
    scene.rest.wait_for("/tokens", |tokens| tokens["items"] == json!([])).await;
    assert!(scene.manager.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_hear_of_events_on_sqlite() {
    events_are_told(python_home()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_hear_of_events_on_postgresql() {
    let database = Database::empty();
    events_are_told(python_home().with_database(database.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_cannot_be_run_or_takes_too_long_says_so_and_holds_up_nothing() {
    let scene = Scene::set(python_home(), &json!([])).await;
    scene.rest.create_deployment("d", "app", json!({})).await.expect(201);
    for (hook, problem) in [
        (json!({"implementation": "tell.sleep", "timeout": 1}), "Process killed due to timeout of 1 seconds"),
        (json!({"implementation": "/nowhere/at/all.sh"}), "exit_code: 127"),
        (json!({"implementation": "nowhere.at.all"}), "No module named 'nowhere'"),
        (json!({"implementation": "tell.shout"}), "shout"),
        (json!({"implementation": "tell.note", "inputs": {"wrong": 1}}), "missing 1 required positional argument"),
    ] {
        let mut hook = hook;
        hook["event_type"] = json!("workflow_failed");
        write_hooks(&scene.home, &json!([hook]));
        let execution = scene.rest.start("d", "install", json!({})).await;
        assert_eq!(scene.rest.ended(&execution).await["status"], "failed");
        let failure = scene.failure(&execution).await;
        assert!(failure.contains(problem), "{failure}");
        assert!(scene.home.log().contains("a hook failed"));
    }
    fs::write(scene.home.data_dir().join("hooks.conf"), "hooks: [").unwrap();
    let execution = scene.rest.start("d", "install", json!({})).await;
    assert_eq!(scene.rest.ended(&execution).await["status"], "failed");
    assert!(scene.home.log().contains("hooks.conf is not as it should be"), "{}", scene.home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_plugin_of_the_name_is_taken() {
    let home = python_home();
    let (users, rung) = (Users::arrive(&home), home.folder().join("rung"));
    for version in ["1.9", "1.10"] {
        let source = home.folder().join(format!("bell-{version}"));
        let source = package(&source, "bell", version, "bell", &RING.replace("@VERSION@", version), "");
        let wagon = python::wagon(&source, &home.folder().join(format!("wagon-{version}")));
        let plugin = format!(
            "plugins: {{bell: {{executor: central_deployment_agent, package_name: bell, package_version: '{version}'}}}}\n"
        );
        users.upload_described(&wagon, &plugin);
    }
    let ring =
        json!({"event_type": "workflow_succeeded", "implementation": "bell.bell.tasks.ring", "inputs": {"file": rung}});
    write_hooks(&home, &json!([ring]));
    let app = home.folder().join("app");
    blueprint(&app, BLUEPRINT, &[("fail.sh", "#!/bin/sh\n")]);
    users.rest.upload_folder("app", &app).await;
    assert_eq!(lines(&rung, 1).await, ["1.10 upload_blueprint"]);
}

async fn a_crash_forgets_nothing(home: Home) {
    let (file, gate) = (home.folder().join("trace"), home.folder().join("gate"));
    fs::write(&gate, "").unwrap();
    let hook = |event: &str| {
        let inputs = json!({"file": file, "gate": gate});
        json!({"event_type": event, "implementation": "tell.pause", "inputs": inputs})
    };
    let mut scene = Scene::set(home, &json!([hook("workflow_started"), hook("workflow_succeeded")])).await;
    assert_eq!(lines(&file, 1).await, ["\"begun\""], "the second hook of the upload waits for the first");
    let token: String = serde_json::from_str(&lines(&file.with_extension("tokens"), 1).await[0]).unwrap();
    assert_eq!(scene.shows(&token).await, 200);
    scene.manager.kill();
    fs::remove_file(&gate).unwrap();
    // What was noted is run, whatever the file says by now.
    write_hooks(&scene.home, &json!([]));
    scene.manager = scene.home.start();
    assert_eq!(scene.shows(&token).await, 401, "the token of a hook ends with the process that it was made for");
    let trace = lines(&file, 5).await;
    assert_eq!(trace[1..], ["\"begun\"", "\"workflow_started\"", "\"begun\"", "\"workflow_succeeded\""]);
    assert!(scene.manager.stop().success());
    scene.manager = scene.home.start();
    scene.rest = Rest::new(&scene.home, &scene.manager);
    scene.rest.create_deployment("d", "app", json!({})).await.expect(201);
    assert_eq!(fs::read_to_string(scene.path("trace")).unwrap().lines().count(), 5, "what has run is forgotten");
    assert_eq!(scene.rest.get("/tokens").await.expect(200)["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_forgets_no_hook_on_sqlite() {
    a_crash_forgets_nothing(python_home()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_forgets_no_hook_on_postgresql() {
    let database = Database::empty();
    a_crash_forgets_nothing(python_home().with_database(database.url())).await;
}
