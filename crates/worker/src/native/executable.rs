//! Which program a plugin runs: what the node says, what a node that stands for the program has noted, or what
//! is in `PATH`.

use std::path::PathBuf;

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Value, json};

use super::Native;
use super::program;
use super::task::{Task, mapping};

/// The setting with the path, and the runtime property where it is noted.
const PATH: &str = "executable_path";

/// A program that a plugin needs.
pub(super) struct Executable {
    /// The property that may have its path.
    pub(super) config: &'static str,
    /// What it is called, best first.
    pub(super) names: &'static [&'static str],
    /// What to install.
    pub(super) product: &'static str,
}

impl Executable {
    /// Where it is.
    pub(super) async fn find(&self, native: &Native, task: &Task) -> Result<PathBuf, Failure> {
        let config = mapping(self.config, task.properties.get(self.config))?;
        let noted = task.session.runtime_properties().await?.shift_remove(PATH);
        let given = [config.get(PATH), noted.as_ref()].into_iter().flatten().find(|path| python_text::is_truthy(*path));
        let given = given.map(python_text::str);
        let found = match &given {
            Some(path) => program::find(native, &[path.as_str()]),
            None => program::find(native, self.names),
        };
        found.ok_or_else(|| {
            let what = match (given, self.names) {
                (Some(path), _) => format!("There is no program {path}"),
                (None, [one, other]) => format!("Neither `{one}` nor `{other}` is in the PATH of the manager"),
                (None, names) => format!("There is no `{}` in the PATH of the manager", names.join("`, `")),
            };
            Failure::fatal(format!(
                "{what}. Install {} there, or set `{}.{PATH}` of the node to where it is, and resume the execution.",
                self.product, self.config
            ))
        })
    }

    /// A node that stands for the program: notes where it is.
    pub(super) async fn note(&self, native: &Native, task: &Task) -> Result<Value, Failure> {
        let path = self.find(native, task).await?;
        task.session
            .change(|properties| drop(properties.insert(PATH.to_owned(), json!(path.to_string_lossy()))))
            .await?;
        Ok(Value::Null)
    }
}

/// A node that runs on one that stands for the program uses that.
pub(super) async fn borrow(task: &Task) -> Result<Value, Failure> {
    let lent = task.session.target_runtime_properties().await?.shift_remove(PATH);
    if let Some(path) = lent {
        task.session.change(|properties| drop(properties.insert(PATH.to_owned(), path))).await?;
    }
    Ok(Value::Null)
}

/// Forgets where the program is.
pub(super) async fn forget(task: &Task) -> Result<Value, Failure> {
    task.forget(&[PATH]).await
}
