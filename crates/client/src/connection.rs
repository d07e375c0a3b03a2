//! How requests travel: where to, as whom, for which tenant, and what is tried again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nephele_model::Secret;
use nephele_model::id::TenantName;
use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_mins(5);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Where a manager is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Scheme, host and port, such as `https://10.0.0.1:53333`; no path.
    pub url: String,
    /// Whom to believe that it is the manager. Of no effect for `http`.
    pub trust: Trust,
}

impl Endpoint {
    /// An endpoint whose certificate, if it has one, the system's authorities vouch for.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), trust: Trust::System }
    }
}

/// Which certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those of the system's authorities.
    System,
    /// Those of the authorities in this PEM file, and no others.
    CaFile(PathBuf),
    /// Any. The connection is encrypted, and anybody may be at its other end.
    Anybody,
}

/// As whom requests are made.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// As nobody.
    None,
    /// As a user, by password.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: Secret,
    },
    /// As a user, by an API token.
    Token(Secret),
    /// As a running execution.
    Execution(Secret),
}

/// A manager's REST API, as seen by one caller in one tenant. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Arc<Url>,
    credentials: Credentials,
    tenant: Option<TenantName>,
    patience: Duration,
}

impl Client {
    /// A client with a connection pool of its own. Nothing is sent yet.
    pub fn new(endpoint: &Endpoint, credentials: Credentials, tenant: Option<TenantName>) -> Result<Self> {
        let refuse = |reason: String| Error::Settings(format!("the manager's address {}: {reason}", endpoint.url));
        let base = Url::parse(&endpoint.url).map_err(|error| refuse(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(refuse("it must begin with http:// or https://".to_owned()));
        }
        // The provider is a process-wide choice; that it is made already is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .pool_idle_timeout(Duration::from_secs(90))
            .tcp_nodelay(true)
            .http1_only()
            .no_proxy();
        let builder = match &endpoint.trust {
            // Reading the system's authorities takes longer than a whole operation.
            _ if base.scheme() == "http" => builder.tls_certs_only([]),
            Trust::System => builder,
            Trust::CaFile(path) => {
                let pem = std::fs::read(path).map_err(|error| refuse(format!("{}: {error}", path.display())))?;
                let authorities = Certificate::from_pem_bundle(&pem)
                    .map_err(|error| refuse(format!("{} holds no certificate: {error}", path.display())))?;
                builder.tls_certs_only(authorities)
            }
            Trust::Anybody => builder.tls_danger_accept_invalid_certs(true),
        };
        let http = builder.build().map_err(|error| refuse(error.to_string()))?;
        Ok(Self { http, base: Arc::new(base), credentials, tenant, patience: Duration::ZERO })
    }

    /// A client for another caller or tenant over the same connections.
    #[must_use]
    pub fn with(&self, credentials: Credentials, tenant: Option<TenantName>) -> Self {
        Self { credentials, tenant, ..self.clone() }
    }

    /// The same caller in another tenant, or in none.
    #[must_use]
    pub fn with_tenant(&self, tenant: Option<TenantName>) -> Self {
        Self { tenant, ..self.clone() }
    }

    /// A client that goes on trying for so long when the manager cannot be reached or is busy
    /// (503 and gateway errors). By default the first failure is reported.
    #[must_use]
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// The tenant that requests are about, where one is named.
    pub const fn tenant(&self) -> Option<&TenantName> {
        self.tenant.as_ref()
    }

    /// The address below which everything lies, without a slash at its end.
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Starts a request to `/api/v3.1/<segments>`, each segment escaped as needed.
    pub(crate) fn api(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        self.authenticated(method, &[&["api", "v3.1"], segments].concat())
    }

    /// Starts a request to a path of the file server; the tenant stands in the path itself.
    pub(crate) fn authenticated(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        let mut url = Url::clone(&self.base);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        let request = self.http.request(method, url);
        let request = match &self.credentials {
            Credentials::None => request,
            Credentials::Basic { username, password } => request.basic_auth(username, Some(password.expose())),
            Credentials::Token(token) => request.header("Authentication-Token", token.expose()),
            Credentials::Execution(token) => request.header("Execution-Token", token.expose()),
        };
        match &self.tenant {
            Some(tenant) => request.header("Tenant", tenant.as_str()),
            None => request,
        }
    }

    /// Sends, tries again as patience allows, and turns error answers into errors.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let deadline = Instant::now() + self.patience;
        let mut pause = FIRST_PAUSE;
        let mut request = Some(request);
        while let Some(current) = request.take() {
            // A request whose body is a stream cannot be repeated.
            request = current.try_clone().filter(|_| Instant::now() + pause < deadline);
            let failure = match attempt(current).await {
                Err(Failure { retry: true, .. }) if request.is_some() => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 3 / 2).min(LONGEST_PAUSE);
                    continue;
                }
                other => other,
            };
            return failure.map_err(|failure| failure.error);
        }
        Err(Error::Settings("a request was not sent at all".to_owned()))
    }

    /// Sends and reads a JSON answer; an empty one counts as null.
    pub(crate) async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let response = self.send(request).await?;
        let url = response.url().to_string();
        let body = response.bytes().await.map_err(|error| Error::from_transport(&url, &error))?;
        let text: &[u8] = if body.is_empty() { b"null" } else { &body };
        serde_json::from_slice(text).map_err(|error| Error::Unexpected { url, reason: error.to_string() })
    }

    /// Sends and reads the whole answer as it is.
    pub(crate) async fn bytes(&self, request: RequestBuilder) -> Result<Bytes> {
        let response = self.send(request).await?;
        let url = response.url().to_string();
        response.bytes().await.map_err(|error| Error::from_transport(&url, &error))
    }

    /// GET of JSON.
    pub(crate) async fn get(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Value> {
        self.json(self.api(Method::GET, segments).query(query)).await
    }

    /// A request with a JSON body, and a JSON answer.
    pub(crate) async fn submit(&self, method: Method, segments: &[&str], body: &impl Serialize) -> Result<Value> {
        self.json(self.api(method, segments).json(body)).await
    }
}

struct Failure {
    error: Error,
    retry: bool,
}

async fn attempt(request: RequestBuilder) -> std::result::Result<Response, Failure> {
    let (client, request) = request.build_split();
    let request = request.map_err(|error| Failure {
        error: Error::Settings(format!("a request cannot be made: {error}")),
        retry: false,
    })?;
    let url = request.url().to_string();
    // What may have been carried out must not be sent twice, unless twice is as good as once.
    let repeatable = request.method() != Method::POST;
    let response = client.execute(request).await.map_err(|error| Failure {
        retry: error.is_connect() || (repeatable && !error.is_timeout()),
        error: Error::from_transport(&url, &error),
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry =
        matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT);
    let body = response.bytes().await.unwrap_or_default();
    Err(Failure { error: Error::from_answer(status.as_u16(), &body), retry })
}
