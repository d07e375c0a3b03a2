//! A caller of the REST API that shows everything of an answer, the refusals included.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::home::{Home, Manager};

/// How long an execution may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// One user's view of a manager.
#[derive(Clone)]
pub struct Rest {
    client: Client,
    base: String,
    user: String,
    password: String,
    tenant: String,
}

/// Status and body of an answer; a body that is not JSON is a string.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// The body, after checking the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }

    /// Checks status, error code and that the message holds each of `parts`.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str, parts: &[&str]) {
        assert_eq!(self.status, status, "{:#}", self.body);
        assert_eq!(self.body["error_code"], code, "{:#}", self.body);
        let message = self.body["message"].as_str().expect("a message");
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in `{message}`");
        }
    }
}

impl Rest {
    /// `admin` of this manager, over plain HTTP.
    pub fn new(home: &Home, manager: &Manager) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder().timeout(PATIENCE).build().expect("an HTTP client");
        let base = format!("{}/api/v3.1", manager.http);
        Self { client, base, user: "admin".into(), password: home.password(), tenant: "default_tenant".into() }
    }

    /// The same with another password.
    #[must_use]
    pub fn with_password(&self, password: &str) -> Self {
        Self { password: password.to_owned(), ..self.clone() }
    }

    /// The same in another tenant.
    #[must_use]
    pub fn with_tenant(&self, tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), ..self.clone() }
    }

    /// A request with login and tenant; `path` begins with a slash and comes after the version.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        request.basic_auth(&self.user, Some(&self.password)).header("Tenant", &self.tenant)
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::PUT, path).json(body)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// Uploads an archive as a blueprint and waits until it is read.
    pub async fn upload(&self, id: &str, archive: Vec<u8>) -> Answer {
        let parameters = json!({"application_file_name": "blueprint.yaml", "visibility": "tenant"});
        let file = reqwest::multipart::Part::bytes(archive).file_name("archive");
        let form = reqwest::multipart::Form::new().text("params", parameters.to_string());
        send(self.request(Method::PUT, &format!("/blueprints/{id}")).multipart(form.part("blueprint_archive", file)))
            .await
    }

    /// Uploads a folder with a `blueprint.yaml`.
    pub async fn upload_folder(&self, id: &str, folder: &Path) {
        self.upload(id, crate::archive::pack(folder)).await.expect(201);
    }

    /// Creates a deployment and waits for its environment.
    pub async fn create_deployment(&self, id: &str, blueprint: &str, inputs: Value) -> Answer {
        self.put(&format!("/deployments/{id}"), &json!({"blueprint_id": blueprint, "inputs": inputs})).await
    }

    /// Starts a workflow and gives the execution's id.
    pub async fn start(&self, deployment: &str, workflow: &str, parameters: Value) -> String {
        let body = json!({"deployment_id": deployment, "workflow_id": workflow, "parameters": parameters});
        let execution = self.post("/executions", &body).await.expect(201);
        execution["id"].as_str().expect("an id").to_owned()
    }

    /// Waits until an execution has ended, and gives it.
    pub async fn ended(&self, execution: &str) -> Value {
        let path = format!("/executions/{execution}");
        let is_final = |found: &Value| matches!(found["status"].as_str(), Some("terminated" | "failed" | "cancelled"));
        self.wait_for(&path, is_final).await
    }

    /// Runs a workflow to its end and expects it to end well.
    pub async fn run(&self, deployment: &str, workflow: &str) {
        let execution = self.start(deployment, workflow, json!({})).await;
        let ended = self.ended(&execution).await;
        assert_eq!(ended["status"], "terminated", "{ended:#}");
    }

    /// Asks until the answer is as wanted, and gives it.
    pub async fn wait_for(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.get(path).await.expect(200);
            if wanted(&found) {
                return found;
            }
            assert!(Instant::now() < deadline, "{path} is still {found:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// All events (and logs) of an execution, oldest first.
    pub async fn events(&self, execution: &str) -> Vec<Value> {
        let mut found = Vec::new();
        loop {
            let page = format!("/events?execution_id={execution}&_size=500&_offset={}&_sort=timestamp", found.len());
            let body = self.get(&page).await.expect(200);
            let items = body["items"].as_array().expect("a list").clone();
            if items.is_empty() {
                return found;
            }
            found.extend(items);
        }
    }

    /// The ids in a list.
    pub async fn ids(&self, path: &str) -> Vec<String> {
        let body = self.get(path).await.expect(200);
        let items = body["items"].as_array().expect("a list");
        items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    }
}

/// Sends a request and reads the whole answer.
pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, body }
}

/// A folder with a blueprint of this text and scripts of these names and texts.
pub fn blueprint(folder: &Path, text: &str, scripts: &[(&str, &str)]) {
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join("blueprint.yaml"), text).expect("the blueprint");
    for (name, script) in scripts {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, script).expect("a script");
    }
}
