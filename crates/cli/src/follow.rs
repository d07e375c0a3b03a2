//! Follows an execution live: prints its events as they come, until it has ended.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

use nephele_client::Client;
use nephele_model::execution::ExecutionStatus;
use serde_json::Value;

use crate::output;

const PAUSE: Duration = Duration::from_millis(200);
const PAGE: usize = 500;

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
    let mut printer = Printer::new(client, vec![("execution_id", id)], look);
    loop {
        let found = client.executions().get(id, &[("_include", "id,status,error,workflow_id")]).await?;
        let status = found["status"].as_str().and_then(ExecutionStatus::parse);
        // Asked after the status, so that an ended execution's last events are among them.
        printer.print_new().await?;
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

/// Prints all events that match, oldest first.
pub(crate) async fn all(client: &Client, filter: Vec<(&str, &str)>, look: Look) -> anyhow::Result<()> {
    Printer::new(client, filter, look).print_new().await
}

/// Prints each event once, although new ones may sort before those that were seen: whoever reports
/// an event stamps it before it is stored.
struct Printer<'a> {
    client: &'a Client,
    filter: Vec<(&'a str, &'a str)>,
    look: Look,
    seen: HashSet<(String, i64)>,
}

impl<'a> Printer<'a> {
    fn new(client: &'a Client, filter: Vec<(&'a str, &'a str)>, look: Look) -> Self {
        Self { client, filter, look, seen: HashSet::new() }
    }

    /// Looks at the latest events, and at all of them only if some are missing then.
    async fn print_new(&mut self) -> anyhow::Result<()> {
        let total = self.print_from(self.seen.len().saturating_sub(PAGE)).await?;
        if total > self.seen.len() {
            self.print_from(0).await?;
        }
        Ok(())
    }

    /// Prints what is new from `offset` on, and gives the number of all events.
    async fn print_from(&mut self, mut offset: usize) -> anyhow::Result<usize> {
        let size = PAGE.to_string();
        loop {
            let from = offset.to_string();
            let mut query = self.filter.clone();
            query.extend([("_offset", from.as_str()), ("_size", size.as_str()), ("_sort", "reported_timestamp")]);
            let page = self.client.events().list(&query).await?;
            for event in &page.items {
                let number = event["_storage_id"].as_i64().unwrap_or_default();
                if self.seen.insert((output::text(&event["type"]), number)) {
                    self.look.print(event)?;
                }
            }
            if page.items.len() < PAGE {
                return Ok(usize::try_from(page.total())?);
            }
            offset += PAGE;
        }
    }
}

impl Look {
    fn print(self, event: &Value) -> anyhow::Result<()> {
        match self {
            Self::Lines if event["level"] == "debug" => Ok(()),
            Self::Lines => output::line(describe(event)),
            Self::Json => output::line(event.to_string()),
        }
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
