//! `plugins upload` and the like: plugins on their way to the manager, to agents, and to deployments.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nephele_client::{Method, Request};
use serde_json::{Value, json};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::{at_once, command};
use crate::call::Call;
use crate::follow::{self, Ended, Watch};
use crate::table::Act::Own;
use crate::table::{Columns, Command, Outcome};
use crate::{archive_of_plugin, output, paging, source};

/// The bundle that is taken when none is named.
const BUNDLE: &str = "http://repository.cloudifysource.org/cloudify/wagons/cloudify-plugins-bundle.tgz";

pub(super) static COMMANDS: &[Command] = &[
    command("bundle-upload", "-p,--path=", "Upload a bundle of plugins", Own(|call| Box::pin(bundle(call)))),
    command(
        "download",
        "PLUGIN_ID -o,--output-path=",
        "Download a plugin",
        Own(|call| Box::pin(download(call, "archive", ""))),
    ),
    command(
        "download_yaml",
        "PLUGIN_ID -o,--output-path=",
        "Download the YAML file of a plugin",
        Own(|call| Box::pin(download(call, "yaml", ".yaml"))),
    ),
    command(
        "install",
        "PLUGIN_ID --manager-hostname=* --agent-name=* --timeout=int(300)",
        "Install a plugin on managers and agents",
        Own(|call| Box::pin(install(call))),
    ),
    command(
        "update",
        "[BLUEPRINT_ID] --all-blueprints ALL_TENANTS --except-blueprint=* --plugin-name=* --to-latest=* \
        --all-to-latest --to-minor=* --all-to-minor WATCH -f,--force --auto-correct-types --reevaluate-active-statuses",
        "Bring the deployments of a blueprint to newer plugins",
        Own(|call| Box::pin(update(call))),
    ),
    command(
        "upload",
        "PLUGIN_PATH -y,--yaml-path=*! -i,--icon-path= --title= --private-resource VISIBILITY",
        "Upload a plugin",
        Own(|call| Box::pin(upload(call))),
    ),
    command("validate", "PLUGIN_PATH", "Check a plugin's archive", Own(|call| at_once(validate(call)))),
];

fn validate(call: &Call) -> Outcome {
    let path = Path::new(call.needed("PLUGIN_PATH"));
    let package = archive_of_plugin::package(path)?;
    call.print.say(format!("Plugin validated successfully: {package}"))?;
    Ok(ExitCode::SUCCESS)
}

/// A file that may have to be fetched first.
async fn local(given: &str, name: Option<&str>, folder: &TempDir) -> anyhow::Result<PathBuf> {
    let base = given.rsplit('/').next().unwrap_or(given);
    let target = folder.path().join(name.unwrap_or(base));
    if given.starts_with("http://") || given.starts_with("https://") {
        std::fs::write(&target, nephele_client::download(given, None).await?)?;
    } else {
        std::fs::copy(given, &target).with_context(|| format!("{given} cannot be read"))?;
    }
    Ok(target)
}

async fn upload(call: &Call) -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut files = vec![local(call.needed("PLUGIN_PATH"), None, &folder).await?];
    for yaml in call.many("yaml-path") {
        files.push(local(yaml, None, &folder).await?);
    }
    if let Some(icon) = call.text("icon-path") {
        files.push(local(icon, Some("icon.png"), &folder).await?);
    }
    let packed = folder.path().join("plugin.zip");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&packed)?);
    for file in &files {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        archive.start_file(name, SimpleFileOptions::default())?;
        archive.write_all(&std::fs::read(file)?)?;
    }
    archive.finish()?;
    let visibility = if call.flag("private-resource") { "private" } else { call.needed("visibility") };
    let mut query = vec![("visibility".to_owned(), visibility.to_owned())];
    query.extend(call.text("title").map(|title| ("title".to_owned(), title.to_owned())));
    let request = Request { method: Method::POST, path: &["plugins"], query: &query, body: None };
    let uploaded = call.client()?.send_file(&request, &packed).await?;
    call.print.say(format!("Plugin {} is uploaded", output::text(&uploaded["id"])))?;
    if call.print.is_data() && !call.settings.is_cfy {
        call.print.value(&uploaded)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn bundle(call: &Call) -> Outcome {
    let given = call.text("path").unwrap_or(BUNDLE);
    let mut query = vec![("visibility".to_owned(), "tenant".to_owned())];
    let client = call.client()?;
    let uploaded = if Path::new(given).exists() {
        let request = Request { method: Method::POST, path: &["plugins"], query: &query, body: None };
        client.send_file(&request, Path::new(given)).await?
    } else {
        query.push(("plugin_archive_url".to_owned(), given.to_owned()));
        client.ask(&Request { method: Method::POST, path: &["plugins"], query: &query, body: None }).await?
    };
    let plugins = match uploaded["items"].as_array() {
        Some(items) => items.clone(),
        None => vec![uploaded],
    };
    call.print.say(format!("{} plugins are uploaded", plugins.len()))?;
    let columns = ["id", "package_name", "package_version", "distribution", "distribution_release"];
    call.print.rows_of(&columns, Columns::of(&[]).labels, plugins)?;
    Ok(ExitCode::SUCCESS)
}

async fn download(call: &Call, what: &'static str, ending: &'static str) -> Outcome {
    let id = call.needed("PLUGIN_ID");
    let target = source::target(call, &format!("{id}{ending}"));
    let path = ["plugins", id, what];
    call.client()?.save(&Request::get(&path), &target).await?;
    call.print.say(format!("Plugin {id} is downloaded to {}", target.display()))?;
    Ok(ExitCode::SUCCESS)
}

async fn install(call: &Call) -> Outcome {
    let id = call.needed("PLUGIN_ID");
    let agents: Vec<String> = call.many("agent-name").into_iter().map(str::to_owned).collect();
    let mut managers: Vec<String> = call.many("manager-hostname").into_iter().map(str::to_owned).collect();
    if agents.is_empty() && managers.is_empty() {
        let found = call.list(&["managers"], &[]).await?.items;
        managers = found.iter().map(|manager| output::text(&manager["hostname"])).collect();
    }
    call.send(Method::POST, &["plugins", id], &json!({"action": "install", "agents": agents, "managers": managers}))
        .await?;
    let mut waiting: BTreeSet<String> = managers.into_iter().chain(agents).collect();
    let seconds = u64::try_from(call.integer("timeout").unwrap_or(300)).unwrap_or_default();
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let mut failed = false;
    while !waiting.is_empty() {
        if Instant::now() > deadline {
            let names: Vec<_> = waiting.into_iter().collect();
            bail!("plugin {id} is not installed on {} after {seconds} s", names.join(", "));
        }
        let plugin = call.get(&["plugins", id], &[]).await?;
        for state in plugin["installation_state"].as_array().into_iter().flatten() {
            let place = state["manager"].as_str().or_else(|| state["agent"].as_str()).unwrap_or_default();
            match state["state"].as_str() {
                Some("installed") if waiting.remove(place) => call.print.say(format!("Installed on {place}"))?,
                Some("error") if waiting.remove(place) => {
                    failed = true;
                    output::note(format!("It cannot be installed on {place}: {}", output::text(&state["error"])))?;
                }
                _ => {}
            }
        }
        if !waiting.is_empty() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn update(call: &Call) -> Outcome {
    let (to_latest, to_minor) = (call.many("to-latest"), call.many("to-minor"));
    let all_to_minor = call.flag("all-to-minor");
    if all_to_minor && call.flag("all-to-latest") {
        bail!("either --all-to-latest or --all-to-minor, not both");
    }
    let all_to_latest = call.flag("all-to-latest") || !all_to_minor;
    if all_to_latest && !to_latest.is_empty() || all_to_minor && !to_minor.is_empty() {
        bail!("all plugins are brought there already; --plugin-name picks single ones");
    }
    let body = json!({
        "plugin_names": call.many("plugin-name"), "to_latest": to_latest, "all_to_latest": all_to_latest, "to_minor": to_minor,
        "all_to_minor": all_to_minor, "mapping": {}, "force": call.flag("force"),
        "auto_correct_types": call.flag("auto-correct-types"),
        "reevaluate_active_statuses": call.flag("reevaluate-active-statuses"), "all_tenants": false,
    });
    let except = call.many("except-blueprint");
    match (call.text("BLUEPRINT_ID"), call.flag("all-blueprints")) {
        (Some(_), false) if !except.is_empty() => bail!("--except-blueprint goes with --all-blueprints only"),
        (Some(id), false) => update_one(call, id, &body).await,
        (None, true) => {
            let mut query = vec![("_sort", "created_at"), ("_include", "id")];
            query.extend(call.flag("all-tenants").then_some(("_all_tenants", "true")));
            let mut failed = Vec::new();
            for blueprint in paging::all(call, "blueprints", &query).await? {
                let id = output::text(&blueprint["id"]);
                if !except.contains(&id.as_str()) && update_one(call, &id, &body).await.ok() != Some(ExitCode::SUCCESS)
                {
                    failed.push(id);
                }
            }
            if failed.is_empty() {
                return Ok(ExitCode::SUCCESS);
            }
            output::note(format!("Blueprints that could not be updated: {}", failed.join(", ")))?;
            Ok(if call.settings.is_strict { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        _ => bail!("either a blueprint or --all-blueprints"),
    }
}

async fn update_one(call: &Call, blueprint: &str, body: &Value) -> Outcome {
    let update = call.send(Method::POST, &["plugins-updates", blueprint, "update", "initiate"], body).await?;
    let execution = output::text(&update["execution_id"]);
    let Ended::With(execution) = follow::until_end(call, &execution, &Watch::of(call).without_timeout()).await? else {
        bail!("the update has not ended");
    };
    let code = follow::conclude(call, &execution)?;
    if code == ExitCode::SUCCESS {
        call.print.say(format!("Successfully updated the plugins of blueprint {blueprint}: finished"))?;
    }
    Ok(code)
}
