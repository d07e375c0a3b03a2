//! The protocol over HTTP: one address that takes messages by POST and answers each with JSON.
//!
//! Invariant: nothing is done for a web page of another origin, nor for a caller who does not say who it is; what the
//! caller shows is what the manager is asked with. It listens on this machine only: what is shown would otherwise travel
//! readable for others.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::body::Bytes;
use axum::extract::{Request as Incoming, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nephele_client::{Credentials, Request};
use nephele_model::Secret;
use nephele_model::id::TenantName;
use serde_json::Value;

use super::protocol;
use super::sessions::Sessions;
use super::tools::Tools;
use crate::connection::is_loopback;
use crate::output;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
const TENANT: HeaderName = HeaderName::from_static("tenant");

/// What answers.
pub(super) struct Server {
    /// Its client asks as nobody; each caller's own is made of it.
    tools: Tools,
    /// Web pages of these origins may ask as well.
    origins: Vec<String>,
    sessions: Sessions,
}

impl Server {
    pub(super) fn new(tools: Tools, origins: Vec<String>) -> Self {
        Self { tools, origins, sessions: Sessions::default() }
    }
}

/// Serves at an address of this machine until Ctrl-C.
pub(super) async fn serve(address: &str, server: Server) -> anyhow::Result<()> {
    let address: SocketAddr = address
        .parse()
        .map_err(|_| anyhow::anyhow!("`{address}` is no address to listen at: give one such as 127.0.0.1:8931"))?;
    if !address.ip().is_loopback() {
        bail!(
            "{address} can be reached by others, and what callers show would travel readable for all: listen at \
             127.0.0.1 and put a proxy with TLS in front"
        );
    }
    let listener =
        tokio::net::TcpListener::bind(address).await.with_context(|| format!("nobody can listen at {address}"))?;
    output::note(format!("Listening at http://{}/mcp", listener.local_addr()?))?;
    let server = Arc::new(server);
    let router = Router::new()
        .route("/mcp", post(receive).delete(end))
        .layer(from_fn_with_state(Arc::clone(&server), same_origin))
        .with_state(server);
    let enough = async {
        // Whoever cannot be told to stop is killed.
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, router).with_graceful_shutdown(enough).await?;
    Ok(())
}

/// A page of the web may make its reader's browser ask here; browsers then say which page it was.
async fn same_origin(State(server): State<Arc<Server>>, request: Incoming, next: Next) -> Response {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return next.run(request).await };
    let is_known = |origin: &str| is_loopback(origin) || server.origins.iter().any(|known| known == origin);
    if origin.to_str().is_ok_and(is_known) {
        return next.run(request).await;
    }
    refuse(StatusCode::FORBIDDEN, "pages of this origin may not ask here; --allow-origin lets one in")
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(protocol::refused(None, protocol::NO_REQUEST, message))).into_response()
}

/// Who asks, as the request shows it.
struct Caller {
    authorization: Secret,
    credentials: Credentials,
    tenant: Option<TenantName>,
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn caller(headers: &HeaderMap) -> Option<Caller> {
    let shown = text(headers, &header::AUTHORIZATION)?;
    let (scheme, rest) = shown.split_once(' ')?;
    let credentials = if scheme.eq_ignore_ascii_case("bearer") {
        Credentials::Token(Secret::new(rest.trim().to_owned()))
    } else if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        let (username, password) = pair.split_once(':')?;
        Credentials::Basic { username: username.to_owned(), password: Secret::new(password.to_owned()) }
    } else {
        return None;
    };
    let tenant = text(headers, &TENANT).map(TenantName::new);
    Some(Caller { authorization: Secret::new(shown.to_owned()), credentials, tenant })
}

fn who_are_you() -> Response {
    let message = "say who you are: a token as `Authorization: Bearer`, or a user's name and password as Basic";
    let mut response = refuse(StatusCode::UNAUTHORIZED, message);
    let ways = HeaderValue::from_static("Bearer realm=\"nephele\", Basic realm=\"nephele\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, ways);
    response
}

async fn receive(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(caller) = caller(&headers) else { return who_are_you() };
    if let Some(refusal) = other_than_json(&headers) {
        return refusal;
    }
    let message: Value = match serde_json::from_slice(&body) {
        Ok(message) => message,
        Err(error) => return (StatusCode::BAD_REQUEST, Json(protocol::unreadable(&error))).into_response(),
    };
    let tools = server.tools.of(caller.credentials.clone(), caller.tenant.clone());
    if protocol::version(&message).is_some() {
        return by_itself(&tools, &headers, &message).await;
    }
    if message["method"] == "initialize" {
        return begin(&server, tools, caller, &message).await;
    }
    if let Some(refusal) = outside_of_sessions(&server, &headers, &caller) {
        return refusal;
    }
    answered(protocol::answer(&tools, &message).await)
}

fn answered(answer: Option<Value>) -> Response {
    answer.map_or_else(|| StatusCode::ACCEPTED.into_response(), |answer| Json(answer).into_response())
}

fn other_than_json(headers: &HeaderMap) -> Option<Response> {
    let is_json = text(headers, &header::CONTENT_TYPE)
        .is_some_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json"));
    if !is_json {
        return Some(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "messages are application/json"));
    }
    let takes = |kinds: &str| ["application/json", "application/*", "*/*"].iter().any(|kind| kinds.contains(kind));
    let is_taken = text(headers, &header::ACCEPT).is_none_or(takes);
    (!is_taken).then(|| refuse(StatusCode::NOT_ACCEPTABLE, "answers are application/json"))
}

/// A request of the version without sessions; its headers say the same as its body.
async fn by_itself(tools: &Tools, headers: &HeaderMap, message: &Value) -> Response {
    let params = &message["params"];
    let name = if message["method"] == "tools/call" { params["name"].as_str() } else { None };
    let same = [(VERSION, protocol::version(message)), (METHOD, message["method"].as_str()), (NAME, name)];
    for (header, value) in same.into_iter().filter_map(|(header, value)| Some((header, value?))) {
        if text(headers, &header).map(decoded).as_deref() != Some(value) {
            let message = protocol::refused(
                message.get("id"),
                protocol::HEADERS_DIFFER,
                &format!("the header {header} does not say `{value}` as the body does"),
            );
            return (StatusCode::BAD_REQUEST, Json(message)).into_response();
        }
    }
    let Some(answer) = protocol::answer(tools, message).await else { return StatusCode::ACCEPTED.into_response() };
    let status = match answer["error"]["code"].as_i64() {
        Some(protocol::NO_METHOD) => StatusCode::NOT_FOUND,
        Some(protocol::NO_VERSION) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    (status, Json(answer)).into_response()
}

/// A header's value, which may be written in base64.
fn decoded(value: &str) -> String {
    let inner = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    let decoded = inner.and_then(|inner| STANDARD.decode(inner).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.unwrap_or_else(|| value.to_owned())
}

/// Begins a session, if the manager knows the caller.
async fn begin(server: &Server, tools: Tools, caller: Caller, message: &Value) -> Response {
    if let Err(error) = tools.client.ask(&Request::get(&["version"])).await {
        match error.status() {
            Some(401) => return who_are_you(),
            Some(403) => {} // Known, and may do little.
            _ => return refuse(StatusCode::BAD_GATEWAY, &error.to_string()),
        }
    }
    let answer = protocol::answer(&tools, message).await;
    let is_begun = answer.as_ref().is_some_and(|answer| answer.get("result").is_some());
    let mut response = answered(answer);
    if is_begun && let Ok(id) = HeaderValue::from_str(&server.sessions.begin(caller.authorization)) {
        response.headers_mut().insert(SESSION, id);
    }
    response
}

fn outside_of_sessions(server: &Server, headers: &HeaderMap, caller: &Caller) -> Option<Response> {
    let Some(id) = text(headers, &SESSION) else {
        return Some(refuse(StatusCode::BAD_REQUEST, "there is no session: begin one with initialize"));
    };
    if !server.sessions.uses(id, &caller.authorization) {
        return Some(refuse(StatusCode::NOT_FOUND, "there is no such session (any more): begin one with initialize"));
    }
    let unknown = text(headers, &VERSION).filter(|version| !protocol::WITH_HANDSHAKE.contains(version));
    unknown.map(|version| refuse(StatusCode::BAD_REQUEST, &format!("version {version} has no sessions here")))
}

/// Ends a session.
async fn end(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    let Some(caller) = caller(&headers) else { return who_are_you() };
    match text(&headers, &SESSION) {
        None => refuse(StatusCode::BAD_REQUEST, "which session? It stands in the header Mcp-Session-Id"),
        Some(id) if server.sessions.end(id, &caller.authorization) => StatusCode::NO_CONTENT.into_response(),
        Some(_) => refuse(StatusCode::NOT_FOUND, "there is no such session"),
    }
}
