//! Files of an archive with a dump: they lie there as they lay on the manager.

use std::collections::BTreeMap;
use std::io::Read as _;

use nephele_model::Result;

use super::{Archive, Rows, damaged, has_ending, unusable, unwritten};
use crate::archive::is_inside;
use crate::exports::snapshot::{AREAS, FLOOR, RATIO};

/// The largest private key.
const KEY: u64 = 1 << 16;

/// Refuses an archive with paths that climb, or that unfolds to more than one of its size can hold.
pub(super) fn demand_bounds(zip: &mut Archive) -> Result<()> {
    let (mut packed, mut whole) = (0_u64, 0_u64);
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        if !is_inside(&name) {
            return Err(unusable(format!("the archive holds the path `{name}`, which leads outside of its folder")));
        }
        packed = packed.saturating_add(entry.compressed_size());
        whole = whole.saturating_add(entry.size());
    }
    let most = packed.saturating_mul(RATIO).max(FLOOR);
    if whole > most {
        return Err(unusable(format!("it would unfold to {whole} bytes, which no snapshot of its size does")));
    }
    Ok(())
}

/// The YAML files of each plugin, and the private keys of agents by their folders' names.
pub(super) type Seen = (BTreeMap<String, Vec<String>>, BTreeMap<String, String>);

/// Looks through the archive.
pub(super) fn look(zip: &mut Archive) -> Result<Seen> {
    let (mut yaml, mut keys) = (BTreeMap::<String, Vec<String>>::new(), BTreeMap::new());
    for index in 0..zip.len() {
        let entry = zip.by_index(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        let parts: Vec<&str> = name.split('/').collect();
        match parts.as_slice() {
            ["plugins", id, file] if has_ending(file, "yaml") => {
                yaml.entry((*id).to_owned()).or_default().push(name.clone());
            }
            ["snapshot-credentials", folder, "agent_key"] => {
                let mut content = String::new();
                entry.take(KEY).read_to_string(&mut content).map_err(|error| unusable(format!("`{name}`: {error}")))?;
                keys.insert((*folder).to_owned(), content);
            }
            _ => {}
        }
    }
    for files in yaml.values_mut() {
        files.sort();
    }
    Ok((yaml, keys))
}

/// Takes over the trees of the file server.
pub(super) fn copy(zip: &mut Archive, rows: &mut Rows<'_>) -> Result<()> {
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        let area = name.split('/').next().unwrap_or_default();
        if !AREAS.contains(&area) || name.starts_with("uploaded-blueprints/.uploading") {
            continue;
        }
        let place = format!("resources/{}", name.trim_end_matches('/'));
        if entry.is_dir() {
            rows.sealed.add_directory(&place).map_err(unwritten)?;
            continue;
        }
        let (mode, size, is_link) = (entry.unix_mode().unwrap_or(0o644), entry.size(), entry.is_symlink());
        if is_link {
            let mut target = String::new();
            entry
                .by_ref()
                .take(4096)
                .read_to_string(&mut target)
                .map_err(|error| unusable(format!("`{name}`: {error}")))?;
            rows.sealed.add_link(&place, &target).map_err(unwritten)?;
        } else {
            let mut content = entry.by_ref().take(size.saturating_add(1));
            rows.sealed.add_stream(&place, mode, &mut content).map_err(unwritten)?;
        }
        rows.report.files += 1;
    }
    Ok(())
}
