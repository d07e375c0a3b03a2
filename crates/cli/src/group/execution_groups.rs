//! `executions groups ...`: a workflow on all deployments of a group.

use std::process::ExitCode;

use nephele_client::Method;
use serde_json::{Value, json};

use super::command;
use super::executions::stopping;
use crate::call::Call;
use crate::follow::{self, Ended, Source, Watch};
use crate::output;
use crate::paging;
use crate::settings::Format;
use crate::table::Act::{Own, Send, Show};
use crate::table::{Columns, Command, Outcome, Verb, list, send, show};

const ONE: Columns = Columns::of(&["id", "workflow_id", "deployment_group_id"]);

pub(super) static COMMANDS: &[Command] = &[
    command(
        "groups cancel",
        "GROUP_ID -f,--force -k,--kill",
        "Stop all executions of a group",
        Own(|call| Box::pin(cancel(call))),
    ),
    command("groups details", "EXECUTION_GROUP_ID", "Show how a group is doing", Own(|call| Box::pin(describe(call)))),
    command(
        "groups get",
        "EXECUTION_GROUP_ID",
        "Show a group",
        Show(show("execution-groups/{EXECUTION_GROUP_ID}", ONE)),
    ),
    command("groups list", "", "List groups", Own(|call| Box::pin(all(call)))),
    command(
        "groups resume",
        "GROUP_ID --reset-operations",
        "Go on with all executions of a group",
        Own(|call| Box::pin(resume(call))),
    ),
    command(
        "groups set-concurrency",
        "GROUP_ID CONCURRENCY",
        "Change how many run at the same time",
        Own(|call| Box::pin(concurrency(call))),
    ),
    command(
        "groups set-failure-group",
        "GROUP_ID FAILURE_GROUP_ID",
        "Put deployments that fail into a group",
        Send(
            send(Verb::Patch, "execution-groups/{GROUP_ID}", "Deployments that fail go into {FAILURE_GROUP_ID}")
                .body("failure_group_id:FAILURE_GROUP_ID success_group_id=null"),
        ),
    ),
    command(
        "groups set-success-group",
        "GROUP_ID SUCCESS_GROUP_ID",
        "Put deployments that succeed into a group",
        Send(
            send(Verb::Patch, "execution-groups/{GROUP_ID}", "Deployments that succeed go into {SUCCESS_GROUP_ID}")
                .body("success_group_id:SUCCESS_GROUP_ID failure_group_id=null"),
        ),
    ),
    command(
        "groups start",
        "WORKFLOW_ID -g,--deployment-group= --concurrency=int(5) -p,--parameters=* \
        -w,--with-worker-names/--without-worker-names --json-output -f,--force --timeout=int(900)",
        "Run a workflow on all deployments of a group",
        Own(|call| Box::pin(start_one(call))),
    ),
];

async fn all(call: &Call) -> Outcome {
    let named = |mut group: Value| {
        group["deployment_group"] = group["deployment_group_id"].clone();
        group
    };
    let columns = Columns::of(&["id", "workflow_id", "deployment_group"]);
    let listing = list("execution-groups", "", columns);
    paging::show_as(&listing, call, &call.print.keys(&columns), |group| Some(named(group))).await
}

async fn describe(call: &Call) -> Outcome {
    let id = call.needed("EXECUTION_GROUP_ID");
    let mut group = call.get(&["execution-groups", id], &[]).await?;
    group["#executions"] = group["execution_ids"].as_array().map_or(0, Vec::len).into();
    let columns = Columns::of(&["workflow_id", "deployment_group_id", "#executions", "created_at", "status"]);
    call.print.row(&columns, group)?;
    // The original mixes all of it into its JSON as well.
    let is_mixed = call.settings.is_cfy && call.settings.format == Format::Lines;
    if is_mixed {
        call.print.value(&Value::Null)?;
    }
    if is_mixed || !call.print.is_data() {
        let mut watch = Watch::of(call);
        watch.source = Source::Group;
        call.print.tell("Latest events:")?;
        let total = follow::some(call, id, &Watch { look: follow::Look::Silent, ..watch.clone() }, 0, 1).await?.1;
        follow::some(call, id, &watch, total.saturating_sub(10), 10).await?;
    }
    let query = [("_target_field", "status"), ("execution_group_id", id)];
    let counted = call.list(&["summary", "executions"], &query).await?.items;
    let counted = counted.into_iter().map(|one| (output::text(&one["status"]), one["executions"].clone()));
    call.print.tell("Executions by status:")?;
    call.print.details(&Value::Object(counted.collect()))?;
    Ok(ExitCode::SUCCESS)
}

async fn start_one(call: &Call) -> Outcome {
    start(call, call.needed("WORKFLOW_ID"), call.needed("deployment-group"), call.inputs("parameters")?).await
}

/// Starts a workflow on a group and follows it.
pub(super) async fn start(call: &Call, workflow: &str, group: &str, parameters: Value) -> Outcome {
    let body = json!({
        "deployment_group_id": group, "workflow_id": workflow, "force": call.flag("force"),
        "default_parameters": parameters, "parameters": null, "concurrency": call.integer("concurrency").unwrap_or(5),
    });
    let started = call.send(Method::POST, &["execution-groups"], &body).await?;
    let id = output::text(&started["id"]);
    call.print.say(format!("Execution group {id} is started on deployment group {group}"))?;
    let mut watch = Watch::of(call);
    watch.source = Source::Group;
    match follow::until_end(call, &id, &watch).await? {
        // The original takes any end for a success.
        Ended::With(_) if call.settings.is_strict => Ok(ExitCode::SUCCESS),
        Ended::With(group) => follow::conclude(call, &group),
        other => follow::not_to_the_end(call, &id, &watch, &other),
    }
}

async fn act(call: &Call, action: &str) -> Outcome {
    let id = call.needed("GROUP_ID");
    call.send(Method::POST, &["execution-groups", id], &json!({"action": action})).await?;
    call.print.say(format!("Execution group {id}: {action} is asked for"))?;
    Ok(ExitCode::SUCCESS)
}

async fn cancel(call: &Call) -> Outcome {
    act(call, stopping(call)).await
}

async fn resume(call: &Call) -> Outcome {
    act(call, if call.flag("reset-operations") { "force-resume" } else { "resume" }).await
}

async fn concurrency(call: &Call) -> Outcome {
    let (id, text) = (call.needed("GROUP_ID"), call.needed("CONCURRENCY"));
    let number: i64 = text.parse().map_err(|_| anyhow::anyhow!("`{text}` is not a number"))?;
    call.send(Method::PATCH, &["execution-groups", id], &json!({"concurrency": number})).await?;
    call.print.say(format!("Execution group {id} runs {number} at the same time"))?;
    Ok(ExitCode::SUCCESS)
}
