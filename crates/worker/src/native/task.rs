//! What an operation of a built-in plugin is given, and the files that it asks for.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Map, Value};

use super::{mask, unpack};
use crate::ctx::session::Session;
use crate::forks::Forks;
use crate::operation::Operation;
use crate::pauses::Pauses;
use crate::resources;

pub(super) struct Task {
    pub(super) operation: Arc<Operation>,
    pub(super) session: Arc<Session>,
    /// The node's properties, evaluated; in relationship operations those of the source.
    pub(super) properties: Map<String, Value>,
}

impl Task {
    /// Reads the node, and has its secrets and those among the inputs kept out of logs.
    pub(super) async fn new(operation: &Arc<Operation>, forks: &Arc<Forks>, pauses: &Pauses) -> Result<Self, Failure> {
        let session =
            Arc::new(Session::new(Arc::clone(operation), Arc::clone(forks), None, pauses.clone()).reading_as_written());
        let [written, properties] = session.properties().await?;
        let inputs = Value::Object(operation.request.inputs.clone());
        let properties = Value::Object(properties);
        let secrets = [mask::secrets(&Value::Object(written), &properties), mask::secrets(&Value::Null, &inputs)];
        secrets.iter().flatten().for_each(|secret| operation.logs.hide(secret));
        let Value::Object(properties) = properties else { return Err(Failure::fatal("the node has no properties")) };
        Ok(Self { operation: Arc::clone(operation), session, properties })
    }

    /// The name of what is to be run.
    pub(super) fn name(&self) -> &str {
        &self.operation.request.context.task_name
    }

    /// An input, unless it is null.
    pub(super) fn input(&self, name: &str) -> Option<&Value> {
        self.operation.request.inputs.get(name).filter(|value| !value.is_null())
    }

    /// An input, or the property of that name.
    pub(super) fn setting(&self, name: &str) -> Option<&Value> {
        self.input(name).or_else(|| self.properties.get(name)).filter(|value| !value.is_null())
    }

    /// A setting as text; an empty one counts as none.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.setting(name).map(python_text::str).filter(|text| !text.is_empty())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.setting(name).is_some_and(python_text::is_truthy)
    }

    /// A setting that is a mapping; none counts as empty.
    pub(super) fn mapping(&self, name: &str) -> Result<Map<String, Value>, Failure> {
        mapping(name, self.setting(name))
    }

    /// A setting that is a list of texts; none counts as empty.
    pub(super) fn list(&self, name: &str) -> Result<Vec<String>, Failure> {
        match self.setting(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items.iter().map(python_text::str).collect()),
            Some(other) => {
                Err(Failure::fatal(format!("`{name}` must be a list, and is {}", python_text::type_name(other))))
            }
        }
    }

    /// Removes runtime properties.
    pub(super) async fn forget(&self, names: &'static [&'static str]) -> Result<Value, Failure> {
        self.session.change(|properties| names.iter().for_each(|name| drop(properties.shift_remove(*name)))).await?;
        Ok(Value::Null)
    }

    /// A value as others may see it: without what is known to be a secret.
    pub(super) fn redacted(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.operation.logs.redact(text).into_owned()),
            Value::Array(items) => items.iter().map(|item| self.redacted(item)).collect(),
            Value::Object(fields) => {
                let field = |(name, field): (&String, &Value)| {
                    // The name of a secret is none.
                    let kept = name == "get_secret";
                    (name.clone(), if kept { field.clone() } else { self.redacted(field) })
                };
                Value::Object(fields.iter().map(field).collect())
            }
            other => other.clone(),
        }
    }

    /// A file of the deployment or its blueprint, or from an `http` or `https` address.
    pub(super) async fn fetch(&self, location: &str) -> Result<Vec<u8>, Failure> {
        match location.split_once("://") {
            None => Ok(resources::fetch(&self.operation, location).await?),
            Some(("http" | "https", _)) => match nephele_client::download(location, None).await {
                Ok(content) => Ok(content.into()),
                Err(error) if error.status().is_some() => {
                    Err(Failure::fatal(format!("{location} cannot be downloaded: {error}")))
                }
                Err(error) => Err(Failure::recoverable(format!("{location} cannot be downloaded: {error}"))),
            },
            Some((scheme, _)) => Err(Failure::fatal(format!(
                "{location} cannot be fetched: `{scheme}` is not known here; give a path in the blueprint, or an `http` \
                 or `https` address of an archive"
            ))),
        }
    }

    /// Puts what is at a location into a folder: the content of an archive (zip, tar.gz), or a file as it is.
    pub(super) async fn place(&self, location: &str, into: &Path) -> Result<(), Failure> {
        let content = self.fetch(location).await?;
        let path = location.split(['?', '#']).next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let target = into.to_owned();
        let placed = tokio::task::spawn_blocking(move || unpack::place(&content, &name, &target)).await;
        let placed = placed.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        placed.map_err(|error| Failure::fatal(format!("{location} cannot be unpacked: {error}")))
    }

    /// Puts files of the blueprint below a folder, each at its own path.
    pub(super) async fn place_files(&self, paths: &[String], into: &Path) -> Result<(), Failure> {
        for path in paths {
            let target = into.join(inside(path)?);
            let content = self.fetch(path).await?;
            let written =
                fs::create_dir_all(target.parent().unwrap_or(into)).and_then(|()| fs::write(&target, content));
            written.map_err(|error| unwritable(&target, &error))?;
        }
        Ok(())
    }
}

pub(super) fn mapping(name: &str, value: Option<&Value>) -> Result<Map<String, Value>, Failure> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(fields)) => Ok(fields.clone()),
        Some(other) => {
            Err(Failure::fatal(format!("`{name}` must be a mapping, and is {}", python_text::type_name(other))))
        }
    }
}

/// A path that leads nowhere but down.
pub(super) fn inside(path: &str) -> Result<PathBuf, Failure> {
    unpack::inside(Path::new(path)).map_err(|_| {
        Failure::fatal(format!(
            "{path:?} must be a path inside the blueprint: without `..`, and no `/` at its beginning"
        ))
    })
}

/// Writes a file that other users of the machine cannot read.
pub(super) fn write(file: &Path, content: &Value) -> Result<(), Failure> {
    write_text(file, &content.to_string())
}

/// The same with a text.
pub(super) fn write_text(file: &Path, text: &str) -> Result<(), Failure> {
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
    let written = opened.and_then(|mut opened| opened.write_all(text.as_bytes()));
    written.map_err(|error| unwritable(file, &error))
}

pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::recoverable(format!("{} cannot be written: {error}", path.display()))
}
