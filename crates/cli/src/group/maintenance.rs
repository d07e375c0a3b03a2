//! `maintenance-mode ...`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use nephele_client::Method;
use serde_json::Value;

use super::command;
use crate::call::Call;
use crate::output;
use crate::table::Act::{Own, Send};
use crate::table::{Columns, Command, Outcome, Verb, send};

pub(super) static COMMANDS: &[Command] = &[
    command("activate", "--wait --timeout=int(0)", "Take no more work", Own(|call| Box::pin(activate(call)))),
    command(
        "deactivate",
        "",
        "Take work again",
        Send(send(Verb::Post, "maintenance/deactivate", "Maintenance mode is off")),
    ),
    command("status", "", "Tell whether the manager takes work", Own(|call| Box::pin(status(call)))),
];

async fn activate(call: &Call) -> Outcome {
    let seconds = call.integer("timeout").and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or_default();
    if seconds > 0 && !call.flag("wait") {
        bail!("--timeout goes with --wait only");
    }
    call.send(Method::POST, &["maintenance", "activate"], &Value::Null).await?;
    call.print.say("Entering maintenance mode; `maintenance-mode status` tells how far it is")?;
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while call.flag("wait") {
        if call.get(&["maintenance"], &[]).await?["status"] == "activated" {
            call.print.say("Maintenance mode is on: most requests are refused")?;
            break;
        }
        if seconds > 0 && Instant::now() > deadline {
            bail!("the manager is not in maintenance mode after {seconds} s; it goes on entering it");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(ExitCode::SUCCESS)
}

async fn status(call: &Call) -> Outcome {
    let found = call.get(&["maintenance"], &[]).await?;
    if call.print.is_data() && !call.settings.is_cfy {
        call.print.value(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    for (name, value) in found.as_object().into_iter().flatten() {
        if name != "remaining_executions" && !value.is_null() && *value != "" {
            call.print.say(format!("{name}: {}", output::text(value)))?;
        }
    }
    let remaining = found["remaining_executions"].as_array().cloned().unwrap_or_default();
    if !remaining.is_empty() {
        call.print.say(format!("It waits for {} executions to end", remaining.len()))?;
        if call.settings.verbosity > 0 {
            call.print.rows(&Columns::of(&["id", "deployment_id", "workflow_id", "status"]), remaining)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
