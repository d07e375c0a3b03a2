//! Terraform and `OpenTofu` modules, as `cloudify-terraform-plugin` runs them.
//!
//! The way of an operation: its folder with module and state ([`workspace`]) → `init` and `validate` → what it
//! is for → outputs and resources to runtime properties ([`report`]) → the state back to the manager
//! ([`state`]). Invariant: whatever `apply` has made is in a state that is kept, also when it failed, was
//! killed, or the manager was.

use std::ffi::OsString;
use std::path::PathBuf;

use nephele_model::operation::{Failure, Severity};
use nephele_model::python_text;
use serde_json::{Map, Value, json};

use super::executable::{self, Executable};
use super::program::{self, Program, words};
use super::task::{Task, mapping};
use super::{Native, unknown};
use workspace::Workspace;

mod report;
mod state;
mod workspace;

const KNOWN: [&str; 10] = [
    "cloudify_tf.tasks.install",
    "cloudify_tf.tasks.uninstall",
    "cloudify_tf.tasks.set_directory_config",
    "cloudify_tf.tasks.apply",
    "cloudify_tf.tasks.reload_template",
    "cloudify_tf.tasks.plan",
    "cloudify_tf.tasks.state_pull",
    "cloudify_tf.tasks.check_drift",
    "cloudify_tf.tasks.check_status",
    "cloudify_tf.tasks.destroy",
];
const PROGRAM: Executable =
    Executable { config: "terraform_config", names: &["tofu", "terraform"], product: "OpenTofu or Terraform" };

/// What is done with a module.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Apply,
    Reload,
    Plan,
    Pull,
    CheckDrift,
    CheckStatus,
    Destroy,
}

pub(super) async fn run(native: &Native, task: &Task) -> Result<Value, Failure> {
    let action = match task.name().strip_prefix("cloudify_tf.tasks.").unwrap_or_default() {
        "install" => return PROGRAM.note(native, task).await,
        "uninstall" => return executable::forget(task).await,
        "set_directory_config" => return executable::borrow(task).await,
        "apply" => Action::Apply,
        "reload_template" => Action::Reload,
        "plan" => Action::Plan,
        "state_pull" => Action::Pull,
        "check_drift" => Action::CheckDrift,
        "check_status" => Action::CheckStatus,
        "destroy" => Action::Destroy,
        _ => return Err(unknown(task, &KNOWN)),
    };
    let program = PROGRAM.find(native, task).await?;
    let workspace = Workspace::open(native, task).await?;
    let done = async { Module::prepare(native, task, program, &workspace).await?.act(action).await }.await;
    // Whatever came of it, the state says what there is now.
    let kept = workspace.close(task).await;
    done.and_then(|value| kept.map(|()| value))
}

/// A module that is ready to be worked with.
struct Module<'a> {
    task: &'a Task,
    program: Program<'a>,
    workspace: &'a Workspace,
    /// Files with values of variables.
    variables: Vec<OsString>,
}

impl<'a> Module<'a> {
    /// Fetches the module and has its providers installed.
    async fn prepare(
        native: &'a Native,
        task: &'a Task,
        path: PathBuf,
        workspace: &'a Workspace,
    ) -> Result<Self, Failure> {
        let (folder, variables) = workspace.fill(task).await?;
        let config = &workspace.config;
        let given = mapping("environment_variables", config.get("environment_variables"))?;
        let mut environment = program::variables(&given);
        let quiet = [("TF_IN_AUTOMATION", "1"), ("TF_INPUT", "0"), ("CHECKPOINT_DISABLE", "1"), ("TF_CLI_ARGS", "")];
        environment.extend(quiet.map(|(name, value)| (name.into(), value.into())));
        let log = config.get("log_stdout").is_none_or(python_text::is_truthy);
        let program = Program { native, task, path, folder, variables: environment, log };
        let module = Self { task, program, workspace, variables };
        let mut init = words(["init", "-input=false", "-no-color"]);
        if task.flag("provider_upgrade") {
            init.push("-upgrade".into());
        }
        let plugins = mapping("terraform_config", task.properties.get("terraform_config"))?;
        if let Some(folder) = plugins.get("plugins_dir").filter(|folder| python_text::is_truthy(*folder)) {
            init.push(format!("-plugin-dir={}", python_text::str(folder)).into());
        }
        module.program.must(&init).await.map_err(|mut failure| {
            // No further try makes a module right.
            let message: Vec<&str> = failure.message.split_whitespace().collect();
            if message.join(" ").contains("problems with the configuration, described below") {
                failure.severity = Severity::Fatal;
            }
            failure
        })?;
        let validated = module.program.run(&words(["validate", "-no-color"])).await?;
        if validated.code != 0 {
            return Err(Failure::fatal(format!("The module is not valid: {}", validated.stderr.trim())));
        }
        Ok(module)
    }

    async fn act(&self, action: Action) -> Result<Value, Failure> {
        match action {
            Action::Apply => self.apply().await,
            Action::Reload => {
                if self.task.flag("destroy_previous") {
                    self.program
                        .must(&self.with_variables(["destroy", "-input=false", "-no-color", "-auto-approve"]))
                        .await?;
                }
                self.apply().await
            }
            Action::Pull => {
                self.refresh().await?;
                self.report().await
            }
            Action::CheckStatus => {
                self.refresh().await?;
                Ok(json!({"status": "OK"}))
            }
            Action::Plan => {
                let (plan, text) = self.plan().await?;
                let changes = self.task.redacted(&report::changes(&plan));
                let change = |properties: &mut Map<String, Value>| {
                    properties.insert("plan".to_owned(), changes);
                    properties.insert("plain_text_plan".to_owned(), Value::from(text));
                };
                self.task.session.change(change).await?;
                Ok(Value::Null)
            }
            Action::CheckDrift => {
                let (plan, _) = self.plan().await?;
                let drifts = self.task.redacted(&report::changes(&plan));
                let found = drifts.as_object().is_some_and(|drifts| !drifts.is_empty());
                let noted = drifts.clone();
                self.task
                    .session
                    .change(move |properties| {
                        properties.insert("is_drifted".to_owned(), Value::from(found));
                        properties.insert("drifts".to_owned(), noted);
                    })
                    .await?;
                Ok(if found { drifts } else { Value::Null })
            }
            Action::Destroy => {
                self.program
                    .must(&self.with_variables(["destroy", "-input=false", "-no-color", "-auto-approve"]))
                    .await?;
                self.task
                    .forget(&[
                        "outputs",
                        "resources",
                        "plan",
                        "plain_text_plan",
                        "drifts",
                        "is_drifted",
                        "last_source_location",
                    ])
                    .await
            }
        }
    }

    async fn apply(&self) -> Result<Value, Failure> {
        self.program.must(&self.with_variables(["apply", "-input=false", "-no-color", "-auto-approve"])).await?;
        self.report().await
    }

    async fn refresh(&self) -> Result<(), Failure> {
        self.program
            .must(&self.with_variables(["apply", "-refresh-only", "-input=false", "-no-color", "-auto-approve"]))
            .await
            .map(drop)
    }

    /// Notes outputs and resources.
    async fn report(&self) -> Result<Value, Failure> {
        let shown = self.program.read(&words(["show", "-json", "-no-color"])).await?;
        let shown: Value = serde_json::from_str(&shown)
            .map_err(|error| Failure::recoverable(format!("`show -json` gave no JSON: {error}")))?;
        report::note(self.task, &self.workspace.config, &self.workspace.source, &shown).await?;
        Ok(Value::Null)
    }

    /// What `apply` would change: as JSON, and as people read it.
    async fn plan(&self) -> Result<(Value, String), Failure> {
        let file = self.workspace.folder.join("plan");
        let mut arguments = self.with_variables(["plan", "-input=false", "-no-color"]);
        arguments.push(format!("-out={}", file.display()).into());
        self.program.must(&arguments).await?;
        let mut show = words(["show", "-json", "-no-color"]);
        show.push(file.clone().into());
        let plan = self.program.read(&show).await?;
        let mut text = words(["show", "-no-color"]);
        text.push(file.clone().into());
        let text = self.program.read(&text).await?;
        // It holds values of variables.
        let _ = std::fs::remove_file(&file);
        let plan = serde_json::from_str(&plan)
            .map_err(|error| Failure::recoverable(format!("`show -json` gave no JSON: {error}")))?;
        Ok((plan, self.task.operation.logs.redact(&text).into_owned()))
    }

    fn with_variables<const N: usize>(&self, arguments: [&str; N]) -> Vec<OsString> {
        let mut all = words(arguments);
        all.extend(self.variables.iter().cloned());
        all
    }
}
