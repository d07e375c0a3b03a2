//! Python operations through the unmodified dispatcher: what they get, and what becomes of what they do.

use nephele_model::operation::{Outcome, Request, Severity};
use serde_json::{Value, json};

use crate::bench::{Bench, request};

/// A script that is evaluated; the dispatcher needs no file of the manager for it.
fn evaluated(lines: &str, inputs: Value) -> Request {
    let mut inputs = inputs;
    inputs["script_source"] = json!(format!("from cloudify import ctx, exceptions\n{lines}"));
    request(inputs)
}

/// Any function of the base environment as an operation.
fn function(name: &str) -> Request {
    let mut request = request(json!({}));
    request.context.task_name = name.into();
    request
}

fn instance(bench: &Bench) {
    let instance = json!({
        "id": "web_1", "node_id": "web", "deployment_id": "shop1", "host_id": null, "version": 3, "state": "creating",
        "runtime_properties": {"before": 1}, "system_properties": {}, "relationships": [], "index": 1,
        "scaling_groups": [],
    });
    bench.manager.known().instances.insert("web_1".into(), instance);
    bench.manager.known().properties = json!({"port": 8080});
}

#[tokio::test]
async fn an_operation_reads_and_changes_its_surroundings() {
    let mut bench = Bench::start().await;
    instance(&bench);
    let lines = "
from cloudify.state import ctx_parameters
ctx.logger.info('node %s listens on %s', ctx.node.id, ctx.node.properties['port'])
ctx.instance.runtime_properties['greeting'] = ctx_parameters['word']
ctx.returns([ctx.operation.retry_number, ctx.instance.runtime_properties['before'], ctx.tenant_name])
";
    let outcome = bench.run(evaluated(lines, json!({"word": "hello"}))).await;
    assert_eq!(outcome, Outcome::Done(json!([2, 1, "default_tenant"])));
    assert!(bench.manager.lines().contains(&"node web listens on 8080".to_owned()), "{:?}", bench.manager.lines());
    let known = bench.manager.known();
    assert_eq!(known.instances["web_1"]["runtime_properties"], json!({"before": 1, "greeting": "hello"}));
    let states: Vec<_> = known.reported.iter().map(|(_, state)| state.as_str()).collect();
    assert_eq!(states, ["started", "response-sent"]);
}

#[tokio::test]
async fn a_script_of_the_blueprint_is_evaluated_by_its_ending() {
    let mut bench = Bench::start().await;
    let path = "blueprints/default_tenant/shop/scripts/start.py".to_owned();
    bench.manager.known().files.insert(path, "from cloudify import ctx\nctx.returns(__name__)".into());
    let outcome = bench.run(request(json!({"script_path": "scripts/start.py"}))).await;
    assert_eq!(outcome, Outcome::Done(json!("__main__")));
}

#[tokio::test]
async fn each_kind_of_error_keeps_its_meaning() {
    let mut bench = Bench::start().await;
    instance(&bench);
    let recoverable = Severity::Recoverable { retry_after: None };
    for (lines, severity, kind, message) in [
        ("raise ValueError('boom')", recoverable, "ValueError", "boom"),
        ("raise exceptions.NonRecoverableError('no')", Severity::Fatal, "NonRecoverableError", "no"),
        (
            "raise exceptions.RecoverableError('soon', retry_after=7)",
            Severity::Recoverable { retry_after: Some(7.0) },
            "RecoverableError",
            "soon [retry_after=7]",
        ),
        (
            "ctx.operation.retry('later', retry_after=5)",
            Severity::Retry { retry_after: Some(5.0) },
            "OperationRetry",
            "later [retry_after=5]",
        ),
        ("raise SystemExit(2)", recoverable, "SystemExit", "2"),
        ("ctx.abort_operation('stop')", Severity::Fatal, "NonRecoverableError", "stop"),
    ] {
        let kept = "ctx.instance.runtime_properties['kept'] = ctx.instance.runtime_properties.get('kept', 0) + 1\n";
        let failure = bench.failure(evaluated(&format!("{kept}{lines}"), json!({}))).await;
        assert_eq!((failure.severity, failure.exception_type.as_str()), (severity, kind), "{lines}");
        assert_eq!(failure.message, message);
        assert_eq!(failure.causes.last().map(|cause| &cause["message"]), Some(&json!(message)));
    }
    assert_eq!(bench.manager.known().instances["web_1"]["runtime_properties"]["kept"], 6, "changes survive errors");
    let failure = bench.failure(evaluated("raise KeyError('gone')", json!({}))).await;
    let traceback = failure.traceback.expect("a traceback");
    assert!(traceback.contains("script.py\", line 2") && traceback.contains("KeyError: 'gone'"), "{traceback}");
    assert!(!traceback.contains("dispatch.py"), "{traceback}");
}

#[tokio::test]
async fn functions_that_are_not_there_are_named() {
    let mut bench = Bench::start().await;
    for (name, part) in
        [("no_such_module.tasks.run", "no_such_module"), ("os.path.no_such_function", "no_such_function")]
    {
        let failure = bench.failure(function(name)).await;
        assert_eq!(failure.severity, Severity::Fatal, "{name}");
        assert!(failure.message.contains(part), "{}", failure.message);
    }
}

#[tokio::test]
async fn what_was_interrupted_goes_on_only_if_it_can() {
    let mut bench = Bench::start().await;
    let mut interrupted = function("os.getcwd");
    interrupted.context.resume = true;
    let failure = bench.failure(interrupted).await;
    assert_eq!(failure.severity, Severity::Fatal);
    assert!(failure.message.starts_with("Cannot resume - operation not resumable"), "{}", failure.message);
    let mut script = evaluated("ctx.returns('again')", json!({}));
    script.context.resume = true;
    assert_eq!(bench.run(script).await, Outcome::Done(json!("again")));
}

#[tokio::test]
async fn an_operation_gets_its_environment_and_its_working_folder() {
    let mut bench = Bench::start().await;
    let lines = "
import os
with open(os.path.join(ctx.plugin.workdir, 'note'), 'w') as note:
    note.write('kept')
names = ['NEPHELE_TEST_PARENT', 'FROM_ENV', 'BYPASS_MAINTENANCE', 'CLOUDIFY_DISPATCH', 'MANAGER_NAME']
ctx.returns([os.environ.get(name) for name in names] + [ctx.plugin.properties, ctx.plugin.workdir])
";
    let mut asking = evaluated(lines, json!({}));
    asking.context.execution_env.insert("FROM_ENV".into(), json!("yes"));
    asking.context.bypass_maintenance = Some(true);
    asking.context.plugin.properties = Some(json!({"seen": {"get_attribute": ["SELF", "ip"]}}));
    let Outcome::Done(told) = bench.run(asking).await else { panic!("it failed") };
    let folder = bench
        .file("work")
        .canonicalize()
        .expect("a folder")
        .join("work/deployments/default_tenant/shop1/plugins/script");
    let evaluated = json!({"seen": "\"SELF\" of null"});
    assert_eq!(told, json!(["parent", "yes", "True", "true", "nephele", evaluated, folder]));
    assert_eq!(std::fs::read_to_string(folder.join("note")).expect("a note"), "kept");
}

#[tokio::test]
async fn without_python_the_error_says_what_to_do() {
    let mut bench = Bench::with_python("/no/such/python", None).await;
    let failure = bench.failure(evaluated("pass", json!({}))).await;
    assert_eq!((failure.severity, failure.exception_type.as_str()), (Severity::Fatal, "PythonNotFoundError"));
    for part in ["/no/such/python", "NEPHELE_PYTHON", "resume"] {
        assert!(failure.message.contains(part), "{}", failure.message);
    }
    assert_eq!(bench.script("ctx returns fine").await, Outcome::Done(json!("fine")), "scripts need no Python");
    let mut bench = Bench::with_python("/bin/true", None).await;
    let failure = bench.failure(evaluated("pass", json!({}))).await;
    assert!(failure.message.contains("it is no Python interpreter"), "{}", failure.message);
}

#[tokio::test]
async fn without_packages_the_error_quotes_pip_and_nothing_counts_as_made() {
    let wheels = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::with_python("python3", Some(wheels.path().to_owned())).await;
    for _ in 0..2 {
        let failure = bench.failure(evaluated("pass", json!({}))).await;
        assert_eq!((failure.severity, failure.exception_type.as_str()), (Severity::Fatal, "PythonEnvironmentError"));
        for part in ["cloudify-common", "No matching distribution", "NEPHELE_WHEELS", "resume"] {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
    }
}

#[tokio::test]
async fn operations_are_forked_from_one_interpreter_and_share_nothing() {
    let mut bench = Bench::start().await;
    let lines = "
import os, sys
import json as shared
os.environ['LEAK'] = sys.modules['json'].leak = 'x'
ctx.returns([os.getppid(), hasattr(shared, 'seen'), os.environ.get('SEEN'), os.getcwd(), sys.path[0]])
shared.seen = os.environ['SEEN'] = 'yes'
";
    let mut parents = Vec::new();
    for _ in 0..3 {
        let Outcome::Done(seen) = bench.run(evaluated(lines, json!({}))).await else { panic!("no result") };
        assert_eq!((&seen[1], &seen[2]), (&json!(false), &json!(null)));
        assert_eq!((&seen[3], &seen[3]), (&json!(bench.file("work/work").canonicalize().unwrap()), &seen[4]));
        parents.push(seen[0].as_i64());
    }
    assert!(parents.iter().all(|parent| *parent == parents[0] && *parent != Some(i64::from(std::process::id()))));
}

#[tokio::test]
async fn variables_that_count_at_the_start_get_a_start() {
    let mut bench = Bench::start().await;
    let lines = "import os\nctx.returns([os.getppid(), hash('a'), os.environ['PYTHONHASHSEED']])";
    let mut seeded = evaluated(lines, json!({}));
    seeded.context.execution_env.insert("PYTHONHASHSEED".into(), json!("7"));
    let first = bench.run(seeded.clone()).await;
    seeded.id.push_str("-again");
    assert_eq!(bench.run(seeded).await, first, "the hash is that of the seed");
    let Outcome::Done(seen) = first else { panic!("no result") };
    assert_eq!((seen[0].as_u64(), &seen[2]), (Some(std::process::id().into()), &json!("7")));
}

#[tokio::test]
async fn many_operations_run_beside_each_other() {
    let mut bench = Bench::start().await;
    let mut waiting: std::collections::BTreeMap<_, _> = (0..100)
        .map(|number| {
            let request = evaluated(&format!("ctx.returns({number})"), json!({}));
            (request.id.clone(), (number, request))
        })
        .collect();
    for (_, request) in waiting.values() {
        bench.send(request).await;
    }
    while !waiting.is_empty() {
        let (id, outcome) = bench.answer().await;
        let (number, _) = waiting.remove(&id).expect("one answer for each");
        assert_eq!(outcome, Outcome::Done(json!(number)));
    }
}

#[tokio::test]
async fn the_package_is_known_by_the_names_of_its_heirs() {
    let mut bench = Bench::start().await;
    instance(&bench);
    let lines = "
from nativeedge import ctx as same, manager
from dell.exceptions import NonRecoverableError
from nativeedge.state import ctx_parameters as inputs
from nativeedge.mocks import MockNativeEdgeContext
from nativeedge_rest_client.exceptions import NativeEdgeClientError
import nativeedge.ctx_wrappers, cloudify, sys
assert NonRecoverableError is exceptions.NonRecoverableError and cloudify.__spec__.name == 'cloudify'
if inputs.get('fails'):
    raise NonRecoverableError('as they say it')
same.returns([same.node.id, sys.modules['dell.exceptions'] is sys.modules['cloudify.exceptions']])
";
    for environment in [json!({}), json!({"PYTHONHASHSEED": "1"})] {
        let mut request = evaluated(lines, json!({}));
        request.context.execution_env = environment.as_object().expect("a mapping").clone();
        assert_eq!(bench.run(request).await, Outcome::Done(json!(["web", true])), "{environment}");
        let mut failing = evaluated(lines, json!({"fails": true}));
        failing.context.execution_env = environment.as_object().expect("a mapping").clone();
        let failure = bench.failure(failing).await;
        assert_eq!((failure.severity, failure.message.as_str()), (Severity::Fatal, "as they say it"));
    }
    // Whoever has a package of that name, means that.
    let own = bench.file("own");
    std::fs::create_dir_all(&own).expect("a folder");
    std::fs::write(own.join("dell.py"), "answer = 42\n").expect("a module");
    let lines = format!(
        "import sys\nsys.path.insert(0, {:?})\nimport dell\nctx.returns(dell.answer)",
        own.display().to_string()
    );
    assert_eq!(bench.run(evaluated(&lines, json!({}))).await, Outcome::Done(json!(42)));
}
