//! Which versions of its plugins a blueprint is to take.

use std::collections::HashMap;
use std::str::FromStr;

use nephele_model::json::Value as Plain;
use nephele_model::{Error, Result};
use pep440_rs::VersionSpecifiers;
use serde_json::{Map, Value};

use crate::workflows::catalog::Choice;

/// The lists of a plan that name plugins.
pub(super) const LISTS: [&str; 3] =
    ["deployment_plugins_to_install", "workflow_plugins_to_install", "host_agent_plugins_to_install"];

/// How far plugins are to go.
#[derive(Debug, Default)]
pub struct Versions {
    /// These alone, if there are any; the others stay.
    pub plugin_names: Vec<String>,
    /// All to the latest version, but those of `to_minor`.
    pub all_to_latest: bool,
    /// These to the latest version.
    pub to_latest: Vec<String>,
    /// All to the latest version with the same first number, but those of `to_latest`.
    pub all_to_minor: bool,
    /// These to the latest version with the same first number.
    pub to_minor: Vec<String>,
    /// `{updates: [{IMPORT LINE: {plugin_name, suggested_version}}]}`, which comes before all else.
    pub mapping: Map<String, Value>,
}

impl Versions {
    /// The choice among the plugins that `plan` has now.
    ///
    /// Error: `bad_parameters_error` for a version of the mapping that is none.
    pub(super) fn choose(&self, plan: &Plain) -> Result<Choice> {
        let mut choice = Choice::default();
        let present = present(plan);
        for (name, version) in &present {
            if let Some(specifiers) =
                self.narrowed(name, version).and_then(|text| VersionSpecifiers::from_str(&text).ok())
            {
                choice.narrowed.insert(name.clone(), specifiers);
            }
        }
        let updates = self.mapping.get("updates").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (line, mapped) in updates.iter().filter_map(Value::as_object).flatten() {
            let (Some(name), Some(version)) = (mapped["plugin_name"].as_str(), mapped["suggested_version"].as_str())
            else {
                continue;
            };
            if present.contains_key(name) && !choice.replaced.contains_key(name) {
                let specifiers = VersionSpecifiers::from_str(&format!("=={version}")).map_err(|error| {
                    Error::bad_parameters(format!("The suggested version {version} of plugin {name} is none: {error}"))
                })?;
                choice.replaced.insert(name.to_owned(), specifiers);
                choice.lines.insert(line.clone(), name.to_owned());
            }
        }
        Ok(choice)
    }

    fn narrowed(&self, name: &str, version: &str) -> Option<String> {
        let among = |names: &[String]| names.iter().any(|other| other == name);
        if !self.plugin_names.is_empty() && !among(&self.plugin_names) {
            return Some(format!("=={version}"));
        }
        let is_minor =
            if self.all_to_latest { among(&self.to_minor) } else { self.all_to_minor && !among(&self.to_latest) };
        is_minor.then(|| within_major(version)).flatten()
    }
}

/// At least this version's first two numbers, and the same first one.
fn within_major(version: &str) -> Option<String> {
    let mut numbers = version.split('.');
    let major: u64 = numbers.next()?.parse().ok()?;
    let minor = numbers.next().unwrap_or("0");
    Some(format!(">={major}.{minor},<{}", major.checked_add(1)?))
}

/// The packages of a plan with their versions, as far as both are known.
fn present(plan: &Plain) -> HashMap<String, String> {
    let plugins = LISTS.iter().filter_map(|list| plan.get(list)).filter_map(Plain::as_array).flatten();
    let named = |plugin: &Plain| {
        let text = |key: &str| plugin.get(key).and_then(|text| text.as_str()).filter(|text| !text.is_empty());
        Some((text("package_name")?.to_owned(), text("package_version")?.to_owned()))
    };
    let mut present = HashMap::new();
    for (name, version) in plugins.filter_map(named) {
        present.entry(name).or_insert(version);
    }
    present
}

/// Whether a new plan has a plugin that the present one has not, or has otherwise.
pub(super) fn differ(new: &Plain, present: &Plain) -> bool {
    let list = |plan: &Plain, name: &str| plan.get(name).and_then(Plain::as_array).cloned().unwrap_or_default();
    LISTS.iter().any(|name| {
        let known: HashMap<String, Plain> = list(present, name)
            .into_iter()
            .filter_map(|plugin| Some((plugin.get("name")?.as_str()?.to_owned(), plugin)))
            .collect();
        list(new, name).iter().any(|plugin| {
            let before = plugin.get("name").and_then(|name| name.as_str()).and_then(|name| known.get(name));
            before != Some(plugin)
        })
    })
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;

    fn plan(version: &str) -> Plain {
        json!({"deployment_plugins_to_install": [
            {"name": "a", "package_name": "a-plugin", "package_version": version},
            {"name": "script", "package_name": null, "package_version": null},
        ]})
    }

    fn allows(versions: &Versions, version: &str) -> bool {
        let choice = versions.choose(&plan("2.3.4")).unwrap();
        let wanted = choice.replaced.get("a-plugin").or_else(|| choice.narrowed.get("a-plugin"));
        wanted.is_none_or(|wanted| wanted.contains(&version.parse().unwrap()))
    }

    #[test]
    fn versions_go_as_far_as_is_asked_for() {
        let names = |name: &str| vec![name.to_owned()];
        assert!(allows(&Versions { all_to_latest: true, ..Versions::default() }, "9.0"));
        let kept = Versions { all_to_latest: true, to_minor: names("a-plugin"), ..Versions::default() };
        assert!(allows(&kept, "2.9") && !allows(&kept, "3.0") && !allows(&kept, "2.2"));
        let minor = Versions { all_to_minor: true, ..Versions::default() };
        assert!(allows(&minor, "2.9") && !allows(&minor, "3.0"));
        assert!(allows(&Versions { all_to_minor: true, to_latest: names("a-plugin"), ..Versions::default() }, "3.0"));
        let others = Versions { plugin_names: names("b-plugin"), all_to_latest: true, ..Versions::default() };
        assert!(allows(&others, "2.3.4") && !allows(&others, "2.3.5"));
    }

    #[test]
    fn a_mapping_comes_first() {
        let mapping = serde_json::json!({"updates": [
            {"https://x/plugin.yaml": {"plugin_name": "a-plugin", "suggested_version": "5.0"}},
        ]});
        let Value::Object(mapping) = mapping else { unreachable!() };
        let versions = Versions { all_to_minor: true, mapping, ..Versions::default() };
        assert!(allows(&versions, "5.0") && !allows(&versions, "2.9"));
        assert_eq!(versions.choose(&plan("1")).unwrap().lines["https://x/plugin.yaml"], "a-plugin");
    }

    #[test]
    fn only_new_plugins_are_a_difference() {
        assert!(differ(&plan("2"), &plan("1")) && !differ(&plan("1"), &plan("1")));
        assert!(!differ(&json!({}), &plan("1")) && differ(&plan("1"), &json!({})));
    }
}
