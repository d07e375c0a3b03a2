//! Follows an execution live: prints its events as they come, until it has ended.

use std::process::ExitCode;
use std::time::Duration;

use nephele_client::Client;
use nephele_model::execution::ExecutionStatus;
use serde_json::Value;

use crate::output;

const PAUSE: Duration = Duration::from_millis(200);
const PAGE: &str = "500";

/// The exit code of an execution that was cancelled.
const CANCELLED: u8 = 3;

/// How the events look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// A line of text each.
    Lines,
    /// A line of JSON each.
    Json,
}

/// Prints events until the execution ends, then says how it ended.
pub(crate) async fn execution(client: &Client, id: &str, look: Look) -> anyhow::Result<ExitCode> {
    let mut shown = 0;
    loop {
        let found = client.executions().get(id, &[("_include", "id,status,error,workflow_id")]).await?;
        let status = found["status"].as_str().and_then(ExecutionStatus::parse);
        // Asked after the status, so that an ended execution's last events are among them.
        shown += print(client, &[("execution_id", id)], shown, look).await?;
        match status {
            Some(ExecutionStatus::Terminated) => return Ok(ExitCode::SUCCESS),
            Some(ExecutionStatus::Cancelled) => {
                output::note(format!("Execution {id} was cancelled"))?;
                return Ok(ExitCode::from(CANCELLED));
            }
            Some(ExecutionStatus::Failed) => {
                output::note(format!("Execution {id} failed: {}", output::text(&found["error"])))?;
                return Ok(ExitCode::FAILURE);
            }
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Prints the events from `offset` on, oldest first, and gives their number.
pub(crate) async fn print(
    client: &Client,
    filter: &[(&str, &str)],
    offset: usize,
    look: Look,
) -> anyhow::Result<usize> {
    let mut printed = 0;
    loop {
        let offset = (offset + printed).to_string();
        let mut query = filter.to_vec();
        query.extend([("_offset", offset.as_str()), ("_size", PAGE), ("_sort", "reported_timestamp")]);
        let page = client.events().list(&query).await?.items;
        if page.is_empty() {
            return Ok(printed);
        }
        for event in page.iter().filter(|event| look == Look::Json || event["level"] != "debug") {
            match look {
                Look::Lines => output::line(describe(event))?,
                Look::Json => output::line(event.to_string())?,
            }
        }
        printed += page.len();
    }
}

fn describe(event: &Value) -> String {
    let time = output::text(&event["reported_timestamp"]).replace('T', " ").replace('Z', "");
    let kind =
        event["level"].as_str().map_or_else(|| "CFY".to_owned(), |level| format!("LOG {}", level.to_uppercase()));
    let operation = event["operation"].as_str().and_then(|operation| operation.rsplit('.').next());
    let place = match (event["node_instance_id"].as_str().or_else(|| event["source_id"].as_str()), operation) {
        (Some(instance), Some(operation)) => format!("[{instance}.{operation}] "),
        (Some(instance), None) => format!("[{instance}] "),
        (None, _) => String::new(),
    };
    format!("{time}  {kind} <{}> {place}{}", output::text(&event["deployment_id"]), output::text(&event["message"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_tells_when_where_and_what() {
        let event = json!({
            "reported_timestamp": "2026-01-02T03:04:05.678Z", "deployment_id": "shop", "level": "info",
            "node_instance_id": "web_1", "operation": "cloudify.interfaces.lifecycle.start", "message": "up",
        });
        assert_eq!(describe(&event), "2026-01-02 03:04:05.678  LOG INFO <shop> [web_1.start] up");
    }
}
