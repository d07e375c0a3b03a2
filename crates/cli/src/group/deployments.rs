//! `deployments ...`: making, showing and deleting them.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use nephele_client::{Client, Method, Request};
use serde_json::{Map, Value, json};

use super::label::Labelled;
use super::{command, summary, visibility};
use crate::call::Call;
use crate::table::Act::Own;
use crate::table::{Columns, Command, Outcome, list};
use crate::{labels, output, paging};

const LABELS: Labelled = Labelled { path: "deployments", argument: "DEPLOYMENT_ID", put: false };
const COLUMNS: Columns = Columns::of(&[
    "id",
    "display_name",
    "blueprint_id",
    "created_at",
    "updated_at",
    "visibility",
    "tenant_name",
    "created_by",
    "site_name",
    "labels",
    "deployment_status",
    "installation_status",
])
.more(&[
    "sub_services_count",
    "sub_services_status",
    "sub_environments_count",
    "sub_environments_status",
    "unavailable_instances",
    "drifted_instances",
]);
const STATUS: Columns = Columns::of(&[
    "id",
    "display_name",
    "deployment_status",
    "installation_status",
    "unavailable_instances",
    "drifted_instances",
]);
const LIST: &str = "PAGES --dependencies-of= --search-name= SEARCH ALL_TENANTS SORT(created_at) RULES --filter-id= \
    -g,--group-id= -b,--blueprint-id=";
const QUERY: &str = "_group_id:group-id blueprint_id _search_name:search-name _dependencies_of:dependencies-of";

/// How long a deletion is waited for.
const PATIENCE: Duration = Duration::from_mins(15);

pub(super) static COMMANDS: &[Command] = &[
    command(
        "capabilities",
        "[DEPLOYMENT_ID] -b,--blueprint-id=",
        "Show what a deployment offers others",
        Own(|call| Box::pin(values(call, "capabilities"))),
    ),
    command(
        "create",
        "[DEPLOYMENT_ID] -b,--blueprint-id=! -i,--inputs=* --private-resource VISIBILITY -s,--site-name= \
        --labels= --generate-id -n,--display-name= --runtime-only-evaluation --skip-plugins-validation",
        "Create a deployment; nothing is installed yet",
        Own(|call| Box::pin(create_one(call))),
    ),
    command(
        "delete",
        "DEPLOYMENT_ID -f,--force -l,--with-logs --recursive",
        "Delete a deployment that is not installed",
        Own(|call| Box::pin(delete_one(call))),
    ),
    command(
        "inputs",
        "[DEPLOYMENT_ID] -b,--blueprint-id=",
        "Show the inputs of a deployment",
        Own(|call| Box::pin(given(call))),
    ),
    command("labels add", "LABELS_LIST DEPLOYMENT_ID", "Add labels", Own(|call| Box::pin(LABELS.add(call)))),
    command("labels delete", "LABEL DEPLOYMENT_ID", "Delete labels", Own(|call| Box::pin(LABELS.delete(call)))),
    command("labels list", "DEPLOYMENT_ID", "List labels", Own(|call| Box::pin(LABELS.list(call)))),
    command("list", LIST, "List deployments", Own(|call| Box::pin(all(call, COLUMNS)))),
    command(
        "outputs",
        "[DEPLOYMENT_ID] -b,--blueprint-id=",
        "Show the outputs of a deployment",
        Own(|call| Box::pin(values(call, "outputs"))),
    ),
    command(
        "set-owner",
        "DEPLOYMENT_ID -s,--username=!",
        "Give a deployment to another user",
        Own(|call| Box::pin(visibility::give(call, "deployments", call.needed("DEPLOYMENT_ID")))),
    ),
    command(
        "set-site",
        "DEPLOYMENT_ID -s,--site-name= -d,--detach-site",
        "Put a deployment into a site, or take it out",
        Own(|call| Box::pin(site(call))),
    ),
    command(
        "set-visibility",
        "DEPLOYMENT_ID -l,--visibility=!",
        "Show a deployment to more people",
        Own(|call| {
            Box::pin(visibility::set(call, "deployments", call.needed("DEPLOYMENT_ID"), call.needed("visibility")))
        }),
    ),
    command("status-list", LIST, "List deployments with how they are", Own(|call| Box::pin(all(call, STATUS)))),
    command(
        "summary",
        "TARGET_FIELD [SUB_FIELD] --group-id= ALL_TENANTS",
        "Count deployments",
        Own(|call| Box::pin(summary::count(call, "deployments", "deployments", Some("deployment_group_id")))),
    ),
];

async fn all(call: &Call, columns: Columns) -> Outcome {
    let listing = list("deployments", "deployments", columns).query(QUERY).only_columns();
    let with_labels = |mut row: Value| {
        labels::in_row(&mut row);
        Some(row)
    };
    paging::show_as(&listing, call, &call.print.keys(&columns), with_labels).await
}

async fn create_one(call: &Call) -> Outcome {
    let blueprint = call.needed("blueprint-id");
    let id = match (call.text("DEPLOYMENT_ID"), call.flag("generate-id")) {
        (Some(_), true) => bail!("--generate-id makes up an id, so none can be given"),
        (Some(id), false) => id.to_owned(),
        (None, true) => uuid::Uuid::new_v4().to_string(),
        (None, false) => blueprint.to_owned(),
    };
    let created = create(call, &id, blueprint, call.text("labels")).await?;
    if call.print.is_data() && !call.settings.is_cfy {
        call.print.value(&created)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Creates a deployment with what the options say.
pub(super) async fn create(call: &Call, id: &str, blueprint: &str, labelled: Option<&str>) -> anyhow::Result<Value> {
    let visibility =
        if call.flag("private-resource") { "private" } else { call.text("visibility").unwrap_or("tenant") };
    let mut body = json!({
        "blueprint_id": blueprint, "visibility": visibility, "inputs": call.inputs("inputs")?,
        "display_name": call.text("display-name").unwrap_or(id),
        "skip_plugins_validation": call.flag("skip-plugins-validation"),
        "runtime_only_evaluation": call.flag("runtime-only-evaluation"),
    });
    if let Some(site) = call.text("site-name") {
        body["site_name"] = site.into();
    }
    if let Some(text) = labelled {
        body["labels"] = labels::to_list(&labels::read(text)?);
    }
    let created = call.send(Method::PUT, &["deployments", id], &body).await?;
    call.print.say(format!("Deployment {id} is created"))?;
    Ok(created)
}

async fn delete_one(call: &Call) -> Outcome {
    let id = call.needed("DEPLOYMENT_ID");
    delete(call, id, call.flag("with-logs")).await?;
    call.print.say(format!("Deployment {id} is deleted"))?;
    Ok(ExitCode::SUCCESS)
}

/// Deletes a deployment and waits until it is gone.
pub(super) async fn delete(call: &Call, id: &str, with_logs: bool) -> anyhow::Result<()> {
    let flag = |name: &str, yes: bool| (name.to_owned(), yes.to_string());
    let query =
        [flag("force", call.flag("force")), flag("delete_logs", with_logs), flag("recursive", call.flag("recursive"))];
    let client = call.client()?;
    let path = ["deployments", id];
    client.ask(&Request { method: Method::DELETE, path: &path, query: &query, body: None }).await?;
    gone(&client, id).await
}

/// Waits until the deployment is no longer there. Its deletion is an execution that may fail.
pub(crate) async fn gone(client: &Client, id: &str) -> anyhow::Result<()> {
    let latest = [
        ("deployment_id", id),
        ("workflow_id", "delete_deployment_environment"),
        ("_sort", "-created_at"),
        ("_size", "1"),
        ("_include", "status,error"),
    ];
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match client.deployments().get(id, &[("_include", "id")]).await {
            Err(error) if error.is_not_found() => return Ok(()),
            other => other?,
        };
        let deletions = client.executions().list(&latest).await?.items;
        if let Some(failed) = deletions.iter().find(|execution| execution["status"] == "failed") {
            bail!("deleting deployment {id} failed: {}", output::text(&failed["error"]));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!(
        "deployment {id} is still being deleted after {} s; `deployments list` shows whether it is gone",
        PATIENCE.as_secs()
    )
}

/// Prints outputs or capabilities.
async fn values(call: &Call, what: &'static str) -> Outcome {
    let id = call.deployment("DEPLOYMENT_ID")?;
    let definitions = call.get(&["deployments", id], &[("_include", what)]).await?;
    let found = call.get(&["deployments", id, what], &[]).await?;
    let mut described = Map::new();
    for (name, value) in found[what].as_object().into_iter().flatten() {
        let description = &definitions[what][name]["description"];
        described.insert(name.clone(), json!({"value": value, "description": description}));
    }
    if call.print.is_data() {
        call.print.value(&Value::Object(described))?;
        return Ok(ExitCode::SUCCESS);
    }
    for (name, one) in &described {
        if call.settings.is_cfy {
            call.print.tell(format!(
                " - \"{name}\":\n     Description: {}\n     Value: {}",
                output::text(&one["description"]),
                output::text(&one["value"])
            ))?;
        } else {
            call.print.tell(format!("{name}: {}", output::text(&one["value"])))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn given(call: &Call) -> Outcome {
    let found = call.get(&["deployments", call.deployment("DEPLOYMENT_ID")?], &[("_include", "inputs")]).await?;
    if call.print.is_data() {
        call.print.value(&found["inputs"])?;
        return Ok(ExitCode::SUCCESS);
    }
    for (name, value) in found["inputs"].as_object().into_iter().flatten() {
        if call.settings.is_cfy {
            call.print.tell(format!(" - \"{name}\":\n     Value: {}", output::text(value)))?;
        } else {
            call.print.tell(format!("{name}: {}", output::text(value)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn site(call: &Call) -> Outcome {
    let id = call.needed("DEPLOYMENT_ID");
    let said = match (call.text("site-name"), call.flag("detach-site")) {
        (_, true) => format!("Deployment {id} is in no site"),
        (Some(site), false) => format!("Deployment {id} is in site {site}"),
        (None, false) => bail!("which site? Give --site-name, or --detach-site to take it out of its site"),
    };
    let body = call.object("detach_site site_name")?;
    call.send(Method::POST, &["deployments", id, "set-site"], &body).await?;
    call.print.say(said)?;
    Ok(ExitCode::SUCCESS)
}
