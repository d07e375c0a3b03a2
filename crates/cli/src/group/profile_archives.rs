//! `profiles export` and `profiles import`.

use std::fs::{self, File};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::json;

use super::{at_once, command};
use crate::call::Call;
use crate::profile::Profiles;
use crate::table::Act::Own;
use crate::table::{Command, Outcome};

/// Where SSH keys lie that were exported.
const KEYS: &str = ".exported-ssh-keys";

pub(super) static COMMANDS: &[Command] = &[
    command(
        "export",
        "--include-keys -o,--output-path=",
        "Write all profiles into an archive",
        Own(|call| at_once(export(call))),
    ),
    command(
        "import",
        "ARCHIVE_PATH --include-keys",
        "Read profiles from an archive",
        Own(|call| at_once(import(call))),
    ),
];

/// The place of each profile's SSH key, and that of its copy.
fn keys(profiles: &Profiles) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for name in profiles.names() {
        let key = profiles.read(&name)?.and_then(|profile| profile.text("ssh_key").map(str::to_owned));
        if let Some(key) = key {
            let base = Path::new(&key).file_name().map(|base| base.to_string_lossy().into_owned()).unwrap_or_default();
            let copy = profiles.folder(KEYS).join(format!("{base}.{name}.profile"));
            found.push((key, copy.display().to_string()));
        }
    }
    Ok(found)
}

fn export(call: &Call) -> Outcome {
    let profiles = Profiles::of(&call.settings)?;
    if profiles.names().is_empty() {
        bail!("there are no profiles to export");
    }
    let target = call.text("output-path").unwrap_or("cfy-profiles.tar.gz");
    let copies = profiles.folder(KEYS);
    if call.flag("include-keys") {
        fs::create_dir_all(&copies)?;
        for (key, copy) in keys(&profiles)? {
            fs::copy(&key, copy).with_context(|| format!("the key {key} cannot be read"))?;
        }
    }
    let file = File::create(target).with_context(|| format!("{target} cannot be written"))?;
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    archive.append_dir("profiles", profiles.all())?;
    for name in profiles.names().iter().map(String::as_str).chain(call.flag("include-keys").then_some(KEYS)) {
        archive.append_dir_all(format!("profiles/{name}"), profiles.folder(name))?;
    }
    archive.into_inner()?.finish()?;
    if call.flag("include-keys") {
        fs::remove_dir_all(copies)?;
    }
    call.print.say(format!("The profiles are in {target}"))?;
    Ok(ExitCode::SUCCESS)
}

fn import(call: &Call) -> Outcome {
    let profiles = Profiles::of(&call.settings)?;
    let path = call.needed("ARCHIVE_PATH");
    profiles.initialize(false)?;
    let file = File::open(path).with_context(|| format!("{path} cannot be read"))?;
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    let root = profiles.all();
    let target = root.parent().context("the profiles' folder")?;
    let mut number = 0;
    for entry in archive.entries().with_context(|| format!("{path} is no tar.gz archive"))? {
        let mut entry = entry.with_context(|| format!("{path} is no tar.gz archive"))?;
        if !entry.path()?.starts_with("profiles") {
            bail!("{path} holds no profiles: all of them lie below a folder `profiles`");
        }
        // Paths that lead out of the folder are left out.
        entry.unpack_in(target)?;
        number += 1;
    }
    if number == 0 {
        bail!("{path} holds no profiles");
    }
    if call.flag("include-keys") {
        for (key, copy) in keys(&profiles)? {
            if Path::new(&copy).is_file() {
                fs::rename(&copy, &key).or_else(|_| fs::copy(&copy, &key).map(|_| ()))?;
            }
        }
    }
    call.print.say(json!(profiles.names()).to_string())?;
    Ok(ExitCode::SUCCESS)
}
