//! One call: from its settings to the answer of the first host that gives one.

use std::time::Duration;

use nephele_model::operation::Failure;
use nephele_model::python_text;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Identity, Method, Proxy, RequestBuilder};
use serde_json::{Map, Value};

use super::upload;
use crate::native::task::{Task, mapping};

/// Bytes that an answer may have.
const LARGEST: usize = 16 << 20;

/// What came back.
pub(super) struct Answer {
    pub(super) headers: Map<String, Value>,
    pub(super) cookies: Map<String, Value>,
    pub(super) body: String,
}

type Settings = Map<String, Value>;

/// Makes a call. An answer with an error's status is a failure, unless the call expects it.
pub(super) async fn make(task: &Task, call: &Settings) -> Result<Answer, Failure> {
    let client = client(call)?;
    let is_tls = truth(call, "ssl");
    let scheme = if is_tls { "https" } else { "http" };
    let port = match call.get("port").and_then(Value::as_i64) {
        Some(port) if port >= 0 => port,
        _ if is_tls => 443,
        _ => 80,
    };
    let method = text(call, "method").unwrap_or_else(|| "GET".to_owned()).to_uppercase();
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| wrong("method", &method))?;
    let path = text(call, "path").unwrap_or_default();
    let mut refused = Failure::fatal("There is no host to call: set the property `host` or `hosts`");
    for host in hosts(call) {
        let url = format!("{scheme}://{host}:{port}{path}");
        let request = request(task, client.request(method.clone(), &url), call).await?;
        match request.send().await {
            Ok(response) => return judge(task, call, &format!("{method} {url}"), response).await,
            Err(error) => {
                let message = format!("{method} {url}: {}", chain(&error));
                task.operation.logs.log("warning", &message);
                let is_awaited = truth(call, "retry_on_connection_error");
                refused = if is_awaited { Failure::recoverable(message) } else { Failure::fatal(message) };
            }
        }
    }
    Err(refused)
}

fn client(call: &Settings) -> Result<reqwest::Client, Failure> {
    // The provider is a process-wide choice; that it is made already is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder();
    match call.get("verify") {
        None | Some(Value::Null | Value::Bool(true)) => {}
        Some(Value::String(pem)) if !pem.is_empty() => {
            let authorities =
                Certificate::from_pem_bundle(&pem_of(pem)?).map_err(|_| wrong("verify", "no certificate"))?;
            builder = builder.tls_certs_only(authorities);
        }
        Some(_) => builder = builder.tls_danger_accept_invalid_certs(true),
    }
    if let Some(pem) = text(call, "cert") {
        // The reason may quote the text, which holds a key.
        let identity = Identity::from_pem(&pem_of(&pem)?).map_err(|_| wrong("cert", "no certificate with its key"))?;
        builder = builder.identity(identity);
    }
    for (scheme, proxy) in mapping("proxies", call.get("proxies"))? {
        let address = python_text::str(&proxy);
        let proxy = if scheme == "https" { Proxy::https(&address) } else { Proxy::http(&address) };
        builder = builder.proxy(proxy.map_err(|_| wrong("proxies", &address))?);
    }
    if let Some(seconds) = call.get("timeout").and_then(Value::as_f64).filter(|seconds| *seconds > 0.0) {
        builder = builder.timeout(Duration::try_from_secs_f64(seconds).map_err(|_| wrong("timeout", "no time"))?);
    }
    builder.build().map_err(|error| Failure::fatal(format!("The call's settings cannot be used: {}", chain(&error))))
}

/// The text itself if it is PEM, or that of the file that it names.
fn pem_of(text: &str) -> Result<Vec<u8>, Failure> {
    if text.contains("-----BEGIN") {
        return Ok(text.as_bytes().to_vec());
    }
    std::fs::read(text).map_err(|error| Failure::fatal(format!("{text} cannot be read: {error}")))
}

async fn request(task: &Task, request: RequestBuilder, call: &Settings) -> Result<RequestBuilder, Failure> {
    let mut query = mapping("params", call.get("params"))?;
    let mut request = request;
    let raw = text(call, "payload_raw").or_else(|| text(call, "raw_payload"));
    let payload = match raw {
        Some(path) => Some(Value::String(String::from_utf8_lossy(&task.fetch(&path).await?).into_owned())),
        None => call.get("payload").filter(|payload| !payload.is_null()).cloned(),
    };
    let files = upload::files(task, call).await?;
    match (text(call, "payload_format").as_deref(), payload) {
        (Some("urlencoded"), Some(Value::Object(fields))) => {
            query.extend(fields);
            request = upload::with(request, files, None)?;
        }
        (format, payload) if !files.is_empty() => {
            let fields = payload.filter(python_text::is_truthy);
            if fields.is_some() && matches!(format, None | Some("json")) {
                return Err(Failure::fatal(
                    "A call with files has no JSON beside them: set `payload_format` to `raw`, and `payload` to a mapping",
                ));
            }
            request = upload::with(request, files, fields.as_ref())?;
        }
        (_, None) => {}
        (None | Some("json"), Some(payload)) => request = request.json(&payload),
        // As the original's library sends mappings.
        (_, Some(Value::Object(fields))) => request = upload::form(request, &fields),
        (_, Some(payload)) => request = request.body(python_text::str(&payload)),
    }
    let query: Vec<(String, String)> =
        query.into_iter().map(|(name, value)| (name, python_text::str(&value))).collect();
    if !query.is_empty() {
        request = request.query(&query);
    }
    let mut headers = HeaderMap::new();
    for (name, value) in mapping("headers", call.get("headers"))? {
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("headers", &name))?;
        let value = HeaderValue::from_str(&python_text::str(&value)).map_err(|_| wrong("headers", &name))?;
        headers.insert(key, value);
    }
    let auth = mapping("auth", call.get("auth"))?;
    if let Some(user) = text(&auth, "user") {
        request = request.basic_auth(user, text(&auth, "password"));
    }
    Ok(request.headers(headers))
}

async fn judge(task: &Task, call: &Settings, shown: &str, response: reqwest::Response) -> Result<Answer, Failure> {
    let status = response.status();
    let named = |headers: &HeaderMap| {
        let one = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes()).into_owned()))
        };
        headers.iter().map(one).collect::<Map<_, _>>()
    };
    let headers = named(response.headers());
    let set = response.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let cookies = set
        .filter_map(|cookie| cookie.split(';').next()?.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), Value::from(value.trim())))
        .collect();
    let body = read(response).await.map_err(|reason| Failure::recoverable(format!("{shown}: {reason}")))?;
    task.operation.logs.info(&format!("{shown}: {status}, {} bytes", body.len()));
    let lists = |name: &str| {
        let codes = call.get(name).and_then(Value::as_array);
        codes.is_some_and(|codes| codes.iter().any(|code| python_text::str(code) == status.as_str()))
    };
    if (status.is_client_error() || status.is_server_error()) && !lists("successful_codes") {
        let beginning: String = body.chars().take(1000).collect();
        let message = format!("{shown}: the answer was {status}: {beginning}");
        return Err(if lists("recoverable_codes") { Failure::recoverable(message) } else { Failure::fatal(message) });
    }
    Ok(Answer { headers, cookies, body })
}

async fn read(mut response: reqwest::Response) -> Result<String, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err(format!("the answer has more than {} MiB", LARGEST >> 20));
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn hosts(call: &Settings) -> Vec<String> {
    let named = |name: &str| match call.get(name) {
        Some(Value::Array(hosts)) => hosts.iter().map(python_text::str).collect(),
        Some(Value::String(host)) if !host.is_empty() => vec![host.clone()],
        _ => Vec::new(),
    };
    let hosts = named("hosts");
    if hosts.is_empty() { named("host") } else { hosts }
}

pub(super) fn text(settings: &Settings, name: &str) -> Option<String> {
    settings.get(name).filter(|value| !value.is_null()).map(python_text::str).filter(|text| !text.is_empty())
}

fn truth(settings: &Settings, name: &str) -> bool {
    settings.get(name).is_some_and(python_text::is_truthy)
}

fn wrong(setting: &str, what: &str) -> Failure {
    Failure::fatal(format!("The call's `{setting}` cannot be used: {what}"))
}

/// An error with what led to it.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
