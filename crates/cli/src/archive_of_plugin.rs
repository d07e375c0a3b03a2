//! A plugin's archive (a wagon): a zip or tar.gz with `package.json` that says what it is.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use flate2::read::GzDecoder;
use serde_json::Value;

/// Name and version of the package in it. Errors: what is missing.
pub(crate) fn package(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let text = from_zip(path).or_else(|| from_tar(path)).with_context(|| {
        format!("{shown} is no plugin: it is neither a zip nor a tar.gz archive with package.json below its top folder")
    })?;
    let metadata: Value =
        serde_json::from_str(&text).with_context(|| format!("package.json of {shown} is not JSON"))?;
    let (Some(name), Some(version)) = (metadata["package_name"].as_str(), metadata["package_version"].as_str()) else {
        bail!("package.json of {shown} says neither package_name nor package_version");
    };
    if metadata["wheels"].as_array().is_none_or(Vec::is_empty) {
        bail!("package.json of {shown} names no wheels, so there is nothing to install");
    }
    Ok(format!("{name} {version}"))
}

fn from_zip(path: &Path) -> Option<String> {
    let mut archive = zip::ZipArchive::new(File::open(path).ok()?).ok()?;
    let names: Vec<String> =
        (0..archive.len()).filter_map(|at| Some(archive.by_index(at).ok()?.name().ok()?.into_owned())).collect();
    let name = names.into_iter().find(|name| is_metadata(name))?;
    let mut text = String::new();
    archive.by_name(&name).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}

fn from_tar(path: &Path) -> Option<String> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path).ok()?));
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        if is_metadata(&entry.path().ok()?.display().to_string()) {
            let mut text = String::new();
            entry.read_to_string(&mut text).ok()?;
            return Some(text);
        }
    }
    None
}

fn is_metadata(name: &str) -> bool {
    let name = name.trim_start_matches("./");
    name.split('/').count() == 2 && name.ends_with("/package.json")
}
