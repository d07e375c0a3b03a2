//! One deployment of a folder on a manager of its own, and what is seen of it from outside.

use std::path::{Path, PathBuf};

use nephele_testkit::home::{Home, Manager};
use nephele_testkit::rest::Rest;
use serde_json::{Value, json};

pub(crate) struct Deployed {
    pub(crate) rest: Rest,
    manager: Manager,
}

/// The folder of an example.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

impl Deployed {
    /// Starts a manager, with these secrets.
    pub(crate) async fn on(home: &Home, secrets: &[(&str, &str)]) -> Self {
        let manager = home.start();
        let rest = Rest::new(home, &manager);
        for (key, value) in secrets {
            rest.put(&format!("/secrets/{key}"), &json!({"value": value})).await.expect(200);
        }
        Self { rest, manager }
    }

    /// The port of the manager without TLS.
    pub(crate) fn port(&self) -> u16 {
        self.manager.http_port().parse().unwrap()
    }

    /// Uploads a folder and makes a deployment, both with this id.
    pub(crate) async fn deploy(&self, id: &str, folder: &Path, inputs: Value) {
        self.rest.upload_folder(id, folder).await;
        self.rest.create_deployment(id, id, inputs).await.expect(201);
    }

    /// Runs a workflow that ends well, and gives all that was told of it.
    pub(crate) async fn runs(&self, id: &str, workflow: &str, parameters: Value) -> String {
        let (execution, told) = self.ends(id, workflow, parameters).await;
        assert_eq!(execution["status"], "terminated", "{told}");
        told
    }

    /// Runs a workflow that fails, and gives the error and all that was told of it.
    pub(crate) async fn fails(&self, id: &str, workflow: &str) -> (String, String) {
        let (execution, told) = self.ends(id, workflow, json!({})).await;
        assert_eq!(execution["status"], "failed", "{told}");
        (execution["error"].as_str().unwrap().to_owned(), told)
    }

    async fn ends(&self, id: &str, workflow: &str, parameters: Value) -> (Value, String) {
        let execution = self.rest.start(id, workflow, parameters).await;
        let ended = self.rest.ended(&execution).await;
        (ended, self.told(&execution).await)
    }

    /// The messages and errors of an execution.
    pub(crate) async fn told(&self, execution: &str) -> String {
        let line =
            |event: &Value| format!("{} {}", event["message"].as_str().unwrap_or_default(), event["error_causes"]);
        self.rest.events(execution).await.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The runtime properties of a node's only instance.
    pub(crate) async fn properties(&self, id: &str, node: &str) -> Value {
        let path = format!("/node-instances?deployment_id={id}&node_id={node}");
        self.rest.get(&path).await.expect(200)["items"][0]["runtime_properties"].clone()
    }

    pub(crate) async fn outputs(&self, id: &str) -> Value {
        self.rest.get(&format!("/deployments/{id}/outputs")).await.expect(200)["outputs"].clone()
    }

    /// Kills the manager without warning, and starts it again.
    pub(crate) fn restart(self, home: &Home) -> Self {
        self.manager.kill();
        let manager = home.start();
        Self { rest: Rest::new(home, &manager), manager }
    }
}

/// Nothing of operations that have ended lies around.
pub(crate) fn left_nothing(home: &Home) {
    let running = home.data_dir().join("worker/running");
    let left: Vec<_> = std::fs::read_dir(running).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}
