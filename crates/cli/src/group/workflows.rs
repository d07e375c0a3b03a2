//! `workflows ...` and `groups list`: what deployments can do, and how their nodes belong together.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Value, json};

use super::command;
use crate::call::Call;
use crate::output;
use crate::table::Act::Own;
use crate::table::{Command, Outcome};

const COLUMNS: &[&str] = &["blueprint_id", "deployment_id", "name", "availability_rules"];

pub(super) static COMMANDS: &[Command] = &[
    command(
        "get",
        "WORKFLOW_ID -d,--deployment-id=!",
        "Show a workflow and its parameters",
        Own(|call| Box::pin(get(call))),
    ),
    command("list", "-d,--deployment-id=! --all", "List workflows", Own(|call| Box::pin(all(call)))),
];

pub(super) static GROUPS: &[Command] =
    &[command("list", "-d,--deployment-id=!", "List groups of nodes", Own(|call| Box::pin(groups(call))))];

/// The deployment's workflows, with where they belong.
async fn known(call: &Call) -> anyhow::Result<Vec<Value>> {
    let id = call.needed("deployment-id");
    let deployment = call.get(&["deployments", id], &[]).await?;
    let workflows = deployment["workflows"].as_array().cloned().unwrap_or_default();
    let placed = |mut workflow: Value| {
        for (key, from) in [("blueprint_id", "blueprint_id"), ("deployment_id", "id")] {
            if workflow[key].is_null() {
                workflow[key] = deployment[from].clone();
            }
        }
        workflow
    };
    let mut workflows: Vec<Value> = workflows.into_iter().map(placed).collect();
    workflows.sort_by_key(|workflow| output::text(&workflow["name"]));
    Ok(workflows)
}

async fn get(call: &Call) -> Outcome {
    let (id, deployment) = (call.needed("WORKFLOW_ID"), call.needed("deployment-id"));
    let found = known(call).await?.into_iter().find(|workflow| workflow["name"] == id);
    let workflow = found.with_context(|| format!("deployment {deployment} has no workflow {id}"))?;
    if call.print.is_data() {
        call.print.row_of(&[COLUMNS, &["parameters"]].concat(), &[], workflow)?;
        return Ok(ExitCode::SUCCESS);
    }
    let parameters = workflow["parameters"].clone();
    call.print.row_of(COLUMNS, &[], workflow)?;
    for (heading, optional) in [("Mandatory parameters:", false), ("Optional parameters:", true)] {
        call.print.tell(heading)?;
        for (name, parameter) in parameters.as_object().into_iter().flatten() {
            if parameter.get("default").is_some() == optional {
                let default =
                    parameter.get("default").map(|value| format!(" {}", output::text(value))).unwrap_or_default();
                call.print.tell(format!("\t{name}:{default}\t{}", output::text(&parameter["description"])))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn all(call: &Call) -> Outcome {
    let mut found = known(call).await?;
    let total = found.len();
    let mut columns = COLUMNS.to_vec();
    if call.flag("all") {
        columns.push("is_available");
    } else {
        found.retain(|workflow| workflow["is_available"] != false);
    }
    let hidden = total - found.len();
    if !call.print.is_data() {
        for workflow in &mut found {
            let rules: Option<Vec<String>> =
                workflow["availability_rules"].as_object().map(|rules| rules.keys().cloned().collect());
            workflow["availability_rules"] = rules.map(|rules| rules.join(", ")).into();
        }
    }
    call.print.rows_of(&columns, &[], found)?;
    if hidden > 0 {
        call.print.say(format!("{hidden} workflows cannot be started now; --all shows them"))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn groups(call: &Call) -> Outcome {
    let id = call.needed("deployment-id");
    let deployment = call.get(&["deployments", id], &[]).await?;
    if call.print.is_data() && !call.settings.is_cfy {
        call.print.value(&json!({"groups": deployment["groups"], "scaling_groups": deployment["scaling_groups"]}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let groups = deployment["groups"].as_object().cloned().unwrap_or_default();
    if groups.is_empty() {
        call.print.say(format!("Deployment {id} has no groups"))?;
    }
    for (name, group) in groups {
        call.print.say(format!("  - Name: {name}\n    Members: {}", group["members"]))?;
        if !deployment["scaling_groups"][&name].is_null() {
            call.print.say("      - cloudify.policies.scaling")?;
        }
        for policy in group["policies"].as_object().into_iter().flatten().map(|(_, policy)| policy) {
            call.print.say(format!("      - {}", output::text(&policy["type"])))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
