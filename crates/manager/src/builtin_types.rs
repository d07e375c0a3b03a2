//! The types that blueprints import: the built-in ones, or those of a manager that has its own.
//!
//! Invariant: what imports find is what clients read below `/resources/cloudify/types`. The built-in
//! ones, and which address means which, are in `nephele_dsl::builtin`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use nephele_dsl::builtin::Types;
use nephele_model::{Error, Result};

use crate::files;

const FOLDER: &str = "cloudify/types";
const FILE_LIMIT: u64 = 4 << 20;

/// Reads the folder of types of another manager (`types.yaml`, those of versions as `types_1_4.yaml`,
/// published ones in `cache/VERSION`). Without a folder: the built-in types.
///
/// Error: there is no `types.yaml`, or a file cannot be read.
pub(crate) fn read(folder: Option<&Path>) -> Result<Types> {
    let Some(folder) = folder else { return Ok(Types::default()) };
    let mut own = BTreeMap::new();
    collect(folder, "", 0, &mut own)?;
    if !own.contains_key("types.yaml") {
        let shown = folder.display();
        return Err(Error::bad_parameters(format!(
            "There is no {shown}/types.yaml: set `types` to a folder that has it"
        )));
    }
    Ok(Types::of(own))
}

/// Every file of YAML in `folder`, which is `place` below the folder of types.
fn collect(folder: &Path, place: &str, depth: u8, found: &mut BTreeMap<String, String>) -> Result<()> {
    let unreadable = |path: &Path, problem: &dyn std::fmt::Display| {
        Error::bad_parameters(format!("The types in {} cannot be read: {problem}", path.display()))
    };
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let below = if place.is_empty() { name.to_owned() } else { format!("{place}/{name}") };
        let about = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
        // `cache/4.6/types.yaml` is the deepest there is.
        if about.is_dir() && depth < 2 {
            collect(&path, &below, depth + 1, found)?;
        } else if about.is_file() && path.extension().is_some_and(|ending| ending == "yaml") {
            if about.len() > FILE_LIMIT {
                return Err(unreadable(&path, &format!("more than {FILE_LIMIT} bytes")));
            }
            found.insert(below, fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?);
        }
    }
    Ok(())
}

/// Puts the types where clients look for them; an upgrade brings its own.
pub(crate) fn publish(types: &Types, files: &files::Tree) -> Result<()> {
    let folder = files.root().join(FOLDER);
    for (name, text) in types.files() {
        let file = folder.join(name);
        if fs::read_to_string(&file).is_ok_and(|present| present == text) {
            continue;
        }
        fs::create_dir_all(file.parent().unwrap_or(&folder)).map_err(Error::internal)?;
        fs::write(&file, text).map_err(Error::internal)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_types_is_read_and_shown_as_it_is() {
        let given = tempfile::tempdir().unwrap();
        fs::create_dir_all(given.path().join("cache/4.6")).unwrap();
        for (name, text) in [("types.yaml", "a: 1"), ("cache/4.6/types.yaml", "b: 1"), ("README", "no types")] {
            fs::write(given.path().join(name), text).unwrap();
        }
        let types = read(Some(given.path())).unwrap();
        let data = tempfile::tempdir().unwrap();
        publish(&types, &files::Tree::open(data.path()).unwrap()).unwrap();
        let shown = |name: &str| fs::read_to_string(data.path().join(FOLDER).join(name)).ok();
        assert_eq!(shown("types.yaml").as_deref(), Some("a: 1"));
        assert_eq!(shown("cache/4.6/types.yaml").as_deref(), Some("b: 1"));
        assert_eq!((shown("README"), shown("types_1_4.yaml")), (None, None));
    }

    #[test]
    fn a_folder_without_types_is_refused() {
        let empty = tempfile::tempdir().unwrap();
        assert!(read(Some(empty.path())).is_err_and(|error| error.to_string().contains("types.yaml")));
        assert!(read(Some(&empty.path().join("missing"))).is_err());
    }
}
