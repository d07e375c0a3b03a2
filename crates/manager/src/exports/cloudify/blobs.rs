//! Files of archives with entities: an archive each, which lies unpacked on a manager.
//!
//! Invariant: what an inner archive holds is trusted no more than the outer one.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nephele_model::{Error, Result};
use serde_json::{Map, Value};

use super::{Archive, Layout, damaged, unusable};
use crate::archive::{self, Kind, Limits};
use crate::plugins::describe_folder;

/// The largest archive of a deployment's files: its text is decoded as a whole.
const MOST: u64 = 1 << 30;

/// Unpacks everything below `folder/resources`. Gives what each plugin says of itself, by id.
pub(super) fn unpack(
    zip: &mut Archive,
    layout: Layout,
    folder: &Path,
    is_owner: &dyn Fn(&'static str, &str, &str) -> bool,
) -> Result<HashMap<String, Map<String, Value>>> {
    let (resources, between) = (folder.join("resources"), folder.join("between"));
    fs::create_dir_all(&resources).and_then(|()| fs::create_dir_all(&between)).map_err(Error::internal)?;
    let suffix = if layout == Layout::Folders { "_archives" } else { "" };
    let (blueprints, plugins, deployments) =
        (format!("blueprints{suffix}"), format!("plugins{suffix}"), format!("deployments{suffix}"));
    let mut described = HashMap::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        let parts: Vec<&str> = name.split('/').collect();
        let ["tenants", tenant, kind, file] = parts.as_slice() else { continue };
        let refuse = |error: &dyn std::fmt::Display| unusable(format!("`{name}`: {error}"));
        let packed = between.join("packed");
        if *kind == blueprints {
            let Some(id) = file.strip_suffix(".tar.gz").or_else(|| file.strip_suffix(".zip")) else { continue };
            if !is_owner("blueprints", tenant, id) {
                continue;
            }
            io::copy(&mut entry, &mut File::create(&packed).map_err(Error::internal)?)
                .map_err(|error| refuse(&error))?;
            blueprint(&packed, &resources, tenant, id, &between).map_err(|error| refuse(&error))?;
        } else if *kind == plugins {
            let Some(id) = file.strip_suffix(".zip").filter(|id| !described.contains_key(*id)) else { continue };
            io::copy(&mut entry, &mut File::create(&packed).map_err(Error::internal)?)
                .map_err(|error| refuse(&error))?;
            let place = resources.join("plugins").join(id);
            fs::create_dir_all(&place).map_err(Error::internal)?;
            archive::unpack(&packed, &place, Limits::default()).map_err(|error| refuse(&error))?;
            if let Some(about) = describe_folder(&place, id).map_err(|error| refuse(&error))? {
                described.insert(id.to_owned(), about);
            }
        } else if *kind == deployments {
            let Some(id) = file.strip_suffix(".b64zip") else { continue };
            let mut text = String::new();
            entry.by_ref().take(MOST).read_to_string(&mut text).map_err(|error| refuse(&error))?;
            text.retain(|letter| !letter.is_whitespace());
            let bytes = STANDARD.decode(text).map_err(|error| refuse(&error))?;
            fs::write(&packed, bytes).map_err(Error::internal)?;
            let place = resources.join("deployments").join(tenant).join(id);
            fs::create_dir_all(&place).map_err(Error::internal)?;
            archive::unpack(&packed, &place, Limits::default()).map_err(|error| refuse(&error))?;
        }
    }
    Ok(described)
}

/// Keeps an archive, under the name of what it is, and unpacks it. One that is no archive failed to be uploaded.
fn blueprint(packed: &Path, resources: &Path, tenant: &str, id: &str, between: &Path) -> io::Result<()> {
    let Some(kind) = Kind::detect(packed)? else { return Ok(()) };
    let uploaded = resources.join("uploaded-blueprints").join(tenant).join(id);
    fs::create_dir_all(&uploaded)?;
    let kept = uploaded.join(format!("{id}.{}", kind.extension()));
    fs::rename(packed, &kept)?;
    let fresh = tempfile::tempdir_in(between)?;
    archive::unpack(&kept, fresh.path(), Limits::default()).map_err(io::Error::other)?;
    let place = resources.join("blueprints").join(tenant).join(id);
    fs::create_dir_all(place.parent().unwrap_or(resources))?;
    match archive::single_folder(fresh.path())? {
        Some(folder) => fs::rename(folder, place),
        None => Ok(()),
    }
}
