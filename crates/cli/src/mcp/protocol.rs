//! Messages of the protocol: JSON-RPC, in versions that begin with a handshake and in the one without.
//!
//! Invariant: whatever comes is answered as the schema of its version has it (`crates/bin/tests/e2e/mcp`). What a tool
//! cannot do is an answer for the model, not a broken protocol.

use serde_json::{Map, Value, json};

use super::tools::Tools;

/// Versions that begin with `initialize`, the newest first; they differ in nothing that is used here.
pub(super) const WITH_HANDSHAKE: &[&str] = &["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// The version whose requests say each for itself how they are meant.
pub(super) const WITHOUT_HANDSHAKE: &str = "2026-07-28";

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const SERVER: &str = "io.modelcontextprotocol/serverInfo";

/// For how long clients may keep what does not change while this process lives.
const FRESH_MS: u64 = 300_000;

/// Why a message is refused, as JSON-RPC numbers it.
const NOT_JSON: i64 = -32700;
pub(super) const NO_REQUEST: i64 = -32600;
pub(super) const NO_METHOD: i64 = -32601;
const WRONG_PARAMS: i64 = -32602;
pub(super) const HEADERS_DIFFER: i64 = -32020;
pub(super) const NO_VERSION: i64 = -32022;

struct Refusal {
    code: i64,
    message: String,
    data: Option<Value>,
}

impl Refusal {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }
}

/// The answer to a text that is not JSON.
pub(super) fn unreadable(error: &serde_json::Error) -> Value {
    refused(None, NOT_JSON, &format!("not JSON: {error}"))
}

/// An error as an answer; without an id where there is none to be read.
pub(super) fn refused(id: Option<&Value>, code: i64, message: &str) -> Value {
    fail(id, Refusal::new(code, message))
}

fn fail(id: Option<&Value>, refusal: Refusal) -> Value {
    let mut answer = json!({"jsonrpc": "2.0"});
    if let Some(id) = id {
        answer["id"] = id.clone();
    }
    answer["error"] = json!({"code": refusal.code, "message": refusal.message});
    if let Some(data) = refusal.data {
        answer["error"]["data"] = data;
    }
    answer
}

fn versions() -> Vec<&'static str> {
    std::iter::once(WITHOUT_HANDSHAKE).chain(WITH_HANDSHAKE.iter().copied()).collect()
}

/// The version that a request names for itself.
pub(super) fn version(message: &Value) -> Option<&str> {
    message["params"]["_meta"][VERSION].as_str()
}

/// The answer to a message, or to several together; none to what is only told.
pub(super) async fn answer(tools: &Tools, message: &Value) -> Option<Value> {
    let Some(several) = message.as_array() else { return answer_one(tools, message).await };
    if several.is_empty() {
        return Some(refused(None, NO_REQUEST, "there is nothing in it"));
    }
    let mut answers = Vec::new();
    for message in several {
        answers.extend(answer_one(tools, message).await);
    }
    (!answers.is_empty()).then_some(answers.into())
}

async fn answer_one(tools: &Tools, message: &Value) -> Option<Value> {
    let Some(method) = message["method"].as_str() else {
        // An answer; nothing was asked here, so it is not for us.
        let is_answer = message.get("result").is_some() || message.get("error").is_some();
        return (!is_answer).then(|| refused(None, NO_REQUEST, "neither a request nor an answer"));
    };
    let id = message.get("id")?;
    if !id.is_string() && !id.is_i64() && !id.is_u64() {
        return Some(refused(None, NO_REQUEST, "an id is a text or a whole number"));
    }
    let result = match message.get("params") {
        Some(params) if !params.is_object() => Err(Refusal::new(WRONG_PARAMS, "params must be an object")),
        _ => result(tools, method, message).await,
    };
    Some(match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(refusal) => fail(Some(id), refusal),
    })
}

async fn result(tools: &Tools, method: &str, message: &Value) -> Result<Map<String, Value>, Refusal> {
    let params = &message["params"];
    let Some(version) = version(message) else { return in_session(tools, method, params).await };
    if version != WITHOUT_HANDSHAKE {
        let data = Some(json!({"supported": versions(), "requested": version}));
        return Err(Refusal { data, ..Refusal::new(NO_VERSION, format!("version {version} is not spoken here")) });
    }
    if !params["_meta"][CAPABILITIES].is_object() {
        return Err(Refusal::new(WRONG_PARAMS, format!("_meta has no {CAPABILITIES}")));
    }
    let mut result = by_itself(tools, method, params).await?;
    result.insert("resultType".to_owned(), "complete".into());
    result.insert("_meta".to_owned(), json!({SERVER: server()}));
    Ok(result)
}

fn server() -> Value {
    json!({"name": "nephele", "version": env!("CARGO_PKG_VERSION")})
}

fn capabilities() -> Value {
    json!({"tools": {"listChanged": false}})
}

fn unknown(method: &str) -> Refusal {
    Refusal::new(NO_METHOD, format!("{method} is not known here"))
}

fn fields<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Versions with a handshake.
async fn in_session(tools: &Tools, method: &str, params: &Value) -> Result<Map<String, Value>, Refusal> {
    match method {
        "initialize" => {
            let asked = params["protocolVersion"].as_str().unwrap_or_default();
            let version = WITH_HANDSHAKE.iter().find(|version| **version == asked).unwrap_or(&WITH_HANDSHAKE[0]);
            Ok(fields([
                ("protocolVersion", (*version).into()),
                ("capabilities", capabilities()),
                ("serverInfo", server()),
            ]))
        }
        "ping" => Ok(Map::new()),
        "tools/list" => Ok(fields([("tools", tools.described())])),
        "tools/call" => use_tool(tools, params).await,
        other => Err(unknown(other)),
    }
}

/// The version without one.
async fn by_itself(tools: &Tools, method: &str, params: &Value) -> Result<Map<String, Value>, Refusal> {
    let kept = |mut result: Map<String, Value>| {
        result.extend(fields([("ttlMs", FRESH_MS.into()), ("cacheScope", "public".into())]));
        result
    };
    match method {
        "server/discover" => {
            Ok(kept(fields([("supportedVersions", versions().into()), ("capabilities", capabilities())])))
        }
        "tools/list" => Ok(kept(fields([("tools", tools.described())]))),
        "tools/call" => use_tool(tools, params).await,
        other => Err(unknown(other)),
    }
}

async fn use_tool(tools: &Tools, params: &Value) -> Result<Map<String, Value>, Refusal> {
    let name = params["name"].as_str().unwrap_or_default();
    if !tools.has(name) {
        return Err(Refusal::new(WRONG_PARAMS, format!("there is no tool {name}")));
    }
    let (said, is_error) = match tools.run(name, &params["arguments"]).await {
        Ok(said) => (said, false),
        Err(error) => (format!("{error:#}"), true),
    };
    Ok(fields([("content", json!([{"type": "text", "text": said}])), ("isError", is_error.into())]))
}
