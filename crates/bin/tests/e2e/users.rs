//! People who use plugins: a manager whose Python is prepared, the real `cfy`, and what they look at.

use std::fs;
use std::path::{Path, PathBuf};

use nephele_testkit::cfy::Cfy;
use nephele_testkit::home::{Home, Manager};
use nephele_testkit::python;
use nephele_testkit::rest::Rest;
use serde_json::{Value, json};

use crate::home;

/// A fresh home with the Python that has the dispatcher already.
pub(crate) fn python_home() -> Home {
    home().with_python(python::program())
}

pub(crate) struct Users {
    pub(crate) rest: Rest,
    pub(crate) cfy: Cfy,
    pub(crate) folder: PathBuf,
    #[expect(dead_code, reason = "it runs for as long as it has users")]
    manager: Manager,
}

impl Users {
    /// Starts a manager and introduces its users.
    pub(crate) fn arrive(home: &Home) -> Self {
        let manager = home.start();
        let (rest, cfy) = (Rest::new(home, &manager), Cfy::new(&home.folder().join("cfy-home")));
        let password = home.password();
        let to = ["profiles", "use", "127.0.0.1", "-u", "admin", "-t", "default_tenant", "--ssl", "-p", &password];
        cfy.ok(&[&to[..], &["--rest-port", manager.https_port(), "-c", home.ca().to_str().unwrap()]].concat());
        Self { rest, cfy, folder: home.folder().to_owned(), manager }
    }

    /// Uploads a wagon with its description, and gives the plugin's id.
    pub(crate) fn upload_wagon(&self, wagon: &Path, yaml: &Path) -> String {
        let said = self.cfy.ok(&["plugins", "upload", wagon.to_str().unwrap(), "-y", yaml.to_str().unwrap()]);
        let (_, rest) = said.split_once("Plugin's id is ").unwrap_or_else(|| panic!("no id in {said}"));
        rest.split_whitespace().next().unwrap().to_owned()
    }

    /// Uploads a wagon with a description of this text.
    pub(crate) fn upload_described(&self, wagon: &Path, yaml: &str) -> String {
        let file = wagon.with_file_name("plugin.yaml");
        fs::write(&file, yaml).unwrap();
        self.upload_wagon(wagon, &file)
    }

    /// Runs a workflow by `cfy`, which waits for its end, and gives what that said.
    pub(crate) fn runs(&self, deployment: &str, workflow: &str, parameters: &Value) -> String {
        self.cfy.ok(&["executions", "start", workflow, "-d", deployment, "-p", &parameters.to_string()])
    }

    /// The node instances of a node, in the order of their ids.
    pub(crate) async fn instances(&self, deployment: &str, node: &str) -> Vec<Value> {
        let path = format!("/node-instances?deployment_id={deployment}&node_id={node}&_sort=id");
        self.rest.get(&path).await.expect(200)["items"].as_array().unwrap().clone()
    }

    /// The runtime properties of the first instance of a node.
    pub(crate) async fn properties(&self, deployment: &str, node: &str) -> Value {
        self.instances(deployment, node).await[0]["runtime_properties"].clone()
    }

    /// Has a plugin installed here, and gives what became of it: `installed` or `error`, and the error.
    pub(crate) async fn install(&self, plugin: &str) -> (String, String) {
        let hostname = fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
        let order = json!({"action": "install", "managers": [hostname]});
        self.rest.post(&format!("/plugins/{plugin}"), &order).await.expect(200);
        let state = |plugin: &Value| plugin["installation_state"][0]["state"].as_str().unwrap_or_default().to_owned();
        let is_over = |plugin: &Value| ["installed", "error"].contains(&state(plugin).as_str());
        let plugin = self.rest.wait_for(&format!("/plugins/{plugin}"), is_over).await;
        (state(&plugin), plugin["installation_state"][0]["error"].as_str().unwrap_or_default().to_owned())
    }
}

/// The source of a package with one module, as `wagon` takes it.
pub(crate) fn package(folder: &Path, name: &str, version: &str, module: &str, code: &str, setup: &str) -> PathBuf {
    fs::create_dir_all(folder.join(module)).unwrap();
    let setup = format!(
        "from setuptools import setup\nsetup(name='{name}', version='{version}', packages=['{module}'], {setup})\n"
    );
    for (file, text) in [("setup.py", setup.as_str()), ("__init__.py", ""), ("tasks.py", code)] {
        let folder = if file == "setup.py" { folder.to_owned() } else { folder.join(module) };
        fs::write(folder.join(file), text).unwrap();
    }
    folder.to_owned()
}

/// Waits until something is no more.
pub(crate) async fn gone(path: &Path) {
    for _ in 0..200 {
        if !path.exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{} is still there", path.display());
}
