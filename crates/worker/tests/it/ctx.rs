//! `ctx` in scripts: what it reads, changes and decides.

use nephele_model::operation::{Outcome, Related, Request, Severity};
use serde_json::{Value, json};

use crate::bench::{Bench, request};

fn instance(id: &str, node: &str, properties: &Value) -> Value {
    json!({
        "id": id, "node_id": node, "host_id": id, "version": 3, "state": "creating", "index": 1, "scaling_groups": [],
        "relationships": [{"target_id": "db_1", "target_name": "db", "type": "cloudify.relationships.connected_to"}],
        "system_properties": {}, "runtime_properties": properties,
    })
}

async fn bench() -> Bench {
    let bench = Bench::start().await;
    let mut known = bench.manager.known();
    known.properties = json!({"port": 8080, "ip": "10.0.0.9", "list": ["a", {"b": 1.5}], "on": true});
    known.instances.insert("web_1".into(), instance("web_1", "web", &json!({"a": {"b": [1, 2]}})));
    known.instances.insert("db_1".into(), instance("db_1", "db", &json!({"ip": "10.0.0.7"})));
    drop(known);
    bench
}

async fn returns(bench: &mut Bench, script: &str) -> Value {
    match bench.script(script).await {
        Outcome::Done(value) => value,
        Outcome::Failed(failure) => panic!("{failure:?}\n{:?}", bench.manager.lines()),
    }
}

fn relationship(script: &str, source: bool) -> Request {
    let mut request = request(json!({"script_source": script}));
    request.context.related = Some(Related { node_id: "db_1".into(), node_name: "db".into(), is_target: source });
    request
}

#[tokio::test]
async fn scripts_read_what_surrounds_them() {
    let mut bench = bench().await;
    let script = r#"
        for words in "instance id" "node name" "node properties port" "node properties list[1].b" "operation retry-number" \
            "operation name" "execution-id" "workflow_id" "deployment id" "blueprint id" "tenant-name" "plugin" "plugin name" \
            "type" "instance host_ip" "instance index" "node type" "instance runtime-properties a.b[1]"
        do ctx $words; echo; done
    "#;
    returns(&mut bench, script).await;
    let lines = bench.manager.lines();
    let expected = [
        "web_1",
        "web",
        "8080",
        "1.5",
        "2",
        "cloudify.interfaces.lifecycle.create",
        "exec1",
        "install",
        "shop1",
        "shop",
        "default_tenant",
        "script",
        "script",
        "node-instance",
        "10.0.0.9",
        "1",
        "shop.Web",
        "2",
    ];
    assert_eq!(lines[1..=expected.len()], expected.map(|text| format!("<out> {text}")));
}

#[tokio::test]
async fn changed_runtime_properties_are_stored_when_the_script_ends_even_badly() {
    let mut bench = bench().await;
    let script =
        "ctx instance runtime-properties new.deep '@{\"x\": [1, 2]}'; ctx instance runtime_properties plain 5; exit 1";
    assert!(matches!(bench.script(script).await, Outcome::Failed(_)));
    let stored = bench.manager.known().instances["web_1"].clone();
    assert_eq!(stored["runtime_properties"], json!({"a": {"b": [1, 2]}, "new": {"deep": {"x": [1, 2]}}, "plain": "5"}));
    assert_eq!(stored["version"], 4);
    let script = "ctx instance runtime-properties one 1; ctx instance update; ctx instance runtime-properties two 2
        ctx instance runtime-properties pop plain; ctx returns \"$(ctx -j instance runtime-properties)\"";
    let seen = returns(&mut bench, script).await;
    assert!(seen.is_string());
    let stored = bench.manager.known().instances["web_1"].clone();
    assert_eq!(
        (&stored["runtime_properties"]["two"], &stored["runtime_properties"]["plain"]),
        (&json!("2"), &Value::Null)
    );
    assert_eq!(stored["version"], 6);
}

#[tokio::test]
async fn somebody_elses_change_is_a_conflict_that_overrides_the_result() {
    let mut bench = bench().await;
    let path = bench.file("go");
    let script = format!(
        "ctx instance runtime-properties x 1; touch {0}.ready; until [ -e {0} ]; do sleep 0.01; done; ctx returns ok",
        path.display()
    );
    bench.send(&request(json!({"script_source": script}))).await;
    assert!(crate::bench::eventually(|| bench.file("go.ready").exists()).await);
    bench.manager.known().instances.get_mut("web_1").expect("there")["version"] = json!(9);
    std::fs::write(path, "").expect("written");
    let Outcome::Failed(failure) = bench.answer().await.1 else { panic!("a conflict was overlooked") };
    assert_eq!(failure.severity, Severity::Recoverable { retry_after: None });
    assert!(failure.message.starts_with("409: "), "{}", failure.message);
}

#[tokio::test]
async fn scripts_decide_how_their_operation_ends() {
    let mut bench = bench().await;
    assert_eq!(returns(&mut bench, "ctx returns '@{\"value\": {\"a\": [1]}}'").await, json!({"a": [1]}));
    let failed = |outcome: Outcome| match outcome {
        Outcome::Failed(failure) => (failure.severity, failure.message),
        Outcome::Done(value) => panic!("succeeded with {value}"),
    };
    let abort = failed(bench.script(". ctx-sh; ctx abort-operation 'no way'; touch never").await);
    assert_eq!(abort, (Severity::Fatal, "no way".to_owned()));
    let retry = failed(bench.script("ctx retry-operation later 5").await);
    assert_eq!(retry, (Severity::Retry { retry_after: Some(5.0) }, "later [retry_after=5]".to_owned()));
    let retry = failed(bench.script("ctx operation retry '@{\"message\": \"wait\", \"retry_after\": 1.5}'").await);
    assert_eq!(retry, (Severity::Retry { retry_after: Some(1.5) }, "wait [retry_after=1.5]".to_owned()));
    let twice = failed(bench.script("ctx returns 1; ctx returns 2").await);
    assert_eq!(twice, (Severity::Fatal, "ctx may only abort or return once".to_owned()));
    let failing = failed(bench.script("ctx operation retry; exit 4").await);
    assert!(failing.1.contains("exit_code: 4"), "an exit code outweighs a wish to be run again: {failing:?}");
}

#[tokio::test]
async fn relationship_operations_see_both_ends() {
    let script = "ctx returns \"$(ctx source instance id) $(ctx source node name) $(ctx target instance id) $(ctx target instance runtime-properties ip)$(ctx instance id 2>&1)\"";
    let mut bench = bench().await;
    let Outcome::Done(seen) = bench.run(relationship(script, true)).await else { panic!("failed") };
    let refusal = "RequestError: NonRecoverableError: ctx.node/ctx.instance can only be used in a node-instance context but used in a relationship-instance context.";
    assert_eq!(seen, json!(format!("web_1 web db_1 10.0.0.7{refusal}")));
    let swapped = bench
        .run(relationship(
            "ctx returns \"$(ctx source instance id)\"; ctx target instance runtime-properties k v",
            false,
        ))
        .await;
    assert_eq!(swapped, Outcome::Done(json!("db_1")));
    assert_eq!(bench.manager.known().instances["web_1"]["runtime_properties"]["k"], "v");
}

#[tokio::test]
async fn resources_are_fetched_and_rendered() {
    let mut bench = bench().await;
    let template = "port={{ ctx.node.properties.port }} on={{ ctx.node.properties.on }} x={{ x }} {% for k, v in ctx.instance.runtime_properties.items() %}{{ k }}={{ v }};{% endfor %} {{ missing }}\n";
    bench.manager.known().files.insert("blueprints/default_tenant/shop/conf/a.tpl".into(), template.into());
    bench.manager.known().files.insert("deployments/default_tenant/shop1/plain.txt".into(), "plain {".into());
    let dir = bench.dir.path().display().to_string();
    let script = format!(
        "set -e\nctx download-resource-and-render conf/a.tpl {dir}/out '@{{\"template_variables\": {{\"x\": 1.0}}}}'\n\
         cp $(ctx download-resource plain.txt) {dir}/copy\nctx returns \"$(ctx get-resource plain.txt)\""
    );
    assert_eq!(returns(&mut bench, &script).await, json!("plain {"));
    assert_eq!(bench.read("out"), "port=8080 on=True x=1.0 a={'b': [1, 2]}; ");
    assert_eq!(bench.read("copy"), "plain {");
    let missing = returns(&mut bench, "ctx returns \"$(ctx download-resource no.txt 2>&1)\"").await;
    assert!(missing.as_str().is_some_and(|text| text.contains("Resource not found: no.txt")), "{missing}");
}

#[tokio::test]
async fn logs_and_events_reach_the_manager_in_order() {
    let mut bench = bench().await;
    returns(&mut bench, "echo one; ctx logger info two; ctx logger warning 'three %s' x; ctx send-event something")
        .await;
    let known = bench.manager.known();
    let own: Vec<_> = known.logs.iter().map(|(level, text)| format!("{level}:{text}")).collect();
    for line in ["info:<out> one", "info:two", "warning:three x"] {
        assert!(own.contains(&line.to_owned()), "{own:?}");
    }
    assert_eq!(
        (&known.events[0]["event_type"], &known.events[0]["message"]["text"]),
        (&json!("plugin_event"), &json!("something"))
    );
    assert_eq!(known.events[0]["context"]["node_id"], "web_1");
}

#[tokio::test]
async fn a_script_without_proxy_has_no_address() {
    let mut bench = bench().await;
    let request =
        request(json!({"script_source": "[ -z \"$CTX_SOCKET_URL\" ]", "process": {"ctx_proxy_type": "none"}}));
    assert_eq!(bench.run(request).await, Outcome::Done(json!(null)));
}
