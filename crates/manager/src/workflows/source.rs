//! The files of a blueprint as the parser asks for them.
//!
//! Invariant: nothing outside the blueprint's own folder, and those of blueprints that it imports, is ever
//! read, whatever an import says: locations are `file:` plus a path inside the folder, and links that lead
//! out count as absent. What the manager itself has to offer is `catalog.rs`'s.
//! Addresses on other machines are not fetched here; built-in types are found before they get here.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use nephele_dsl::{Fetch, Fetched, ImportError, Version};

/// The unpacked folder of one blueprint.
pub(super) struct Folder {
    root: PathBuf,
    /// The folders of imported blueprints, by the first part of the locations in them.
    mounted: RefCell<HashMap<OsString, PathBuf>>,
}

impl Folder {
    /// `root` must exist.
    pub(super) fn new(root: &Path) -> std::io::Result<Self> {
        Ok(Self { root: root.canonicalize()?, mounted: RefCell::default() })
    }

    /// The location of a file inside the folder, as the parser and its messages name it. The folder
    /// is their root: the parser looks for scripts and imports beside the last slash.
    pub(super) fn location(file: &str) -> String {
        format!("file:/{file}")
    }

    /// Makes the folder of an imported blueprint readable too. Gives the location of a file in it.
    pub(super) fn mount(&self, blueprint: &str, root: &Path, file: &str) -> std::io::Result<String> {
        let name = format!("blueprint:{blueprint}");
        self.mounted.borrow_mut().insert(OsString::from(&name), root.canonicalize()?);
        Ok(format!("file:/{name}/{file}"))
    }

    /// The file at a location, if it lies inside a folder.
    fn find(&self, location: &str) -> Option<PathBuf> {
        let path = Path::new(location.strip_prefix("file:").unwrap_or(location));
        let mut parts = path.components().skip_while(|part| matches!(part, Component::RootDir)).peekable();
        let mounted = self.mounted.borrow();
        let root = parts.peek().and_then(|first| mounted.get(first.as_os_str()));
        if root.is_some() {
            parts.next();
        }
        let root = root.unwrap_or(&self.root);
        let mut inside = PathBuf::new();
        for component in parts {
            match component {
                Component::Normal(part) => inside.push(part),
                Component::CurDir | Component::RootDir => {}
                Component::ParentDir => inside.pop().then_some(())?,
                Component::Prefix(_) => return None,
            }
        }
        let file = root.join(inside).canonicalize().ok()?;
        (file.starts_with(root) && file.is_file()).then_some(file)
    }

    /// The text of a file inside the folder.
    pub(super) fn read(&self, location: &str) -> Option<std::io::Result<String>> {
        self.find(location).map(std::fs::read_to_string)
    }
}

impl Fetch for Folder {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
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

    #[test]
    fn imported_blueprints_bring_their_own_folders() {
        let around = tempfile::tempdir().unwrap();
        for name in ["own", "other"] {
            std::fs::create_dir_all(around.path().join(name)).unwrap();
            std::fs::write(around.path().join(name).join(format!("{name}.yaml")), name).unwrap();
        }
        let folder = Folder::new(&around.path().join("own")).unwrap();
        let location = folder.mount("other", &around.path().join("other"), "other.yaml").unwrap();
        assert_eq!(folder.read(&location).unwrap().unwrap(), "other");
        assert!(folder.exists("file:/own.yaml"));
        for absent in ["file:/other.yaml", "file:/blueprint:other/own.yaml", "file:/blueprint:other/../own/own.yaml"] {
            assert!(!folder.exists(absent), "{absent}");
        }
    }
}
