//! A fresh manager per test, and short ways to ask it.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nephele_bus::{Bus, Local};
use nephele_manager::{Manager, Settings};
use nephele_model::Secret;
use nephele_model::clock::SystemClock;
use nephele_testkit::postgres::Database;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A manager with its router; workflows run in the background.
pub(crate) struct Fresh {
    pub(crate) manager: Arc<Manager>,
    router: Router,
    shutdown: CancellationToken,
    folder: Arc<TempDir>,
    /// A database of its own, where it is not a file in the folder.
    database: Option<Database>,
}

/// Set to `postgresql` it has every test run there that asks for no database: see `postgresql.rs`.
pub(crate) const DATABASE: &str = "TEST_DATABASE";

impl Drop for Fresh {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body, after checking the status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// Checks a refusal and gives its message.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> String {
        let body = self.expect(status);
        assert_eq!(body["error_code"], code, "{body}");
        assert_eq!(body["server_traceback"], Value::Null);
        body["message"].as_str().unwrap().to_owned()
    }
}

/// Who asks, and in which tenant.
#[derive(Clone, Copy)]
pub(crate) struct As<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) tenant: Option<&'a str>,
}

pub(crate) const ADMIN: As<'_> = As { user: "admin", password: "admin", tenant: Some("default_tenant") };

impl Fresh {
    pub(crate) async fn start() -> Self {
        let is_elsewhere = std::env::var_os(DATABASE).is_some_and(|database| database == "postgresql");
        let database = is_elsewhere.then(Database::empty);
        let mut fresh = Self::start_on(database.as_ref().map(Database::url)).await;
        fresh.database = database;
        fresh
    }

    /// On a database of its own, unless there is one.
    pub(crate) async fn start_on(database_url: Option<&str>) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), database_url, "manager").await
    }

    /// In a folder where another one may have been before, with a host name of its own.
    pub(crate) async fn start_in(folder: Arc<TempDir>, database_url: Option<&str>, hostname: &str) -> Self {
        Self::start_with(folder, database_url, hostname, Arc::new(Local::new())).await
    }

    /// The same on a bus that is given.
    pub(crate) async fn start_with(
        folder: Arc<TempDir>,
        database_url: Option<&str>,
        hostname: &str,
        bus: Arc<dyn Bus>,
    ) -> Self {
        let fresh = Self::open_on(folder, database_url, hostname, bus).await;
        fresh.begin_runs();
        fresh
    }

    /// The same before it does anything by itself.
    pub(crate) async fn open_in(folder: Arc<TempDir>, database_url: Option<&str>, hostname: &str) -> Self {
        Self::open_on(folder, database_url, hostname, Arc::new(Local::new())).await
    }

    async fn open_on(folder: Arc<TempDir>, database_url: Option<&str>, hostname: &str, bus: Arc<dyn Bus>) -> Self {
        let own = format!("sqlite://{}", folder.path().join("nephele.db").display());
        let settings = Settings {
            data_dir: folder.path().to_owned(),
            database_url: database_url.map_or(own, str::to_owned),
            admin_password: Some(Secret::new("admin".to_owned())),
            archive_limit: 4 << 20,
            types: None,
            hooks: folder.path().join("hooks.conf"),
            hostname: hostname.to_owned(),
            // Managers of one database are told apart by their addresses as well.
            host: if hostname == "manager" { "127.0.0.1" } else { hostname }.to_owned(),
            port: 53333,
            lease: Duration::from_secs(4),
        };
        let opened = Manager::open(settings, bus, Arc::new(SystemClock)).await.unwrap();
        assert!(opened.new_password.is_none());
        let router = nephele_api::router(opened.manager.clone());
        Self { manager: opened.manager, router, shutdown: CancellationToken::new(), folder, database: None }
    }

    /// From now on it runs what there is to run.
    pub(crate) fn begin_runs(&self) {
        tokio::spawn(self.manager.clone().run_workflows(self.shutdown.clone()));
        tokio::spawn(self.manager.clone().run_schedules(self.shutdown.clone()));
    }

    /// The records of a list, which is not held against the document: for those who read much, again and again.
    pub(crate) async fn items(&self, path: &str) -> Vec<Value> {
        let response = self.open(Self::request(&ADMIN, Method::GET, path, None)).await;
        let bytes = axum::body::to_bytes(response.into_body(), 64 << 20).await.unwrap();
        let mut list: Value = serde_json::from_slice(&bytes).unwrap();
        let Value::Array(items) = list["items"].take() else { panic!("{path}: {list}") };
        items
    }

    /// The way to ask from elsewhere.
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// From now on executions are accepted, and nobody runs them.
    pub(crate) fn stop_runs(&self) {
        self.shutdown.cancel();
    }

    /// Ends everything at once, as a crash does, and gives the folder.
    pub(crate) async fn die(self) -> Arc<TempDir> {
        self.shutdown.cancel();
        self.manager.store.close().await;
        Arc::clone(&self.folder)
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, uri) = (request.method().clone(), request.uri().to_string());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap().to_vec();
        let kind = parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        crate::contract::check(&method, &uri, parts.status.as_u16(), kind, &bytes);
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// Sends a request and reads the body only if the request was refused: what is served may have no end.
    pub(crate) async fn send_unread(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = if parts.status.is_success() {
            Vec::new()
        } else {
            axum::body::to_bytes(body, 64 << 20).await.unwrap().to_vec()
        };
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// Sends a request whose answer may have no end.
    pub(crate) async fn open(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Asks as somebody, with a JSON body if one is given. `path` may leave out `/api/v3.1`.
    pub(crate) async fn ask_as(&self, caller: &As<'_>, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send(Self::request(caller, method, path, body)).await
    }

    /// The request of [`Self::ask_as`].
    pub(crate) fn request(caller: &As<'_>, method: Method, path: &str, body: Option<Value>) -> Request<Body> {
        let full = if path.starts_with("/api/") || path.starts_with("/resources") {
            path.to_owned()
        } else {
            format!("/api/v3.1{path}")
        };
        let login = STANDARD.encode(format!("{}:{}", caller.user, caller.password));
        let mut request = Request::builder()
            .method(method)
            .uri(full)
            .header("authorization", format!("Basic {login}"))
            .header("content-type", "application/json");
        if let Some(tenant) = caller.tenant {
            request = request.header("tenant", tenant);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        request.body(body).unwrap()
    }

    /// Any request, signed with the default password of tests.
    pub(crate) async fn by(&self, user: &str, tenant: &str, method: Method, path: &str, body: Value) -> Answer {
        self.ask_as(&As { user, password: "secret", tenant: Some(tenant) }, method, path, Some(body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask_as(&ADMIN, Method::GET, path, None).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask_as(&ADMIN, Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask_as(&ADMIN, Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask_as(&ADMIN, Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask_as(&ADMIN, Method::DELETE, path, None).await
    }

    /// Uploads a blueprint of one file, as the Python client does, and waits for it.
    pub(crate) async fn upload(&self, id: &str, yaml: &str) -> Answer {
        self.upload_archive(id, &tar_gz(&[("bp/blueprint.yaml", yaml.as_bytes())])).await
    }

    pub(crate) async fn upload_archive(&self, id: &str, archive: &[u8]) -> Answer {
        self.send_archive(&ADMIN, id, "tenant", archive).await
    }

    /// The same as somebody else, with another visibility.
    pub(crate) async fn upload_as(&self, caller: &As<'_>, id: &str, visibility: &str, yaml: &str) -> Answer {
        self.send_archive(caller, id, visibility, &tar_gz(&[("bp/blueprint.yaml", yaml.as_bytes())])).await
    }

    async fn send_archive(&self, caller: &As<'_>, id: &str, visibility: &str, archive: &[u8]) -> Answer {
        let params = json!({"application_file_name": "blueprint.yaml", "visibility": visibility});
        let mut body = Vec::new();
        write!(body, "--B\r\nContent-Disposition: form-data; name=\"params\"\r\n\r\n{params}\r\n").unwrap();
        write!(
            body,
            "--B\r\nContent-Disposition: form-data; name=\"blueprint_archive\"; filename=\"filename\"\r\n\
             Content-Type: text/plain\r\n\r\n"
        )
        .unwrap();
        body.extend_from_slice(archive);
        body.extend_from_slice(b"\r\n--B--\r\n");
        let request = Request::builder()
            .method(Method::PUT)
            .uri(format!("/api/v3.1/blueprints/{id}"))
            .header(
                "authorization",
                format!("Basic {}", STANDARD.encode(format!("{}:{}", caller.user, caller.password))),
            )
            .header("tenant", caller.tenant.unwrap_or_default())
            .header("content-type", "multipart/form-data; boundary=B")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    /// Sends bytes as the body of a request, as clients send archives.
    pub(crate) async fn send_bytes(&self, method: Method, path: &str, body: Vec<u8>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v3.1{path}"))
            .header("authorization", format!("Basic {}", STANDARD.encode("admin:admin")))
            .header("tenant", "default_tenant")
            .header("content-type", "application/octet-stream")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    /// Waits until an execution has ended.
    pub(crate) async fn ended(&self, id: &str) -> Value {
        for _ in 0..500 {
            let execution = self.get(&format!("/executions/{id}")).await.expect(200);
            if matches!(execution["status"].as_str(), Some("terminated" | "failed" | "cancelled")) {
                return execution;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("execution {id} does not end");
    }

    /// A tenant beside the default one, and its administrator's way to ask there.
    pub(crate) async fn elsewhere(&self) -> As<'static> {
        self.post("/tenants/other", json!({})).await.expect(201);
        As { user: "admin", password: "admin", tenant: Some("other") }
    }

    /// A user with a role in the system alone.
    pub(crate) async fn plain_user(&self, name: &str, role: &str) {
        self.put("/users", json!({"username": name, "password": "secret", "role": role})).await.expect(201);
    }

    /// A user with a role in the default tenant.
    pub(crate) async fn user(&self, name: &str, role: &str) {
        self.plain_user(name, "default").await;
        self.join(name, "default_tenant", role).await;
    }

    /// Gives a user a role in a tenant.
    pub(crate) async fn join(&self, name: &str, tenant: &str, role: &str) {
        let membership = json!({"tenant_name": tenant, "username": name, "role": role});
        self.put("/tenants/users", membership).await.expect(200);
    }
}

/// A blueprint with one node and no operations.
pub(crate) const SMALL: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs:
  greeting: {type: string}
node_templates:
  app:
    type: cloudify.nodes.Root
outputs:
  said: {value: {get_input: greeting}}
capabilities:
  twice: {value: {concat: [{get_input: greeting}, {get_input: greeting}]}}
";

/// An archive as uploads bring it.
pub(crate) fn tar_gz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// A zip as uploads bring it.
pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
