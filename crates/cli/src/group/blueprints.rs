//! `blueprints ...`: what the manager has. How they get there and back: [`super::blueprint_ways`].

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::label::Labelled;
use super::{command, summary, visibility};
use crate::call::Call;
use crate::output;
use crate::paging;
use crate::table::Act::{Own, Send};
use crate::table::{Columns, Command, Outcome, Verb, list, send};

const BLUEPRINT: &[&str] = &[
    "id",
    "description",
    "main_file_name",
    "created_at",
    "updated_at",
    "visibility",
    "tenant_name",
    "created_by",
    "state",
    "error",
    "labels",
];
const INPUT: Columns = Columns::of(&["name", "type", "default", "description"]);
const LABELS: Labelled = Labelled { path: "blueprints", argument: "BLUEPRINT_ID", put: false };

/// How much of a description fits into a list.
const LONGEST: usize = 20;

pub(super) static COMMANDS: &[Command] = &[
    command(
        "delete",
        "BLUEPRINT_ID -f,--force",
        "Delete a blueprint that no deployment uses",
        Send(send(Verb::Delete, "blueprints/{BLUEPRINT_ID}", "Blueprint {BLUEPRINT_ID} is deleted").query("force")),
    ),
    command("get", "BLUEPRINT_ID", "Show a blueprint", Own(|call| Box::pin(get(call)))),
    command("inputs", "BLUEPRINT_ID", "List what a blueprint asks for", Own(|call| Box::pin(inputs(call)))),
    command("labels add", "LABELS_LIST BLUEPRINT_ID", "Add labels", Own(|call| Box::pin(LABELS.add(call)))),
    command("labels delete", "LABEL BLUEPRINT_ID", "Delete labels", Own(|call| Box::pin(LABELS.delete(call)))),
    command("labels list", "BLUEPRINT_ID", "List labels", Own(|call| Box::pin(LABELS.list(call)))),
    command(
        "list",
        "--filter-id= RULES SORT(created_at) ALL_TENANTS SEARCH PAGES",
        "List blueprints",
        Own(|call| Box::pin(all(call))),
    ),
    command(
        "set-global",
        "BLUEPRINT_ID",
        "Show a blueprint to all tenants",
        Own(|call| Box::pin(visibility::set(call, "blueprints", call.needed("BLUEPRINT_ID"), "global"))),
    ),
    command(
        "set-owner",
        "BLUEPRINT_ID -s,--username=!",
        "Give a blueprint to another user",
        Own(|call| Box::pin(visibility::give(call, "blueprints", call.needed("BLUEPRINT_ID")))),
    ),
    command(
        "set-visibility",
        "BLUEPRINT_ID -l,--visibility=!",
        "Show a blueprint to more people",
        Own(|call| {
            Box::pin(visibility::set(call, "blueprints", call.needed("BLUEPRINT_ID"), call.needed("visibility")))
        }),
    ),
    command(
        "summary",
        summary::TAKES,
        "Count blueprints",
        Own(|call| Box::pin(summary::count(call, "blueprints", "blueprints", None))),
    ),
];

async fn all(call: &Call) -> Outcome {
    let brief = |mut blueprint: Value| {
        let description = output::text(&blueprint["description"]);
        blueprint["description"] = if description.chars().count() >= LONGEST {
            format!("{}..", description.chars().take(LONGEST - 2).collect::<String>()).into()
        } else {
            description.into()
        };
        crate::labels::in_row(&mut blueprint);
        Some(blueprint)
    };
    paging::show_as(&list("blueprints", "blueprints", Columns::of(BLUEPRINT)), call, BLUEPRINT, brief).await
}

async fn get(call: &Call) -> Outcome {
    let id = call.needed("BLUEPRINT_ID");
    let mut blueprint = call.get(&["blueprints", id], &[]).await?;
    let used = paging::all(call, "deployments", &[("_include", "id"), ("blueprint_id", id)]).await?;
    let used: Vec<Value> = used.into_iter().map(|mut deployment| deployment["id"].take()).collect();
    blueprint["#deployments"] = used.len().into();
    let mut columns = [BLUEPRINT, &["#deployments"]].concat();
    let metadata = Some(blueprint["plan"]["metadata"].clone()).filter(Value::is_object).unwrap_or_else(|| json!({}));
    if call.print.is_data() {
        columns.extend(["metadata", "deployments", "error_traceback"]);
        blueprint["metadata"] = metadata;
        blueprint["deployments"] = used.into();
        call.print.row_of(&columns, &[], blueprint)?;
        return Ok(ExitCode::SUCCESS);
    }
    let description = output::text(&blueprint["description"]);
    let plugins = plugins(&blueprint["plan"]);
    crate::labels::in_row(&mut blueprint);
    call.print.row_of(&columns, &[], blueprint)?;
    call.print.tell(format!("Description:\n{description}\n"))?;
    if metadata.as_object().is_some_and(|metadata| !metadata.is_empty()) {
        call.print.tell("Metadata:")?;
        call.print.details(&metadata)?;
    }
    if !plugins.is_empty() {
        call.print.tell("Plugins:")?;
        call.print.details(&Value::Object(plugins))?;
    }
    call.print.tell(format!("Existing deployments:\n{}\n", Value::from(used)))?;
    Ok(ExitCode::SUCCESS)
}

/// The plugins with a package, and what they are for.
fn plugins(plan: &Value) -> Map<String, Value> {
    let mut found: Map<String, Value> = Map::new();
    for (key, purpose) in [
        ("deployment_plugins_to_install", "deployment"),
        ("workflow_plugins_to_install", "workflow"),
        ("host_agent_plugins_to_install", "host"),
    ] {
        for plugin in plan[key].as_array().into_iter().flatten() {
            let (Some(name), Some(version)) = (plugin["package_name"].as_str(), plugin["package_version"].as_str())
            else {
                continue;
            };
            let purposes = found.entry(format!("{name}=={version}")).or_insert_with(|| "".into());
            let earlier = purposes.as_str().unwrap_or_default();
            *purposes = if earlier.is_empty() { purpose.into() } else { format!("{earlier}, {purpose}").into() };
        }
    }
    found
}

async fn inputs(call: &Call) -> Outcome {
    let blueprint = call.get(&["blueprints", call.needed("BLUEPRINT_ID")], &[]).await?;
    let inputs = blueprint["plan"]["inputs"].as_object().into_iter().flatten();
    let or_dash = |input: &Value, key: &str| input.get(key).cloned().unwrap_or_else(|| "-".into());
    let row = |(name, input): (&String, &Value)| {
        json!({
            "name": name, "type": or_dash(input, "type"), "default": or_dash(input, "default"),
            "description": or_dash(input, "description"),
        })
    };
    call.print.rows(&INPUT, inputs.map(row).collect())?;
    Ok(ExitCode::SUCCESS)
}
