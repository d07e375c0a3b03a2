//! `deployments modifications ...`: deployments that were scaled.

use std::process::ExitCode;

use nephele_client::Method;
use serde_json::{Value, json};

use super::command;
use crate::call::Call;
use crate::output;
use crate::paging;
use crate::table::Act::Own;
use crate::table::{Columns, Command, Outcome, list};

const COLUMNS: Columns =
    Columns::of(&["id", "workflow_id", "execution_id", "status", "tenant_name", "created_at", "visibility"]);
const FOR_PROGRAMS: &[&str] =
    &["ended_at", "node_instances", "deployment_id", "blueprint_id", "modified_nodes", "resource_availability"];

pub(super) static COMMANDS: &[Command] = &[
    command("modifications get", "DEPLOYMENT_MODIFICATION_ID", "Show a modification", Own(|call| Box::pin(get(call)))),
    command(
        "modifications list",
        "DEPLOYMENT_ID PAGES",
        "List modifications of a deployment",
        Own(|call| Box::pin(all(call))),
    ),
    command(
        "modifications rollback",
        "DEPLOYMENT_MODIFICATION_ID",
        "Take a modification back",
        Own(|call| Box::pin(rollback(call))),
    ),
];

/// What its context says stands beside the rest.
fn flat(mut modification: Value) -> Value {
    let context = modification["context"].as_object().cloned().unwrap_or_default();
    if let Some(fields) = modification.as_object_mut() {
        fields.extend(context);
    }
    modification
}

async fn all(call: &Call) -> Outcome {
    let listing =
        list("deployment-modifications", "deployment modifications", COLUMNS).query("deployment_id:DEPLOYMENT_ID");
    paging::show_as(&listing, call, &call.print.keys(&COLUMNS), |row| Some(flat(row))).await
}

async fn get(call: &Call) -> Outcome {
    let found = call.get(&["deployment-modifications", call.needed("DEPLOYMENT_MODIFICATION_ID")], &[]).await?;
    show(call, flat(found))
}

async fn rollback(call: &Call) -> Outcome {
    let path = ["deployment-modifications", call.needed("DEPLOYMENT_MODIFICATION_ID"), "rollback"];
    let found = call.send(Method::POST, &path, &json!({})).await?;
    show(call, flat(found))
}

fn show(call: &Call, modification: Value) -> Outcome {
    if call.print.is_data() {
        call.print.row_of(&[COLUMNS.table, FOR_PROGRAMS].concat(), &[], modification)?;
        return Ok(ExitCode::SUCCESS);
    }
    let instances = modification["node_instances"].clone();
    call.print.row(&COLUMNS, modification)?;
    for (key, heading) in [
        ("before_modification", "Node instances before:"),
        ("before_rollback", "Node instances before they were taken back:"),
        ("added_and_related", "Added:"),
        ("removed_and_related", "Removed:"),
    ] {
        let rows = instances[key].as_array().into_iter().flatten();
        let is_part = |one: &&Value| key.starts_with("before") || !one["modification"].is_null();
        let rows: Vec<String> = rows.filter(is_part).map(|one| format!("\t- {}", output::text(&one["id"]))).collect();
        if !rows.is_empty() {
            call.print.tell(format!("{heading}\n{}", rows.join("\n")))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
