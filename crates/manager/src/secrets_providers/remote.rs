//! Asking another machine for the value of a secret, over HTTP.
//!
//! Invariant: an answer is bounded in size and time, and no redirection is followed: the other machine
//! cannot send this one elsewhere.

use std::time::Duration;

use nephele_model::{Code, Error, Result, Secret};
use reqwest::{Certificate, Client, RequestBuilder, StatusCode};
use serde_json::{Map, Value};

/// How long another machine may take, and how much it may say, in bytes.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST: usize = 1 << 20;

/// Another machine, and how it is asked.
pub(crate) struct Remote {
    client: Client,
    name: String,
    url: String,
    path: Option<String>,
    login: Login,
}

enum Login {
    Vault { token: Secret },
    Manager { username: String, password: Secret, tenant: String },
}

impl Remote {
    /// A Vault: `url`, `token` and, as a beginning of all paths, `path`.
    pub(crate) fn vault(provider: &str, parameters: &Map<String, Value>) -> Result<Self> {
        let text = |key: &str| parameters.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let missing =
            |what: &str| Error::bad_parameters(format!("Secrets Provider does not have a defined {what}: {provider}"));
        let url = text("url").ok_or_else(|| missing("URL"))?.trim_end_matches('/').to_owned();
        let token = Secret::new(text("token").ok_or_else(|| missing("authorization token"))?.to_owned());
        Ok(Self {
            client: client(parameters)?,
            name: provider.to_owned(),
            url: checked(&url)?,
            path: text("path").map(|path| path.trim_matches('/').to_owned()),
            login: Login::Vault { token },
        })
    }

    /// Another manager: `host`, `username`, `password`, `tenant`, and, if they differ from the usual,
    /// `protocol` and `port`; `cert` is the authority of its certificate.
    pub(crate) fn manager(provider: &str, parameters: &Map<String, Value>) -> Result<Self> {
        let text = |key: &str| parameters.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let needed = |key: &str| {
            text(key).map(str::to_owned).ok_or_else(|| {
                Error::bad_parameters(format!("Secrets Provider does not have a defined {key}: {provider}"))
            })
        };
        let port = match parameters.get("port") {
            Some(Value::Number(port)) => format!(":{port}"),
            Some(Value::String(port)) if !port.is_empty() => format!(":{port}"),
            _ => String::new(),
        };
        let url = format!("{}://{}{port}", text("protocol").unwrap_or("https"), needed("host")?);
        Ok(Self {
            client: client(parameters)?,
            name: provider.to_owned(),
            url: checked(&url)?,
            path: None,
            login: Login::Manager {
                username: needed("username")?,
                password: Secret::new(needed("password")?),
                tenant: needed("tenant")?,
            },
        })
    }

    /// Whether it answers, and lets this manager in.
    pub(crate) async fn check(&self) -> Result<()> {
        let path = match &self.login {
            Login::Vault { .. } => match &self.path {
                Some(path) => format!("/v1/secret/data/{}", escaped(path)),
                None => "/v1/auth/token/lookup-self".to_owned(),
            },
            Login::Manager { .. } => "/api/v3.1/secrets?_size=1&_include=key".to_owned(),
        };
        self.ask(&path).await.map(drop)
    }

    /// The value under `key` in the secret of a Vault at `path`, below the provider's own path.
    pub(crate) async fn secret_of_vault(&self, path: Option<&str>, key: &str) -> Result<Value> {
        let parts: Vec<&str> = self.path.as_deref().into_iter().chain(path).collect();
        if parts.is_empty() {
            return Err(Error::bad_parameters(format!(
                "Secrets Provider does not have a defined secret path: {}",
                self.name
            )));
        }
        let mut answer = self.ask(&format!("/v1/secret/data/{}", escaped(&parts.join("/")))).await?;
        let value = answer["data"]["data"].as_object_mut().and_then(|data| data.swap_remove(key));
        value.ok_or_else(|| {
            Error::new(Code::NotFound, format!("Secret {key} does not exist in Vault provider {}", self.name))
        })
    }

    /// The value of another manager's secret.
    pub(crate) async fn secret_of_manager(&self, name: &str) -> Result<Value> {
        let mut answer = self.ask(&format!("/api/v3.1/secrets/{}", escaped(name))).await?;
        Ok(answer["value"].take())
    }

    async fn ask(&self, path: &str) -> Result<Value> {
        let failed = |reason: &dyn std::fmt::Display| {
            Error::new(Code::FailedDependency, format!("Secrets Provider {}: {reason}", self.name))
        };
        let request = self.login.apply(self.client.get(format!("{}{path}", self.url)));
        // What libraries say of a failure may hold the address, and never holds the login.
        let mut response = request.send().await.map_err(|error| failed(&error))?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(failed(&format!("it answered {status} for {path}")));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST {
                return Err(failed(&format!("its answer is larger than {MOST} bytes")));
            }
        }
        serde_json::from_slice(&body).map_err(|error| failed(&format!("its answer is no JSON: {error}")))
    }
}

impl Login {
    fn apply(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Vault { token } => request.header("X-Vault-Token", token.expose()),
            Self::Manager { username, password, tenant } => {
                request.basic_auth(username, Some(password.expose())).header("Tenant", tenant)
            }
        }
    }
}

fn client(parameters: &Map<String, Value>) -> Result<Client> {
    // The provider is a process-wide choice; that it is made already is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder =
        Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).no_proxy().http1_only();
    if let Some(pem) = parameters.get("cert").and_then(Value::as_str).filter(|pem| !pem.is_empty()) {
        let authority = Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|error| Error::bad_parameters(format!("`cert` holds no certificate: {error}")))?;
        builder = builder.tls_certs_only(authority);
    }
    builder.build().map_err(Error::internal)
}

fn checked(url: &str) -> Result<String> {
    let parsed =
        reqwest::Url::parse(url).map_err(|error| Error::bad_parameters(format!("Invalid URL {url}: {error}")))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(Error::bad_parameters(format!("Invalid URL {url}: give http:// or https:// and a host")));
    }
    Ok(url.to_owned())
}

/// A path in which nothing means more than itself, except its slashes.
fn escaped(path: &str) -> String {
    path.split('/')
        .filter(|part| !matches!(*part, "" | "." | ".."))
        .map(|part| {
            part.bytes()
                .map(|byte| match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
                    other => format!("%{other:02X}"),
                })
                .collect::<String>()
        })
        .collect::<Vec<_>>()
        .join("/")
}
