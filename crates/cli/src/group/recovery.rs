//! What the original does not have: what an execution waits for, what it would do, and putting it right.

use std::process::ExitCode;

use nephele_model::task::TaskAction;
use serde_json::{Value, json};

use super::command;
use super::executions::{accepted, waited};
use crate::call::Call;
use crate::follow::{self, Watch};
use crate::table::Act::Own;
use crate::table::{Command, Outcome};
use crate::{connection, output, plan};

pub(super) static COMMANDS: &[Command] = &[
    command(
        "follow",
        "EXECUTION_ID --timeout=int(0) WATCH",
        "Show what an execution does until it has ended",
        Own(|call| Box::pin(watch(call))),
    ),
    command(
        "plan",
        "WORKFLOW_ID -d,--deployment-id=! -p,--parameters=* --allow-custom-parameters",
        "Show what a workflow would do now, and do nothing",
        Own(|call| Box::pin(foresee(call))),
    ),
    command(
        "rerun",
        "EXECUTION_ID --wait/--no-wait --timeout=int(0) WATCH",
        "Start the workflow of an execution that has ended anew, with the same parameters",
        Own(|call| Box::pin(rerun(call))),
    ),
    command(
        "retry-task",
        "EXECUTION_ID TASK_ID -r,--reason=! --wait/--no-wait --timeout=int(0) WATCH",
        "Run a task again: one that failed, or one that waits to be tried again",
        Own(|call| Box::pin(retry(call))),
    ),
    command(
        "skip-task",
        "EXECUTION_ID TASK_ID -r,--reason=!",
        "Leave a task out; `resume` then goes on without it",
        Own(|call| Box::pin(skip(call))),
    ),
    command(
        "why",
        "EXECUTION_ID",
        "Tell what an execution waits for, or how it ended and why",
        Own(|call| Box::pin(why(call))),
    ),
    command(
        "fix",
        "EXECUTION_ID",
        "Show the commands that can put an execution right that failed or was cancelled",
        Own(|call| Box::pin(fix(call))),
    ),
];

async fn watch(call: &Call) -> Outcome {
    follow::to_the_end(call, call.needed("EXECUTION_ID"), &Watch::of(call)).await
}

async fn foresee(call: &Call) -> Outcome {
    let parameters = call.inputs("parameters")?;
    let options = json!({"allow_custom_parameters": call.flag("allow-custom-parameters")});
    let client = call.client()?;
    let (deployment, workflow) = (call.needed("deployment-id"), call.needed("WORKFLOW_ID"));
    let plan = client.executions().plan(deployment, workflow, &parameters, &options).await?;
    if call.print.is_data() {
        call.print.value(&plan)?;
    } else {
        plan::lines(&plan).into_iter().try_for_each(output::line)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn rerun(call: &Call) -> Outcome {
    let started = call.client()?.executions().rerun(call.needed("EXECUTION_ID")).await?;
    let id = output::text(&started["id"]);
    if call.toggle("wait") == Some(false) { accepted(call, &started) } else { waited(call, &started, &id).await }
}

async fn retry(call: &Call) -> Outcome {
    let (id, task) = (call.needed("EXECUTION_ID"), call.needed("TASK_ID"));
    let task = call.client()?.executions().decide(id, task, TaskAction::Retry, call.needed("reason")).await?;
    if call.toggle("wait") == Some(false) {
        return decided(call, &task);
    }
    follow::to_the_end(call, id, &Watch::of(call)).await
}

async fn skip(call: &Call) -> Outcome {
    let (id, task) = (call.needed("EXECUTION_ID"), call.needed("TASK_ID"));
    let task = call.client()?.executions().decide(id, task, TaskAction::Skip, call.needed("reason")).await?;
    decided(call, &task)
}

/// Says where a task stands about which something was decided.
fn decided(call: &Call, task: &Value) -> Outcome {
    if call.print.is_data() {
        call.print.value(task)?;
    } else {
        output::line(format!("Task {} is {}", output::text(&task["id"]), output::text(&task["state"])))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says in lines what an execution waits for.
async fn why(call: &Call) -> Outcome {
    let why = call.client()?.executions().why(call.needed("EXECUTION_ID")).await?;
    if call.print.is_data() {
        call.print.value(&why)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(output::text(&why["summary"]))?;
    for wait in why["waits"].as_array().into_iter().flatten() {
        let time = |name: &str, key: &str| match &wait[key] {
            Value::Null => String::new(),
            time => format!(", {name} {}", output::text(time)),
        };
        let (kind, reason) = (output::text(&wait["kind"]), output::text(&wait["reason"]));
        output::line(format!("  {kind}: {reason}{}{}", time("since", "since"), time("until", "deadline")))?;
    }
    if let Some(more) = why["more"].as_u64().filter(|more| *more > 0) {
        output::line(format!("  and {more} more"))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn fix(call: &Call) -> Outcome {
    let id = call.needed("EXECUTION_ID");
    let why = call.client()?.executions().why(id).await?;
    let ways = ways(connection::program(&call.settings), id, &why);
    if call.print.is_data() {
        call.print.rows_of(&["command", "does"], &[], ways)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(output::text(&why["summary"]))?;
    for way in ways {
        output::line(format!("  {}\n      {}", output::text(&way["command"]), output::text(&way["does"])))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Commands with which an execution that has stopped can go on; none where it cannot.
fn ways(program: &str, id: &str, why: &Value) -> Vec<Value> {
    let waits = why["waits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let may_resume =
        |wait: &Value| wait["details"]["actions"].as_array().is_some_and(|all| all.contains(&"resume".into()));
    if why["status"] != "cancelled" && !waits.iter().any(may_resume) {
        return Vec::new();
    }
    let way = |command: String, does: &str| json!({"command": format!("{program} {command}"), "does": does});
    let mut found = vec![
        way(format!("executions resume {id}"), "goes on from there, once the cause is gone"),
        way(format!("executions resume {id} -p KEY=VALUE"), "goes on with other parameters"),
    ];
    for wait in waits.iter().filter(|wait| may_resume(wait)) {
        if let Some(instance) = wait["node_instance_id"].as_str() {
            let command = format!("node-instances update-runtime {instance} -p KEY=VALUE");
            found.push(way(command, "puts a runtime property of the instance right before that"));
        }
        if let Some(task) = wait["task_id"].as_str() {
            let skip = format!("executions skip-task {id} {task} -r REASON");
            found.push(way(format!("executions retry-task {id} {task} -r REASON"), "runs this task again and goes on"));
            found.push(way(skip, "leaves this task out; `resume` then goes on without it"));
        }
    }
    found.push(way(format!("executions rerun {id}"), "starts the workflow anew with the same parameters"));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_stopped_and_may_go_on_has_ways() {
        let failed = |actions: Value| {
            let wait = json!({"task_id": "t", "node_instance_id": "app_1", "details": {"actions": actions}});
            json!({"status": "failed", "waits": [wait]})
        };
        let ways_of = |why: &Value| ways("nephele", "e", why).len();
        assert_eq!(ways_of(&failed(json!(["resume"]))), 6);
        assert_eq!(ways_of(&failed(json!([]))), 0);
        assert_eq!(ways_of(&json!({"status": "cancelled", "waits": []})), 3);
        assert_eq!(ways_of(&json!({"status": "terminated", "waits": []})), 0);
    }
}
