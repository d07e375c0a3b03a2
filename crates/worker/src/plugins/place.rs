//! Where the environments of plugins lie (spec workflows.md section 2.2).
//!
//! Invariant: names come from messages and wagons, and none of them leads outside the worker's
//! folder. A folder without [`RECORD`] holds no plugin, whatever else is in it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use nephele_model::operation::{Context, Failure};
use pep440_rs::Version;

/// The file that says which plugin is installed; written last.
pub(super) const RECORD: &str = "plugin.id";
/// The version of a plugin that names none, lower than any that is named.
const NO_VERSION: &str = "0.0.0";
const MANAGED: &str = "plugins";
const SOURCE: &str = "source_plugins";

/// The folder that the environments lie in.
pub(super) struct Places(pub(super) PathBuf);

impl Places {
    /// The environment of an operation's plugin, if it is installed.
    pub(super) fn find(&self, context: &Context) -> Result<Option<PathBuf>, Failure> {
        let tenant = name(&context.tenant.name)?;
        let package = name(package_of(context))?;
        let version = context.plugin.package_version.as_deref().filter(|version| !version.is_empty());
        if let Some(version) = version {
            name(version)?;
        }
        let managed = installed(&self.0.join(MANAGED).join(tenant).join(package), version);
        let (None, Some(deployment)) = (&managed, &context.deployment_id) else { return Ok(managed) };
        Ok(installed(&self.0.join(SOURCE).join(tenant).join(name(deployment)?).join(package), version))
    }

    /// Where a plugin that was uploaded goes.
    pub(super) fn managed(&self, tenant: &str, package: &str, version: Option<&str>) -> Result<PathBuf, Failure> {
        let version = name(version.unwrap_or(NO_VERSION))?;
        Ok(self.0.join(MANAGED).join(name(tenant)?).join(name(package)?).join(version))
    }

    /// Where a plugin that a blueprint brings goes.
    pub(super) fn source(&self, context: &Context, deployment: &str) -> Result<PathBuf, Failure> {
        let version = name(context.plugin.package_version.as_deref().unwrap_or(NO_VERSION))?;
        Ok(self.of_deployment(&context.tenant.name, deployment)?.join(name(package_of(context))?).join(version))
    }

    /// The folder of the plugins that a deployment's blueprint brings.
    pub(super) fn of_deployment(&self, tenant: &str, deployment: &str) -> Result<PathBuf, Failure> {
        Ok(self.0.join(SOURCE).join(name(tenant)?).join(name(deployment)?))
    }

    /// The environments in which a plugin is installed: one for each tenant that uses it.
    pub(super) fn of_plugin(&self, id: &str, package: &str, version: Option<&str>) -> Result<Vec<PathBuf>, Failure> {
        let (package, version) = (name(package)?, name(version.unwrap_or(NO_VERSION))?);
        let tenants = std::fs::read_dir(self.0.join(MANAGED)).into_iter().flatten().flatten();
        let places = tenants.map(|tenant| tenant.path().join(package).join(version));
        Ok(places.filter(|place| installed_id(place).as_deref() == Some(id)).collect())
    }
}

/// The name of an operation's package.
pub(super) fn package_of(context: &Context) -> &str {
    context.plugin.package_name.as_deref().filter(|package| !package.is_empty()).unwrap_or(&context.plugin.name)
}

/// A name that names a folder of its own.
pub(crate) fn name(text: &str) -> Result<&str, Failure> {
    let is_plain = !text.is_empty() && !text.starts_with('.') && !text.contains(['/', '\\', '\0']);
    if is_plain { Ok(text) } else { Err(Failure::fatal(format!("{text:?} cannot be the name of a folder"))) }
}

/// Which plugin is installed in an environment.
pub(super) fn installed_id(place: &Path) -> Option<String> {
    std::fs::read_to_string(place.join(RECORD)).ok().map(|id| id.trim().to_owned())
}

/// The environment of this version, or of the highest one.
fn installed(package: &Path, version: Option<&str>) -> Option<PathBuf> {
    if let Some(version) = version {
        return Some(package.join(version)).filter(|place| installed_id(place).is_some());
    }
    let entries = std::fs::read_dir(package).ok()?.flatten();
    let versioned = entries.filter_map(|entry| {
        let version = Version::from_str(entry.file_name().to_str()?).ok()?;
        installed_id(&entry.path()).map(|_| (version, entry.path()))
    });
    versioned.max().map(|(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(root: &Path, place: &str) {
        std::fs::create_dir_all(root.join(place)).unwrap();
        std::fs::write(root.join(place).join(RECORD), "id-1\n").unwrap();
    }

    fn context(package: &str, version: Option<&str>) -> Context {
        let mut context = Context::default();
        context.tenant.name = "acme".into();
        context.deployment_id = Some("shop".into());
        context.plugin.name = "short".into();
        context.plugin.package_name = Some(package.into());
        context.plugin.package_version = version.map(str::to_owned);
        context
    }

    #[test]
    fn versions_are_found_side_by_side_and_the_highest_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places(folder.path().to_owned());
        for place in ["plugins/acme/p/1.9", "plugins/acme/p/1.10", "source_plugins/acme/shop/q/0.0.0"] {
            install(folder.path(), place);
        }
        std::fs::create_dir_all(folder.path().join("plugins/acme/p/2.0")).unwrap();
        let found = |package, version| {
            let place = places.find(&context(package, version)).unwrap();
            place.map(|place| place.strip_prefix(folder.path()).unwrap().display().to_string())
        };
        assert_eq!(found("p", Some("1.9")).as_deref(), Some("plugins/acme/p/1.9"));
        assert_eq!(found("p", None).as_deref(), Some("plugins/acme/p/1.10"));
        assert_eq!(found("p", Some("2.0")), None, "it is not complete");
        assert_eq!(found("q", None).as_deref(), Some("source_plugins/acme/shop/q/0.0.0"));
        assert_eq!(found("r", None), None);
        assert_eq!(places.of_plugin("id-1", "p", Some("1.9")).unwrap().len(), 1);
        assert_eq!(places.of_plugin("id-2", "p", Some("1.9")).unwrap().len(), 0);
    }

    #[test]
    fn names_lead_nowhere_else() {
        let places = Places("/nowhere".into());
        for bad in ["..", "../p", "/etc", "a/b", "", ".hidden"] {
            assert!(places.managed("acme", bad, None).is_err() && places.managed("acme", "p", Some(bad)).is_err());
            assert!(places.find(&context("p", Some("1"))).is_ok() && places.managed(bad, "p", None).is_err());
        }
        assert!(places.find(&context("../p", None)).is_err());
    }
}
