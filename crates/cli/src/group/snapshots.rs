//! `snapshots ...`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use nephele_client::{Method, Request};
use serde_json::json;

use super::command;
use crate::call::Call;
use crate::follow::{self, Ended, Look, Watch};
use crate::table::Act::{List, Own, Send};
use crate::table::{Columns, Command, Outcome, Verb, list, send};
use crate::{output, source};

const COLUMNS: Columns =
    Columns::of(&["id", "created_at", "status", "error", "visibility", "tenant_name", "created_by"]);

pub(super) static COMMANDS: &[Command] = &[
    command(
        "create",
        "[SNAPSHOT_ID] --exclude-credentials --exclude-logs --exclude-events --queue --tempdir-path= \
        --legacy/--no-legacy --listener-timeout=float -w,--wait-for-status --base=",
        "Put the manager's state into a snapshot",
        Own(|call| Box::pin(create(call))),
    ),
    command(
        "delete",
        "SNAPSHOT_ID",
        "Delete a snapshot",
        Send(send(Verb::Delete, "snapshots/{SNAPSHOT_ID}", "Snapshot {SNAPSHOT_ID} is deleted")),
    ),
    command("download", "SNAPSHOT_ID -o,--output-path=", "Download a snapshot", Own(|call| Box::pin(download(call)))),
    command(
        "list",
        "SORT(created_at) ALL_TENANTS SEARCH PAGES",
        "List snapshots",
        List(list("snapshots", "snapshots", COLUMNS)),
    ),
    command(
        "restore",
        "SNAPSHOT_ID -f,--force --restore-certificates --no-reboot -i,--ignore-plugin-failure --only-tenant= --only-deployment=",
        "Bring the manager to the state of a snapshot",
        Own(|call| Box::pin(restore(call))),
    ),
    command(
        "schedule",
        "--every= --keep=int --off",
        "Have snapshots made by themselves, and old ones of these deleted; without options, tell how it is",
        Own(|call| Box::pin(schedule(call))),
    ),
    command("status", "", "Tell whether a snapshot is being restored", Own(|call| Box::pin(status(call)))),
    command("upload", "SNAPSHOT_PATH -s,--snapshot-id=", "Upload a snapshot", Own(|call| Box::pin(upload(call)))),
];

/// A name that nothing has yet.
pub(super) fn made_up(kind: &str) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{kind}_{}", random[..6].to_uppercase())
}

async fn create(call: &Call) -> Outcome {
    let id = call.text("SNAPSHOT_ID").map_or_else(|| made_up("snapshot"), str::to_owned);
    let is_legacy = call.toggle("legacy").unwrap_or(true);
    if is_legacy && call.text("listener-timeout").is_some() {
        bail!("--listener-timeout goes with --no-legacy only");
    }
    let mut body = call.object(
        "include_credentials:!exclude-credentials include_logs:!exclude-logs include_events:!exclude-events queue ?tempdir_path \
         ?listener_timeout ?base",
    )?;
    body["legacy"] = is_legacy.into();
    let started = call.send(Method::PUT, &["snapshots", &id], &body).await?;
    let execution = output::text(&started["id"]);
    let how = if started["status"] == "queued" { "is queued" } else { "is started" };
    call.print.say(format!("Snapshot {id}: execution {execution} {how}"))?;
    if !call.flag("wait-for-status") {
        return Ok(ExitCode::SUCCESS);
    }
    let watch = Watch { look: Look::Silent, ..Watch::of(call).without_timeout() };
    let Ended::With(ended) = follow::until_end(call, &execution, &watch).await? else { bail!("it has not ended") };
    let code = follow::conclude(call, &ended)?;
    // The original succeeds in any case.
    Ok(if call.settings.is_strict { ExitCode::SUCCESS } else { code })
}

async fn download(call: &Call) -> Outcome {
    let id = call.needed("SNAPSHOT_ID");
    let path = ["snapshots", id, "archive"];
    let target = source::target(call, &format!("{id}.zip"));
    call.client()?.save(&Request::get(&path), &target).await?;
    call.print.say(format!("Snapshot {id} is downloaded to {}", target.display()))?;
    Ok(ExitCode::SUCCESS)
}

async fn restore(call: &Call) -> Outcome {
    let id = call.needed("SNAPSHOT_ID");
    let mut body = call.object("force restore_certificates no_reboot ignore_plugin_failure")?;
    if let Some(tenant) = call.text("only-tenant") {
        body["tenant_name"] = tenant.into();
        body["deployment_id"] = call.text("only-deployment").into();
    } else if call.text("only-deployment").is_some() {
        bail!("--only-deployment goes with --only-tenant");
    }
    let started = call.send(Method::POST, &["snapshots", id, "restore"], &body).await?;
    let execution = output::text(&started["id"]);
    call.print.say(format!("Snapshot {id}: execution {execution} is started; `snapshots status` tells how it goes"))?;
    Ok(ExitCode::SUCCESS)
}

async fn schedule(call: &Call) -> Outcome {
    let (every, keep) = (["config", "rest.snapshot_schedule"], ["config", "rest.snapshot_keep"]);
    let off = call.flag("off").then_some("");
    if off.is_some() && call.text("every").is_some() {
        bail!("--every and --off exclude each other");
    }
    if let Some(keep_so_many) = call.integer("keep") {
        call.send(Method::PUT, &keep, &json!({"value": keep_so_many, "force": false})).await?;
    }
    if let Some(wanted) = off.or_else(|| call.text("every")) {
        call.send(Method::PUT, &every, &json!({"value": wanted, "force": false})).await?;
    }
    let (every, keep) = (call.get(&every, &[]).await?, call.get(&keep, &[]).await?);
    if call.print.is_data() {
        call.print.value(&json!({"every": every["value"], "keep": keep["value"]}))?;
        return Ok(ExitCode::SUCCESS);
    }
    call.print.tell(match every["value"].as_str().map(str::trim) {
        None | Some("") => "No snapshots are made by themselves".to_owned(),
        Some(every) => format!("A snapshot is made every {every}; the last {} stay", output::text(&keep["value"])),
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn status(call: &Call) -> Outcome {
    let found = call.get(&["snapshot-status"], &[]).await?;
    if call.print.is_data() && !call.settings.is_cfy {
        call.print.value(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    call.print.say(match found["status"].as_str() {
        Some("running") => "A snapshot is being restored".to_owned(),
        Some("not-running") | None => "No snapshot is being restored".to_owned(),
        Some(other) => format!("The status is {other}"),
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn upload(call: &Call) -> Outcome {
    let given = call.needed("SNAPSHOT_PATH");
    let id = call.text("snapshot-id").map_or_else(|| made_up("snapshot"), str::to_owned);
    let path = ["snapshots", id.as_str(), "archive"];
    let client = call.client()?;
    let uploaded = if given.contains("://") && !Path::new(given).exists() {
        let query = [("snapshot_archive_url".to_owned(), given.to_owned())];
        client.ask(&Request { method: Method::PUT, path: &path, query: &query, body: None }).await?
    } else {
        let request = Request { method: Method::PUT, path: &path, query: &[], body: None };
        client.send_file(&request, Path::new(given)).await?
    };
    call.print.say(format!("Snapshot {} is uploaded", output::text(&uploaded["id"])))?;
    if call.print.is_data() && !call.settings.is_cfy {
        call.print.value(&json!(uploaded))?;
    }
    Ok(ExitCode::SUCCESS)
}
