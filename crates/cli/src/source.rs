//! Where a blueprint comes from: a file with its folder, an archive, an address, or a repository on GitHub.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

use crate::call::Call;
use crate::pack;

/// A blueprint that can be sent.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The archive on this machine.
    pub(crate) archive: Option<PathBuf>,
    /// The address of one that the manager fetches itself.
    pub(crate) url: Option<String>,
    pub(crate) application_file_name: Option<String>,
    /// The blueprint's file on this machine.
    pub(crate) main: Option<PathBuf>,
    /// The path it came from, for its name.
    shown: String,
    /// Temporary files vanish when they are let go.
    kept: Option<NamedTempFile>,
}

/// Makes a blueprint ready to be sent. `is_fetched`: an address is fetched here and not by the manager.
pub(crate) async fn pack(
    call: &Call,
    given: &str,
    inside: &str,
    icon: Option<&str>,
    is_fetched: bool,
) -> anyhow::Result<Packed> {
    let path = Path::new(given);
    if path.is_file() {
        return from_file(path, inside, icon);
    }
    if path.is_dir() {
        return from_file(&path.join(inside), inside, icon);
    }
    let Some(url) = address(given) else {
        bail!("the blueprint {given} cannot be read: no such file, and no address or ORGANIZATION/REPOSITORY");
    };
    if !is_fetched {
        let name = Some(inside.to_owned());
        return Ok(Packed {
            archive: None,
            url: Some(url),
            application_file_name: name,
            main: None,
            shown: given.to_owned(),
            kept: None,
        });
    }
    call.print.say(format!("Downloading {url}"))?;
    let ending =
        if url.split('?').next().is_some_and(|url| url.to_lowercase().ends_with(".zip")) { ".zip" } else { ".tar.gz" };
    let file = tempfile::Builder::new().suffix(ending).tempfile()?;
    std::fs::write(file.path(), nephele_client::download(&url, None).await?)?;
    let mut packed = from_file(file.path(), inside, icon)?;
    given.clone_into(&mut packed.shown);
    packed.kept = packed.kept.or(Some(file));
    Ok(packed)
}

fn from_file(path: &Path, inside: &str, icon: Option<&str>) -> anyhow::Result<Packed> {
    let shown = path.display().to_string();
    if pack::is_archive(path) {
        let archive = Some(path.to_owned());
        let name = Some(inside.to_owned());
        return Ok(Packed {
            archive,
            url: None,
            application_file_name: name,
            main: Some(path.to_owned()),
            shown,
            kept: None,
        });
    }
    let (file, name) = match icon {
        None => pack::folder_of(path)?,
        Some(icon) => pack::folder_with(path, Path::new(icon))?,
    };
    let archive = Some(file.path().to_owned());
    let main = Some(path.to_owned());
    Ok(Packed { archive, url: None, application_file_name: Some(name), main, shown, kept: Some(file) })
}

/// The address that is meant, also of a repository on GitHub.
fn address(given: &str) -> Option<String> {
    if given.starts_with("http://") || given.starts_with("https://") || given.starts_with("ftp://") {
        return Some(given.to_owned());
    }
    let parts: Vec<&str> = given.split('/').collect();
    let [organization, repository] = parts.as_slice() else { return None };
    let (repository, branch) = repository.split_once(':').unwrap_or((repository, "master"));
    let is_name = |text: &str| {
        !text.is_empty() && !text.starts_with('.') && Path::new(text).extension().is_none_or(|ending| ending != "yaml")
    };
    (is_name(organization) && is_name(repository))
        .then(|| format!("https://github.com/{organization}/{repository}/archive/{branch}.tar.gz"))
}

impl Packed {
    /// The name that it has on the manager if none is given: that of its folder.
    pub(crate) fn default_id(&self) -> anyhow::Result<String> {
        let path = Path::new(&self.shown);
        let named = if self.url.is_some() || pack::is_archive(path) {
            Some(path.to_path_buf())
        } else {
            let whole = path.canonicalize().with_context(|| format!("the blueprint {} cannot be read", self.shown))?;
            whole.parent().map(Path::to_path_buf)
        };
        let name = named.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let name = name.and_then(|name| name.split('.').next().map(str::to_owned)).filter(|name| !name.is_empty());
        let name = name.with_context(|| format!("{} gives no name; use --blueprint-id", self.shown))?.replace('_', "-");
        let file = self.application_file_name.as_deref().map(Path::new).and_then(Path::file_stem);
        match file.map(|stem| stem.to_string_lossy().into_owned()) {
            Some(stem) if stem != "blueprint" && pack::is_archive(path) => Ok(format!("{name}.{stem}")),
            _ => Ok(name),
        }
    }
}

/// Where something that is downloaded goes.
pub(crate) fn target(call: &Call, name: &str) -> PathBuf {
    let given = call.text("output-path").map(PathBuf::from);
    match given {
        Some(folder) if folder.is_dir() => folder.join(name),
        Some(file) => file,
        None => PathBuf::from(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_have_addresses() {
        assert_eq!(address("a/b:1.0").unwrap(), "https://github.com/a/b/archive/1.0.tar.gz");
        assert_eq!(address("https://x/y.zip").unwrap(), "https://x/y.zip");
        assert!(address("a/b/c").is_none() && address("./b").is_none() && address("a/blueprint.yaml").is_none());
    }
}
