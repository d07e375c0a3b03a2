//! `deployments update`, and the updates that were.

use std::process::ExitCode;

use anyhow::bail;
use nephele_client::Method;
use serde_json::{Value, json};

use super::command;
use crate::call::Call;
use crate::follow::{self, Ended, Watch};
use crate::table::Act::{List, Own};
use crate::table::{Columns, Command, Outcome, list};
use crate::{labels, output};

const COLUMNS: &[&str] = &[
    "id",
    "deployment_id",
    "tenant_name",
    "state",
    "execution_id",
    "created_at",
    "visibility",
    "old_blueprint_id",
    "new_blueprint_id",
];
const PREVIEW: &[&str] =
    &["deployment_id", "tenant_name", "state", "created_at", "visibility", "old_blueprint_id", "new_blueprint_id"];
const FOR_PROGRAMS: &[&str] = &[
    "old_inputs",
    "new_inputs",
    "steps",
    "modified_entity_ids",
    "installed_nodes",
    "uninstalled_nodes",
    "reinstalled_nodes",
    "explicit_reinstall",
    "recursive_dependencies",
    "schedules_to_delete",
    "schedules_to_create",
    "labels_to_create",
];

pub(super) static COMMANDS: &[Command] = &[
    command(
        "update",
        "DEPLOYMENT_ID -p,--blueprint-path= -n,--blueprint-filename=(blueprint.yaml) -b,--blueprint-id= \
        -i,--inputs=* -r,--reinstall-list=* -w,--workflow-id= --skip-install --skip-uninstall --skip-reinstall \
        --skip-drift-check --skip-heal --force-reinstall --ignore-failure --install-first --preview --dont-update-plugins \
        -f,--force VISIBILITY --validate WATCH --drift-only --runtime-only-evaluation --auto-correct-types \
        --reevaluate-active-statuses",
        "Bring a deployment to another blueprint or other inputs",
        Own(|call| Box::pin(update_one(call))),
    ),
    command(
        "history",
        "-d,--deployment-id= SORT(created_at) ALL_TENANTS SEARCH PAGES",
        "List updates of deployments",
        List(list("deployment-updates", "deployment updates", Columns::of(COLUMNS)).query("deployment_id")),
    ),
    command("get-update", "DEPLOYMENT_UPDATE_ID", "Show an update of a deployment", Own(|call| Box::pin(get(call)))),
];

async fn get(call: &Call) -> Outcome {
    let found = call.get(&["deployment-updates", call.needed("DEPLOYMENT_UPDATE_ID")], &[]).await?;
    show(call, found, &[], COLUMNS)?;
    Ok(ExitCode::SUCCESS)
}

async fn update_one(call: &Call) -> Outcome {
    let id = call.needed("DEPLOYMENT_ID");
    if call.text("blueprint-path").is_some() {
        bail!("updates take a blueprint that is on the manager: upload it, and give its id with --blueprint-id");
    }
    if call.text("blueprint-id").is_none() && call.many("inputs").is_empty() && !call.flag("drift-only") {
        bail!("nothing to update: give --blueprint-id, --inputs or --drift-only");
    }
    update(call, id, call.text("blueprint-id"), call.flag("skip-reinstall")).await
}

/// Updates a deployment and follows that, or shows what it would come to.
pub(super) async fn update(call: &Call, id: &str, blueprint: Option<&str>, skips_reinstall: bool) -> Outcome {
    let mut body = call.object(
        "?workflow_id skip_install skip_uninstall skip_drift_check skip_heal force_reinstall ignore_failure install_first \
         preview force update_plugins:!dont-update-plugins runtime_only_evaluation auto_correct_types \
         reevaluate_active_statuses reinstall_list",
    )?;
    body["blueprint_id"] = blueprint.into();
    body["skip_reinstall"] = skips_reinstall.into();
    if !call.many("inputs").is_empty() {
        body["inputs"] = call.inputs("inputs")?;
    }
    let update = call.send(Method::POST, &["deployment-updates", id, "update", "initiate"], &body).await?;
    if call.flag("preview") {
        show(call, update, &call.many("reinstall-list"), PREVIEW)?;
        return Ok(ExitCode::SUCCESS);
    }
    let execution = output::text(&update["execution_id"]);
    let ended = follow::until_end(call, &execution, &Watch::of(call).without_timeout()).await?;
    let Ended::With(execution) = ended else { bail!("the update has not ended") };
    let code = follow::conclude(call, &execution)?;
    if code == ExitCode::SUCCESS {
        call.print.say(format!("Successfully updated deployment {id} (update {})", output::text(&update["id"])))?;
    }
    Ok(code)
}

fn show(call: &Call, mut update: Value, reinstalled: &[&str], columns: &[&str]) -> anyhow::Result<()> {
    update["explicit_reinstall"] = reinstalled.into();
    for (key, action) in [("installed_nodes", "add"), ("uninstalled_nodes", "remove"), ("reinstalled_nodes", "modify")]
    {
        let steps = update["steps"].as_array().into_iter().flatten();
        let nodes = steps.filter(|step| step["action"] == action && step["entity_id"][0] == "nodes");
        let nodes: Vec<Value> = nodes.map(|step| step["entity_id"][1].clone()).collect();
        update[key] = nodes.into();
    }
    let new = labels::of(&json!({"labels": update["labels_to_create"]}));
    update["labels_to_create"] = Value::Object(labels::by_key(&new));
    if call.print.is_data() {
        return call.print.row_of(&[columns, FOR_PROGRAMS].concat(), &[], update);
    }
    let rest = update.clone();
    call.print.row_of(columns, &[], update)?;
    call.print.tell("Old inputs:")?;
    call.print.details(&rest["old_inputs"])?;
    call.print.tell("New inputs:")?;
    call.print.details(&rest["new_inputs"])?;
    let steps = rest["steps"].as_array().cloned().unwrap_or_default();
    call.print.tell("Steps:")?;
    call.print.rows(&Columns::of(&["entity_type", "entity_id", "action"]), steps)?;
    for (key, heading) in [
        ("installed_nodes", "Nodes to install:"),
        ("uninstalled_nodes", "Nodes to uninstall:"),
        ("reinstalled_nodes", "Nodes to install anew:"),
        ("explicit_reinstall", "Nodes to install anew because you said so:"),
    ] {
        call.print.tell(heading)?;
        for node in rest[key].as_array().into_iter().flatten() {
            call.print.tell(format!("\t- {}", output::text(node)))?;
        }
    }
    let others = rest["recursive_dependencies"].as_array().cloned().unwrap_or_default();
    call.print.tell("Deployments that depend on it:")?;
    call.print.rows(&Columns::of(&["deployment", "dependency_type", "dependent_node", "tenant"]), others)
}
