//! The server for models, spoken to by a scripted client over both of its ways, in every version of the protocol.

mod http;
mod link;
mod protocol;

use jsonschema::validator_for;
use nephele_testkit::home::{Home, Manager};
use nephele_testkit::rest::Rest;
use serde_json::{Value, json};

use crate::home;
use crate::trial::Trial;
use link::{Link, Site};
use protocol::{Protocol, versions};

const READING: [&str; 4] = ["search", "deployment", "explain_execution", "plan_workflow"];

/// A manager with a deployment that is not installed.
struct Stage {
    manager: Manager,
    rest: Rest,
    creation: String,
    home: Home,
}

async fn stage() -> Stage {
    let home = home();
    let trial = Trial::new(home.folder());
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    rest.upload_folder("trial", &trial.blueprint).await;
    rest.create_deployment("trial", "trial", json!({"folder": trial.traces})).await.expect(201);
    let creation = rest.ids("/executions?deployment_id=trial").await[0].clone();
    Stage { manager, rest, creation, home }
}

/// The first words of each version: what the server can do.
async fn greet(link: &mut Link) {
    let able = if link.protocol.has_handshake() {
        let version = link.protocol.version;
        let who = json!({"name": "script", "version": "1"});
        let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": who});
        let able = link.ask("initialize", params, "InitializeRequest", "InitializeResult").await;
        assert_eq!(able["protocolVersion"], version);
        assert_eq!(able["serverInfo"]["name"], "nephele");
        link.tell("notifications/initialized", "InitializedNotification").await;
        link.ask("ping", json!({}), "PingRequest", "EmptyResult").await;
        able
    } else {
        let able = link.ask("server/discover", json!({}), "DiscoverRequest", "DiscoverResult").await;
        assert_eq!(able["supportedVersions"][0], link.protocol.version);
        able
    };
    assert!(able["capabilities"]["tools"].is_object(), "{able}");
}

/// The tools that are offered; each says what it takes as a schema, and each is as the protocol describes tools.
async fn tools(link: &mut Link) -> Vec<Value> {
    let listed = link.ask("tools/list", json!({}), "ListToolsRequest", "ListToolsResult").await;
    let tools = listed["tools"].as_array().unwrap().clone();
    for tool in &tools {
        let schema = validator_for(&tool["inputSchema"]).unwrap();
        assert!(!schema.is_valid(&json!({})), "{tool} takes nothing");
        let reads = READING.contains(&tool["name"].as_str().unwrap());
        assert_eq!(tool["annotations"]["readOnlyHint"], reads, "{tool}");
    }
    tools
}

async fn converse(link: &mut Link, stage: &Stage) {
    greet(link).await;
    let tools = tools(link).await;
    assert_eq!(tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect::<Vec<_>>(), READING);

    let (found, failed) = link.call("search", json!({"text": "trial"})).await;
    assert!(!failed && found.contains("blueprint trial") && found.contains("deployment trial"), "{found}");
    let (state, failed) = link.call("deployment", json!({"deployment_id": "trial"})).await;
    assert!(!failed && state.contains("\"installation_status\": \"inactive\""), "{state}");
    let (why, failed) = link.call("explain_execution", json!({"execution_id": stage.creation})).await;
    assert!(!failed && why.contains("Last events"), "{why}");
    let (plan, failed) = link.call("plan_workflow", json!({"deployment_id": "trial", "workflow_id": "install"})).await;
    assert!(!failed && plan.contains("first") && plan.contains("create"), "{plan}");

    // What a tool cannot do is for the model to read.
    let (said, failed) = link.call("deployment", json!({"deployment_id": "nothing"})).await;
    assert!(failed && said.contains("nothing"), "{said}");
    let (said, failed) = link.call("deployment", json!({})).await;
    assert!(failed && said.contains("deployment_id"), "{said}");

    // Changing tools are not there, and neither is what nobody knows.
    let refusal = link.refused("tools/call", json!({"name": "start_workflow", "arguments": {}})).await;
    assert_eq!(refusal["code"], -32602, "{refusal}");
    assert_eq!(link.refused("resources/list", json!({})).await["code"], -32601);
}

#[tokio::test]
async fn every_message_is_as_the_schema_of_its_version_says() {
    let stage = stage().await;
    for protocol in versions() {
        let version = protocol.version;
        let mut link = Link::by_lines(protocol, &stage.home, &stage.manager, &[]);
        converse(&mut link, &stage).await;
        let site = Site::start(&stage.home, &stage.manager, &[]);
        converse(&mut Link::by_http(Protocol::of(version), site), &stage).await;
    }
}

#[tokio::test]
async fn what_is_no_message_is_answered() {
    let stage = stage().await;
    let mut link = Link::by_lines(Protocol::of("2025-11-25"), &stage.home, &stage.manager, &[]);
    for (message, code) in [
        (json!("a text"), -32600),
        (json!([]), -32600),
        (json!({"jsonrpc": "2.0", "id": 1}), -32600),
        (json!({"jsonrpc": "2.0", "id": [], "method": "ping"}), -32600),
        (json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": 7}), -32602),
        (json!({"jsonrpc": "2.0", "id": 1, "method": "server/dance"}), -32601),
    ] {
        let answer = link.send(&message).await.unwrap();
        link.protocol.holds("JSONRPCErrorResponse", &answer);
        assert_eq!(answer["error"]["code"], code, "{message}: {answer}");
    }
    // Several at once, as one of the versions has it; what is only told among them has no answer.
    let ping = |id: u64| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
    let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let answers = link.send(&json!([ping(1), told, ping(2)])).await.unwrap();
    Protocol::of("2025-03-26").holds("JSONRPCBatchResponse", &answers);
    assert_eq!(answers.as_array().unwrap().len(), 2);
    // A version to come.
    let unknown = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2040-01-01", "io.modelcontextprotocol/clientCapabilities": {},
    }}});
    let answer = link.send(&unknown).await.unwrap();
    Protocol::of("2026-07-28").holds("UnsupportedProtocolVersionError", &answer);
}

#[tokio::test]
async fn changes_are_made_where_they_are_allowed() {
    let stage = stage().await;
    let mut link = Link::by_lines(Protocol::of("2025-11-25"), &stage.home, &stage.manager, &["--allow-changes"]);
    greet(&mut link).await;
    assert_eq!(tools(&mut link).await.len(), READING.len() + 2);
    let install = json!({"deployment_id": "trial", "workflow_id": "install"});
    let (said, failed) = link.call("start_workflow", install).await;
    assert!(!failed, "{said}");
    let execution = said.split(' ').nth(1).unwrap();
    assert_eq!(stage.rest.ended(execution).await["status"], "terminated");
    let (why, failed) = link.call("explain_execution", json!({"execution_id": execution})).await;
    assert!(!failed && why.contains("hello from second"), "{why}");
}
