//! Where an import may be: namespaces off its front, then one location after the other (spec dsl.md
//! sections 2.1 and 2.2).

use std::fmt::Write;

use super::Imports;
use super::namespace::DELIMITER;
use crate::diagnostic::{Diagnostic, Fault};
use crate::version::Version;

const SCHEMES: &[&str] = &["http", "https", "file", "ftp", "plugin", "blueprint"];

/// Splits `namespace--location` at the last `--`. Errors: 212 for `--` within the namespace.
pub(crate) fn split(import: &str) -> Result<(Option<&str>, &str), Diagnostic> {
    let Some((namespace, rest)) = import.rsplit_once(DELIMITER) else { return Ok((None, import)) };
    if namespace.contains(DELIMITER) {
        let message = format!("Invalid {namespace}: import's namespace cannotcontain namespace delimiter");
        return Err(Diagnostic::new(Fault::NamespaceWithDelimiter, message));
    }
    Ok((Some(namespace).filter(|namespace| !namespace.is_empty()), rest))
}

/// The namespace within a namespace.
pub(crate) fn nest(parent: Option<&str>, own: Option<&str>) -> Option<String> {
    match (parent, own) {
        (Some(parent), Some(own)) => Some(format!("{parent}{DELIMITER}{own}")),
        (one, other) => one.or(other).map(str::to_owned),
    }
}

/// The locations of `name`, imported from the text at `from`.
pub(crate) fn candidates(
    name: &str,
    from: Option<&str>,
    resources_base: Option<&str>,
    version: Option<Version>,
    imports: &dyn Imports,
) -> Vec<String> {
    if name.split_once(':').is_some_and(|(scheme, _)| SCHEMES.contains(&scheme)) {
        return vec![name.to_owned()];
    }
    let existing = |path: &str| -> Vec<String> {
        spellings(path, version).into_iter().filter(|path| imports.exists(path)).map(|path| file(&path)).collect()
    };
    let mut found = existing(name);
    if let Some(from) = from {
        let folder = from.rfind('/').map_or("", |slash| &from[..=slash]);
        found.push(format!("{folder}{name}"));
    }
    if let Some(base) = resources_base {
        let joined =
            if name.starts_with('/') { name.to_owned() } else { format!("{}/{name}", base.trim_end_matches('/')) };
        found.extend(existing(&joined));
    }
    found.extend(spellings(name, version).into_iter().map(|path| format!("resource:{path}")));
    found
}

/// With the version in the file's name, then without.
fn spellings(path: &str, version: Option<Version>) -> Vec<String> {
    let Some(version) = version else { return vec![path.to_owned()] };
    let name_start = path.rfind('/').map_or(0, |slash| slash + 1);
    let dot = path[name_start..].rfind('.').filter(|dot| *dot > 0).map_or(path.len(), |dot| name_start + dot);
    vec![format!("{}_{}{}", &path[..dot], version.suffix(), &path[dot..]), path.to_owned()]
}

/// `file:` and the path with percent escapes.
fn file(path: &str) -> String {
    let mut location = String::from("file:");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/_.-~".contains(&byte) {
            location.push(char::from(byte));
        } else {
            let _ = write!(location, "%{byte:02X}");
        }
    }
    location
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_come_off_the_front() {
        assert_eq!(split("ns--a.yaml").unwrap(), (Some("ns"), "a.yaml"));
        assert_eq!(split("--a.yaml").unwrap(), (None, "a.yaml"));
        assert_eq!(split("a--b--c.yaml").unwrap_err().fault, Fault::NamespaceWithDelimiter);
    }

    #[test]
    fn files_for_a_version_come_first() {
        assert_eq!(spellings("types/types.yaml", Some(Version::V1_4)), ["types/types_1_4.yaml", "types/types.yaml"]);
    }
}
