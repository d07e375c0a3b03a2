//! `plugins ...`: what the manager has. How they get there and are updated: [`super::plugin_ways`].

use std::process::ExitCode;

use nephele_client::Method;
use serde_json::{Map, Value, json};

use super::{command, visibility};
use crate::call::Call;
use crate::table::Act::{List, Own, Send, Show};
use crate::table::{Columns, Command, Outcome, Verb, list, send, show};
use crate::{labels, output, paging};

const PLUGIN: &[&str] = &[
    "id",
    "package_name",
    "package_version",
    "distribution",
    "distribution_release",
    "installed on",
    "uploaded_at",
    "visibility",
    "tenant_name",
    "created_by",
    "yaml_url_path",
];
const DATA: &[&str] = &["file_server_path", "supported_platform", "supported_py_versions"];
const UPDATE: Columns = Columns::of(&[
    "id",
    "state",
    "blueprint_id",
    "temp_blueprint_id",
    "execution_id",
    "deployments_to_update",
    "visibility",
    "created_at",
    "forced",
]);
const UPDATES: &[&str] =
    &["id", "visibility", "state", "forced", "all_tenants", "blueprint_id", "execution_id", "created_by", "created_at"];

pub(super) static COMMANDS: &[Command] = &[
    command(
        "blueprint-labels add",
        "LABELS_LIST PLUGIN_ID",
        "Add labels for blueprints",
        Own(|call| Box::pin(add(call, "blueprint_labels", "LABELS_LIST"))),
    ),
    command(
        "blueprint-labels delete",
        "LABEL PLUGIN_ID",
        "Delete labels for blueprints",
        Own(|call| Box::pin(remove(call, "blueprint_labels", "LABEL"))),
    ),
    command(
        "blueprint-labels list",
        "PLUGIN_ID",
        "List labels for blueprints",
        Own(|call| Box::pin(tags(call, "blueprint_labels"))),
    ),
    command(
        "delete",
        "PLUGIN_ID -f,--force",
        "Delete a plugin",
        Send(send(Verb::Delete, "plugins/{PLUGIN_ID}", "Plugin {PLUGIN_ID} is deleted").body("force")),
    ),
    command(
        "deployment-labels add",
        "LABELS_LIST PLUGIN_ID",
        "Add labels for deployments",
        Own(|call| Box::pin(add(call, "labels", "LABELS_LIST"))),
    ),
    command(
        "deployment-labels delete",
        "LABEL PLUGIN_ID",
        "Delete labels for deployments",
        Own(|call| Box::pin(remove(call, "labels", "LABEL"))),
    ),
    command(
        "deployment-labels list",
        "PLUGIN_ID",
        "List labels for deployments",
        Own(|call| Box::pin(tags(call, "labels"))),
    ),
    command("get", "PLUGIN_ID --get-data", "Show a plugin", Own(|call| Box::pin(get(call)))),
    command(
        "get-update",
        "PLUGINS_UPDATE_ID",
        "Show an update of plugins",
        Show(show("plugins-updates/{PLUGINS_UPDATE_ID}", UPDATE)),
    ),
    command(
        "history",
        "-b,--blueprint-id= SORT(created_at) ALL_TENANTS SEARCH PAGES",
        "List updates of plugins",
        List(list("plugins-updates", "plugins updates", UPDATE).query("blueprint_id")),
    ),
    command(
        "list",
        "SORT(uploaded_at) ALL_TENANTS SEARCH --get-data PAGES",
        "List plugins",
        Own(|call| Box::pin(all(call))),
    ),
    command(
        "list_updates",
        "PAGES SORT(created_at) --get-data",
        "List updates of plugins",
        Own(|call| Box::pin(updates(call))),
    ),
    command(
        "resource-tags add",
        "KEY_VALUES PLUGIN_ID",
        "Add resource tags",
        Own(|call| Box::pin(add(call, "resource_tags", "KEY_VALUES"))),
    ),
    command(
        "resource-tags delete",
        "KEY PLUGIN_ID",
        "Delete resource tags",
        Own(|call| Box::pin(remove(call, "resource_tags", "KEY"))),
    ),
    command("resource-tags list", "PLUGIN_ID", "List resource tags", Own(|call| Box::pin(tags(call, "resource_tags")))),
    command(
        "set-global",
        "PLUGIN_ID",
        "Show a plugin to all tenants",
        Own(|call| Box::pin(visibility::set(call, "plugins", call.needed("PLUGIN_ID"), "global"))),
    ),
    command(
        "set-owner",
        "PLUGIN_ID -s,--username=!",
        "Give a plugin to another user",
        Own(|call| Box::pin(visibility::give(call, "plugins", call.needed("PLUGIN_ID")))),
    ),
    command(
        "set-visibility",
        "PLUGIN_ID -l,--visibility=!",
        "Show a plugin to more people",
        Own(|call| Box::pin(visibility::set(call, "plugins", call.needed("PLUGIN_ID"), call.needed("visibility")))),
    ),
];

/// How many managers and agents have it.
fn installed(plugin: &Value) -> Value {
    let states = plugin["installation_state"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is = |state: &Value, name: &str| state["state"] == name;
    let there = |key: &str| {
        states.iter().filter(|state| (is(state, "installed") || is(state, "error")) && state[key].is_string()).count()
    };
    let errors = states.iter().filter(|state| is(state, "error")).count();
    let parts = [(there("manager"), "managers"), (there("agent"), "agents"), (errors, "errors")];
    let parts = parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
    parts.collect::<Vec<_>>().join(", ").into()
}

fn columns(call: &Call) -> Vec<&'static str> {
    let mut columns = PLUGIN.to_vec();
    if call.flag("get-data") {
        columns.extend(DATA);
    }
    if call.print.is_data() {
        columns.push("installation_state");
    }
    columns
}

async fn get(call: &Call) -> Outcome {
    let data = call.flag("get-data").to_string();
    let mut plugin = call.get(&["plugins", call.needed("PLUGIN_ID")], &[("_get_data", &data)]).await?;
    plugin["installed on"] = installed(&plugin);
    let columns = columns(call);
    if call.print.is_data() {
        call.print.row_of(&columns, &[], plugin)?;
        return Ok(ExitCode::SUCCESS);
    }
    let shown: Map<String, Value> = columns.iter().map(|key| ((*key).to_owned(), plugin[*key].clone())).collect();
    call.print.details(&Value::Object(shown))?;
    for state in plugin["installation_state"].as_array().into_iter().flatten() {
        let place = state["manager"].as_str().or_else(|| state["agent"].as_str()).unwrap_or_default();
        call.print.tell(format!("\ton {place}: {}", output::text(&state["state"])))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn all(call: &Call) -> Outcome {
    let listing = list("plugins", "plugins", Columns::of(PLUGIN)).query("_get_data:get-data");
    let with_places = |mut plugin: Value| {
        plugin["installed on"] = installed(&plugin);
        Some(plugin)
    };
    paging::show_as(&listing, call, &columns(call), with_places).await
}

async fn updates(call: &Call) -> Outcome {
    let listing = list("plugins-updates", "plugins updates", Columns::of(UPDATES));
    let more: &[&str] = &["deployments_to_update", "deployments_per_tenant", "temp_blueprint_id"];
    let columns = if call.flag("get-data") { [UPDATES, more].concat() } else { UPDATES.to_vec() };
    paging::show_as(&listing, call, &columns, Some).await
}

async fn current(call: &Call, what: &str) -> anyhow::Result<Map<String, Value>> {
    let plugin = call.get(&["plugins", call.needed("PLUGIN_ID")], &[]).await?;
    Ok(plugin[what].as_object().cloned().unwrap_or_default())
}

async fn write(call: &Call, what: &str, tags: Map<String, Value>) -> anyhow::Result<()> {
    call.send(Method::PATCH, &["plugins", call.needed("PLUGIN_ID")], &json!({what: tags})).await?;
    Ok(())
}

async fn tags(call: &Call, what: &'static str) -> Outcome {
    let found = current(call, what).await?;
    if found.is_empty() {
        // The original says so in any format.
        output::line(format!("Plugin {} has no {}", call.needed("PLUGIN_ID"), what.replace('_', " ")))?;
    } else if call.print.is_data() {
        call.print.value(&Value::Object(found))?;
    } else {
        let last = if what == "resource_tags" { "value" } else { "values" };
        let rows = found.into_iter().map(|(key, value)| json!({"key": key, last: value}));
        call.print.rows_of(&["key", last], &[], rows.collect())?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(call: &Call, what: &'static str, argument: &'static str) -> Outcome {
    let mut tags = current(call, what).await?;
    for (key, value) in labels::read(call.needed(argument))? {
        let value = Value::from(value);
        match tags.entry(key).or_insert_with(|| json!([])) {
            Value::Array(values) if !values.contains(&value) => values.push(value),
            _ => {}
        }
    }
    write(call, what, tags).await?;
    call.print.say(format!("The {} of plugin {} are changed", what.replace('_', " "), call.needed("PLUGIN_ID")))?;
    Ok(ExitCode::SUCCESS)
}

async fn remove(call: &Call, what: &'static str, argument: &'static str) -> Outcome {
    let mut tags = current(call, what).await?;
    for (key, value) in labels::read_loose(call.needed(argument)) {
        match (value, tags.get_mut(&key)) {
            (Some(value), Some(Value::Array(values))) => values.retain(|one| *one != value.as_str()),
            (None, Some(_)) => {
                tags.shift_remove(&key);
            }
            _ => {}
        }
    }
    write(call, what, tags).await?;
    call.print.say(format!("The {} of plugin {} are changed", what.replace('_', " "), call.needed("PLUGIN_ID")))?;
    Ok(ExitCode::SUCCESS)
}
