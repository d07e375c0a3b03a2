//! Commands, scripts and files on other hosts, as `cloudify-fabric-plugin` runs them, by the `ssh` of the
//! machine.
//!
//! Where to and as whom: [`connection`]. What is sent is one shell script on standard input ([`remote`]), so
//! that no command, file or variable is seen in a list of processes.

use std::ffi::OsString;

use nephele_model::operation::{Failure, Severity};
use nephele_model::python_text;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::program::{self, Program};
use super::task::{Task, mapping};
use super::{Native, unknown};
use crate::ctx::proxy::Url;
use crate::logged::Exit;
use connection::Connection;

mod connection;
mod remote;

const KNOWN: [&str; 4] = [
    "fabric_plugin.tasks.run_commands",
    "fabric_plugin.tasks.run_script",
    "fabric_plugin.tasks.put_file",
    "fabric_plugin.tasks.remove_file",
];

/// Inputs that are no variables of scripts.
const OWN: [&str; 7] =
    ["script_path", "fabric_env", "process", "use_sudo", "hide_output", "non_recoverable_error_exit_codes", "ctx"];
/// How many ports of a host are tried.
const PORTS: usize = 5;

pub(super) async fn run(native: &Native, task: &Task) -> Result<Value, Failure> {
    match task.name().strip_prefix("fabric_plugin.tasks.").unwrap_or_default() {
        "run_commands" => {
            let commands = task.list("commands")?;
            if commands.is_empty() {
                return Ok(Value::Null);
            }
            let host = Host::of(native, task).await?;
            for command in commands {
                task.operation.logs.info(&format!("Running command: {command}"));
                let environment = mapping("shell_env", host.settings.get("shell_env"))?;
                let shell = format!("\"${{SHELL:-/bin/sh}}\" -c {}", remote::quoted(&command));
                let exit = host.run(&remote::followed(&environment, "", &shell)).await?;
                host.judge(&command, &exit)?;
            }
        }
        "run_script" => return run_script(native, task).await,
        "put_file" => {
            let host = Host::of(native, task).await?;
            let (source, target) = (needed(task, "resource_path")?, needed(task, "target_path")?);
            let mut content = task.fetch(&source).await?;
            if task.flag("render") {
                let text = String::from_utf8(content)
                    .map_err(|_| Failure::fatal(format!("{source} is not UTF-8 text, so it cannot be rendered")))?;
                content = task.session.render(&source, text, &task.mapping("template_variables")?).await?.into_bytes();
            }
            let mode = task.text("mode").unwrap_or_else(|| "0644".to_owned());
            let exit = host.run(&remote::put(&target, &content, &mode)).await?;
            host.judge(&target, &exit)?;
        }
        "remove_file" => {
            let host = Host::of(native, task).await?;
            let target = needed(task, "target_path")?;
            let exit = host.run(&remote::remove(&target)).await?;
            host.judge(&target, &exit)?;
        }
        _ => return Err(unknown(task, &KNOWN)),
    }
    Ok(Value::Null)
}

fn needed(task: &Task, name: &str) -> Result<String, Failure> {
    task.text(name).ok_or_else(|| Failure::fatal(format!("There is no `{name}`")))
}

/// Runs a script of the blueprint on the host: with the inputs and `process.env` as its environment, and `ctx`.
async fn run_script(native: &Native, task: &Task) -> Result<Value, Failure> {
    let host = Host::of(native, task).await?;
    let path = needed(task, "script_path")?;
    let process = task.mapping("process")?;
    let option = |name: &str| process.get(name).filter(|value| !value.is_null()).map(python_text::str);
    let inputs = task.operation.request.inputs.clone().into_iter();
    let mut environment: Map<String, Value> = inputs.filter(|(name, _)| !OWN.contains(&name.as_str())).collect();
    environment.extend(mapping("process.env", process.get("env"))?);
    let words = match process.get("args") {
        Some(Value::Array(words)) => words.iter().map(python_text::str).collect(),
        _ => Vec::new(),
    };
    let content = String::from_utf8_lossy(&task.fetch(&path).await?).replace("\r\n", "\n");
    let script = remote::Script {
        name: path.rsplit('/').next().unwrap_or_default(),
        content: content.as_bytes(),
        base_dir: option("base_dir"),
        cwd: option("cwd"),
        prefix: option("command_prefix"),
        words,
    };
    let url = native.proxy.open(&task.session);
    let exit = host.run_with_ctx(&url, |url| script.text(&environment, url)).await?;
    drop(url);
    task.session.conclude(host.judge(&path, &exit)).await
}

/// A host with the way to it.
struct Host<'a> {
    task: &'a Task,
    program: Program<'a>,
    connection: Connection,
    settings: Map<String, Value>,
}

impl<'a> Host<'a> {
    async fn of(native: &'a Native, task: &'a Task) -> Result<Self, Failure> {
        let settings = task.mapping("fabric_env")?;
        let path = program::find(native, &["ssh"]).ok_or_else(|| {
            Failure::fatal(
                "There is no program ssh in the PATH of the manager. Install it there (package `openssh-client`), and \
                 resume the execution.",
            )
        })?;
        let connection = Connection::open(task, &settings, &path).await?;
        let hidden = task.list("hide_output")?;
        let log =
            !hidden.iter().any(|group| ["stdout", "both", "everything", "running", "user"].contains(&group.as_str()));
        let folder = task.operation.dir.path().to_owned();
        let program = Program { native, task, path, folder, variables: connection.variables.clone(), log };
        Ok(Self { task, program, connection, settings })
    }

    /// Has the shell of the host run this text.
    async fn run(&self, text: &str) -> Result<Exit, Failure> {
        self.start(self.connection.arguments.clone(), text.to_owned()).await
    }

    /// The same with a port of the host that leads to `ctx`. Which one is free there nobody knows before.
    async fn run_with_ctx(&self, ctx: &Url, text: impl Fn(&str) -> String) -> Result<Exit, Failure> {
        let mut tried = 1;
        loop {
            let port = u16::from_be_bytes([Uuid::new_v4().as_bytes()[0], Uuid::new_v4().as_bytes()[1]]) | 0x8000;
            let forward = format!("127.0.0.1:{port}:{}", ctx.authority());
            let mut arguments: Vec<OsString> =
                ["-o", "ExitOnForwardFailure=yes", "-R", &forward].map(OsString::from).into();
            arguments.extend(self.connection.arguments.iter().cloned());
            let exit = self.start(arguments, text(&ctx.at_port(port))).await?;
            if tried == PORTS || exit.code != 255 || !exit.stderr.contains("remote port forwarding failed") {
                return Ok(exit);
            }
            tried += 1;
        }
    }

    async fn start(&self, mut arguments: Vec<OsString>, text: String) -> Result<Exit, Failure> {
        let (shell, text) = match (self.task.flag("use_sudo"), &self.connection.sudo_password) {
            (false, _) => ("exec /bin/sh -s", text),
            (true, None) => ("exec sudo -n -- /bin/sh -s", text),
            (true, Some(password)) => (remote::WITH_PASSWORD, format!("{password}\n{text}")),
        };
        arguments.push(shell.into());
        self.program.tell(&arguments, text).await
    }

    /// What an exit code means: 255 is what `ssh` itself ends with.
    fn judge(&self, what: &str, exit: &Exit) -> Result<(), Failure> {
        let said = [&exit.stdout, &exit.stderr].map(|text| text.trim()).join("\n");
        match exit.code {
            0 => Ok(()),
            _ if self.settings.get("warn_only").is_some_and(python_text::is_truthy) => {
                self.task.operation.logs.log("warning", &format!("{what}: exit code {}", exit.code));
                Ok(())
            }
            255 => Err(Failure::recoverable(format!("{}: {}", self.connection.shown, said.trim()))),
            code => {
                let message =
                    format!("{}: `{what}` ended with exit code {code}: {}", self.connection.shown, said.trim());
                let codes = self.task.setting("non_recoverable_error_exit_codes").and_then(Value::as_array);
                let is_final = codes.is_some_and(|codes| codes.iter().any(|listed| *listed == code));
                let severity = if is_final { Severity::Fatal } else { Severity::Recoverable { retry_after: None } };
                let kind = if is_final { "NonRecoverableError" } else { "ProcessException" };
                Err(Failure::new(severity, kind, message))
            }
        }
    }
}
