//! The command line of `ansible-playbook`, and the files that it names.
//!
//! Invariant: values of variables stand in files that others cannot read, never in arguments.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Map, Value};

use crate::native::task::{Task, mapping, unwritable, write};

/// Settings that are options of the same name.
const OPTIONS: [&str; 5] = ["scp_extra_args", "sftp_extra_args", "ssh_common_args", "ssh_extra_args", "timeout"];

pub(super) struct Command<'a> {
    pub(super) task: &'a Task,
    pub(super) folder: &'a Path,
    /// Below the folder.
    pub(super) playbook: &'a Path,
}

impl Command<'_> {
    /// All but which tags are to be run.
    pub(super) async fn arguments(&self) -> Result<Vec<OsString>, Failure> {
        let task = self.task;
        let mut arguments: Vec<OsString> = Vec::new();
        let level = task.setting("debug_level").and_then(Value::as_u64).unwrap_or_default().min(7);
        if level > 0 {
            arguments.push(format!("-{}", "v".repeat(usize::try_from(level).unwrap_or_default())).into());
        }
        arguments.extend(["-i".into(), self.inventory().await?]);
        let mut options = task.mapping("options_config")?;
        let mut variables = mapping("extra_vars", options.shift_remove("extra_vars").as_ref())?;
        variables.extend(task.mapping("run_data")?);
        if !variables.is_empty() {
            let file = self.folder.join(".variables.json");
            write(&file, &Value::Object(variables))?;
            arguments.extend(["--extra-vars".into(), format!("@{}", file.display()).into()]);
        }
        for (name, value) in &options {
            arguments.push(option(name, value));
        }
        for name in OPTIONS {
            arguments.extend(task.text(name).map(|value| option(name, &Value::from(value))));
        }
        arguments.extend(task.text("start_at_task").map(|name| option("start_at_task", &Value::from(name))));
        if task.flag("ansible_become") {
            arguments.push("--become".into());
        }
        if let Some(more) = task.text("additional_args") {
            let words = shlex::split(&more);
            let words = words.ok_or_else(|| Failure::fatal("`additional_args` has a quote without an end"))?;
            arguments.extend(words.into_iter().map(OsString::from));
        }
        arguments.push(self.playbook.into());
        Ok(arguments)
    }

    /// The hosts: a mapping, a file of the blueprint, a list of names, or what relationships have noted.
    async fn inventory(&self) -> Result<OsString, Failure> {
        let noted = self.task.session.runtime_properties().await?.shift_remove("sources");
        let given = self.task.setting("sources").filter(|sources| python_text::is_truthy(*sources)).cloned();
        match given.or(noted).filter(python_text::is_truthy) {
            Some(Value::String(names)) if names.contains(',') => Ok(names.into()),
            Some(Value::String(path)) if !path.contains('\n') => {
                self.task.place_files(std::slice::from_ref(&path), self.folder).await?;
                Ok(path.into())
            }
            Some(Value::String(text)) => {
                let file = self.folder.join(".hosts.yaml");
                fs::write(&file, text).map_err(|error| unwritable(&file, &error))?;
                Ok(file.into())
            }
            // JSON is YAML, but Ansible looks at the ending.
            Some(hosts @ Value::Object(_)) => {
                let file = self.folder.join(".hosts.yaml");
                write(&file, &hosts)?;
                Ok(file.into())
            }
            _ => Err(Failure::fatal(
                "There are no hosts: set `sources` of the node to an inventory (a mapping, a file of the blueprint, or \
                 names such as `localhost,`), or relate the node to hosts by `cloudify.relationships.ansible.connected_to_host`",
            )),
        }
    }
}

/// A setting as an option: `skip_tags: [a, b]` is `--skip-tags=a,b`, and `check: true` is `--check`.
fn option(name: &str, value: &Value) -> OsString {
    let name = name.replace('_', "-");
    let value = match value {
        Value::Bool(true) | Value::Null => return format!("--{name}").into(),
        Value::Array(items) => items.iter().map(python_text::str).collect::<Vec<_>>().join(","),
        Value::Object(_) => python_text::dumps(value),
        other => python_text::str(other),
    };
    format!("--{name}={value}").into()
}

/// Variables that keep what Ansible writes inside the task's folder.
pub(super) fn surroundings(folder: &Path, facts: &Path) -> Vec<(OsString, OsString)> {
    let temporary = folder.join(".ansible");
    let settings: Map<String, Value> = [
        ("ANSIBLE_CACHE_PLUGIN", "jsonfile".to_owned()),
        ("ANSIBLE_CACHE_PLUGIN_CONNECTION", facts.to_string_lossy().into_owned()),
        ("ANSIBLE_LOCAL_TEMP", temporary.to_string_lossy().into_owned()),
        ("ANSIBLE_NOCOLOR", "1".to_owned()),
        ("ANSIBLE_RETRY_FILES_ENABLED", "False".to_owned()),
        ("PYTHONUNBUFFERED", "1".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), Value::from(value)))
    .collect();
    crate::native::program::variables(&settings)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::option;

    #[test]
    fn settings_become_options() {
        assert_eq!(option("skip_tags", &json!(["a", "b"])), "--skip-tags=a,b");
        assert_eq!(option("check", &json!(true)), "--check");
        assert_eq!(option("forks", &json!(3)), "--forks=3");
    }
}
