//! The command `ctx`, held against what the reference prints.
//!
//! `ctx_command.json` was recorded by running `ctx` of cloudify-common 7.0.5 against its own proxy,
//! one call after the other: arguments, output, exit code, and how the last line of the error
//! output begins. Known differences are left out: numbers beyond 64 bits, `NaN`, the text of `-h`.

use std::process::Command;

use serde_json::{Value, json};

use crate::bench::{Bench, ctx_program, eventually, request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_print_what_the_reference_prints() {
    let recorded: Value = serde_json::from_str(include_str!("ctx_command.json")).expect("the recording");
    let bench = Bench::start().await;
    let instance = json!({
        "id": "web_1", "node_id": "web", "host_id": "web_1", "version": 3, "state": "creating", "index": 1,
        "relationships": [], "system_properties": {}, "runtime_properties": recorded["runtime_properties"],
    });
    bench.manager.known().properties = recorded["properties"].clone();
    bench.manager.known().instances.insert("web_1".into(), instance);
    let path = bench.file("url").display().to_string();
    let script = format!(
        "printf $CTX_SOCKET_URL > {path}.new; mv {path}.new {path}; until [ -e {path}.end ]; do sleep 0.05; done"
    );
    bench.send(&request(json!({"script_source": script}))).await;
    assert!(eventually(|| bench.file("url").exists()).await);
    let url = bench.read("url");

    let mut differences = Vec::new();
    let calls = recorded["calls"].as_array().expect("a list");
    for call in calls {
        let arguments = call[0].as_array().expect("a list").iter().filter_map(Value::as_str);
        let output = Command::new(ctx_program()).args(arguments).env("CTX_SOCKET_URL", &url).output().expect("run");
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        let last = errors.lines().last().unwrap_or_default();
        let is_same = call[1] == *text
            && call[2].as_i64() == output.status.code().map(i64::from)
            && call[3].as_str().is_some_and(|expected| last.starts_with(expected));
        if !is_same {
            differences.push(format!("{call}\n  printed {text:?}, {:?}, {last:?}", output.status.code()));
        }
    }
    std::fs::write(format!("{path}.end"), "").expect("written");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(calls.len() > 100);
}
