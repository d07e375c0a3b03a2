//! Repositories of charts, as the deployment knows them.

use std::ffi::OsString;

use nephele_model::operation::Failure;
use serde_json::{Value, json};

use super::{Helm, option};
use crate::native::program::words;
use crate::native::task::unwritable;

/// The runtime property that has the repositories.
const LIST: &str = "list_output";

impl Helm<'_> {
    pub(super) async fn add_repository(&self) -> Result<Value, Failure> {
        let name = self.needed("name")?;
        if !self.is_external() {
            let mut arguments = words(["repo", "add", &name, &self.needed("repo_url")?, "--force-update"]);
            let (passwords, flags): (Vec<_>, Vec<_>) =
                self.flags(|_| true)?.into_iter().partition(|(name, _)| name == "password");
            arguments.extend(flags.into_iter().map(option));
            let exit = match passwords.into_iter().find_map(|(_, password)| password) {
                None => self.program.run(&arguments).await?,
                Some(password) => {
                    self.task.operation.logs.hide(&password);
                    arguments.push("--password-stdin".into());
                    self.program.feed(&arguments, password).await?
                }
            };
            if exit.code != 0 {
                return Err(Failure::recoverable(format!(
                    "The repository {name} cannot be added: {}",
                    exit.stderr.trim()
                )));
            }
        }
        self.note_repositories().await
    }

    pub(super) async fn remove_repository(&self) -> Result<Value, Failure> {
        let name = self.needed("name")?;
        if !self.is_external() && self.repositories().await?.iter().any(|known| known["name"] == *name) {
            let mut arguments = words(["repo", "remove", &name]);
            arguments.extend(self.flags(|_| false)?.into_iter().map(option));
            self.program.must(&arguments).await?;
        }
        if self.repositories().await?.is_empty() {
            std::fs::remove_dir_all(&self.home).map_err(|error| unwritable(&self.home, &error))?;
        }
        self.task.forget(&[LIST]).await
    }

    /// Has Helm look what the repositories have now.
    pub(super) async fn update_repository(&self) -> Result<Value, Failure> {
        let mut arguments: Vec<OsString> = words(["repo", "update"]);
        arguments.extend(self.flags(|_| false)?.into_iter().map(option));
        self.program.must(&arguments).await?;
        self.note_repositories().await
    }

    pub(super) async fn check_repository(&self) -> Result<Value, Failure> {
        let name = self.needed("name")?;
        if self.repositories().await?.iter().any(|known| known["name"] == *name) {
            return Ok(json!({"status": "OK"}));
        }
        Err(Failure::recoverable(format!("The repository {name} is not known any more; `start` adds it")))
    }

    /// What differs from when the repository was added, if anything does.
    pub(super) async fn repository_drift(&self) -> Result<Value, Failure> {
        let noted = self.task.session.runtime_properties().await?.shift_remove(LIST).unwrap_or_default();
        let name = self.needed("name")?;
        let now = self.repositories().await?.into_iter().find(|known| known["name"] == *name).unwrap_or_default();
        let then = noted.as_array().into_iter().flatten().find(|known| known["name"] == *name);
        let then = then.cloned().unwrap_or_default();
        Ok(if now == then { Value::Null } else { json!({"before": then, "after": now}) })
    }

    async fn note_repositories(&self) -> Result<Value, Failure> {
        let list = Value::Array(self.repositories().await?);
        self.task.session.change(move |properties| drop(properties.insert(LIST.to_owned(), list))).await?;
        Ok(Value::Null)
    }

    /// All that are known; Helm calls it an error where there is none.
    async fn repositories(&self) -> Result<Vec<Value>, Failure> {
        if !self.is_there() {
            return Ok(Vec::new());
        }
        let (exit, text) = self.program.capture(&words(["repo", "list", "-o", "json"])).await?;
        if exit.code != 0 && exit.stderr.contains("no repositories") {
            return Ok(Vec::new());
        }
        serde_json::from_str(&text).map_err(|error| {
            Failure::recoverable(format!("`helm repo list` gave no JSON ({error}): {}", exit.stderr.trim()))
        })
    }
}
