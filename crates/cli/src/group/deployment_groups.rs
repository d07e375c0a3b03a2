//! `deployments groups ...`.

use std::process::ExitCode;

use anyhow::bail;
use nephele_client::Method;
use serde_json::{Value, json};

use super::command;
use super::label::Labelled;
use crate::call::Call;
use crate::table::Act::{Own, Send};
use crate::table::{Columns, Command, Outcome, Verb, list, send};
use crate::{output, paging, rules};

const COLUMNS: Columns = Columns::of(&["id", "deployments", "description", "default_blueprint_id"]);
const LABELS: Labelled = Labelled { path: "deployment-groups", argument: "DEPLOYMENT_GROUP_NAME", put: true };
const STORE: &str = "DEPLOYMENT_GROUP_NAME -i,--inputs=* -b,--default-blueprint= --description=";
const BODY: &str = "visibility=\"tenant\" ?description ?blueprint_id:default-blueprint default_inputs:@inputs";

pub(super) static COMMANDS: &[Command] = &[
    command(
        "groups create",
        STORE,
        "Make a group of deployments",
        Send(
            send(Verb::Put, "deployment-groups/{DEPLOYMENT_GROUP_NAME}", "Group {DEPLOYMENT_GROUP_NAME} is created")
                .body(BODY),
        ),
    ),
    command(
        "groups delete",
        "DEPLOYMENT_GROUP_NAME --delete-deployments -l,--with-logs --recursive -f,--force",
        "Delete a group, perhaps with its deployments",
        Send(
            send(Verb::Delete, "deployment-groups/{DEPLOYMENT_GROUP_NAME}", "Group {DEPLOYMENT_GROUP_NAME} is deleted")
                .query("delete_deployments force delete_logs:with-logs recursive"),
        ),
    ),
    command(
        "groups extend",
        "DEPLOYMENT_GROUP_NAME -d,--deployment-id=* --count=int --filter-id= RULES --from-group= \
        --into-environments=",
        "Add deployments to a group, or make new ones in it",
        Own(|call| Box::pin(extend(call))),
    ),
    command(
        "groups labels add",
        "LABELS_LIST DEPLOYMENT_GROUP_NAME",
        "Add labels",
        Own(|call| Box::pin(LABELS.add(call))),
    ),
    command(
        "groups labels delete",
        "LABEL DEPLOYMENT_GROUP_NAME",
        "Delete labels",
        Own(|call| Box::pin(LABELS.delete(call))),
    ),
    command("groups labels list", "DEPLOYMENT_GROUP_NAME", "List labels", Own(|call| Box::pin(LABELS.list(call)))),
    command("groups list", "", "List groups of deployments", Own(|call| Box::pin(all(call)))),
    command(
        "groups shrink",
        "DEPLOYMENT_GROUP_NAME -d,--deployment-id=* --filter-id= RULES --from-group=",
        "Take deployments out of a group",
        Own(|call| Box::pin(shrink(call))),
    ),
    command(
        "groups update",
        STORE,
        "Change a group",
        Send(
            send(Verb::Put, "deployment-groups/{DEPLOYMENT_GROUP_NAME}", "Group {DEPLOYMENT_GROUP_NAME} is updated")
                .body(BODY),
        ),
    ),
    command(
        "groups update-deployments",
        "GROUP_ID -b,--blueprint-id= -i,--inputs=* -r,--reinstall-list=* -w,--workflow-id= \
        --skip-install --skip-uninstall --skip-reinstall --skip-drift-check --skip-heal --force-reinstall --ignore-failure \
        --install-first --dont-update-plugins -f,--force --runtime-only-evaluation --auto-correct-types \
        --reevaluate-active-statuses --concurrency=int(5)",
        "Update all deployments of a group",
        Own(|call| Box::pin(update(call))),
    ),
];

async fn all(call: &Call) -> Outcome {
    let counted = |mut group: Value| {
        let members = group["deployment_ids"].as_array().map_or(0, Vec::len);
        group["deployments"] = members.to_string().into();
        group
    };
    let listing = list("deployment-groups", "", COLUMNS);
    paging::show_as(&listing, call, &call.print.keys(&COLUMNS), |group| Some(counted(group))).await
}

/// Which deployments are meant.
fn chosen(call: &Call) -> anyhow::Result<Value> {
    let rules = Some(rules::of(call)?).filter(|rules| !rules.is_empty());
    let ids = Some(call.many("deployment-id")).filter(|ids| !ids.is_empty());
    Ok(json!({
        "deployment_ids": ids, "filter_id": call.text("filter-id"), "filter_rules": rules,
        "deployments_from_group": call.text("from-group"),
    }))
}

async fn extend(call: &Call) -> Outcome {
    let mut chosen = chosen(call)?;
    let mut new = Vec::new();
    if let Some(group) = call.text("into-environments") {
        let query = [("deployment_group_id", group), ("_include", "id,labels")];
        for deployment in paging::all(call, "deployments", &query).await? {
            let is_environment =
                crate::labels::of(&deployment).contains(&("csys-obj-type".to_owned(), "environment".to_owned()));
            if is_environment {
                new.push(json!({
                    "id": "{uuid}", "display_name": "{blueprint_id}-{uuid}",
                    "labels": [{"csys-obj-parent": deployment["id"]}],
                }));
            }
        }
    }
    match call.integer("count") {
        Some(_) if !new.is_empty() => bail!("either --count or --into-environments, not both"),
        Some(count) => new = (0..count).map(|_| json!({})).collect(),
        None => {}
    }
    if !new.is_empty() {
        chosen["new_deployments"] = new.into();
    }
    change(call, call.needed("DEPLOYMENT_GROUP_NAME"), &json!({"add": chosen})).await
}

/// Makes so many new deployments in a group.
pub(super) async fn grow(call: &Call, group: &str, count: i64) -> anyhow::Result<()> {
    let new: Vec<Value> = (0..count).map(|_| json!({})).collect();
    call.send(Method::PATCH, &["deployment-groups", group], &json!({"add": {"new_deployments": new}})).await?;
    Ok(())
}

async fn shrink(call: &Call) -> Outcome {
    let chosen = chosen(call)?;
    call.print.say(format!("Unlinked from group {}", call.needed("DEPLOYMENT_GROUP_NAME")))?;
    change(call, call.needed("DEPLOYMENT_GROUP_NAME"), &json!({"remove": chosen})).await
}

async fn change(call: &Call, group: &str, body: &Value) -> Outcome {
    let changed = call.send(Method::PATCH, &["deployment-groups", group], body).await?;
    let members = changed["deployment_ids"].as_array().map_or(0, Vec::len);
    call.print.say(format!("Group {group} has {members} deployments now"))?;
    Ok(ExitCode::SUCCESS)
}

async fn update(call: &Call) -> Outcome {
    if let Some(blueprint) = call.text("blueprint-id") {
        call.get(&["blueprints", blueprint], &[("_include", "id")]).await?;
    }
    let mut parameters = call.object(
        "?blueprint_id ?workflow_id skip_install skip_uninstall skip_reinstall skip_drift_check skip_heal force_reinstall \
         ignore_failure install_first force update_plugins:!dont-update-plugins runtime_only_evaluation auto_correct_types \
         reevaluate_active_statuses reinstall_list",
    )?;
    parameters["inputs"] = call.inputs("inputs")?;
    let body = json!({
        "deployment_group_id": call.needed("GROUP_ID"), "workflow_id": "csys_update_deployment", "force": false,
        "default_parameters": parameters, "parameters": null, "concurrency": call.integer("concurrency"),
    });
    let started = call.send(Method::POST, &["execution-groups"], &body).await?;
    call.print.say(format!("To see how it goes, follow execution group {}", output::text(&started["id"])))?;
    Ok(ExitCode::SUCCESS)
}
