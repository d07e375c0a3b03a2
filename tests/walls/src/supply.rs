//! Which outside packages are let in: licences, bans and sources after `deny.toml`.
//!
//! Invariant: `deny.toml` stays a file that cargo-deny reads with the same meaning; what this module
//! does not know in it is refused rather than passed over. Why cargo-deny itself does not run in
//! `make check` is told in `docs/adr/0007-supply-checks.md`.

use std::collections::BTreeSet;

use anyhow::Context;
use cargo_metadata::{Dependency, Metadata, Package};
use serde::Deserialize;

/// The rules of `deny.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Licenses {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
    #[serde(default)]
    clarify: Vec<Clarification>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

/// A licence for a package that declares a file instead of an expression. The file's hash is for
/// cargo-deny; here the name and the file's presence count.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clarification {
    #[serde(rename = "crate")]
    name: String,
    expression: String,
    #[serde(rename = "license-files")]
    license_files: Vec<LicenseFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LicenseFile {
    path: String,
    #[serde(rename = "hash")]
    _hash: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Bans {
    #[serde(rename = "multiple-versions")]
    _multiple_versions: String,
    wildcards: Deny,
    allow_wildcard_paths: bool,
    #[serde(default)]
    deny: Vec<Banned>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Sources {
    #[serde(rename = "unknown-registry")]
    _unknown_registry: Deny,
    #[serde(rename = "unknown-git")]
    _unknown_git: Deny,
    allow_registry: Vec<String>,
}

/// The only level this project uses for rules that may be softened.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Deny {
    Deny,
}

impl Rules {
    /// Reads the text of a `deny.toml`.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        toml::from_str(text).context("deny.toml")
    }

    /// Everything in this workspace that breaks a rule, one sentence each.
    pub fn violations(&self, metadata: &Metadata) -> Vec<String> {
        let packages = metadata.packages.iter();
        let mut found: Vec<_> = packages.flat_map(|package| self.of_package(package)).collect();
        for member in metadata.workspace_packages() {
            found.extend(member.dependencies.iter().filter_map(|needed| self.of_dependency(&member.name, needed)));
        }
        found.extend(self.unused(metadata));
        found
    }

    fn of_package(&self, package: &Package) -> Vec<String> {
        let name = format!("{} {}", package.name, package.version);
        let license = self.license(package).err().map(|problem| format!("{name}: {problem}"));
        let ban = self.bans.deny.iter().find(|banned| *package.name == banned.name);
        let ban = ban.map(|banned| format!("{name} is banned: {}", banned.reason));
        let source = package.source.as_ref().and_then(|source| {
            let address = source.repr.strip_prefix("registry+").or(source.repr.strip_prefix("sparse+"));
            let known = address.is_some_and(|address| self.sources.allow_registry.iter().any(|known| known == address));
            (!known).then(|| format!("{name} comes from {}, which is not a known registry", source.repr))
        });
        [license, ban, source].into_iter().flatten().collect()
    }

    fn license(&self, package: &Package) -> Result<(), String> {
        let clarified = self.licenses.clarify.iter().find(|entry| *package.name == entry.name);
        let expression = match (clarified, &package.license) {
            (Some(entry), _) => {
                let folder = package.manifest_path.parent().ok_or("no folder")?;
                let missing = entry.license_files.iter().find(|file| !folder.join(&file.path).exists());
                if let Some(file) = missing {
                    return Err(format!("its licence file {} is gone; look at the clarification again", file.path));
                }
                &entry.expression
            }
            (None, Some(expression)) => expression,
            (None, None) => return Err("it declares no licence".to_owned()),
        };
        let parsed = spdx::Expression::parse_mode(expression, spdx::ParseMode::LAX)
            .map_err(|error| format!("its licence `{expression}` cannot be read: {}", error.reason))?;
        let exception = self.licenses.exceptions.iter().find(|entry| *package.name == entry.name);
        let more = exception.map_or(&[][..], |entry| &entry.allow);
        let allowed = |wanted: &spdx::LicenseReq| {
            let wanted = wanted.to_string();
            self.licenses.allow.iter().chain(more).any(|license| *license == wanted)
        };
        if parsed.evaluate(allowed) { Ok(()) } else { Err(format!("its licence `{expression}` is not allowed")) }
    }

    fn of_dependency(&self, member: &str, needed: &Dependency) -> Option<String> {
        let wildcard = self.bans.wildcards == Deny::Deny && needed.req.to_string() == "*";
        let by_path = self.bans.allow_wildcard_paths && needed.path.is_some();
        (wildcard && !by_path).then(|| format!("{member} takes any version of {}", needed.name))
    }

    /// Exceptions and clarifications for packages that are no longer there.
    fn unused(&self, metadata: &Metadata) -> Vec<String> {
        let present: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
        let exceptions = self.licenses.exceptions.iter().map(|entry| &entry.name);
        let named = exceptions.chain(self.licenses.clarify.iter().map(|entry| &entry.name));
        let gone = named.filter(|name| !present.contains(name.as_str()));
        gone.map(|name| format!("deny.toml speaks of {name}, which is not used")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        [licenses]
        allow = ["MIT"]
        [bans]
        multiple-versions = "warn"
        wildcards = "deny"
        allow-wildcard-paths = true
        deny = [{ crate = "toml", reason = "for this test" }]
        [sources]
        unknown-registry = "deny"
        unknown-git = "deny"
        allow-registry = []
    "#;

    #[test]
    fn each_kind_of_rule_turns_red() {
        let metadata = crate::metadata().unwrap();
        let found = Rules::parse(RULES).unwrap().violations(&metadata);
        let has = |part: &str| found.iter().any(|sentence| sentence.contains(part));
        assert!(has("`Apache-2.0` is not allowed"), "{found:?}");
        assert!(has("is banned: for this test"));
        assert!(has("which is not a known registry"));
        assert!(has("declares no licence"));
    }

    #[test]
    fn unknown_rules_are_refused() {
        let more = RULES.replace("[bans]", "[bans]\nskip-everything = true");
        assert!(Rules::parse(&more).is_err());
    }
}
