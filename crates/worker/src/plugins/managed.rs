//! Plugins that were uploaded to the manager: which one suits, and its installation from the wagon.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::str::FromStr;

use nephele_client::Client;
use nephele_model::operation::{Context, Failure};
use nephele_model::plugin::InstallationState;
use pep440_rs::Version;
use serde_json::{Value, json};

use super::Plugins;
use super::place::{RECORD, installed_id};
use super::venv::Venv;
use super::wagon;
use crate::intake::client_failure;
use crate::python::interpreter::Interpreter;
use crate::tool::Failed;

/// For whom a plugin is installed.
pub(super) struct Order<'a> {
    pub(super) client: &'a Client,
    pub(super) tenant: &'a str,
    /// The operation or order that it is installed for.
    pub(super) task: &'a str,
    /// What `pip` is told beside what to install.
    pub(super) arguments: Vec<String>,
}

impl Plugins {
    /// The uploaded plugin that suits an operation best: for this machine, of the highest version, for this
    /// Python.
    pub(super) async fn choose(
        &self,
        client: &Client,
        context: &Context,
        base: &Interpreter,
    ) -> Result<Option<Value>, Failure> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let Some(package) = given(&context.plugin.package_name) else { return Ok(None) };
        let version = given(&context.plugin.package_version);
        let mut query = vec![("package_name", package.as_str())];
        query.extend(version.as_deref().map(|version| ("package_version", version)));
        let found = client.plugins().list(&query).await.map_err(|error| client_failure(&error))?;
        let number = |plugin: &Value| Version::from_str(plugin["package_version"].as_str()?).ok();
        let mut plugins = found.items;
        plugins.sort_by_cached_key(|plugin| Reverse((suits(plugin), number(plugin), speaks(plugin, base.version))));
        Ok(plugins.into_iter().next())
    }

    /// Installs an uploaded plugin for a tenant unless it is there, and gives its environment. How far it
    /// is can be read at the manager.
    pub(super) async fn install_managed(
        &self,
        order: &Order<'_>,
        plugin: &Value,
        base: &Interpreter,
    ) -> Result<PathBuf, Failure> {
        let Order { client, tenant, task, arguments } = order;
        let text = |key: &str| plugin[key].as_str();
        let (id, package) = (text("id").unwrap_or_default(), text("package_name").unwrap_or_default());
        let place = self.places.managed(tenant, package, text("package_version"))?;
        let _alone = self.locks.of(&place).await;
        if installed_id(&place).as_deref() == Some(id) {
            self.note(client, id, InstallationState::Installed, None).await;
            return Ok(place);
        }
        self.note(client, id, InstallationState::Installing, None).await;
        tracing::info!(plugin = described(plugin), tenant, "installing a plugin");
        let venv = Venv { folder: &place, tools: &self.tools, task };
        match unwrap_into(&venv, client, (id, package), base, arguments).await {
            Ok(()) => {
                self.note(client, id, InstallationState::Installed, None).await;
                Ok(place)
            }
            Err(failed) => {
                let _ = tokio::fs::remove_dir_all(&place).await;
                let misfit = misfit(plugin, base).unwrap_or_default();
                let message = format!("Failed installing managed plugin: {id} [{package}][{failed}]{misfit}");
                self.note(client, id, InstallationState::Error, Some(&message)).await;
                Err(Failure::fatal(message))
            }
        }
    }

    /// Tells the manager how far an installation is here. That it cannot be told stops nothing.
    async fn note(&self, client: &Client, id: &str, state: InstallationState, error: Option<&str>) {
        let body = json!({"state": state.as_str(), "manager": self.manager_name, "error": error});
        if let Err(error) = client.plugins().note(id, &body).await {
            tracing::warn!(plugin = id, state = state.as_str(), %error, "the state of a plugin could not be noted");
        }
    }
}

/// Makes an environment with the content of a plugin's wagon. The index of packages is not asked: a
/// wagon brings all that the plugin needs.
async fn unwrap_into(
    venv: &Venv<'_>,
    client: &Client,
    (id, package): (&str, &str),
    base: &Interpreter,
    arguments: &[String],
) -> Result<(), Failed> {
    venv.make(base).await?;
    let unpacking = venv.folder.join("wagon");
    let (archive, wheels) = (unpacking.join("archive"), unpacking.join("wheels"));
    std::fs::create_dir_all(&wheels)?;
    let download = client.plugins().download(id, &archive).await;
    download.map_err(|error| Failed::Refused(format!("its wagon cannot be downloaded: {error}")))?;
    let target = wheels.clone();
    let count = tokio::task::spawn_blocking(move || wagon::unpack(&archive, &target)).await;
    let count = count.map_err(std::io::Error::other)?.map_err(|error| unusable(&error))?;
    if count == 0 {
        return Err(unusable(&"it holds no wheels"));
    }
    let mut all: Vec<&OsStr> = ["--no-index", "--find-links", "wheels", "--pre", package].map(OsStr::new).to_vec();
    all.extend(arguments.iter().map(OsStr::new));
    venv.install(all, &unpacking).await?;
    std::fs::remove_dir_all(unpacking)?;
    std::fs::write(venv.folder.join(RECORD), id)?;
    Ok(())
}

fn unusable(why: &dyn std::fmt::Display) -> Failed {
    Failed::Refused(format!("its wagon cannot be used: {why}. Build it anew with `wagon create` and upload it again"))
}

/// Whether the wheels of a plugin are for this kind of machine.
fn suits(plugin: &Value) -> bool {
    match plugin["supported_platform"].as_str().unwrap_or_default() {
        "any" => true,
        platform if platform.starts_with("manylinux") => true,
        platform => platform == format!("linux_{}", std::env::consts::ARCH),
    }
}

/// Whether a plugin was built for this version of Python.
fn speaks(plugin: &Value, version: (u32, u32)) -> bool {
    let versions = plugin["supported_py_versions"].as_array().into_iter().flatten().filter_map(Value::as_str);
    versions.filter_map(python).any(|known| known == version)
}

/// `py311`, `py3.11` or `3.11`.
fn python(name: &str) -> Option<(u32, u32)> {
    let digits = name.trim_start_matches("py");
    let (major, minor) = digits.split_once('.').or_else(|| digits.split_at_checked(1))?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// In what a plugin does not suit this machine, in words that follow an error.
fn misfit(plugin: &Value, base: &Interpreter) -> Option<String> {
    let (major, minor) = base.version;
    let arch = std::env::consts::ARCH;
    if !suits(plugin) {
        let platform = plugin["supported_platform"].as_str().unwrap_or("another machine");
        return Some(format!(
            " Its wagon is for {platform}, and this is linux_{arch}: upload one that was built for this."
        ));
    }
    let versions: Vec<&str> = plugin["supported_py_versions"].as_array()?.iter().filter_map(Value::as_str).collect();
    let built = (!versions.is_empty() && !speaks(plugin, base.version)).then(|| versions.join(", "))?;
    Some(format!(
        " Its wagon is for {built}, and plugins run with Python {major}.{minor} here: upload one that was built with this, \
         or name another Python with the setting `python` (NEPHELE_PYTHON)."
    ))
}

/// A plugin in words.
pub(super) fn described(plugin: &Value) -> String {
    let text = |key: &str| plugin[key].as_str().unwrap_or("none").to_owned();
    format!("{} [package_name: {}, package_version: {}]", text("id"), text("package_name"), text("package_version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_for_other_machines_do_not_suit() {
        let suited = |platform: Value| suits(&json!({"supported_platform": platform}));
        assert!(suited(json!("any")) && suited(json!("manylinux2014_x86_64")));
        assert!(suited(json!(format!("linux_{}", std::env::consts::ARCH))));
        assert!(!suited(json!("win_amd64")) && !suited(json!("linux_sparc")) && !suited(json!(null)));
    }

    #[test]
    fn pythons_are_named_in_three_ways() {
        let base = Interpreter { program: "python".into(), version: (3, 11), packages: "packages".into() };
        for (names, speaks_it) in [
            (json!(["py311"]), true),
            (json!(["py36", "3.11"]), true),
            (json!(["py3.11"]), true),
            (json!(["py36"]), false),
        ] {
            let plugin = json!({"supported_py_versions": names, "supported_platform": "any"});
            assert_eq!(speaks(&plugin, base.version), speaks_it, "{names}");
            assert_eq!(misfit(&plugin, &base).is_none(), speaks_it, "{names}");
        }
        assert!(!speaks(&json!({"supported_py_versions": ["py", "x.y", ""]}), base.version));
        assert_eq!(misfit(&json!({"supported_py_versions": null, "supported_platform": "any"}), &base), None);
    }
}
