//! Working without a manager: `install`, `executions start` and the others in this process.
//!
//! Each command starts a manager on the data directory of the profile `local`, does its work, and stops it.
//! A blueprint and its deployment have the same name there, as in the original.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::error::ErrorKind;
use nephele_client::{Client, Credentials, Endpoint, Method, Trust};
use nephele_model::Secret;
use nephele_model::id::TenantName;
use serde_json::json;

use crate::call::Call;
use crate::group::blueprint_ways::upload;
use crate::group::{deployments, executions};
use crate::local::{Local, LocalManager};
use crate::profile::{LOCAL, Profiles};
use crate::settings::Settings;
use crate::table::Outcome;
use crate::{connection, paging, source};

/// Whether this is to be done without a manager: the profile `local` is in use.
pub(crate) fn is_meant(call: &Call) -> bool {
    !call.settings.is_explicit && active_name(&call.settings).as_deref() == Some(LOCAL)
}

/// The same for an installation, which takes that profile into use if nothing names a manager and none ever ran here.
pub(crate) fn may_begin(call: &Call) -> bool {
    let settings = &call.settings;
    let is_alone = || settings.is_cfy || !connection::data_dir(settings).is_some_and(|folder| folder.is_dir());
    is_meant(call) || !settings.is_explicit && active_name(settings).is_none() && is_alone()
}

fn active_name(settings: &Settings) -> Option<String> {
    Profiles::of(settings).ok()?.active_name()
}

pub(crate) async fn init(call: &Call) -> Outcome {
    let profiles = Profiles::of(&call.settings)?;
    let Some(_) = call.text("BLUEPRINT_PATH") else {
        let again = call.flag("reset-context") || call.flag("hard");
        if profiles.is_initialized() && !again {
            bail!("this is done already; `init -r` does it again");
        }
        if call.flag("hard") {
            profiles.forget();
        }
        profiles.initialize(call.flag("enable-colors"))?;
        profiles.activate(LOCAL)?;
        call.print.say("Ready to work without a manager")?;
        return Ok(ExitCode::SUCCESS);
    };
    profiles.activate(LOCAL)?;
    let name = create(call).await?;
    call.print.say(format!("Blueprint {name} is ready: `executions start install -b {name}` runs it"))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn install(call: &Call) -> Outcome {
    Profiles::of(&call.settings)?.activate(LOCAL)?;
    let name = create(call).await?;
    let code = run(call, &name, call.text("workflow-id").unwrap_or("install")).await?;
    if code == ExitCode::SUCCESS {
        call.print
            .say(format!("`deployments outputs -b {name}` shows its outputs, `uninstall -b {name}` removes it"))?;
    }
    Ok(code)
}

pub(crate) async fn uninstall(call: &Call) -> Outcome {
    let name =
        call.text("blueprint-id").or(call.text("DEPLOYMENT_ID")).context("which blueprint? Give --blueprint-id")?;
    let code = run(call, name, call.text("workflow-id").unwrap_or("uninstall")).await?;
    if code == ExitCode::SUCCESS {
        remove(call, name).await?;
        call.print.say(format!("{name} is removed"))?;
    }
    Ok(code)
}

/// Starts the manager of the profile `local` and gives a client of it.
pub(crate) fn manager(local: &Local, settings: &Settings) -> anyhow::Result<(Box<dyn LocalManager>, Client)> {
    let folder = Profiles::of(settings)?.folder(LOCAL).join("manager");
    let manager = local.start(&folder).context("no manager can be started in this process")?;
    let password = std::fs::read_to_string(folder.join("admin-password")).context("its password cannot be read")?;
    let credentials =
        Credentials::Basic { username: "admin".to_owned(), password: Secret::new(password.trim().to_owned()) };
    let endpoint = Endpoint { url: manager.url().to_owned(), trust: Trust::System };
    let tenant = TenantName::new(settings.tenant.as_deref().unwrap_or("default_tenant"));
    let client = Client::new(&endpoint, credentials, Some(tenant))?;
    Ok((manager, client))
}

/// How often and how soon failed operations are tried again, as the options say; with a manager its own settings hold.
pub(crate) async fn set_retries(call: &Call) -> anyhow::Result<()> {
    if !is_meant(call) {
        return Ok(());
    }
    for (id, name) in [("task-retries", "task_retries"), ("task-retry-interval", "task_retry_interval")] {
        if let Some(number) = call.integer(id) {
            call.send(Method::PUT, &["config", name], &json!({"value": number, "force": true})).await?;
        }
    }
    Ok(())
}

/// The instances of a blueprint's nodes, whole.
pub(crate) async fn instances(call: &Call) -> Outcome {
    if !is_meant(call) {
        let program = connection::program(&call.settings);
        let text = format!("with a manager it is `{program} node-instances list`; --help shows what else there is\n");
        return Err(clap::Error::raw(ErrorKind::InvalidSubcommand, text).into());
    }
    let deployment = call.deployment("blueprint-id")?;
    let mut query = vec![("deployment_id", deployment), ("_sort", "id")];
    query.extend(call.text("NODE_ID").map(|node| ("node_id", node)));
    let found = paging::all(call, "node-instances", &query).await?;
    if let Some(node) = call.text("NODE_ID").filter(|_| found.is_empty()) {
        bail!("{deployment} has no node {node}");
    }
    call.print.value(&found.into())?;
    Ok(ExitCode::SUCCESS)
}

/// Makes a blueprint and its deployment; what had the name before goes.
async fn create(call: &Call) -> anyhow::Result<String> {
    let path = call.needed("BLUEPRINT_PATH");
    let packed = source::pack(call, path, call.needed("blueprint-filename"), None, true).await?;
    let name = call.text("blueprint-id").map_or_else(|| packed.default_id(), |id| Ok(id.to_owned()))?;
    remove(call, &name).await?;
    upload(call, &name, &packed, None, false).await?;
    let given = call.inputs("inputs")?;
    call.client()?.deployments().create(&name, &name, &given, &json!({"skip_plugins_validation": true})).await?;
    Ok(name)
}

async fn run(call: &Call, name: &str, workflow: &str) -> Outcome {
    executions::start(call, workflow, name, call.inputs("parameters")?).await
}

async fn remove(call: &Call, name: &str) -> anyhow::Result<()> {
    let client = call.client()?;
    match client.deployments().delete(name, true).await {
        Err(error) if error.is_not_found() => {}
        other => {
            other?;
            deployments::gone(&client, name).await?;
        }
    }
    match client.blueprints().delete(name, true).await {
        Err(error) if error.is_not_found() => Ok(()),
        other => Ok(other?),
    }
}
