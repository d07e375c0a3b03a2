//! `log-bundles ...`.

use std::process::ExitCode;

use nephele_client::{Method, Request};

use super::command;
use super::snapshots::made_up;
use crate::call::Call;
use crate::table::Act::{List, Own, Send};
use crate::table::{Columns, Command, Outcome, Verb, list, send};
use crate::{output, source};

const COLUMNS: Columns =
    Columns::of(&["id", "created_at", "status", "error", "visibility", "tenant_name", "created_by"]);

pub(super) static COMMANDS: &[Command] = &[
    command(
        "create",
        "[LOG_BUNDLE_ID] --queue",
        "Put the manager's logs into a bundle",
        Own(|call| Box::pin(create(call))),
    ),
    command(
        "delete",
        "LOG_BUNDLE_ID",
        "Delete a bundle",
        Send(send(Verb::Delete, "log-bundles/{LOG_BUNDLE_ID}", "Log bundle {LOG_BUNDLE_ID} is deleted")),
    ),
    command("download", "LOG_BUNDLE_ID -o,--output-path=", "Download a bundle", Own(|call| Box::pin(download(call)))),
    command("list", "SORT(created_at) SEARCH PAGES", "List bundles", List(list("log-bundles", "log_bundles", COLUMNS))),
];

async fn create(call: &Call) -> Outcome {
    let id = call.text("LOG_BUNDLE_ID").map_or_else(|| made_up("log_bundle"), str::to_owned);
    let started = call.send(Method::PUT, &["log-bundles", &id], &call.object("queue")?).await?;
    let how = if started["status"] == "queued" { "is queued" } else { "is started" };
    call.print.say(format!("Log bundle {id}: execution {} {how}", output::text(&started["id"])))?;
    Ok(ExitCode::SUCCESS)
}

async fn download(call: &Call) -> Outcome {
    let id = call.needed("LOG_BUNDLE_ID");
    let path = ["log-bundles", id, "archive"];
    let target = source::target(call, &format!("{id}.zip"));
    call.client()?.save(&Request::get(&path), &target).await?;
    call.print.say(format!("Log bundle {id} is downloaded to {}", target.display()))?;
    Ok(ExitCode::SUCCESS)
}
