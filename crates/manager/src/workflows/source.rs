//! The files of a blueprint as the parser asks for them.
//!
//! Invariant: nothing outside the blueprint's own folder is ever read, whatever an import says:
//! locations are `file:` plus a path inside the folder, and links that lead out count as absent.
//! Addresses on other machines are not fetched here; built-in types are found before they get here.

use std::path::{Component, Path, PathBuf};

use nephele_dsl::{Fault, Fetch, Fetched, ImportError, Version};

/// The unpacked folder of one blueprint.
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// `root` must exist.
    pub(super) fn new(root: &Path) -> std::io::Result<Self> {
        Ok(Self { root: root.canonicalize()? })
    }

    /// The location of a file inside the folder, as the parser and its messages name it. The folder
    /// is their root: the parser looks for scripts and imports beside the last slash.
    pub(super) fn location(file: &str) -> String {
        format!("file:/{file}")
    }

    /// The file at a location, if it lies inside the folder.
    fn find(&self, location: &str) -> Option<PathBuf> {
        let path = Path::new(location.strip_prefix("file:").unwrap_or(location));
        let mut inside = PathBuf::new();
        for component in path.components() {
            match component {
                Component::Normal(part) => inside.push(part),
                Component::CurDir | Component::RootDir => {}
                Component::ParentDir => inside.pop().then_some(())?,
                Component::Prefix(_) => return None,
            }
        }
        let file = self.root.join(inside).canonicalize().ok()?;
        (file.starts_with(&self.root) && file.is_file()).then_some(file)
    }

    /// The text of a file inside the folder.
    pub(super) fn read(&self, location: &str) -> Option<std::io::Result<String>> {
        self.find(location).map(std::fs::read_to_string)
    }
}

impl Fetch for Folder {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        if let Some(id) = location.strip_prefix("plugin:") {
            let name = id.split('?').next().unwrap_or(id);
            // Not the blueprint's fault: uploading the plugin mends it.
            let message = format!(
                "Plugin {name} was not found: upload it to this manager, or remove `plugin:{id}` from the imports"
            );
            return Err(ImportError::new(Fault::ImportUnavailable, message));
        }
        if let Some(id) = location.strip_prefix("blueprint:") {
            return Err(ImportError::not_found(format!(
                "Requested blueprint import `{id}` was not found: upload that blueprint first"
            )));
        }
        match self.read(location) {
            Some(Ok(text)) => Ok(Fetched::Text(text)),
            Some(Err(error)) => Err(ImportError::unreachable(location, &error.to_string())),
            None => Err(ImportError::unreachable(location, "there is no such file in the blueprint's folder")),
        }
    }

    fn exists(&self, location: &str) -> bool {
        self.find(location).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_folder_are_found() {
        let around = tempfile::tempdir().unwrap();
        let root = around.path().join("bp");
        std::fs::create_dir_all(root.join("types")).unwrap();
        std::fs::write(root.join("types/a.yaml"), "a: 1").unwrap();
        std::fs::write(around.path().join("outside.yaml"), "b: 1").unwrap();
        std::os::unix::fs::symlink(around.path().join("outside.yaml"), root.join("link.yaml")).unwrap();
        let folder = Folder::new(&root).unwrap();
        assert!(folder.exists("file:types/../types/a.yaml"));
        assert!(folder.exists(&Folder::location("types/a.yaml")));
        for absent in ["file:../outside.yaml", "file:link.yaml", "file:types", "http://x/types/a.yaml"] {
            assert!(!folder.exists(absent), "{absent}");
        }
    }
}
