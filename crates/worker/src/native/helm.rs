//! Helm repositories and releases, as `cloudify-helm-plugin` runs them, by the `helm` of the machine.
//!
//! Which cluster, and as whom: [`cluster`]. Repositories are noted in the deployment's folder ([`repository`]),
//! releases in the cluster ([`release`]). Invariant: neither a login nor a value that is known to be a secret
//! stands in an argument.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Map, Value, json};

use super::executable::{self, Executable};
use super::program::Program;
use super::task::{Task, mapping, unwritable, write_text};
use super::{Native, unknown};
use crate::plugins::place;

mod cluster;
mod release;
mod repository;

const PROGRAM: Executable = Executable { config: "helm_config", names: &["helm"], product: "Helm" };
/// Where Helm keeps what it knows.
const HOMES: [&str; 3] = ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"];
/// Options that all commands of a release know.
const OF_ALL: [&str; 7] =
    ["namespace", "n", "kube-context", "kube-as-user", "kube-as-group", "kube-tls-server-name", "debug"];

pub(super) async fn run(native: &Native, task: &Task) -> Result<Value, Failure> {
    let known = [
        "install_binary",
        "uninstall_binary",
        "check_status_binary",
        "inject_env_properties",
        "add_repo",
        "remove_repo",
        "update_repo",
        "repo_list",
        "repo_check_drift",
        "install_release",
        "uninstall_release",
        "upgrade_release",
        "check_release_status",
        "check_release_drift",
    ];
    let name = task.name().strip_prefix("cloudify_helm.tasks.").unwrap_or_default();
    match name {
        "install_binary" => return PROGRAM.note(native, task).await,
        "uninstall_binary" => return executable::forget(task).await,
        "check_status_binary" => return PROGRAM.find(native, task).await.map(|_| json!({"status": "OK"})),
        "inject_env_properties" => return executable::borrow(task).await,
        name if known.contains(&name) => {}
        _ => {
            return Err(unknown(
                task,
                &known.map(|name| format!("cloudify_helm.tasks.{name}")).each_ref().map(|name| &**name),
            ));
        }
    }
    let helm = Helm::of(native, task, name.contains("repo")).await?;
    match name {
        "add_repo" => helm.add_repository().await,
        "remove_repo" => helm.remove_repository().await,
        "update_repo" => helm.update_repository().await,
        "repo_list" => helm.check_repository().await,
        "repo_check_drift" => helm.repository_drift().await,
        "install_release" => helm.install().await,
        "uninstall_release" => helm.uninstall().await,
        "upgrade_release" => helm.upgrade().await,
        "check_release_status" => helm.check_status().await,
        _ => helm.check_drift().await,
    }
}

/// The program with the node's settings.
struct Helm<'a> {
    task: &'a Task,
    program: Program<'a>,
    config: Map<String, Value>,
    /// What repositories are noted in.
    home: PathBuf,
    _alone: Option<tokio::sync::OwnedMutexGuard<()>>,
}

impl<'a> Helm<'a> {
    async fn of(native: &'a Native, task: &'a Task, is_repository: bool) -> Result<Self, Failure> {
        let path = PROGRAM.find(native, task).await?;
        let context = &task.operation.request.context;
        let deployment = context.deployment_id.as_deref().unwrap_or_default();
        let deployment =
            native.surroundings.of_deployment(place::name(&context.tenant.name)?, place::name(deployment)?);
        let home = deployment.join("helm");
        let alone = if is_repository { Some(native.locks.of(&home).await) } else { None };
        let folder = task.operation.dir.path().to_owned();
        // Where no repository is noted, nothing is to be kept.
        let home = if is_repository || home.is_dir() { home } else { folder.join("helm") };
        private_folder(&home)?;
        let mut variables: Vec<(OsString, OsString)> = HOMES.map(|name| (name.into(), home.clone().into())).into();
        variables.extend(if is_repository { cluster::nowhere() } else { cluster::variables(task, &folder).await? });
        let program = Program { native, task, path, folder, variables, log: true };
        let config = mapping("resource_config", task.properties.get("resource_config"))?;
        Ok(Self { task, program, config, home, _alone: alone })
    }

    fn text(&self, name: &str) -> Option<String> {
        self.config.get(name).filter(|value| python_text::is_truthy(*value)).map(python_text::str)
    }

    /// A name that the node must give, and that can be taken for no option.
    fn needed(&self, name: &str) -> Result<String, Failure> {
        match self.text(name) {
            Some(text) if !text.starts_with('-') => Ok(text),
            Some(text) => Err(Failure::fatal(format!("`resource_config.{name}` cannot be {text:?}"))),
            None => Err(Failure::fatal(format!("There is no `resource_config.{name}`"))),
        }
    }

    fn is_external(&self) -> bool {
        self.task.flag("use_external_resource")
    }

    /// The options of the node, of those that `takes` lets through, and all of the operation's own.
    fn flags(&self, takes: impl Fn(&str) -> bool) -> Result<Vec<(String, Option<String>)>, Failure> {
        let of_node = named("resource_config.flags", self.config.get("flags"))?;
        let own = named("flags", self.task.input("flags"))?;
        let mut flags: Vec<_> = of_node.into_iter().filter(|(name, _)| takes(name)).collect();
        flags.extend(own);
        Ok(flags)
    }

    fn is_there(&self) -> bool {
        self.home.join("repositories.yaml").exists()
    }
}

fn option((name, value): (String, Option<String>)) -> OsString {
    match value {
        Some(value) => format!("--{name}={value}").into(),
        None => format!("--{name}").into(),
    }
}

/// Names, each with the value that it may have.
fn named(setting: &str, value: Option<&Value>) -> Result<Vec<(String, Option<String>)>, Failure> {
    let wrong = || Failure::fatal(format!("`{setting}` must be a list of mappings with `name` and `value`"));
    let items = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(wrong()),
    };
    let one = |item: &Value| {
        let name = item["name"].as_str().map(|name| name.trim_start_matches('-').to_owned()).ok_or_else(wrong)?;
        let value = Some(&item["value"]).filter(|value| !value.is_null());
        Ok((name, value.map(|value| if value.is_boolean() { value.to_string() } else { python_text::str(value) })))
    };
    items.iter().map(one).collect()
}

fn private_folder(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;

    let made = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)));
    made.map_err(|error| unwritable(folder, &error))
}
