//! Operations that fail: the run says which one, why and with which output; nothing is left running.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nephele_testkit::rest::{Rest, blueprint};
use serde_json::{Value, json};

use crate::home;

struct Failed {
    execution: Value,
    events: Vec<Value>,
    instance: Value,
}

impl Failed {
    fn messages(&self) -> Vec<&str> {
        self.events.iter().filter_map(|event| event["message"].as_str()).collect()
    }

    #[track_caller]
    fn says(&self, part: &str) {
        let messages = self.messages();
        assert!(messages.iter().any(|message| message.contains(part)), "`{part}` is in none of {messages:#?}");
    }
}

/// Installs one node whose create operation is this script, and expects the run to fail.
async fn fail(script: &str, operation: &str, look: impl AsyncFnOnce(&Path)) -> Failed {
    let home = home();
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    let text = format!(
        "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\ninputs: {{folder: {{type: \
         string}}}}\nnode_templates:\n  web:\n    type: cloudify.nodes.Root\n    interfaces:\n      \
         cloudify.interfaces.lifecycle:\n        create:\n          implementation: create.sh\n          inputs: \
         {{folder: {{get_input: folder}}}}\n          max_retries: 0\n{operation}"
    );
    let folder = home.folder().join("failing");
    blueprint(&folder, &text, &[("create.sh", script)]);
    rest.upload_folder("failing", &folder).await;
    rest.create_deployment("failing", "failing", json!({"folder": home.folder()})).await.expect(201);
    let id = rest.start("failing", "install", json!({})).await;
    let execution = rest.ended(&id).await;
    assert_eq!(execution["status"], "failed", "{execution:#}");
    let instances = rest.get("/node-instances?deployment_id=failing").await.expect(200);
    look(home.folder()).await;
    let deployment = rest.get("/deployments/failing").await.expect(200);
    assert_eq!(deployment["deployment_status"], "requires_attention");
    Failed { execution, events: rest.events(&id).await, instance: instances["items"][0].clone() }
}

async fn nothing(_: &Path) {}

#[tokio::test]
async fn exit_code_and_output_are_told() {
    let script = "#!/bin/sh\necho working on it\necho the disk is on fire >&2\nexit 7\n";
    let failed = fail(script, "", nothing).await;
    let error = failed.execution["error"].as_str().unwrap();
    assert!(error.contains("cloudify.interfaces.lifecycle.create") || error.contains("web"), "{error}");
    failed.says("working on it");
    failed.says("the disk is on fire");
    let task =
        failed.events.iter().find(|event| event["event_type"] == "task_failed").expect("an event of the failure");
    let message = task["message"].as_str().unwrap();
    assert!(message.contains('7') && message.contains("the disk is on fire"), "{message}");
    assert_eq!(task["node_instance_id"], failed.instance["id"]);
    assert_eq!(failed.instance["state"], "creating");
    assert!(failed.messages().iter().any(|message| message.contains("'install' workflow execution failed")));
}

#[tokio::test]
async fn an_aborting_script_gives_its_reason() {
    let failed = fail("#!/bin/sh\nctx abort-operation 'no licence for this'\n", "", nothing).await;
    failed.says("no licence for this");
}

#[tokio::test]
async fn a_script_past_its_time_is_killed_with_its_children() {
    let script = "#!/bin/sh\nsleep 300 &\necho $! > \"$folder/child\"\necho $$ > \"$folder/script\"\nwait\n";
    let gone = async |folder: &Path| {
        for name in ["script", "child"] {
            let pid = fs::read_to_string(folder.join(name)).unwrap();
            let path = format!("/proc/{}/stat", pid.trim());
            let runs = || fs::read_to_string(&path).is_ok_and(|state| !state.contains(") Z "));
            for _ in 0..40 {
                if !runs() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert!(!runs(), "the {name} outlived its operation");
        }
    };
    let failed = fail(script, "          timeout: 1\n          timeout_recoverable: false\n", gone).await;
    let failure = failed.events.iter().find(|event| event["event_type"] == "task_failed");
    let message = failure.expect("an event of the failure")["message"].as_str().unwrap().to_lowercase();
    assert!(message.contains("time"), "{message}");
}

#[tokio::test]
async fn a_script_that_cannot_be_run_says_so() {
    let failed = fail("#!/no/such/interpreter\n", "", nothing).await;
    failed.says("create.sh");
}
