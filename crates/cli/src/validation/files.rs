//! Where the files of a blueprint come from: this machine's disk, or an archive.
//!
//! Invariant: every text that was read is kept, so that its lines can be shown.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nephele_dsl::{Diagnostic, Fault, Fetch, Fetched, ImportError, Version};

use super::archive::{self, Archive};
use super::plugins;

/// The files around a blueprint.
pub(crate) struct Files {
    origin: Origin,
    plugins: Option<PathBuf>,
    /// What was read, by location, in the order of reading.
    texts: RefCell<Vec<(String, String)>>,
    /// Paths below it are shown without it.
    here: Option<PathBuf>,
}

enum Origin {
    Disk,
    Archive(Archive),
}

/// The files around the blueprint at `path`, and the location of its main file.
pub(crate) fn open(path: &Path, main_file: &str, plugins: Option<&Path>) -> anyhow::Result<(Files, String)> {
    let shown = path.display();
    let found = path.canonicalize().with_context(|| format!("{shown} cannot be read"))?;
    if let Some(plugins) = plugins.filter(|plugins| !plugins.is_dir()) {
        bail!("{} is no folder: --plugins takes the folder that the YAML files of plugins lie in", plugins.display());
    }
    let (origin, location) = if found.is_dir() {
        (Origin::Disk, located(&found.join(main_file)))
    } else if archive::Kind::detect(&found).with_context(|| format!("{shown} cannot be read"))?.is_some() {
        let archive = Archive::read(&found).with_context(|| format!("the archive {shown} cannot be read"))?;
        (Origin::Archive(archive), format!("file:/{main_file}"))
    } else {
        (Origin::Disk, located(&found))
    };
    let here = std::env::current_dir().ok().and_then(|here| here.canonicalize().ok());
    let files = Files { origin, plugins: plugins.map(Path::to_path_buf), texts: RefCell::default(), here };
    Ok((files, location))
}

fn located(path: &Path) -> String {
    format!("file:{}", path.display())
}

impl Files {
    /// The text of the main file. Errors: what is missing, and what is there instead.
    pub(crate) fn main_text(&self, location: &str) -> anyhow::Result<String> {
        let shown = self.shown(location);
        let text = match &self.origin {
            Origin::Disk => std::fs::read_to_string(path(location)).with_context(|| {
                format!("the blueprint {shown} cannot be read; --blueprint-filename names another file of a folder")
            })?,
            Origin::Archive(archive) => match archive.text(&shown) {
                Some(text) => text.to_owned(),
                None => bail!("the archive has no {shown}; --blueprint-filename names one of {}", archive.yaml_files()),
            },
        };
        self.keep(location, &text);
        Ok(text)
    }

    /// How a location is called in messages.
    pub(crate) fn shown(&self, location: &str) -> String {
        let Some(path) = location.strip_prefix("file:") else { return location.to_owned() };
        match (&self.origin, &self.here) {
            (Origin::Archive(_), _) => path.trim_start_matches('/').to_owned(),
            (Origin::Disk, Some(here)) => {
                Path::new(path).strip_prefix(here).unwrap_or(Path::new(path)).display().to_string()
            }
            (Origin::Disk, None) => path.to_owned(),
        }
    }

    /// Calls `show` with the text that was read at a location.
    pub(crate) fn with_text<T>(&self, location: &str, show: impl FnOnce(&str) -> T) -> Option<T> {
        let texts = self.texts.borrow();
        texts.iter().find(|(known, _)| known == location).map(|(_, text)| show(text))
    }

    /// Shows every text that was read, with its location.
    pub(crate) fn each_text(&self, mut show: impl FnMut(&str, &str)) {
        for (location, text) in self.texts.borrow().iter() {
            show(location, text);
        }
    }

    /// Puts problems into the order of files and lines, the main file first.
    pub(crate) fn sort(&self, problems: &mut [Diagnostic]) {
        let texts = self.texts.borrow();
        let ranks: HashMap<&str, usize> =
            texts.iter().enumerate().map(|(rank, (location, _))| (location.as_str(), rank)).collect();
        let rank = |problem: &Diagnostic| {
            let file = problem.place.as_ref().and_then(|place| place.file.as_deref()).unwrap_or_default();
            (ranks.get(file).copied().unwrap_or(usize::MAX), problem.position())
        };
        problems.sort_by_key(rank);
    }

    fn keep(&self, location: &str, text: &str) {
        self.texts.borrow_mut().push((location.to_owned(), text.to_owned()));
    }

    fn read(&self, location: &str) -> Result<String, ImportError> {
        let absent = |reason: &str| ImportError::unreachable(location, reason);
        match &self.origin {
            _ if !location.starts_with("file:") => {
                Err(absent("only files are read here; put the file beside the blueprint"))
            }
            Origin::Disk => std::fs::read_to_string(path(location)).map_err(|error| absent(&error.to_string())),
            Origin::Archive(archive) => {
                archive.text(location).map(str::to_owned).ok_or_else(|| absent("there is no such file in the archive"))
            }
        }
    }
}

impl Fetch for &Files {
    fn fetch(&self, location: &str, version: Version) -> Result<Fetched, ImportError> {
        let text = if let Some(plugin) = location.strip_prefix("plugin:") {
            plugins::read(plugin, self.plugins.as_deref(), version)?
        } else if location.starts_with("blueprint:") {
            let message = format!("'{location}' stands for a blueprint of a manager, which is not asked here");
            let hint = "upload the blueprint to check it with what it imports";
            return Err(ImportError::new(Fault::ImportUnavailable, message).with_hint(hint));
        } else {
            self.read(location)?
        };
        self.keep(location, &text);
        Ok(Fetched::Text(text))
    }

    fn exists(&self, location: &str) -> bool {
        match &self.origin {
            // A name that is no location is looked for beside the file that names it, not where the command runs.
            _ if !location.starts_with("file:") && !location.starts_with('/') => false,
            Origin::Disk => path(location).exists(),
            Origin::Archive(archive) => archive.has(location),
        }
    }
}

/// The path at a location, which may write characters as `%20`.
fn path(location: &str) -> PathBuf {
    let path = location.strip_prefix("file://").or_else(|| location.strip_prefix("file:")).unwrap_or(location);
    let plain = PathBuf::from(path);
    if plain.exists() { plain } else { PathBuf::from(decoded(path)) }
}

fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let escaped = others.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &others[2..] } else { others };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_locations_are_undone() {
        assert_eq!(decoded("/a%20b/%2x%"), "/a b/%2x%");
    }
}
