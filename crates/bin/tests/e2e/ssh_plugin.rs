//! The built-in plugin for SSH, against a real sshd on this machine.

use std::time::Duration;

use nephele_testkit::rest::blueprint;
use nephele_testkit::sshd::{SUDO_PASSWORD, Sshd};
use serde_json::{Value, json};

use crate::deployed::{Deployed, example, left_nothing};
use crate::home;

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:nephele-ssh']
inputs:
  host: {}
  commands: {}
  use_sudo: {default: false}
node_templates:
  service:
    type: nephele.nodes.ssh.Commands
    properties: {fabric_env: {get_input: host}, use_sudo: {get_input: use_sudo}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create:
          inputs: {commands: {get_input: commands}, non_recoverable_error_exit_codes: [7]}
          max_retries: 1
          retry_interval: 0
";

fn host(server: &Sshd) -> Value {
    json!({"host": "127.0.0.1", "port": server.port, "user": server.user, "key": {"get_secret": "key"},
        "shell_env": {"word": {"get_secret": "word"}}})
}

async fn deployed(home: &nephele_testkit::home::Home, server: &Sshd) -> Deployed {
    let deployed = Deployed::on(home, &[("key", &server.key()), ("word", "open-sesame")]).await;
    let folder = home.folder().join("app");
    blueprint(&folder, BLUEPRINT, &[]);
    deployed.rest.upload_folder("app", &folder).await;
    deployed
}

impl Deployed {
    async fn commands(&self, id: &str, host: Value, commands: &[&str]) {
        let inputs = json!({"host": host, "commands": commands});
        self.rest.create_deployment(id, "app", inputs).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_brings_a_file_and_runs_a_script() {
    let (home, server) = (home(), Sshd::start());
    let deployed = Deployed::on(&home, &[]).await;
    let folder = home.folder().join("deep/er");
    let inputs = json!({"port": server.port, "user": server.user, "key_filename": server.key_file(), "folder": folder});
    deployed.deploy("ssh", &example("ssh"), inputs).await;
    let told = deployed.runs("ssh", "install", json!({})).await;
    assert_eq!(std::fs::read_to_string(folder.join("configured.txt")).unwrap(), "The page of ssh");
    assert!(told.contains(&format!("configured {} on Linux", folder.display())), "{told}");
    assert_eq!(deployed.properties("ssh", "service").await, json!({"folder": folder}));
    let left = std::fs::read_dir("/tmp")
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().to_string_lossy().contains("cloudify-ctx-"));
    assert_eq!(left.count(), 0, "the script is still there");
    deployed.runs("ssh", "uninstall", json!({})).await;
    assert!(!folder.exists());
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_run_one_after_the_other_and_secrets_are_not_told() {
    let (home, server) = (home(), Sshd::start());
    let deployed = deployed(&home, &server).await;
    deployed.commands("d", host(&server), &["echo \"it's $word\"", "echo second >&2"]).await;
    let told = deployed.runs("d", "install", json!({})).await;
    assert!(told.contains("<out> it's ********") && told.contains("<err> second"), "{told}");
    assert!(!told.contains("open-sesame") && !told.contains("PRIVATE KEY"), "{told}");

    deployed.commands("again", host(&server), &["echo tried; exit 3"]).await;
    let (error, told) = deployed.fails("again", "install").await;
    assert!(error.contains("ended with exit code 3"), "{error}");
    assert_eq!(told.matches("<out> tried").count(), 2, "{told}");
    deployed.commands("final", host(&server), &["echo tried; exit 7"]).await;
    let (_, told) = deployed.fails("final", "install").await;
    assert_eq!(told.matches("<out> tried").count(), 1, "{told}");
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_host_key_is_refused_where_one_is_given() {
    let (home, server, other) = (home(), Sshd::start(), Sshd::start());
    let deployed = deployed(&home, &server).await;
    for (id, key) in [("right", server.host_key()), ("wrong", other.host_key())] {
        let mut host = host(&server);
        host["host_key"] = json!(key);
        deployed.commands(id, host, &["true"]).await;
    }
    deployed.runs("right", "install", json!({})).await;
    let (error, _) = deployed.fails("wrong", "install").await;
    assert!(error.contains("Host key verification failed") || error.contains("IDENTIFICATION HAS CHANGED"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_behind_a_gateway_is_reached_through_it() {
    let (home, server, gateway) = (home(), Sshd::start(), Sshd::start());
    let deployed = deployed(&home, &server).await;
    deployed.rest.put("/secrets/gateway", &json!({"value": gateway.key()})).await.expect(200);
    let mut through = host(&server);
    through["host_key"] = json!(server.host_key());
    through["gateway"] = json!({"host": "127.0.0.1", "port": gateway.port, "user": gateway.user,
        "key": {"get_secret": "gateway"}, "host_key": gateway.host_key()});
    deployed.commands("d", through.clone(), &["echo \"$word, from ${SSH_CONNECTION%% *}\""]).await;
    let told = deployed.runs("d", "install", json!({})).await;
    assert!(told.contains("<out> ********, from 127.0.0.1"), "{told}");
    assert!(!told.contains("PRIVATE KEY"), "{told}");
    let logged = |server: &Sshd| server.log().matches("Accepted publickey").count();
    assert_eq!((logged(&gateway), logged(&server)), (1, 1));

    // One that lets nobody in is named, and so is one that is none.
    through["gateway"]["key"] = json!(server.key());
    deployed.commands("locked", through.clone(), &["true"]).await;
    let (error, _) = deployed.fails("locked", "install").await;
    assert!(error.contains(&format!("through {}@127.0.0.1:{}", gateway.user, gateway.port)), "{error}");
    assert!(error.contains("Permission denied"), "{error}");
    assert_eq!(logged(&server), 1);
    through["gateway"] = json!(["a", "b"]);
    deployed.commands("several", through, &["true"]).await;
    let (error, _) = deployed.fails("several", "install").await;
    assert!(error.contains("`fabric_env.gateway` must be one host"), "{error}");
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn sudo_gets_its_password_and_nobody_else_does() {
    let (home, server) = (home(), Sshd::start_with_sudo());
    let deployed = deployed(&home, &server).await;
    deployed.rest.put("/secrets/sudo", &json!({"value": SUDO_PASSWORD})).await.expect(200);
    let mut host = host(&server);
    let install = |id: &'static str, host: &Value| {
        let inputs = json!({"host": host, "commands": ["echo \"$(id -un) says $word\""], "use_sudo": true});
        let deployed = &deployed;
        async move { deployed.rest.create_deployment(id, "app", inputs).await.expect(201) }
    };
    install("without", &host).await;
    let (error, _) = deployed.fails("without", "install").await;
    assert!(error.contains("a password is required"), "{error}");
    host["sudo_password"] = json!({"get_secret": "sudo"});
    install("with", &host).await;
    let told = deployed.runs("with", "install", json!({})).await;
    assert!(told.contains("<out> root says ********"), "{told}");
    host["sudo_password"] = json!("not this one");
    install("wrong", &host).await;
    let (error, told) = deployed.fails("wrong", "install").await;
    assert!(error.contains("incorrect password attempt"), "{error}");
    assert!(!told.contains("root says") && !told.contains("not found"), "{told}");

    // Whoever is root already is not asked, and the password is no command.
    let open = Sshd::start();
    let mut host = self::host(&open);
    host["key"] = json!(open.key());
    host["sudo_password"] = json!({"get_secret": "sudo"});
    install("root", &host).await;
    let told = deployed.runs("root", "install", json!({})).await;
    assert!(told.contains("<out> root says ********") && !told.contains("not found"), "{told}");
    assert!(!told.contains(SUDO_PASSWORD) && !home.log().contains(SUDO_PASSWORD), "{told}");
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_ends_the_command_on_the_host() {
    let (home, server) = (home(), Sshd::start());
    let deployed = deployed(&home, &server).await;
    let (begun, ended) = (home.folder().join("begun"), home.folder().join("ended"));
    let command = format!("trap 'touch {1}; exit' TERM; touch {0}; sleep 600 & wait", begun.display(), ended.display());
    deployed.commands("d", host(&server), &[&command]).await;
    let execution = deployed.rest.start("d", "install", json!({})).await;
    for file in [&begun, &ended] {
        for _ in 0..400 {
            if file.exists() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(file.exists(), "{} is not there: {}", file.display(), deployed.told(&execution).await);
        if file == &begun {
            deployed.rest.post(&format!("/executions/{execution}"), &json!({"action": "kill"})).await.expect(200);
        }
    }
    assert_eq!(deployed.rest.ended(&execution).await["status"], "cancelled");
    left_nothing(&home);
}
