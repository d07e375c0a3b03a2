//! `deployments schedule ...`: workflows at their time.

use std::process::ExitCode;

use anyhow::bail;
use nephele_client::{Method, Request};
use serde_json::{Value, json};

use super::{command, summary};
use crate::call::Call;
use crate::paging;
use crate::table::Act::Own;
use crate::table::{Columns, Command, Outcome, list};
use crate::times;

const COLUMNS: Columns = Columns::of(&[
    "id",
    "deployment_id",
    "workflow_id",
    "created_at",
    "next_occurrence",
    "since",
    "until",
    "stop_on_fail",
    "enabled",
    "visibility",
    "tenant_name",
    "created_by",
]);
const APART: &[&str] = &["rule", "execution_arguments", "all_next_occurrences"];

pub(super) static COMMANDS: &[Command] = &[
    command(
        "schedule create",
        "DEPLOYMENT_ID WORKFLOW_ID -n,--schedule-name= -p,--parameters=* --allow-custom-parameters \
        -f,--force --dry-run --wait-after-fail=int(600) -s,--since=! -u,--until= --tz= -r,--recurrence= -c,--count=int \
        --weekdays=* --rrule= --slip=int(0) --stop-on-fail",
        "Run a workflow at its time",
        Own(|call| Box::pin(create(call))),
    ),
    command("schedule delete", "DEPLOYMENT_ID SCHEDULE_ID", "Delete a schedule", Own(|call| Box::pin(delete(call)))),
    command(
        "schedule disable",
        "DEPLOYMENT_ID SCHEDULE_ID",
        "Let a schedule rest",
        Own(|call| Box::pin(switch(call, false))),
    ),
    command(
        "schedule enable",
        "DEPLOYMENT_ID SCHEDULE_ID",
        "Let a schedule go on",
        Own(|call| Box::pin(switch(call, true))),
    ),
    command(
        "schedule get",
        "DEPLOYMENT_ID SCHEDULE_ID --preview=int",
        "Show a schedule",
        Own(|call| Box::pin(get(call))),
    ),
    command(
        "schedule list",
        "[DEPLOYMENT_ID] --sort-by=(created_at) --descending ALL_TENANTS --search= \
        -o,--pagination-offset=int(0) --pagination-size=int(1000) -s,--since= -u,--until= --tz=",
        "List schedules",
        Own(|call| Box::pin(all(call))),
    ),
    command("schedule summary", "TARGET_FIELD ALL_TENANTS", "Count schedules", Own(|call| Box::pin(count(call)))),
    command(
        "schedule update",
        "DEPLOYMENT_ID SCHEDULE_ID -s,--since= -u,--until= --tz= -r,--recurrence= -c,--count=int \
        --weekdays=* --rrule= --slip=int(0) --stop-on-fail/--continue-on-fail",
        "Change a schedule",
        Own(|call| Box::pin(update(call))),
    ),
];

async fn count(call: &Call) -> Outcome {
    let target = call.needed("TARGET_FIELD");
    summary::count_by(call, "execution_schedules", "execution_schedules", None, target, Some("recurrence")).await
}

fn time(call: &Call, id: &str) -> anyhow::Result<Option<String>> {
    call.text(id).map(|text| times::planned(text, call.text("tz"))).transpose()
}

/// Sends something about the schedule `id` of the deployment.
async fn ask(call: &Call, method: Method, id: &str, body: Option<&Value>) -> anyhow::Result<Value> {
    let query = [("deployment_id".to_owned(), call.needed("DEPLOYMENT_ID").to_owned())];
    let path = ["execution-schedules", id];
    Ok(call.client()?.ask(&Request { method, path: &path, query: &query, body }).await?)
}

fn rule(call: &Call) -> anyhow::Result<Value> {
    let mut body = call.object("?recurrence ?count ?rrule ?slip")?;
    body["since"] = time(call, "since")?.into();
    body["until"] = time(call, "until")?.into();
    let days: Vec<String> =
        call.many("weekdays").iter().flat_map(|days| days.split(',')).map(|day| day.trim().to_owned()).collect();
    body["weekdays"] = if days.is_empty() { Value::Null } else { days.into() };
    Ok(body)
}

async fn create(call: &Call) -> Outcome {
    let workflow = call.needed("WORKFLOW_ID");
    let id = call.text("schedule-name").unwrap_or(workflow);
    let mut body = rule(call)?;
    body["workflow_id"] = workflow.into();
    body["execution_arguments"] = call.object("allow_custom_parameters force dry_run wait_after_fail")?;
    body["parameters"] = call.inputs("parameters")?;
    body["stop_on_fail"] = call.flag("stop-on-fail").into();
    body["enabled"] = true.into();
    ask(call, Method::PUT, id, Some(&body)).await?;
    call.print.say(format!("Schedule {id} is created"))?;
    Ok(ExitCode::SUCCESS)
}

async fn update(call: &Call) -> Outcome {
    let id = call.needed("SCHEDULE_ID");
    let mut body = rule(call)?;
    body["stop_on_fail"] = call.toggle("stop-on-fail").into();
    ask(call, Method::PATCH, id, Some(&body)).await?;
    call.print.say(format!("Schedule {id} is updated"))?;
    Ok(ExitCode::SUCCESS)
}

async fn switch(call: &Call, enabled: bool) -> Outcome {
    let id = call.needed("SCHEDULE_ID");
    let word = if enabled { "enabled" } else { "disabled" };
    let schedule = ask(call, Method::GET, id, None).await?;
    if schedule["enabled"] == enabled {
        bail!("schedule {id} is {word} already");
    }
    ask(call, Method::PATCH, id, Some(&json!({"enabled": enabled}))).await?;
    call.print.say(format!("Schedule {id} is {word}"))?;
    Ok(ExitCode::SUCCESS)
}

async fn delete(call: &Call) -> Outcome {
    let id = call.needed("SCHEDULE_ID");
    ask(call, Method::DELETE, id, None).await?;
    call.print.say(format!("Schedule {id} is deleted"))?;
    Ok(ExitCode::SUCCESS)
}

async fn get(call: &Call) -> Outcome {
    let id = call.needed("SCHEDULE_ID");
    let schedule = ask(call, Method::GET, id, None).await?;
    let fields = schedule.as_object().cloned().unwrap_or_default();
    let known = |key: &&String| !COLUMNS.table.contains(&key.as_str()) && !APART.contains(&key.as_str());
    let more: Vec<String> = fields.keys().filter(known).map(|key| key.replace('_', " ")).collect();
    if call.print.is_data() {
        // The original asks for these under names with blanks, and so finds nothing.
        let mut keys = COLUMNS.table.to_vec();
        keys.extend(more.iter().map(String::as_str));
        keys.extend(APART);
        call.print.row_of(&keys, &[], schedule)?;
        return Ok(ExitCode::SUCCESS);
    }
    call.print.row(&COLUMNS, schedule.clone())?;
    call.print.tell("Rule:")?;
    call.print.details(&schedule["rule"])?;
    call.print.tell("Arguments:")?;
    call.print.details(&schedule["execution_arguments"])?;
    if let Some(preview) = call.integer("preview") {
        if schedule["enabled"] == false {
            bail!("schedule {id} is disabled, so nothing comes");
        }
        let next = schedule["all_next_occurrences"].as_array().cloned().unwrap_or_default();
        call.print.tell(format!("{} times to come", next.len()))?;
        for time in next.iter().take(usize::try_from(preview).unwrap_or_default()) {
            call.print.tell(format!("  {}", crate::output::text(time)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn all(call: &Call) -> Outcome {
    let listing = list("execution-schedules", "deployment schedules", COLUMNS).query("deployment_id:DEPLOYMENT_ID");
    let plain = |time: String| time.replace('T', " ");
    let (since, until) = (time(call, "since")?.map(plain), time(call, "until")?.map(plain));
    let occurs = |schedule: &Value| {
        let mut times = schedule["all_next_occurrences"].as_array().into_iter().flatten().filter_map(Value::as_str);
        since.is_none() && until.is_none()
            || times.any(|time| {
                since.as_deref().is_none_or(|since| time >= since) && until.as_deref().is_none_or(|until| time <= until)
            })
    };
    let keys = call.print.keys(&COLUMNS);
    paging::show_as(&listing, call, &keys, |schedule| Some(schedule).filter(&occurs)).await
}
