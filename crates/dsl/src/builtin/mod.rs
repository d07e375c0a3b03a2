//! The types that every blueprint may import without a network: `cloudify/types/types.yaml`, and the
//! addresses under which it was published for each product version.
//!
//! `types.yaml` beside this file holds all versions: its lines say since and until when they are in force.
//! It is data: type names, properties, interfaces, workflows and their parameters are interface (spec
//! dsl.md section 4.6, workflows.md section 6).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::version::Version;

static TYPES: LazyLock<Vec<String>> =
    LazyLock::new(|| Version::ALL.iter().map(|version| for_version(include_str!("types.yaml"), *version)).collect());

/// The types for blueprints of this version.
pub fn types_yaml(version: Version) -> &'static str {
    TYPES.get(usize::from(version.minor())).map_or("", String::as_str)
}

fn for_version(all: &str, version: Version) -> String {
    let in_force = |line: &&str| {
        line.split("  # ").skip(1).all(|mark| match mark.split_once(' ') {
            Some(("since", minor)) => minor <= version.suffix(),
            Some(("until", minor)) => minor >= version.suffix(),
            _ => true,
        })
    };
    let lines: Vec<&str> = all.lines().filter(in_force).collect();
    // Built-in types of an older version may be imported by a newer one; 1.5 shares the version of 1.4.
    let declared = version.min(Version::V1_4);
    format!("tosca_definitions_version: {declared}\n{}\n", lines.join("\n"))
}

/// The built-in file at a location, if it names one: `cloudify/types/types.yaml`,
/// `cloudify/types/types_1_4.yaml` (with or without `resource:` or a leading `/`), or
/// `http(s)://[www.]getcloudify.org|cloudify.co/spec/cloudify/<product version>/types.yaml`.
pub fn resolve(location: &str) -> Option<&'static str> {
    match file(location)?.as_str() {
        "types.yaml" => Some(types_yaml(Version::V1_5)),
        "types_1_4.yaml" => Some(types_yaml(Version::V1_4)),
        "types_1_3.yaml" => Some(types_yaml(Version::V1_3)),
        file => file.strip_prefix("cache/").and_then(published),
    }
}

/// The place below `cloudify/types/` of what a location names; published files are in `cache/` there.
fn file(location: &str) -> Option<String> {
    let path = location.strip_prefix("resource:").unwrap_or(location).trim_start_matches('/');
    if let Some(file) = path.strip_prefix("cloudify/types/") {
        return Some(file.to_owned());
    }
    let address = location.strip_prefix("https://").or_else(|| location.strip_prefix("http://"))?;
    let address = address.strip_prefix("www.").unwrap_or(address);
    let (host, path) = address.split_once('/')?;
    matches!(host, "getcloudify.org" | "cloudify.co").then_some(())?;
    Some(format!("cache/{}", path.strip_prefix("spec/cloudify/")?))
}

/// The plugins that are part of the product, by what blueprints import as `plugin:NAME`. They are described like
/// any other; a worker knows their packages, so that nothing is installed for them.
const PLUGINS: [(&str, &str); 6] = [
    ("nephele-ansible", include_str!("plugins/nephele-ansible.yaml")),
    ("nephele-docker", include_str!("plugins/nephele-docker.yaml")),
    ("nephele-helm", include_str!("plugins/nephele-helm.yaml")),
    ("nephele-rest", include_str!("plugins/nephele-rest.yaml")),
    ("nephele-ssh", include_str!("plugins/nephele-ssh.yaml")),
    ("nephele-terraform", include_str!("plugins/nephele-terraform.yaml")),
];

/// The description of a plugin that is part of the product.
pub fn plugin(name: &str) -> Option<&'static str> {
    PLUGINS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The types that imports find: the built-in ones, or the files of a manager that has its own, which
/// take their place.
#[derive(Debug, Default)]
pub struct Types {
    own: BTreeMap<String, String>,
}

impl Types {
    /// These files, by their place below `cloudify/types/`. Without any: the built-in ones.
    pub const fn of(own: BTreeMap<String, String>) -> Self {
        Self { own }
    }

    /// The text at a location, if it names a file of types. The built-in ones stand in for published
    /// files that a manager with its own types lacks.
    pub fn resolve(&self, location: &str) -> Option<&str> {
        if self.own.is_empty() {
            return resolve(location);
        }
        let file = file(location)?;
        let own = self.own.get(&file).map(String::as_str);
        own.or_else(|| file.strip_prefix("cache/").and_then(published))
    }

    /// Every file with its place below `cloudify/types/`, as clients may read it.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        let built_in = ["types.yaml", "types_1_3.yaml", "types_1_4.yaml"].into_iter().filter(|_| self.own.is_empty());
        let built_in = built_in.filter_map(|name| Some((name, resolve(&format!("cloudify/types/{name}"))?)));
        self.own.iter().map(|(name, text)| (name.as_str(), text.as_str())).chain(built_in)
    }
}

/// `<product version>/types.yaml`: products speak version 1.3 of the language since 3.4.
fn published(path: &str) -> Option<&'static str> {
    let (version, file) = path.split_once('/')?;
    let mut numbers = version.split('.').map(|part| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        part[..digits].parse::<u32>().ok()
    });
    let (major, minor) = (numbers.next()??, numbers.next().unwrap_or(Some(0))?);
    if numbers.any(|part| part.is_none()) || file != "types.yaml" {
        return None;
    }
    Some(types_yaml(match (major, minor) {
        (..=2, _) | (3, ..=1) => Version::V1_0,
        (3, 2) => Version::V1_1,
        (3, 3) => Version::V1_2,
        _ => Version::V1_3,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_files_take_the_place_of_all_but_published_ones() {
        let own = [("types.yaml", "own"), ("cache/4.6/types.yaml", "own 4.6")];
        let types = Types::of(own.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
        assert_eq!(types.resolve("resource:cloudify/types/types.yaml"), Some("own"));
        assert_eq!(types.resolve("resource:cloudify/types/types_1_4.yaml"), None);
        assert_eq!(types.resolve("http://www.getcloudify.org/spec/cloudify/4.6/types.yaml"), Some("own 4.6"));
        let published = "http://www.getcloudify.org/spec/cloudify/4.5/types.yaml";
        assert_eq!(types.resolve(published), resolve(published));
        assert_eq!(types.files().count(), 2);
        assert_eq!(Types::default().files().count(), 3);
    }

    #[test]
    fn published_addresses_resolve_and_others_do_not() {
        for known in [
            "cloudify/types/types.yaml",
            "resource:cloudify/types/types_1_4.yaml",
            "/cloudify/types/types.yaml",
            "http://www.getcloudify.org/spec/cloudify/4.6/types.yaml",
            "https://cloudify.co/spec/cloudify/6.3.1/types.yaml",
            "http://cloudify.co/spec/cloudify/5.0.5/types.yaml",
            "resource:cloudify/types/cache/5.1.0/types.yaml",
        ] {
            assert!(resolve(known).is_some(), "{known}");
        }
        for unknown in [
            "types.yaml",
            "https://example.org/spec/cloudify/4.6/types.yaml",
            "https://cloudify.co/spec/fabric-plugin/1.0/plugin.yaml",
            "resource:cloudify/types/types_1_5.yaml",
            "https://cloudify.co/spec/cloudify/../types.yaml",
        ] {
            assert!(resolve(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn lines_are_in_force_for_their_versions() {
        let all = "a: 1\nb: 2  # since 1_4\nc: 3  # until 1_3\nd: 4  # since 1_1  # until 1_3";
        assert_eq!(
            for_version(all, Version::V1_3),
            "tosca_definitions_version: cloudify_dsl_1_3\na: 1\nc: 3  # until 1_3\nd: 4  # since 1_1  # until 1_3\n"
        );
        assert_eq!(
            for_version(all, Version::V1_0),
            "tosca_definitions_version: cloudify_dsl_1_0\na: 1\nc: 3  # until 1_3\n"
        );
        assert_eq!(
            for_version(all, Version::V1_5),
            "tosca_definitions_version: cloudify_dsl_1_4\na: 1\nb: 2  # since 1_4\n"
        );
    }
}
