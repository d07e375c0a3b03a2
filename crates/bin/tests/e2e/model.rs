//! The server for models, spoken to over the Model Context Protocol.

use std::io::Write;
use std::process::Stdio;

use nephele_testkit::home::{Home, Manager};
use serde_json::{Value, json};

use crate::home;

/// Sends requests, and gives their answers.
fn talk(home: &Home, manager: &Manager, more: &[&str], requests: &[Value]) -> Vec<Value> {
    let mut command = home.command();
    command.args(["mcp", "--manager", &manager.http, "--password", &home.password()]).args(more);
    let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = server.stdin.take().unwrap();
    for request in requests {
        writeln!(input, "{request}").unwrap();
    }
    drop(input);
    let output = server.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

#[test]
fn a_model_may_look_and_change_only_when_told() {
    let home = home();
    let manager = home.start();
    let requests = [
        request(
            1,
            "initialize",
            &json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}),
        ),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        request(2, "tools/list", &json!({})),
        request(3, "tools/call", &json!({"name": "search", "arguments": {"text": "nothing"}})),
        request(4, "tools/call", &json!({"name": "deployment", "arguments": {"deployment_id": "absent"}})),
        request(5, "tools/call", &json!({"name": "start_workflow", "arguments": {}})),
        request(6, "unheard", &json!({})),
    ];
    let answers = talk(&home, &manager, &[], &requests);
    let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    assert_eq!(answers[0]["result"]["protocolVersion"], "2025-06-18");
    let names = |answer: &Value| -> Vec<String> {
        answer["result"]["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&answers[1]), ["search", "deployment", "explain_execution", "plan_workflow"]);
    assert!(
        answers[1]["result"]["tools"].as_array().unwrap().iter().all(|tool| tool["inputSchema"]["type"] == "object")
    );
    assert_eq!((&answers[2]["result"]["isError"], &answers[3]["result"]["isError"]), (&json!(false), &json!(true)));
    assert_eq!((&answers[4]["error"]["code"], &answers[5]["error"]["code"]), (&json!(-32602), &json!(-32601)));
    let allowed = talk(&home, &manager, &["--allow-changes"], &[request(1, "tools/list", &json!({}))]);
    assert!(names(&allowed[0]).contains(&"start_workflow".to_owned()));
}
