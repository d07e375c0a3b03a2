//! Wagons: archives of wheels with a description, as the `wagon` tool makes them.
//!
//! Invariant: what a wagon says of itself is used only after it was checked: names that become names of
//! files are plain ones, and nothing is longer than names are. Blocks: call it on a blocking thread.

use std::path::{Component, Path};

use nephele_model::{Code, Error, Result};
use serde_json::{Map, Value};

use crate::archive;

/// The largest description, in bytes.
const MOST: u64 = 1 << 20;
const LONGEST: usize = 256;

/// What a wagon says of itself.
#[derive(Clone, Debug)]
pub(super) struct Wagon {
    pub(super) package_name: String,
    pub(super) archive_name: String,
    pub(super) package_version: Option<String>,
    pub(super) package_source: Option<String>,
    pub(super) supported_platform: Option<Value>,
    pub(super) supported_py_versions: Option<Value>,
    pub(super) wheels: Value,
    pub(super) excluded_wheels: Option<Value>,
    pub(super) distribution: Option<String>,
    pub(super) distribution_version: Option<String>,
    pub(super) distribution_release: Option<String>,
}

/// Reads the description of a wagon; `None` when the file is no wagon.
///
/// Error: `invalid_plugin_error` for a wagon that says something that cannot be.
pub(super) fn read(file: &Path) -> Result<Option<Wagon>> {
    // `NAME/package.json`, in the archive's only folder.
    let is_description = |path: &Path| {
        let parts: Vec<_> = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        parts.len() == 2 && path.file_name().is_some_and(|name| name == "package.json")
    };
    let Ok(Some(text)) = archive::read_file(file, is_description, MOST) else { return Ok(None) };
    let described: Map<String, Value> =
        serde_json::from_slice(&text).map_err(|error| invalid(&format!("package.json: {error}")))?;
    describe(&described).map(Some)
}

/// A wagon that is none.
pub(super) fn unreadable(file: &str) -> Error {
    invalid(&format!("{file} holds no package.json"))
}

fn describe(described: &Map<String, Value>) -> Result<Wagon> {
    let text = |from: &Map<String, Value>, key: &str| -> Result<Option<String>> {
        match from.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.len() <= LONGEST && !text.chars().any(char::is_control) => {
                Ok(Some(text.clone()))
            }
            Some(_) => Err(invalid(&format!("package.json: `{key}` is not a short text"))),
        }
    };
    let needed = |key: &str| {
        let found = text(described, key)?.filter(|text| !text.is_empty());
        found.ok_or_else(|| invalid(&format!("package.json: `{key}` is missing")))
    };
    let list = |key: &str| -> Result<Option<Value>> {
        match described.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(list @ Value::Array(items)) if items.iter().all(Value::is_string) => Ok(Some(list.clone())),
            Some(_) => Err(invalid(&format!("package.json: `{key}` is not a list of texts"))),
        }
    };
    let archive_name = needed("archive_name")?;
    if !is_plain(&archive_name) {
        return Err(invalid("package.json: `archive_name` is not the name of an archive"));
    }
    let empty = Map::new();
    let system = described.get("build_server_os_properties").and_then(Value::as_object).unwrap_or(&empty);
    let platform = described.get("supported_platform").filter(|platform| !platform.is_null()).cloned();
    Ok(Wagon {
        package_name: needed("package_name")?,
        archive_name,
        package_version: text(described, "package_version")?,
        package_source: text(described, "package_source")?,
        supported_platform: platform,
        supported_py_versions: list("supported_python_versions")?,
        wheels: list("wheels")?.unwrap_or_else(|| Value::Array(Vec::new())),
        excluded_wheels: list("excluded_wheels")?,
        distribution: text(system, "distribution")?,
        distribution_version: text(system, "distribution_version")?,
        distribution_release: text(system, "distribution_release")?,
    })
}

/// Whether a text names a file in a folder, and not one that others look for there.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let one = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name);
    let taken = [".yaml", ".zip", ".png"].iter().any(|ending| name.to_ascii_lowercase().ends_with(ending));
    one && !taken && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

fn invalid(reason: &str) -> Error {
    Error::new(Code::InvalidPlugin, format!("The provided wagon archive can not be read.\nWagonError: {reason}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described(changes: &Value) -> Result<Wagon> {
        let mut whole = json!({
            "archive_name": "p-1.0-py311-none-any.wgn", "package_name": "p", "package_version": "1.0",
            "wheels": ["p-1.0-py3-none-any.whl"], "build_server_os_properties": {"distribution": null},
        });
        for (key, value) in changes.as_object().unwrap() {
            whole[key] = value.clone();
        }
        describe(whole.as_object().unwrap())
    }

    #[test]
    fn names_that_become_files_are_plain() {
        assert!(described(&json!({})).is_ok());
        for name in
            ["../p.wgn", "/etc/p.wgn", "a/p.wgn", ".p.wgn", "plugin.yaml", "", "..", "p\u{0}.wgn", "plugin_archive.zip"]
        {
            assert!(described(&json!({"archive_name": name})).is_err(), "{name}");
        }
    }

    #[test]
    fn hostile_descriptions_are_refused() {
        for bad in [
            json!({"package_name": null}),
            json!({"package_name": {"a": 1}}),
            json!({"package_version": "1\n2"}),
            json!({"package_source": "x".repeat(300)}),
            json!({"wheels": [1]}),
            json!({"wheels": "x"}),
            json!({"supported_python_versions": {"a": 1}}),
        ] {
            assert!(described(&bad).is_err(), "{bad}");
        }
    }
}
