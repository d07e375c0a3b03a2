//! Images and containers, as `cloudify-docker-plugin` makes them, by the `docker` or `podman` of the machine.
//!
//! What is said of a container becomes the command line in [`arguments`]. Invariant: a container bears the
//! label of its node instance, so that one that was made before a crash is found after it.

use std::ffi::OsString;

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Map, Value, json};

use super::executable::Executable;
use super::program::{Program, words};
use super::task::{Task, mapping, write_text};
use super::{Native, unknown};
use arguments::Arguments;

mod arguments;
mod image;

const PROGRAM: Executable =
    Executable { config: "client_config", names: &["docker", "podman"], product: "Docker or Podman" };
const LABEL: &str = "nephele.instance";
/// Runtime properties of containers.
const NOTED: [&str; 6] = ["container", "container_args", "container_info", "ip", "is_stopped", "run_result"];
/// How much a container's last words are.
const LAST_LINES: &str = "--tail=20";

pub(super) async fn run(native: &Native, task: &Task) -> Result<Value, Failure> {
    let known = [
        "build_image",
        "pull_image",
        "remove_image",
        "create_container",
        "start_container",
        "stop_container",
        "remove_container",
        "execute",
        "check_status",
    ];
    let name = task.name().strip_prefix("cloudify_docker.tasks.").unwrap_or_default();
    if !known.contains(&name) {
        return Err(unknown(
            task,
            &known.map(|name| format!("cloudify_docker.tasks.{name}")).each_ref().map(|name| &**name),
        ));
    }
    let engine = Engine::of(native, task).await?;
    match name {
        "build_image" => engine.build_image().await,
        "pull_image" => engine.pull_image().await,
        "remove_image" => engine.remove_image().await,
        "create_container" => engine.create().await,
        "start_container" => engine.start().await,
        "stop_container" => engine.stop().await,
        "remove_container" => engine.remove().await,
        "execute" => engine.execute().await,
        _ => engine.check_status().await,
    }
}

/// The program with the way to its daemon.
struct Engine<'a> {
    task: &'a Task,
    program: Program<'a>,
    /// What comes before each command.
    leading: Vec<OsString>,
    config: Map<String, Value>,
}

impl<'a> Engine<'a> {
    async fn of(native: &'a Native, task: &'a Task) -> Result<Self, Failure> {
        let path = PROGRAM.find(native, task).await?;
        let client = mapping("client_config", task.properties.get("client_config"))?;
        let text = |name: &str| client.get(name).filter(|value| python_text::is_truthy(*value)).map(python_text::str);
        let address = match (text("docker_host"), text("docker_rest_port"), text("docker_sock_file")) {
            (Some(host), Some(port), _) => Some(format!("tcp://{host}:{port}")),
            (_, _, Some(file)) => Some(format!("unix://{file}")),
            _ => None,
        };
        let is_podman = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("podman"));
        let remote = address.is_some() && is_podman;
        let leading = if remote { words(["--remote"]) } else { Vec::new() };
        let variables = address.into_iter().flat_map(|address| {
            ["DOCKER_HOST", "CONTAINER_HOST"].map(|name| (OsString::from(name), OsString::from(&address)))
        });
        let folder = task.operation.dir.path().to_owned();
        let program = Program { native, task, path, folder, variables: variables.collect(), log: true };
        let config = mapping("resource_config", task.properties.get("resource_config"))?;
        Ok(Self { task, program, leading, config })
    }

    fn arguments(&self, words: impl IntoIterator<Item = impl Into<OsString>>) -> Vec<OsString> {
        self.leading.iter().cloned().chain(words.into_iter().map(Into::into)).collect()
    }

    fn text(&self, name: &str) -> Option<String> {
        self.config.get(name).filter(|value| python_text::is_truthy(*value)).map(python_text::str)
    }

    fn flag(&self, name: &str) -> bool {
        self.config.get(name).is_some_and(python_text::is_truthy)
    }

    fn label(&self) -> String {
        let context = &self.task.operation.request.context;
        format!("{LABEL}={}/{}", context.tenant.name, context.node_id.as_deref().unwrap_or_default())
    }

    /// The instance's container, if there is one, whatever it does.
    async fn find(&self) -> Result<Option<String>, Failure> {
        let filter = format!("label={}", self.label());
        let listed = self.program.read(&self.arguments(["ps", "-a", "-q", "--no-trunc", "--filter", &filter])).await?;
        Ok(listed.split_whitespace().next().map(str::to_owned))
    }

    /// Makes the container and starts it. One that is to be waited for is, as the original does.
    async fn create(&self) -> Result<Value, Failure> {
        if let Some(left) = self.find().await? {
            self.task.operation.logs.info("An earlier attempt left a container, which is removed");
            self.program.must(&self.arguments(["rm", "-f", "-v", &left])).await?;
        }
        let image = self
            .text("image_tag")
            .ok_or_else(|| Failure::fatal("There is no image: set `resource_config.image_tag`"))?;
        let given = mapping("container_args", self.config.get("container_args"))?;
        let folder = self.task.operation.dir.path();
        let arguments = Arguments::of(given.clone())?;
        let mut words = self.arguments(["create", "--label", &self.label()]);
        words.extend(arguments.options);
        if !arguments.environment.is_empty() {
            let file = folder.join("environment");
            write_text(&file, &arguments.environment)?;
            words.extend(["--env-file".into(), file.into()]);
        }
        words.push(image.into());
        words.extend(arguments.command);
        // The last line: an image that is pulled by the way tells of it first.
        let made = self.program.read(&words).await?;
        let container = made.split_whitespace().last().unwrap_or_default().to_owned();
        let (id, kept) = (container.clone(), self.task.redacted(&Value::Object(given)));
        self.task
            .session
            .change(move |properties| {
                properties.insert("container".to_owned(), Value::from(id));
                properties.insert("container_args".to_owned(), kept);
            })
            .await?;
        self.run_it(&container, arguments.is_detached).await
    }

    /// Starts a container that was stopped or never ran. One that has ended badly by itself is a failure.
    async fn start(&self) -> Result<Value, Failure> {
        let container = self.find().await?.ok_or_else(no_container)?;
        let state = self.inspect(&container).await?["State"].take();
        let is_stopped = self.task.session.runtime_properties().await?.get("is_stopped") == Some(&Value::Bool(true));
        match state["Status"].as_str().unwrap_or_default() {
            "running" => self.note(&container).await,
            "exited" | "stopped" if !is_stopped => match state["ExitCode"].as_i64() {
                Some(0) | None => Ok(Value::Null),
                Some(code) => Err(self.ended(&container, code).await),
            },
            _ => {
                let given = mapping("container_args", self.config.get("container_args"))?;
                self.run_it(&container, given.get("detach").is_some_and(python_text::is_truthy)).await
            }
        }
    }

    async fn run_it(&self, container: &str, is_detached: bool) -> Result<Value, Failure> {
        self.task.session.change(|properties| drop(properties.shift_remove("is_stopped"))).await?;
        if is_detached {
            self.program.must(&self.arguments(["start", container])).await?;
            return self.note(container).await;
        }
        let exit = self.program.run(&self.arguments(["start", "--attach", container])).await?;
        let said = self.task.operation.logs.redact(exit.stdout.trim_end()).into_owned();
        self.task.session.change(|properties| drop(properties.insert("run_result".to_owned(), said.into()))).await?;
        if exit.code != 0 {
            let said = [&exit.stdout, &exit.stderr].map(|text| text.trim()).join("\n");
            return Err(Failure::recoverable(format!(
                "The container ended with exit code {}: {}",
                exit.code,
                said.trim()
            )));
        }
        self.note(container).await
    }

    async fn inspect(&self, container: &str) -> Result<Value, Failure> {
        let told = self.program.read(&self.arguments(["container", "inspect", container])).await?;
        let mut told: Value = serde_json::from_str(&told)
            .map_err(|error| Failure::recoverable(format!("`container inspect` gave no JSON: {error}")))?;
        Ok(told[0].take())
    }

    /// Notes what there is to know of a container.
    async fn note(&self, container: &str) -> Result<Value, Failure> {
        let told = self.inspect(container).await?;
        let network = &told["NetworkSettings"];
        let own =
            network["Networks"].as_object().into_iter().flat_map(Map::values).map(|network| &network["IPAddress"]);
        let ip = std::iter::once(&network["IPAddress"]).chain(own).find(|ip| python_text::is_truthy(*ip)).cloned();
        let info = json!({
            "id": told["Id"], "name": told["Name"].as_str().map(|name| name.trim_start_matches('/')),
            "image": told["Image"], "status": told["State"]["Status"], "ports": network["Ports"],
        });
        self.task
            .session
            .change(move |properties| {
                properties.insert("container_info".to_owned(), info);
                ip.map(|ip| properties.insert("ip".to_owned(), ip));
            })
            .await?;
        Ok(Value::Null)
    }

    async fn stop(&self) -> Result<Value, Failure> {
        let Some(container) = self.find().await? else { return Ok(Value::Null) };
        if self.inspect(&container).await?["State"]["Status"] == "running" {
            if let Some(command) = self.task.input("stop_command").filter(|command| python_text::is_truthy(*command)) {
                let mut words = self.arguments(["exec", &container]);
                words.extend(arguments::command("stop_command", command)?);
                self.program.must(&words).await?;
            }
            self.program.must(&self.arguments(["stop", &container])).await?;
        }
        self.task.session.change(|properties| drop(properties.insert("is_stopped".to_owned(), true.into()))).await?;
        Ok(Value::Null)
    }

    /// Removes the container with its own volumes.
    async fn remove(&self) -> Result<Value, Failure> {
        if let Some(container) = self.find().await? {
            self.program.must(&self.arguments(["rm", "-f", "-v", &container])).await?;
        }
        self.task.forget(&NOTED).await
    }

    /// Runs a command in the container, and gives what it wrote.
    async fn execute(&self) -> Result<Value, Failure> {
        let container = self.find().await?.ok_or_else(no_container)?;
        let command = self.task.input("command").filter(|command| python_text::is_truthy(*command));
        let command = command.ok_or_else(|| Failure::fatal("There is no `command`"))?;
        let mut words = self.arguments(["exec"]);
        for (name, option) in [("user", "--user"), ("workdir", "--workdir")] {
            words.extend(self.task.text(name).map(|text| OsString::from(format!("{option}={text}"))));
        }
        words.push(container.into());
        words.extend(arguments::command("command", command)?);
        let exit = self.program.run(&words).await?;
        if exit.code != 0 {
            let said = [&exit.stdout, &exit.stderr].map(|text| text.trim()).join("\n");
            return Err(Failure::recoverable(format!(
                "The command ended with exit code {}: {}",
                exit.code,
                said.trim()
            )));
        }
        Ok(Value::from(exit.stdout.trim()))
    }

    async fn check_status(&self) -> Result<Value, Failure> {
        let container = self.find().await?.ok_or_else(no_container)?;
        let state = self.inspect(&container).await?["State"].take();
        let code = state["ExitCode"].as_i64().unwrap_or_default();
        let given = mapping("container_args", self.config.get("container_args"))?;
        let is_detached = given.get("detach").is_some_and(python_text::is_truthy);
        match state["Status"].as_str().unwrap_or_default() {
            "running" => Ok(json!({"status": "OK"})),
            "exited" | "stopped" if !is_detached && code == 0 => Ok(json!({"status": "OK"})),
            "exited" | "stopped" => Err(self.ended(&container, code).await),
            other => Err(Failure::recoverable(format!("The container is not running, it is {other}"))),
        }
    }

    /// That a container has ended, with its last words.
    async fn ended(&self, container: &str, code: i64) -> Failure {
        let last = self.program.capture(&self.arguments(["logs", LAST_LINES, container])).await;
        let last = last.map(|(exit, text)| format!("{text}{}", exit.stderr)).unwrap_or_default();
        Failure::recoverable(format!(
            "The container is not running, it has ended with exit code {code}. {}",
            last.trim()
        ))
    }
}

fn no_container() -> Failure {
    Failure::recoverable("There is no container of this node instance; `create` makes it")
}
