//! `blueprints upload` and the like: blueprints on their way to the manager and back.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use nephele_client::{Method, Request};
use nephele_model::blueprint::BlueprintState;
use serde_json::{Value, json};

use super::{at_once, command, validating};
use crate::act::forgive;
use crate::call::Call;
use crate::source::{self, Packed};
use crate::table::Act::Own;
use crate::table::{Command, Outcome};
use crate::{labels, output, pack};

const PAUSE: Duration = Duration::from_millis(100);

pub(super) static COMMANDS: &[Command] = &[
    command(
        "upload",
        "BLUEPRINT_PATH -b,--blueprint-id= -n,--blueprint-filename=(blueprint.yaml) -i,--icon-path= \
        -a,--async-upload --labels= --validate --private-resource VISIBILITY",
        "Upload a blueprint with the whole folder it lies in, or an archive",
        Own(|call| Box::pin(upload_one(call))),
    ),
    command(
        "download",
        "BLUEPRINT_ID -o,--output-path=",
        "Download the archive of a blueprint",
        Own(|call| Box::pin(download(call))),
    ),
    command(
        "set-icon",
        "BLUEPRINT_ID -i,--icon-path=",
        "Give a blueprint a picture, or take it away",
        Own(|call| Box::pin(icon(call))),
    ),
    command(
        "package",
        "BLUEPRINT_PATH -o,--output-path= --validate",
        "Pack a blueprint into an archive",
        Own(|call| at_once(package(call))),
    ),
    command(
        "create-requirements",
        "BLUEPRINT_PATH -o,--output-path=",
        "List the Python packages of a blueprint's plugins",
        Own(|call| at_once(requirements(call))),
    ),
    command(
        "install-plugins",
        "BLUEPRINT_PATH",
        "Nothing: plugins are installed when a blueprint is run",
        Own(|call| at_once(no_plugins(call))),
    ),
    command(
        "validate",
        "[BLUEPRINT_PATH] -n,--blueprint-filename=(blueprint.yaml) --plugins=",
        "Check a blueprint here, without a manager, and show everything that is wrong",
        Own(|call| at_once(validate(call))),
    ),
];

fn validate(call: &Call) -> Outcome {
    validating::check(call, Path::new(call.text("BLUEPRINT_PATH").unwrap_or(".")))
}

fn no_plugins(call: &Call) -> Outcome {
    call.print.say("Plugins are installed when a blueprint is run; there is nothing to do")?;
    Ok(ExitCode::SUCCESS)
}

async fn upload_one(call: &Call) -> Outcome {
    let packed = source::pack(
        call,
        call.needed("BLUEPRINT_PATH"),
        call.needed("blueprint-filename"),
        call.text("icon-path"),
        false,
    )
    .await?;
    let id = call.text("blueprint-id").map_or_else(|| packed.default_id(), |id| Ok(id.to_owned()))?;
    if call.flag("validate")
        && let Some(main) = &packed.main
        && validating::check(call, main)? != ExitCode::SUCCESS
    {
        return Ok(ExitCode::FAILURE);
    }
    let uploaded = upload(call, &id, &packed, call.text("labels"), call.flag("async-upload")).await?;
    if call.print.is_data() && !call.settings.is_cfy {
        call.print.value(&uploaded)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Uploads a blueprint and waits until it is read.
pub(crate) async fn upload(
    call: &Call,
    id: &str,
    packed: &Packed,
    labelled: Option<&str>,
    is_async: bool,
) -> anyhow::Result<Value> {
    let visibility =
        if call.flag("private-resource") { "private" } else { call.text("visibility").unwrap_or("tenant") };
    let mut params = json!({"visibility": visibility, "async_upload": true, "skip_execution": false});
    if let Some(name) = &packed.application_file_name {
        params["application_file_name"] = name.as_str().into();
    }
    if let Some(text) = labelled {
        params["labels"] = labels::to_pairs(&labels::read(text)?);
    }
    if let Some(url) = &packed.url {
        params["blueprint_archive_url"] = url.as_str().into();
    }
    let file = packed.archive.as_deref().map(|archive| ("blueprint_archive", archive));
    let path = ["blueprints", id];
    let request = Request { method: Method::PUT, path: &path, query: &[], body: None };
    let sent = call.client()?.send_form(&request, &params, file).await?;
    if is_async {
        call.print.say(format!("Blueprint {id} is being read"))?;
        return Ok(sent);
    }
    loop {
        let blueprint = call.get(&path, &[("_include", "id,state,error,main_file_name,visibility,created_at")]).await?;
        match blueprint["state"].as_str().and_then(BlueprintState::parse) {
            Some(BlueprintState::Uploaded) => {
                call.print.say(format!("Blueprint {id} is uploaded"))?;
                return Ok(blueprint);
            }
            Some(state) if state.is_failed() => {
                bail!("blueprint {id}: {}: {}", state.as_str(), output::text(&blueprint["error"]))
            }
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn download(call: &Call) -> Outcome {
    let id = call.needed("BLUEPRINT_ID");
    let path = ["blueprints", id, "archive"];
    let target = source::target(call, &format!("{id}.tar.gz"));
    call.client()?.save(&Request::get(&path), &target).await?;
    call.print.say(format!("Blueprint {id} is downloaded to {}", target.display()))?;
    Ok(ExitCode::SUCCESS)
}

async fn icon(call: &Call) -> Outcome {
    let id = call.needed("BLUEPRINT_ID");
    let path = ["blueprints", id, "icon"];
    let request = Request { method: Method::PATCH, path: &path, query: &[], body: None };
    let client = call.client()?;
    let sent = match call.text("icon-path") {
        Some(file) => client.send_file(&request, Path::new(file)).await,
        None => client.ask(&request).await,
    };
    if forgive(call, &[400, 403, 404], sent)?.is_some() {
        call.print.say(format!(
            "The icon of blueprint {id} is {}",
            if call.text("icon-path").is_some() { "set" } else { "removed" }
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn package(call: &Call) -> Outcome {
    let path = Path::new(call.needed("BLUEPRINT_PATH")).canonicalize();
    let path = path.with_context(|| format!("{} cannot be read", call.needed("BLUEPRINT_PATH")))?;
    if call.flag("validate") && validating::check(call, &path)? != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    let folder = if path.is_dir() { path } else { path.parent().map(Path::to_path_buf).unwrap_or_default() };
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let base = call.text("output-path").map_or_else(|| PathBuf::from(name.replace('_', "-")), PathBuf::from);
    // As the original does: the ending is added whatever the name is.
    let target = if call.settings.is_cfy || base.extension().is_none() {
        PathBuf::from(format!("{}.tar.gz", base.display()))
    } else {
        base
    };
    let packed = pack::folder(&folder)?;
    std::fs::copy(packed.path(), &target).with_context(|| format!("{} cannot be written", target.display()))?;
    call.print.say(format!("Creating {}: done", target.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn requirements(call: &Call) -> Outcome {
    let found = validating::requirements(Path::new(call.needed("BLUEPRINT_PATH")))?;
    match call.text("output-path") {
        Some(file) if Path::new(file).exists() => bail!("{file} exists already"),
        Some(file) => {
            std::fs::write(file, found.join("\n") + "\n").with_context(|| format!("{file} cannot be written"))?;
            call.print.say(format!("The requirements are in {file}"))?;
        }
        None => found.iter().try_for_each(output::line)?,
    }
    Ok(ExitCode::SUCCESS)
}
