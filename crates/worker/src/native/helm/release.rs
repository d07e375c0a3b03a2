//! Releases: installed, upgraded, looked at and uninstalled.
//!
//! Invariant: before Helm installs one, the instance notes that it does, so that a release that was there before
//! is never taken for its own, and one that a crash left half done is.

use std::ffi::OsString;

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Map, Value, json};

use super::{Helm, OF_ALL, named, option};
use crate::native::program::words;
use crate::native::task::{inside, write_text};
use crate::native::yaml;

/// The runtime property that says that the release is the instance's.
const OWN: &str = "release";
const STATUS: &str = "status_output";
const NOTED: [&str; 5] = [OWN, "install_output", STATUS, "is_drifted", "drifts"];
/// Options of the node that are for removing as well.
const OF_UNINSTALL: [&str; 5] = ["no-hooks", "keep-history", "timeout", "cascade", "description"];

impl Helm<'_> {
    pub(super) async fn install(&self) -> Result<Value, Failure> {
        let name = self.needed("name")?;
        let found = self.status(&name).await?;
        if self.is_external() {
            let found = found.ok_or_else(|| Failure::fatal(format!("There is no release {name}")))?;
            return self.note(None, &found).await;
        }
        let is_own = self.task.session.runtime_properties().await?.contains_key(OWN);
        if found.is_some() && !is_own {
            return Err(Failure::fatal(format!(
                "There is a release {name} already, which this node did not install. Give another name, remove it, or set \
                 `use_external_resource`."
            )));
        }
        let own = name.clone();
        self.task.session.change(move |properties| drop(properties.insert(OWN.to_owned(), own.into()))).await?;
        self.task.session.flush().await?;
        match found.as_ref().and_then(|found| found["info"]["status"].as_str()) {
            Some("pending-install") => drop(self.program.must(&self.asking(["uninstall", &name])).await?),
            Some("pending-upgrade" | "pending-rollback") => self.roll_back(&name).await?,
            _ => {}
        }
        self.apply(&name, &["upgrade", "--install"]).await
    }

    /// Upgrades with what the node says, and what the operation adds to it.
    pub(super) async fn upgrade(&self) -> Result<Value, Failure> {
        let name = self.needed("name")?;
        let found = self.status(&name).await?;
        match found.as_ref().and_then(|found| found["info"]["status"].as_str()) {
            None => return Err(Failure::recoverable(format!("There is no release {name} to upgrade"))),
            Some("pending-upgrade" | "pending-rollback") => self.roll_back(&name).await?,
            Some(_) => {}
        }
        self.apply(&name, &["upgrade"]).await
    }

    pub(super) async fn uninstall(&self) -> Result<Value, Failure> {
        let name = self.needed("name")?;
        let is_own = self.task.session.runtime_properties().await?.contains_key(OWN);
        if is_own && !self.is_external() && self.status(&name).await?.is_some() {
            let mut arguments = words(["uninstall", &name, "--wait"]);
            let flags = self.flags(|name| OF_ALL.contains(&name) || OF_UNINSTALL.contains(&name))?;
            arguments.extend(flags.into_iter().map(option));
            self.program.must(&arguments).await?;
        }
        self.task.forget(&NOTED).await
    }

    pub(super) async fn check_status(&self) -> Result<Value, Failure> {
        let name = self.needed("name")?;
        let found = self.status(&name).await?;
        match found.as_ref().and_then(|found| found["info"]["status"].as_str()) {
            Some("deployed") => Ok(json!({"status": "OK"})),
            Some(other) => Err(Failure::recoverable(format!("The release {name} is {other}, not deployed"))),
            None => Err(Failure::recoverable(format!("There is no release {name} any more"))),
        }
    }

    /// What differs from when the release was installed: its revision, its state, objects that are gone.
    pub(super) async fn check_drift(&self) -> Result<Value, Failure> {
        let name = self.needed("name")?;
        let then = self.task.session.runtime_properties().await?.shift_remove(STATUS).unwrap_or_default();
        let mut drifts = Map::new();
        match self.status(&name).await? {
            None => drop(drifts.insert("release".to_owned(), json!({"before": name, "after": null}))),
            Some(found) => {
                for (name, [before, after]) in [
                    ("revision", [&then, &found].map(|told| &told["version"])),
                    ("status", [&then, &found].map(|told| &told["info"]["status"])),
                ] {
                    if before != after {
                        drifts.insert(name.to_owned(), json!({"before": before, "after": after}));
                    }
                }
                let gone = self.gone(&name).await?;
                if !gone.is_empty() {
                    drifts.insert("missing".to_owned(), json!(gone));
                }
            }
        }
        let (is_drifted, told) = (!drifts.is_empty(), Value::Object(drifts));
        let noted = told.clone();
        self.task
            .session
            .change(move |properties| {
                properties.insert("is_drifted".to_owned(), Value::from(is_drifted));
                properties.insert("drifts".to_owned(), noted);
            })
            .await?;
        Ok(if is_drifted { told } else { Value::Null })
    }

    /// Installs or upgrades, and notes what is there then.
    async fn apply(&self, name: &str, command: &[&str]) -> Result<Value, Failure> {
        let chart = self.chart().await?;
        let mut arguments: Vec<OsString> = command.iter().map(OsString::from).collect();
        arguments.extend([name.into(), chart, "--wait".into(), "--output=json".into()]);
        let flags = self.flags(|_| true)?;
        if !flags.iter().any(|(name, _)| name == "timeout") {
            let seconds = self.task.setting("max_sleep_time").and_then(Value::as_u64).unwrap_or(300);
            arguments.push(format!("--timeout={seconds}s").into());
        }
        arguments.extend(flags.into_iter().map(option));
        arguments.extend(self.values().await?);
        let told = self.program.read(&arguments).await?;
        let told = serde_json::from_str(&told)
            .map_err(|error| Failure::recoverable(format!("`helm {}` gave no JSON: {error}", command[0])))?;
        let found = self.status(name).await?.unwrap_or_default();
        self.note(Some(&told), &found).await
    }

    /// The chart: as Helm names it, or what is of the blueprint.
    async fn chart(&self) -> Result<OsString, Failure> {
        let given = self.task.input("chart").filter(|chart| python_text::is_truthy(*chart)).map(python_text::str);
        let chart = match given {
            Some(chart) if !chart.starts_with('-') => chart,
            _ => self.needed("chart")?,
        };
        let folder = self.task.operation.dir.path().join("chart");
        let files = self.config.get("chart_files").and_then(Value::as_array).cloned().unwrap_or_default();
        if !files.is_empty() {
            self.task.place_files(&files.iter().map(python_text::str).collect::<Vec<_>>(), &folder).await?;
            return Ok(folder.join(inside(&chart)?).into());
        }
        let is_archive = [".tgz", ".tar.gz", ".zip"].iter().any(|ending| chart.ends_with(ending));
        if chart.contains("://") || chart.starts_with('/') || !is_archive {
            return Ok(chart.into());
        }
        self.task.place_files(std::slice::from_ref(&chart), &folder).await?;
        Ok(folder.join(inside(&chart)?).into())
    }

    /// Files of values and single ones. Those that are secrets stand in files.
    async fn values(&self) -> Result<Vec<OsString>, Failure> {
        let folder = self.task.operation.dir.path();
        let mut arguments = Vec::new();
        let file = self.task.input("values_file").filter(|file| python_text::is_truthy(*file)).map(python_text::str);
        if let Some(path) = file.or_else(|| self.text("values_file")) {
            if path.starts_with('/') {
                arguments.push(format!("--values={path}").into());
            } else {
                let file = folder.join("values.yaml");
                write_text(&file, &String::from_utf8_lossy(&self.task.fetch(&path).await?))?;
                arguments.push(format!("--values={}", file.display()).into());
            }
        }
        let mut values = named("resource_config.set_values", self.config.get("set_values"))?;
        values.extend(named("set_values", self.task.input("set_values"))?);
        for (index, (name, value)) in values.into_iter().enumerate() {
            let value = value.unwrap_or_default();
            if self.task.operation.logs.redact(&value) == value {
                arguments.push(format!("--set={name}={value}").into());
            } else {
                let file = folder.join(format!("value-{index}"));
                write_text(&file, &value)?;
                arguments.push(format!("--set-file={name}={}", file.display()).into());
            }
        }
        Ok(arguments)
    }

    async fn roll_back(&self, name: &str) -> Result<(), Failure> {
        self.task.operation.logs.info("An upgrade was interrupted, and is rolled back first");
        self.program.must(&self.asking(["rollback", name])).await.map(drop)
    }

    /// A command with what says where the release is.
    fn asking<const N: usize>(&self, command: [&str; N]) -> Vec<OsString> {
        let flags = named("resource_config.flags", self.config.get("flags")).unwrap_or_default();
        let mut arguments = words(command);
        arguments.extend(flags.into_iter().filter(|(name, _)| OF_ALL.contains(&name.as_str())).map(option));
        arguments
    }

    /// What Helm tells of a release, if there is one.
    async fn status(&self, name: &str) -> Result<Option<Value>, Failure> {
        let (exit, text) = self.program.capture(&self.asking(["status", name, "--output=json"])).await?;
        match exit.code {
            0 => serde_json::from_str(&text)
                .map(Some)
                .map_err(|error| Failure::recoverable(format!("`helm status` gave no JSON: {error}"))),
            _ if exit.stderr.contains("not found") => Ok(None),
            code => {
                Err(Failure::recoverable(format!("`helm status` ended with exit code {code}: {}", exit.stderr.trim())))
            }
        }
    }

    /// Objects of the release that the cluster has no more.
    async fn gone(&self, name: &str) -> Result<Vec<String>, Failure> {
        let manifest = self.program.read(&self.asking(["get", "manifest", name])).await?;
        let (exit, text) =
            self.program.capture(&self.asking(["status", name, "--output=json", "--show-resources"])).await?;
        // Newer versions always show them.
        let text = match exit.code {
            0 => text,
            _ => self.program.read(&self.asking(["status", name, "--output=json"])).await?,
        };
        let told: Value = serde_json::from_str(&text).unwrap_or_default();
        let mut there = Vec::new();
        objects(&told["info"]["resources"], &mut there);
        let wanted = manifest.split("\n---").filter_map(identity);
        Ok(wanted.filter(|wanted| !there.contains(wanted)).collect())
    }

    async fn note(&self, output: Option<&Value>, status: &Value) -> Result<Value, Failure> {
        let [output, status] = [output.unwrap_or(&Value::Null), status].map(|told| {
            let chart = &told["chart"]["metadata"];
            let mut kept = json!({
                "name": told["name"], "namespace": told["namespace"], "version": told["version"],
                "info": told["info"], "config": told["config"],
                "chart": {"name": chart["name"], "version": chart["version"], "app_version": chart["appVersion"]},
            });
            if let Some(info) = kept["info"].as_object_mut() {
                info.shift_remove("resources");
            }
            self.task.redacted(&kept)
        });
        let is_installed = !output["name"].is_null();
        self.task
            .session
            .change(move |properties| {
                if is_installed {
                    properties.insert("install_output".to_owned(), output);
                }
                properties.insert(STATUS.to_owned(), status);
            })
            .await?;
        Ok(Value::Null)
    }
}

/// `ConfigMap/page` from a document of a manifest.
fn identity(document: &str) -> Option<String> {
    let object = yaml::read(document.trim_start_matches("---")).ok()?;
    Some(format!("{}/{}", object["kind"].as_str()?, object["metadata"]["name"].as_str()?))
}

/// The objects within what Helm shows of a cluster, by kind and name.
fn objects(told: &Value, found: &mut Vec<String>) {
    match told {
        Value::Array(items) => items.iter().for_each(|item| objects(item, found)),
        Value::Object(fields) => match (fields.get("kind"), fields.get("metadata")) {
            (Some(Value::String(kind)), Some(about)) if about["name"].is_string() => {
                found.push(format!("{kind}/{}", about["name"].as_str().unwrap_or_default()));
            }
            _ => fields.values().for_each(|field| objects(field, found)),
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_known_by_kind_and_name() {
        let document = "# Source: page/templates/c.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels:\n    name: no\n  \
                        name: \"one-page\"\ndata:\n  name: other\n";
        assert_eq!(identity(document).as_deref(), Some("ConfigMap/one-page"));
        assert_eq!(identity("---\n# nothing"), None);
        let mut found = Vec::new();
        objects(&json!({"v1/ConfigMap": [{"kind": "ConfigMap", "metadata": {"name": "a"}}]}), &mut found);
        assert_eq!(found, ["ConfigMap/a"]);
    }
}
