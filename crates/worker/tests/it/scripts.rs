//! Scripts: where they come from, what they get, what becomes of what they write.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nephele_model::operation::{Outcome, Severity};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::bench::{Bench, eventually, is_alive, request};

const RECOVERABLE: Severity = Severity::Recoverable { retry_after: None };

#[tokio::test]
async fn a_script_gets_its_environment_and_its_lines_become_logs() {
    let mut bench = Bench::start().await;
    let cwd = bench.dir.path().to_owned();
    let script = r#"#!/bin/bash
        echo "$NEPHELE_TEST_PARENT $port $flag $both $1 $2 $PWD"
        echo oops >&2
        printf 'no newline'
    "#;
    let outcome = bench
        .run(request(json!({
            "script_source": script, "port": 8080, "flag": true, "both": "input",
            "process": {"env": {"both": "process"}, "args": ["one", "two"], "cwd": cwd, "stderr_to_stdout": true},
        })))
        .await;
    assert_eq!(outcome, Outcome::Done(json!(null)));
    let lines = bench.manager.lines();
    assert!(lines[0].starts_with("Process created, PID: "), "{lines:?}");
    let expected = [
        format!("<out> parent 8080 true process one two {}", cwd.display()),
        "<out> oops".into(),
        "<out> no newline".into(),
    ];
    assert_eq!(lines[1..4], expected);
    assert!(lines[4].starts_with("Execution done (PID=") && lines[4].contains("return_code=0): /"), "{lines:?}");
    let reported = bench.manager.known().reported.clone();
    assert_eq!(reported.iter().map(|(_, state)| state.as_str()).collect::<Vec<_>>(), ["started", "response-sent"]);
    assert!(
        std::fs::read_dir(bench.file("work/running")).expect("the folder").next().is_none(),
        "nothing is left over"
    );
}

#[tokio::test]
async fn a_failing_script_gives_the_references_error() {
    let mut bench = Bench::start().await;
    let failure = bench.failure(request(json!({"script_source": "echo out; echo err >&2; exit 3"}))).await;
    assert_eq!((failure.severity, failure.exception_type.as_str()), (RECOVERABLE, "ProcessException"));
    assert!(failure.message.starts_with("command: /"), "{}", failure.message);
    assert!(failure.message.ends_with("script.sh, exit_code: 3, stdout: out\n, stderr: err\n"), "{}", failure.message);
    assert_eq!(failure.causes[0]["type"], "ProcessException");
    // Two pipes are read, so either line may come first.
    let mut told = bench.manager.lines()[1..3].to_vec();
    told.sort_unstable();
    assert_eq!(told, ["<err> err", "<out> out"]);
    let signalled = bench.failure(request(json!({"script_source": "kill -9 $$"}))).await;
    // Whether the shell itself or its child is hit is the shell's choice.
    assert!(["exit_code: -9", "exit_code: 137"].iter().any(|code| signalled.message.contains(code)));
}

#[tokio::test]
async fn streams_can_be_left_out_of_the_logs() {
    let mut bench = Bench::start().await;
    let quiet =
        json!({"script_source": "echo out; echo err >&2", "process": {"log_stdout": false, "log_stderr": false}});
    assert_eq!(bench.run(request(quiet)).await, Outcome::Done(json!(null)));
    assert!(!bench.manager.lines().iter().any(|line| line.starts_with('<')));
}

#[tokio::test]
async fn scripts_come_from_deployment_then_blueprint_and_once_per_execution() {
    let mut bench = Bench::start().await;
    let blueprint = "blueprints/default_tenant/shop/scripts/a.sh".to_owned();
    bench.manager.known().files.insert(blueprint.clone(), "#!/bin/sh\nctx returns from-blueprint".into());
    for _ in 0..3 {
        let outcome = bench.run(request(json!({"script_path": "scripts/a.sh"}))).await;
        assert_eq!(outcome, Outcome::Done(json!("from-blueprint")));
    }
    let deployment = "deployments/default_tenant/shop1/scripts/a.sh".to_owned();
    assert_eq!(bench.manager.known().asked, [deployment, blueprint]);

    let local = bench.file("local script.sh");
    std::fs::write(&local, "#!/bin/sh\nctx returns from-file").expect("written");
    let quoted = json!({"script_path": format!("file://{}", local.display()), "process": {"command_prefix": "true"}});
    assert_eq!(bench.run(request(quoted)).await, Outcome::Done(json!(null)));
}

/// Serves a text by HTTPS, and gives its address and the certificate to believe.
async fn served_by_tls(text: &'static str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("its key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config.expect("a certificate with its key")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://localhost:{}/run.sh", listener.local_addr().expect("bound").port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len());
            let asked = stream.read(&mut [0; 4096]).await.expect("a request");
            assert!(asked > 0);
            stream.write_all(answer.as_bytes()).await.expect("sent");
            stream.shutdown().await.expect("closed");
        }
    });
    (url, made.cert.pem())
}

#[tokio::test]
async fn scripts_come_from_addresses_on_the_web() {
    let mut bench = Bench::start().await;
    let refused = bench.failure(request(json!({"script_path": "no.sh"}))).await;
    let manager =
        refused.message.split("/resources/").next().and_then(|text| text.split_once('(')).expect("its address").1;
    bench.manager.known().files.insert("web.sh".into(), "#!/bin/sh\nctx returns \"$word by http\"".into());
    let plain = json!({"script_path": format!("{manager}/resources/web.sh"), "word": "here"});
    assert_eq!(bench.run(request(plain)).await, Outcome::Done(json!("here by http")));

    let (url, certificate) = served_by_tls("#!/bin/sh\nctx returns \"by https\"").await;
    let believed = json!({"script_path": url, "ssl_cert_content": certificate});
    assert_eq!(bench.run(request(believed)).await, Outcome::Done(json!("by https")));
    let doubted = bench.failure(request(json!({"script_path": url}))).await;
    assert_eq!(doubted.severity, RECOVERABLE);
    assert!(doubted.message.starts_with("Failed downloading script: "), "{}", doubted.message);
}

#[tokio::test]
async fn scripts_for_powershell_are_given_to_it() {
    let mut bench = Bench::start().await;
    bench.manager.known().files.insert("blueprints/default_tenant/shop/a.ps1".into(), "Write-Host hello".into());
    let folder = bench.file("bin");
    std::fs::create_dir(&folder).expect("a folder");
    let program = folder.join("powershell");
    // What would be an interpreter tells what it is given.
    std::fs::write(&program, "#!/bin/sh\necho \"$(cat \"$1\") for $2\"\n").expect("a program");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("executable");
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let inputs = json!({"script_path": "a.ps1", "process": {"env": {"PATH": path}, "args": ["you"]}});
    assert_eq!(bench.run(request(inputs)).await, Outcome::Done(json!(null)));
    assert!(
        bench.manager.lines().contains(&"<out> Write-Host hello for you".to_owned()),
        "{:?}",
        bench.manager.lines()
    );
}

#[tokio::test]
async fn scripts_that_cannot_be_had_say_why() {
    let mut bench = Bench::start().await;
    let missing = bench.failure(request(json!({"script_path": "scripts/no.sh"}))).await;
    assert_eq!((missing.severity, missing.exception_type.as_str()), (Severity::Fatal, "HttpException"));
    assert!(missing.message.starts_with("404 (http://127.0.0.1:"), "{}", missing.message);
    assert!(missing.message.ends_with("/resources/scripts/no.sh) : Resource not found: scripts/no.sh"));
    let nothing = bench.failure(request(json!({}))).await;
    assert_eq!(nothing.message, "Either script_path or script_source must be provided");
    let url = format!(
        "{}/resources/x.sh",
        missing.message.split(['(', '/']).nth(3).map(|host| format!("http://{host}")).unwrap_or_default()
    );
    let refused = bench.failure(request(json!({"script_path": url}))).await;
    assert_eq!(refused.message, format!("Failed downloading script: {url} (status code: 404)"));
}

#[tokio::test]
async fn python_that_brings_its_interpreter_runs_as_a_program() {
    let mut bench = Bench::start().await;
    let source = "#!/usr/bin/env python3\nimport os\nprint('python', os.environ['x'])\n";
    let program = json!({"script_source": source, "x": 1});
    assert_eq!(bench.run(request(program)).await, Outcome::Done(json!(null)));
    assert_eq!(bench.manager.lines()[1], "<out> python 1");
}

#[tokio::test]
async fn plugins_that_are_not_there_are_named_with_advice() {
    let mut bench = Bench::start().await;
    let mut unknown = request(json!({}));
    unknown.context.task_name = "cloudify_aws.ec2.create".into();
    unknown.context.plugin.name = "aws".into();
    let failure = bench.failure(unknown).await;
    assert_eq!(failure.severity, Severity::Fatal);
    for part in ["cloudify.interfaces.lifecycle.create", "cloudify_aws.ec2.create", "`aws`"] {
        assert!(failure.message.contains(part), "{}", failure.message);
    }
    let mut agent = request(json!({}));
    agent.context.task_name = "cloudify_agent.installer.operations.create".into();
    assert!(bench.failure(agent).await.message.contains("install_method"));
}

#[tokio::test]
async fn inputs_are_evaluated_when_the_message_asks_for_it() {
    let mut bench = Bench::start().await;
    let mut asking =
        request(json!({"script_source": "ctx returns \"$seen\"", "seen": {"get_attribute": ["SELF", "ip"]}}));
    asking.context.has_intrinsic_functions = true;
    assert_eq!(bench.run(asking).await, Outcome::Done(json!("\"SELF\" of \"web_1\"")));
}

#[tokio::test]
async fn a_service_that_is_left_running_holds_nobody_up_and_lives_on() {
    let mut bench = Bench::start().await;
    let alive = bench.file("alive");
    let script = format!(
        "nohup sh -c 'echo $$ > {0}.pid; sleep 0.4; echo still writing; echo yes > {0}; sleep 60' &\necho started",
        alive.display()
    );
    let begun = Instant::now();
    assert_eq!(bench.script(&script).await, Outcome::Done(json!(null)));
    assert!(begun.elapsed() < Duration::from_millis(350), "took {:?}", begun.elapsed());
    assert!(bench.manager.lines().contains(&"<out> started".to_owned()));
    assert!(eventually(|| bench.read("alive") == "yes\n").await, "the service outlived its output's reader");
    let pid = bench.read("alive.pid");
    assert!(is_alive(&pid));
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid.trim().parse().expect("a pid")),
        nix::sys::signal::Signal::SIGKILL,
    )
    .expect("killed");
}

#[tokio::test]
async fn output_arrives_while_the_script_runs_and_in_order() {
    let mut bench = Bench::start().await;
    let go = bench.file("go");
    let script = format!("seq 1 5000; echo waiting; until [ -e {0} ]; do sleep 0.01; done; echo done", go.display());
    bench.send(&request(json!({"script_source": script}))).await;
    let manager = bench.manager.clone();
    assert!(eventually(|| manager.lines().contains(&"<out> waiting".to_owned())).await);
    std::fs::write(go, "").expect("written");
    assert_eq!(bench.answer().await.1, Outcome::Done(json!(null)));
    let lines = manager.lines();
    let expected: Vec<_> = (1..=5000).map(|number| format!("<out> {number}")).collect();
    assert_eq!(lines[1..=5000], expected);
    assert_eq!(lines[5002], "<out> done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_operations_at_once_are_each_reported_and_answered() {
    const COUNT: usize = 500;
    let mut bench = Bench::start().await;
    bench.manager.known().files.insert("blueprints/default_tenant/shop/a.sh".into(), "#!/bin/sh\necho hello".into());
    for _ in 0..COUNT {
        bench.send(&request(json!({"script_path": "a.sh"}))).await;
    }
    for _ in 0..COUNT {
        assert_eq!(bench.answer().await.1, Outcome::Done(json!(null)));
    }
    assert_eq!(bench.manager.known().reported.len(), 2 * COUNT);
}
