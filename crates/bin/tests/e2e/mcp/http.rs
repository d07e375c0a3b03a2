//! What is HTTP about it: who may ask, from where, sessions, and refusals.

use nephele_testkit::rest::Rest;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::link::{Link, Site};
use super::protocol::Protocol;
use super::{greet, stage};

const VERSION: &str = "2025-11-25";

fn initialize() -> Value {
    let who = json!({"name": "script", "version": "1"});
    let params = json!({"protocolVersion": VERSION, "capabilities": {}, "clientInfo": who});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
}

fn ping() -> Value {
    json!({"jsonrpc": "2.0", "id": 2, "method": "ping"})
}

/// Sends and gives the status; an error's body is as the protocol has it.
async fn status(request: RequestBuilder) -> u16 {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    if status >= 400 && status != 405 {
        let answer: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{status}: {error}: {body}"));
        Protocol::of(VERSION).holds("JSONRPCErrorResponse", &answer);
    }
    status
}

async fn session(site: &Site) -> String {
    let response = site.post(&initialize()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.headers()["mcp-session-id"].to_str().unwrap().to_owned()
}

/// A token of a user who may only look.
async fn viewer(rest: &Rest, home: &nephele_testkit::home::Home, manager: &nephele_testkit::home::Manager) -> String {
    let user = json!({"username": "vera", "password": "Look-only-77", "role": "default"});
    rest.put("/users", &user).await.expect(201);
    let member = json!({"username": "vera", "tenant_name": "default_tenant", "role": "viewer"});
    rest.put("/tenants/users", &member).await.expect(200);
    let own = home
        .command()
        .args(["tokens", "create", "--manager", &manager.http, "--query", "value"])
        .args(["--user", "vera", "--password", "Look-only-77"])
        .output()
        .unwrap();
    assert!(own.status.success(), "{}", String::from_utf8_lossy(&own.stderr));
    String::from_utf8(own.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_caller_has_the_callers_own_rights() {
    let stage = stage().await;
    let mut site = Site::start(&stage.home, &stage.manager, &["--allow-changes"]);
    let token = viewer(&stage.rest, &stage.home, &stage.manager).await;
    site.authorization = Some(format!("Bearer {token}"));
    let mut link = Link::by_http(Protocol::of(VERSION), site);
    greet(&mut link).await;
    let (said, failed) = link.call("deployment", json!({"deployment_id": "trial"})).await;
    assert!(!failed, "{said}");
    let install = json!({"deployment_id": "trial", "workflow_id": "install"});
    let (said, failed) = link.call("start_workflow", install).await;
    assert!(failed && said.contains("403"), "{said}");
    assert!(stage.rest.ids("/executions?workflow_id=install").await.is_empty());
}

#[tokio::test]
async fn nobody_asks_without_saying_who_it_is() {
    let stage = stage().await;
    let mut site = Site::start(&stage.home, &stage.manager, &[]);
    let admin = site.authorization.take();
    let response = site.post(&initialize()).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    for wrong in ["Bearer nobody", "Basic bm9ib2R5Om5vdGhpbmc=", "Basic ???", "Negotiate x", "x"] {
        site.authorization = Some(wrong.to_owned());
        assert_eq!(status(site.post(&initialize())).await, 401, "{wrong}");
    }

    // A session is its caller's alone.
    site.authorization = admin;
    let id = session(&site).await;
    let used = |site: &Site, id: &str| site.post(&ping()).header("Mcp-Session-Id", id);
    assert_eq!(status(used(&site, &id)).await, 200);
    let token = viewer(&stage.rest, &stage.home, &stage.manager).await;
    let admin = site.authorization.replace(format!("Bearer {token}"));
    assert_eq!(status(used(&site, &id)).await, 404);
    assert_eq!(status(site.request(Method::DELETE).header("Mcp-Session-Id", &id)).await, 404);
    site.authorization = admin;
    assert_eq!(status(site.request(Method::DELETE).header("Mcp-Session-Id", &id)).await, 204);
    assert_eq!(status(used(&site, &id)).await, 404);
    assert_eq!(status(site.request(Method::DELETE)).await, 400);
}

#[tokio::test]
async fn pages_of_other_origins_may_not_ask() {
    let stage = stage().await;
    let site = Site::start(&stage.home, &stage.manager, &["--allow-origin", "https://tools.example.org"]);
    for (origin, expected) in [
        ("https://evil.example.org", 403),
        ("http://127.0.0.1.example.org", 403),
        ("null", 403),
        ("http://localhost:6274", 200),
        ("https://tools.example.org", 200),
    ] {
        assert_eq!(status(site.post(&initialize()).header("Origin", origin)).await, expected, "{origin}");
    }
    let elsewhere = stage.home.command().args(["mcp", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(elsewhere.status.code(), Some(1));
    let said = String::from_utf8_lossy(&elsewhere.stderr).into_owned();
    assert!(said.contains("proxy with TLS"), "{said}");
}

#[tokio::test]
async fn requests_that_are_not_as_they_should_be_are_refused() {
    let stage = stage().await;
    let site = Site::start(&stage.home, &stage.manager, &[]);
    let id = session(&site).await;
    let used = |message: &Value| site.post(message).header("Mcp-Session-Id", &id);
    assert_eq!(status(site.post(&ping())).await, 400);
    assert_eq!(status(used(&ping()).header("MCP-Protocol-Version", "1999-01-01")).await, 400);
    assert_eq!(status(used(&ping()).header("MCP-Protocol-Version", VERSION)).await, 200);
    assert_eq!(status(used(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))).await, 202);
    assert_eq!(status(used(&json!({"jsonrpc": "2.0", "id": 3, "result": {}}))).await, 202);
    assert_eq!(status(site.request(Method::GET)).await, 405);
    let plain = |body: &'static str, kind: &str| site.request(Method::POST).header("Content-Type", kind).body(body);
    assert_eq!(status(plain("{}", "text/plain")).await, 415);
    assert_eq!(status(plain("{", "application/json")).await, 400);
    let html = reqwest::Client::new().post(&site.address).header("Accept", "text/html");
    let html = html.header("Authorization", site.authorization.as_ref().unwrap()).json(&ping());
    assert_eq!(status(html).await, 406);

    // The version without sessions: headers say the same as the body.
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    });
    let asked = |method: &str, params: Value| {
        let mut message = json!({"jsonrpc": "2.0", "id": 4, "method": method, "params": params});
        message["params"]["_meta"] = meta.clone();
        site.post(&message).header("MCP-Protocol-Version", "2026-07-28")
    };
    let search = json!({"name": "search", "arguments": {"text": "trial"}});
    assert_eq!(status(asked("tools/list", json!({}))).await, 400);
    assert_eq!(status(asked("tools/list", json!({})).header("Mcp-Method", "tools/call")).await, 400);
    assert_eq!(status(asked("tools/list", json!({})).header("Mcp-Method", "tools/list")).await, 200);
    let call = || asked("tools/call", search.clone()).header("Mcp-Method", "tools/call");
    assert_eq!(status(call()).await, 400);
    assert_eq!(status(call().header("Mcp-Name", "=?base64?c2VhcmNo?=")).await, 200);
    assert_eq!(status(asked("server/dance", json!({})).header("Mcp-Method", "server/dance")).await, 404);
}
