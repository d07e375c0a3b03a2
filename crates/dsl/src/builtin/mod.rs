//! The types that every blueprint may import without a network: `cloudify/types/types.yaml`, and the
//! addresses under which it was published for each product version.
//!
//! The files beside this one are data: type names, properties, interfaces, workflows and their
//! parameters are interface (spec dsl.md section 4.6, workflows.md section 6).

use crate::version::Version;

const TYPES_1_3: &str = include_str!("types_1_3.yaml");
const TYPES_1_4: &str = include_str!("types_1_4.yaml");

/// The types for blueprints of this version. Versions before 1.3 have none of their own and get those
/// of 1.3, which they cannot import (their version is older).
pub const fn types_yaml(version: Version) -> &'static str {
    match version {
        Version::V1_4 | Version::V1_5 => TYPES_1_4,
        Version::V1_0 | Version::V1_1 | Version::V1_2 | Version::V1_3 => TYPES_1_3,
    }
}

/// The built-in file at a location, if it names one: `cloudify/types/types.yaml`,
/// `cloudify/types/types_1_4.yaml` (with or without `resource:` or a leading `/`), or
/// `http(s)://[www.]getcloudify.org|cloudify.co/spec/cloudify/<product version>/types.yaml`.
pub fn resolve(location: &str) -> Option<&'static str> {
    let path = location.strip_prefix("resource:").unwrap_or(location).trim_start_matches('/');
    if let Some(file) = path.strip_prefix("cloudify/types/") {
        return match file {
            "types.yaml" | "types_1_4.yaml" => Some(TYPES_1_4),
            "types_1_3.yaml" => Some(TYPES_1_3),
            _ => file.strip_prefix("cache/").and_then(published),
        };
    }
    let address = location.strip_prefix("https://").or_else(|| location.strip_prefix("http://"))?;
    let address = address.strip_prefix("www.").unwrap_or(address);
    let (host, path) = address.split_once('/')?;
    matches!(host, "getcloudify.org" | "cloudify.co").then_some(())?;
    published(path.strip_prefix("spec/cloudify/")?)
}

/// `<product version>/types.yaml`: all of them speak version 1.3 of the language.
fn published(path: &str) -> Option<&'static str> {
    let (version, file) = path.split_once('/')?;
    let numbered = version.split('.').all(|part| part.bytes().next().is_some_and(|byte| byte.is_ascii_digit()));
    (numbered && file == "types.yaml").then_some(TYPES_1_3)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
