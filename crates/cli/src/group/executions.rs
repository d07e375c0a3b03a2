//! `executions ...`: starting, showing and stopping runs of workflows.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use nephele_client::{Method, Request};
use serde_json::{Value, json};

use super::{command, summary};
use crate::call::Call;
use crate::follow::{self, Ended, Watch};
use crate::locally;
use crate::output;
use crate::table::Act::{List, Own, Show};
use crate::table::{Columns, Command, Outcome, details, list};
use crate::times;

pub(super) const COLUMNS: &[&str] = &[
    "id",
    "workflow_id",
    "status_display",
    "is_dry_run",
    "deployment_id",
    "created_at",
    "started_at",
    "scheduled_for",
    "visibility",
    "tenant_name",
    "created_by",
];
const ALL_COLUMNS: &[&str] = &[
    "id",
    "workflow_id",
    "status_display",
    "is_dry_run",
    "deployment_id",
    "blueprint_id",
    "created_at",
    "ended_at",
    "error",
    "visibility",
    "tenant_name",
    "created_by",
    "started_at",
    "scheduled_for",
];
const LABELS: &[(&str, &str)] = &[("status_display", "status")];

/// What a deployment says that is still being made.
const NOT_YET: &[&str] =
    &["deployment_environment_creation_pending_error", "deployment_environment_creation_in_progress_error"];

pub(super) static COMMANDS: &[Command] = &[
    command("cancel", "EXECUTION_ID -f,--force -k,--kill", "Stop an execution", Own(|call| Box::pin(cancel(call)))),
    command(
        "delete",
        "--to= --before= --keep-last=int ALL_TENANTS",
        "Delete executions that have ended",
        Own(|call| Box::pin(delete(call))),
    ),
    command("get", "EXECUTION_ID -b,--blueprint-id=", "Show an execution", Own(|call| Box::pin(get(call)))),
    command(
        "graphs list",
        "EXECUTION_ID --name=",
        "List the task graphs of an execution",
        Own(|call| Box::pin(graphs(call))),
    ),
    command(
        "list",
        "-d,--deployment-id= -b,--blueprint-id= --include-system-workflows SORT(created_at) ALL_TENANTS PAGES",
        "List executions",
        List(
            list("executions", "executions", Columns::of(COLUMNS).labels(LABELS))
                .query("deployment_id _include_system_workflows:include-system-workflows")
                .only_columns(),
        ),
    ),
    command("operations get", "OPERATION_ID", "Show an operation", Show(details("operations/{OPERATION_ID}"))),
    command(
        "operations list",
        "[EXECUTION_ID] --graph-id= --show-internal --state=",
        "List operations of an execution",
        List(
            list(
                "operations",
                "operations",
                Columns::of(&["id", "name", "type", "state", "manager_name", "agent_name"]),
            )
            .query("graph_id execution_id:EXECUTION_ID state skip_internal:!show-internal"),
        ),
    ),
    command(
        "resume",
        "EXECUTION_ID --reset-operations -f,--force -p,--parameters=* --wait/--no-wait WATCH --timeout=int(0)",
        "Go on with an execution that failed or was cancelled",
        Own(|call| Box::pin(resume(call))),
    ),
    command(
        "start",
        "WORKFLOW_ID -d,--deployment-id= -b,--blueprint-id= -p,--parameters=* --allow-custom-parameters -f,--force \
        --timeout=int(900) WATCH --dry-run --wait-after-fail=int(600) -w,--with-worker-names/--without-worker-names \
        --schedule= --queue --wait/--no-wait RETRIES",
        "Run a workflow and show its events until it has ended",
        Own(|call| Box::pin(start_one(call))),
    ),
    command(
        "summary",
        "TARGET_FIELD [SUB_FIELD] --group-id= ALL_TENANTS",
        "Count executions",
        Own(|call| Box::pin(summary::count(call, "executions", "executions", Some("execution_group_id")))),
    ),
];

async fn get(call: &Call) -> Outcome {
    let id = call.needed("EXECUTION_ID");
    let execution = call.get(&["executions", id], &[]).await.with_context(|| format!("execution {id}"))?;
    let parameters = execution["parameters"].clone();
    let columns = Columns::of(ALL_COLUMNS).more(&["parameters"]).labels(LABELS);
    if call.print.is_data() {
        call.print.row(&columns, execution)?;
    } else {
        call.print.row_of(ALL_COLUMNS, LABELS, execution)?;
        call.print.tell("Execution Parameters:")?;
        call.print.details(&parameters)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn graphs(call: &Call) -> Outcome {
    let mut query = vec![("execution_id", call.needed("EXECUTION_ID"))];
    query.extend(call.text("name").map(|name| ("name", name)));
    let found = call.list(&["tasks_graphs"], &query).await?.items;
    call.print.rows(&Columns::of(&["id", "name", "created_at"]), found)?;
    Ok(ExitCode::SUCCESS)
}

async fn start_one(call: &Call) -> Outcome {
    let parameters = call.inputs("parameters")?;
    start(call, call.needed("WORKFLOW_ID"), call.deployment("deployment-id")?, parameters).await
}

/// Starts a workflow, and follows it unless it waits for something else.
pub(crate) async fn start(call: &Call, workflow: &str, deployment: &str, parameters: Value) -> Outcome {
    locally::set_retries(call).await?;
    let watch = Watch::of(call);
    let text = |id: &str| call.flag(id).to_string();
    let schedule = call.text("schedule").map(|text| times::planned(text, None)).transpose()?;
    let body = json!({
        "deployment_id": deployment, "workflow_id": workflow, "parameters": parameters,
        "allow_custom_parameters": text("allow-custom-parameters"), "force": text("force"), "dry_run": text("dry-run"),
        "queue": text("queue"), "scheduled_time": schedule,
        "wait_after_fail": call.integer("wait-after-fail").unwrap_or(600),
    });
    let started = match ask(call, &body).await {
        Err(error) if error.error_code().is_some_and(|code| NOT_YET.contains(&code)) => {
            made(call, deployment, &watch).await?;
            ask(call, &body).await?
        }
        other => other?,
    };
    let id = output::text(&started["id"]);
    match started["status"].as_str() {
        Some("queued") => call.print.say(format!("Execution {id} is queued; it starts when it can"))?,
        Some("scheduled") => call.print.say(format!("Execution {id} is scheduled"))?,
        _ if call.toggle("wait") == Some(false) => {}
        _ => return follow::to_the_end(call, &id, &watch).await,
    }
    accepted(call, &started)
}

async fn ask(call: &Call, body: &Value) -> Result<Value, nephele_client::Error> {
    let client = call.client().map_err(|error| nephele_client::Error::Settings(format!("{error:#}")))?;
    client.ask(&Request { method: Method::POST, path: &["executions"], query: &[], body: Some(body) }).await
}

/// Waits until a deployment is made.
async fn made(call: &Call, deployment: &str, watch: &Watch) -> anyhow::Result<()> {
    let query = [
        ("deployment_id", deployment),
        ("workflow_id", "create_deployment_environment"),
        ("_sort", "-created_at"),
        ("_size", "1"),
        ("_include_system_workflows", "true"),
    ];
    let found = call.list(&["executions"], &query).await?.items;
    let Some(id) = found.first().map(|execution| output::text(&execution["id"])) else {
        bail!("deployment {deployment} is not made yet, and nothing makes it");
    };
    call.print.say(format!("Deployment {deployment} is still being made"))?;
    match follow::until_end(call, &id, watch).await? {
        Ended::With(_) => Ok(()),
        Ended::TimeUp | Ended::Left => bail!(
            "deployment {deployment} is still being made after {} s",
            watch.timeout.unwrap_or(Duration::ZERO).as_secs()
        ),
    }
}

/// Says where an execution stands that nobody waits for.
pub(super) fn accepted(call: &Call, execution: &Value) -> Outcome {
    if call.print.is_data() && !call.settings.is_cfy {
        call.print.value(execution)?;
    } else {
        call.print.say(format!(
            "Execution {} is {}",
            output::text(&execution["id"]),
            output::text(&execution["status"])
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The word for how an execution or a group is to be stopped.
pub(super) fn stopping(call: &Call) -> &'static str {
    match (call.flag("kill"), call.flag("force")) {
        (true, _) => "kill",
        (false, true) => "force-cancel",
        (false, false) => "cancel",
    }
}

async fn cancel(call: &Call) -> Outcome {
    let id = call.needed("EXECUTION_ID");
    let cancelled = call.send(Method::POST, &["executions", id], &json!({"action": stopping(call)})).await?;
    accepted(call, &cancelled)
}

async fn resume(call: &Call) -> Outcome {
    let id = call.needed("EXECUTION_ID");
    let is_forced = call.flag("force") || call.flag("reset-operations");
    let mut body = json!({"action": if is_forced { "force-resume" } else { "resume" }});
    if !call.many("parameters").is_empty() {
        body["parameters"] = call.inputs("parameters")?;
    }
    let resumed = call.send(Method::POST, &["executions", id], &body).await?;
    waited(call, &resumed, id).await
}

/// Follows an execution unless it is told not to; the original never does.
pub(super) async fn waited(call: &Call, started: &Value, id: &str) -> Outcome {
    if call.toggle("wait").unwrap_or(!call.settings.is_cfy) {
        return follow::to_the_end(call, id, &Watch::of(call)).await;
    }
    accepted(call, started)
}

async fn delete(call: &Call) -> Outcome {
    let mut body = json!({});
    let bound = call.text("before").or(call.text("to")).map(times::bound).transpose()?;
    if let Some(bound) = bound {
        body["to_datetime"] = bound.into();
    }
    if let Some(kept) = call.integer("keep-last") {
        body["keep_last"] = kept.into();
    }
    let query = call.paging();
    let request = Request { method: Method::DELETE, path: &["executions"], query: &query, body: Some(&body) };
    let deleted = call.client()?.ask(&request).await?;
    match deleted["items"][0]["count"].as_u64().or_else(|| deleted["items"][0].as_u64()) {
        None | Some(0) => call.print.say("There were no executions to delete")?,
        Some(number) => call.print.say(format!("Deleted {number} executions"))?,
    }
    Ok(ExitCode::SUCCESS)
}
