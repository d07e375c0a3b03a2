//! The YAML files of plugins, where no manager is asked for them.

use std::path::Path;

use nephele_dsl::{Fault, ImportError, Version, builtin};

/// The text of a plugin's YAML file, from a folder of them: `NAME.yaml`, or `plugin.yaml` in a folder `NAME`,
/// each with the version of the language in its name or without (`plugin_1_4.yaml`, `plugin.yaml`).
pub(crate) fn read(import: &str, folder: Option<&Path>, version: Version) -> Result<String, ImportError> {
    let name = import.split('?').next().unwrap_or(import);
    let refuse =
        |message: String, hint: String| Err(ImportError::new(Fault::ImportUnavailable, message).with_hint(hint));
    if let Some(text) = builtin::plugin(name) {
        return Ok(text.to_owned());
    }
    let Some(folder) = folder else {
        return refuse(
            format!("'plugin:{import}' stands for a plugin of a manager, which is not asked here"),
            format!("give --plugins DIR, a folder with {name}.yaml or {name}/plugin.yaml in it"),
        );
    };
    let suffix = version.suffix();
    let names = [
        format!("{name}_{suffix}.yaml"),
        format!("{name}.yaml"),
        format!("{name}/plugin_{suffix}.yaml"),
        format!("{name}/plugin.yaml"),
    ];
    let is_plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
    match names.iter().filter(|_| is_plain).find_map(|name| std::fs::read_to_string(folder.join(name)).ok()) {
        Some(text) => Ok(text),
        None => refuse(
            format!("The plugin '{name}' is not in {}", folder.display()),
            format!("put its YAML file there as {name}.yaml or {name}/plugin.yaml"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_for_the_version_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.yaml"), "plain").unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        std::fs::write(folder.path().join("b/plugin_1_4.yaml"), "1.4").unwrap();
        std::fs::write(folder.path().join("b/plugin.yaml"), "plain").unwrap();
        let read = |import, version| read(import, Some(folder.path()), version).map_err(|error| error.message);
        assert_eq!(read("a?version=1", Version::V1_4).as_deref(), Ok("plain"));
        assert_eq!(read("b", Version::V1_4).as_deref(), Ok("1.4"));
        assert_eq!(read("b", Version::V1_3).as_deref(), Ok("plain"));
        assert!(read("nephele-rest", Version::V1_3).is_ok_and(|text| text.contains("cloudify.nodes.rest.Requests")));
        for absent in ["c", "../a", ""] {
            assert!(read(absent, Version::V1_4).is_err(), "{absent}");
        }
    }
}
