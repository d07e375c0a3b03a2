//! The built-in plugin for containers, with the real podman and an image that the test makes.

use std::path::Path;
use std::time::Duration;

use nephele_testkit::home::Home;
use nephele_testkit::podman::{IMAGE, Podman};
use nephele_testkit::rest::blueprint;
use serde_json::{Value, json};

use crate::deployed::{Deployed, example, left_nothing};
use crate::home;

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:nephele-docker']
inputs:
  client: {default: {executable_path: /usr/bin/podman}}
  arguments: {}
node_templates:
  image:
    type: cloudify.nodes.docker.image
    properties:
      client_config: {get_input: client}
      resource_config:
        tag: localhost/own:1
        image_content: |
          FROM scratch
          COPY shell /bin/sh
          COPY shell /bin/sleep
          COPY texts/word /word
        context_files: [shell, texts/word]
  task:
    type: cloudify.nodes.docker.container
    properties:
      client_config: {get_input: client}
      resource_config: {image_tag: localhost/own:1, container_args: {get_input: arguments}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: docker.cloudify_docker.tasks.create_container, max_retries: 0}
    relationships: [{type: cloudify.relationships.depends_on, target: image}]
";

async fn deployed(home: &Home) -> Deployed {
    let deployed = Deployed::on(home, &[("word", "open-sesame")]).await;
    let folder = home.folder().join("app");
    blueprint(&folder, BLUEPRINT, &[("texts/word", "from a file")]);
    std::fs::copy(Podman::shell(), folder.join("shell")).unwrap();
    deployed.rest.upload_folder("app", &folder).await;
    deployed
}

impl Deployed {
    async fn container(&self, id: &str, arguments: Value) {
        self.rest.create_deployment(id, "app", json!({"arguments": arguments})).await.expect(201);
    }
}

fn shell(script: &str) -> Value {
    json!({"command": ["/bin/sh", "-c", script], "environment": {"WORD": {"get_secret": "word"}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_runs_a_container() {
    let podman = Podman::start();
    let home = podman.around(home());
    let deployed = Deployed::on(&home, &[]).await;
    let inputs = json!({"image": IMAGE, "greeting": "Good day", "executable_path": Podman::program()});
    deployed.deploy("docker", &example("docker"), inputs).await;
    deployed.runs("docker", "install", json!({})).await;
    assert_eq!(deployed.outputs("docker").await, json!({"status": "running"}));
    let properties = deployed.properties("docker", "service").await;
    let container = properties["container"].as_str().unwrap();
    assert_eq!(podman.runs(&["ps", "-q", "--no-trunc"]), container);
    assert_eq!(podman.runs(&["logs", container]), "Good day from a container");

    deployed.runs("docker", "check_status", json!({})).await;
    let order = json!({"operation": "docker.execute", "node_ids": ["service"], "allow_kwargs_override": true,
        "operation_kwargs": {"command": "sh -c 'echo \"in $GREETING\"'"}});
    let told = deployed.runs("docker", "execute_operation", order).await;
    assert!(told.contains("<out> in Good day"), "{told}");
    deployed.runs("docker", "restart", json!({})).await;
    assert_eq!(podman.runs(&["ps", "-q", "--no-trunc"]), container, "it is the same one, and runs again");
    assert_eq!(podman.runs(&["logs", container]).lines().count(), 2);

    podman.runs(&["kill", container]);
    let (error, _) = deployed.fails("docker", "check_status").await;
    assert!(error.contains("it has ended with exit code 137") && error.contains("Good day from"), "{error}");
    deployed.runs("docker", "uninstall", json!({})).await;
    assert_eq!(podman.runs(&["ps", "-a", "-q"]), "");
    assert!(podman.runs(&["images", "-q", IMAGE]).len() > 8, "what was not made here stays");
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_built_and_secrets_stay_with_the_container() {
    let podman = Podman::start();
    let home = podman.around(home());
    let deployed = deployed(&home).await;
    deployed.container("d", shell("read line < /word; echo \"$line and $WORD\"")).await;
    let told = deployed.runs("d", "install", json!({})).await;
    let properties = deployed.properties("d", "task").await;
    assert_eq!(properties["run_result"], "from a file and ********");
    assert_eq!(properties["container_info"]["status"], "exited");
    assert_eq!(properties["container_args"]["environment"]["WORD"], "********");
    assert!(told.contains("<out> from a file and ********"), "{told}");
    assert!(!told.contains("open-sesame") && !home.log().contains("open-sesame"), "{told}");
    deployed.runs("d", "uninstall", json!({})).await;
    assert_eq!(podman.runs(&["ps", "-a", "-q"]), "");
    assert_eq!(podman.runs(&["images", "-q", "localhost/own"]), "");

    deployed.container("fails", shell("echo last words; exit 3")).await;
    let (error, _) = deployed.fails("fails", "install").await;
    assert!(error.contains("ended with exit code 3: last words"), "{error}");
    deployed.container("unknown", json!({"auto_remove": true})).await;
    let (error, _) = deployed.fails("unknown", "install").await;
    assert!(error.contains("`container_args.auto_remove` is not known"), "{error}");
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_a_crash_left_is_not_left_beside_another() {
    let podman = Podman::start();
    let home = podman.around(home());
    let deployed = deployed(&home).await;
    let gate = home.folder().join("gate");
    std::fs::create_dir(&gate).unwrap();
    let mut arguments = shell("echo > /gate/begun; until [ -e /gate/open ]; do sleep 1; done; echo done");
    arguments["volumes"] = json!({gate.to_str().unwrap(): {"bind": "/gate"}});
    deployed.container("d", arguments).await;
    let execution = deployed.rest.start("d", "install", json!({})).await;
    let first = begun(&gate, &podman).await;
    let deployed = deployed.restart(&home);
    let second = begun(&gate, &podman).await;
    assert_ne!(first, second);
    std::fs::write(gate.join("open"), "").unwrap();
    assert_eq!(deployed.rest.ended(&execution).await["status"], "terminated");
    assert_eq!(deployed.properties("d", "task").await["run_result"], "done");
    assert_eq!(podman.runs(&["ps", "-a", "-q"]).lines().count(), 1);
    deployed.runs("d", "uninstall", json!({})).await;
    assert_eq!(podman.runs(&["ps", "-a", "-q"]), "");
    left_nothing(&home);
}

/// Waits until a container says that it runs, and gives which one that is.
async fn begun(gate: &Path, podman: &Podman) -> String {
    for _ in 0..600 {
        if std::fs::remove_file(gate.join("begun")).is_ok() {
            return podman.runs(&["ps", "-q"]);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no container has begun: {}", podman.runs(&["ps", "-a"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_elsewhere_is_reached_by_its_socket() {
    let mut podman = Podman::start();
    let socket = podman.serve();
    let home = home();
    let deployed = deployed(&home).await;
    let client = json!({"executable_path": Podman::program(), "docker_sock_file": socket});
    let inputs = json!({"client": client, "arguments": shell("echo \"over there: $WORD\"")});
    deployed.rest.create_deployment("d", "app", inputs).await.expect(201);
    deployed.runs("d", "install", json!({})).await;
    assert_eq!(deployed.properties("d", "task").await["run_result"], "over there: ********");
    let container = deployed.properties("d", "task").await["container"].as_str().unwrap().to_owned();
    assert_eq!(podman.runs(&["ps", "-a", "-q", "--no-trunc"]), container);
    deployed.runs("d", "uninstall", json!({})).await;
    assert_eq!(podman.runs(&["ps", "-a", "-q"]), "");
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_is_named() {
    let home = home();
    let deployed = Deployed::on(&home, &[]).await;
    deployed.deploy("docker", &example("docker"), json!({"executable_path": "/nowhere/docker"})).await;
    let (error, _) = deployed.fails("docker", "install").await;
    assert!(error.contains("There is no program /nowhere/docker. Install Docker or Podman"), "{error}");
}
