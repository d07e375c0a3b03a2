//! What is known of a plugin from its files alone: snapshots of newer Cloudify managers bring no more.

use std::path::Path;

use nephele_model::{Error, Result};
use serde_json::{Map, Value, json};

use super::{description, wagon};

fn is_of(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == ending)
}

/// The columns of a plugin whose files are in a folder; nothing if there is no wagon among them.
pub(crate) fn describe_folder(folder: &Path, id: &str) -> Result<Option<Map<String, Value>>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::internal)? {
        names.push(entry.map_err(Error::internal)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let Some(file) = names.iter().find(|name| is_of(name, "wgn")) else { return Ok(None) };
    let Some(wagon) = wagon::read(&folder.join(file))? else { return Ok(None) };
    let yaml: Vec<&String> = names.iter().filter(|name| is_of(name, "yaml")).collect();
    let mut extras = description::Extras::default();
    if let Some(name) = yaml.iter().find(|name| name.to_lowercase().contains("plugin.")).or(yaml.first()) {
        let text = std::fs::read_to_string(folder.join(name)).map_err(Error::internal)?;
        extras = description::extras(&description::parse(name, &text)?)?;
    }
    let paths: Vec<String> = yaml.iter().map(|name| format!("plugins/{id}/{name}")).collect();
    let text = |value: Option<Value>| value.map(|value| value.to_string());
    let columns = json!({
        "archive_name": wagon.archive_name, "package_name": wagon.package_name,
        "package_version": wagon.package_version, "package_source": wagon.package_source,
        "supported_platform": text(wagon.supported_platform), "supported_py_versions": text(wagon.supported_py_versions),
        "wheels": wagon.wheels.to_string(), "excluded_wheels": text(wagon.excluded_wheels),
        "distribution": wagon.distribution, "distribution_version": wagon.distribution_version,
        "distribution_release": wagon.distribution_release, "blueprint_labels": text(extras.blueprint_labels),
        "labels": text(extras.labels), "resource_tags": text(extras.resource_tags),
        "yaml_files_paths": json!(paths).to_string(),
    });
    Ok(if let Value::Object(columns) = columns { Some(columns) } else { None })
}
