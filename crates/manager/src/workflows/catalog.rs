//! What blueprints import from the manager: plugins by name and version, and other blueprints (spec
//! dsl.md section 2.4).
//!
//! The parser asks for one import after the other on a blocking thread, so rows are read from there.
//! Invariant: a blueprint sees what its uploader's tenant sees and nothing else. The files of the
//! blueprint itself, and of those it imports, are `source.rs`'s.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use nephele_dsl::builtin::{self, Types};
use nephele_dsl::{Fault, Fetch, Fetched, ImportError, Source, Version as Language};
use nephele_model::blueprint::BlueprintState;
use nephele_model::id::BlueprintId;
use nephele_model::json::Map;
use nephele_store::plugins::Plugin;
use nephele_store::{Json, Scope, blueprints, plugins};
use pep440_rs::{Version, VersionSpecifiers};
use tokio::runtime::Handle;

use crate::Manager;
use crate::workflows::source::Folder;

/// Which versions of plugins are taken, whatever else a blueprint allows.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// Versions by package, of which one must be that the blueprint allows as well.
    pub(crate) narrowed: HashMap<String, VersionSpecifiers>,
    /// Versions by package, in place of those that the blueprint allows.
    pub(crate) replaced: HashMap<String, VersionSpecifiers>,
    /// Packages by an import line that stands for each.
    pub(crate) lines: HashMap<String, String>,
}

/// Imports of one blueprint that is being parsed.
pub(super) struct Catalog {
    manager: Arc<Manager>,
    scope: Scope,
    runtime: Handle,
    folder: Folder,
    choice: Choice,
}

impl Catalog {
    /// Must be made within the runtime. `scope` is what the uploader's tenant sees.
    pub(super) fn new(manager: Arc<Manager>, scope: Scope, folder: Folder, choice: Choice) -> Self {
        Self { manager, scope, runtime: Handle::current(), folder, choice }
    }

    /// The types that imports find.
    pub(super) fn types(&self) -> Arc<Types> {
        self.manager.types.clone()
    }

    /// The blueprint's own folder.
    pub(super) const fn folder(&self) -> &Folder {
        &self.folder
    }

    fn plugin(&self, import: &str, language: Language) -> Result<Fetched, ImportError> {
        let mut wanted = Wanted::parse(import)?;
        // Their names are taken: no upload takes their place.
        if let Some(text) = builtin::plugin(&wanted.name) {
            return Ok(Fetched::Text(text.to_owned()));
        }
        if let Some(replaced) = self.choice.replaced.get(&wanted.name) {
            wanted.versions = vec![replaced.clone()];
        } else {
            wanted.versions.extend(self.choice.narrowed.get(&wanted.name).cloned());
        }
        let known = self.runtime.block_on(plugins::of_package(&*self.manager.store, &self.scope, &wanted.name));
        let known = known.map_err(|error| unreadable(import, &error))?;
        let Some(plugin) = wanted.best(known) else {
            // Not the blueprint's fault: uploading the plugin mends it.
            let message = format!(
                "Plugin {} was not found: upload it to this manager, or remove `plugin:{import}` from the imports",
                wanted.name
            );
            return Err(ImportError::new(Fault::ImportUnavailable, message));
        };
        let language = language.as_str().trim_start_matches("cloudify_dsl_");
        let file = self.manager.yaml_of(&plugin, Some(language)).map_err(|error| unreadable(import, &error))?;
        Ok(Fetched::Plugin {
            text: std::fs::read_to_string(file).map_err(|error| unreadable(import, &error))?,
            blueprint_labels: section(plugin.blueprint_labels.as_ref()),
            labels: section(plugin.labels.as_ref()),
            resource_tags: section(plugin.resource_tags.as_ref()),
        })
    }

    fn blueprint(&self, id: &str) -> Result<Fetched, ImportError> {
        let wanted = BlueprintId::new(id);
        let found = self.runtime.block_on(blueprints::find(&*self.manager.store, &self.scope, &wanted));
        let found = found.map_err(|error| unreadable(id, &error))?;
        let Some(blueprint) = found.filter(|found| found.state == BlueprintState::Uploaded) else {
            return Err(ImportError::not_found(format!(
                "Requested blueprint import `{id}` was not found: upload that blueprint first"
            )));
        };
        let root = self.manager.files.blueprint(&blueprint.tenant_name, &blueprint.id);
        let file = blueprint.main_file_name.as_deref().unwrap_or("blueprint.yaml");
        let location = self.folder.mount(id, &root, file).map_err(|error| unreadable(id, &error))?;
        let text = self.folder.read(&location).unwrap_or_else(|| Err(std::io::ErrorKind::NotFound.into()));
        let text = text.map_err(|error| unreadable(id, &error))?;
        Ok(Fetched::Blueprint { main: Source::new(location, text), resources_base: None })
    }
}

impl Fetch for Catalog {
    fn fetch(&self, location: &str, version: Language) -> Result<Fetched, ImportError> {
        if let Some(package) = self.choice.lines.get(location) {
            return self.plugin(package, version);
        }
        match location.split_once(':') {
            Some(("plugin", import)) => self.plugin(import, version),
            Some(("blueprint", id)) => self.blueprint(id),
            _ => self.folder.fetch(location, version),
        }
    }

    fn exists(&self, location: &str) -> bool {
        self.folder.exists(location)
    }
}

/// The plugin of the highest version; of equal ones the newest upload, which `known` begins with.
pub(crate) fn newest(known: Vec<Plugin>) -> Option<Plugin> {
    Wanted { name: String::new(), versions: Vec::new(), distribution: None }.best(known)
}

fn unreadable(import: &str, error: &dyn std::fmt::Display) -> ImportError {
    ImportError::unreachable(import, &error.to_string())
}

fn section(stored: Option<&Json>) -> Map {
    stored.and_then(|json| json.parse().ok()).unwrap_or_default()
}

/// A plugin as an import names it: `NAME?version=SPECIFIERS&distribution=NAME`.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    name: String,
    /// What its version must be, all of it.
    versions: Vec<VersionSpecifiers>,
    distribution: Option<String>,
}

impl Wanted {
    /// Errors: a parameter that does not exist; versions that are no PEP 440 specifiers.
    fn parse(import: &str) -> Result<Self, ImportError> {
        let (name, query) = import.split_once('?').unwrap_or((import, ""));
        let mut wanted = Self { name: name.to_owned(), versions: Vec::new(), distribution: None };
        let mut specifiers = Vec::new();
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "version" => specifiers.extend(value.split(',').map(specifier)),
                "distribution" => wanted.distribution = Some(value.into_owned()),
                other => {
                    let message = format!(
                        "Error parsing spec for plugin {name}: invalid parameter {other}; `version` and `distribution` \
                         are known"
                    );
                    return Err(ImportError::not_found(message));
                }
            }
        }
        if !specifiers.is_empty() {
            let versions = VersionSpecifiers::from_str(&specifiers.join(","));
            wanted.versions.push(versions.map_err(|error| {
                ImportError::not_found(format!(
                    "Specified version param {query} of plugin {name} is in an invalid form: {error}"
                ))
            })?);
        }
        Ok(wanted)
    }

    /// The highest version that is wanted; of equal ones the newest upload, which `known` begins with.
    fn best(&self, known: Vec<Plugin>) -> Option<Plugin> {
        let version = |plugin: &Plugin| Version::from_str(plugin.package_version.as_deref()?).ok();
        known
            .into_iter()
            .rev()
            .filter(|plugin| self.distribution.is_none() || plugin.distribution == self.distribution)
            .map(|plugin| (version(&plugin), plugin))
            .filter(|(version, _)| match version {
                Some(version) => self.versions.iter().all(|wanted| wanted.contains(version)),
                None => self.versions.is_empty(),
            })
            .max_by(|(one, _), (other, _)| one.cmp(other))
            .map(|(_, plugin)| plugin)
    }
}

/// A specifier; a bare version means exactly that one.
fn specifier(text: &str) -> String {
    let text = text.trim();
    if text.starts_with(|first: char| first.is_ascii_digit()) { format!("==={text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(import: &str, version: &str) -> bool {
        let wanted = Wanted::parse(import).unwrap();
        wanted.versions.iter().all(|versions| versions.contains(&Version::from_str(version).unwrap()))
    }

    #[test]
    fn versions_are_narrowed_as_python_packages_are() {
        assert!(wants("p", "1.0"));
        assert!(wants("p?version=1.2.3", "1.2.3") && !wants("p?version=1.2.3", "1.2.4"));
        assert!(wants("p?version=>=1.0,<2.0", "1.9") && !wants("p?version=>=1.0,<2.0", "2.0"));
        assert!(wants("p?version=%3E1.0&distribution=centos", "1.1"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for import in ["p?version=newest", "p?version=1.0,", "p?release=1"] {
            assert_eq!(Wanted::parse(import).unwrap_err().fault, Fault::ImportNotFound, "{import}");
        }
    }
}
