//! Follows an execution live: prints its events as they come, until it has ended.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nephele_client::Client;
use nephele_model::execution::ExecutionStatus;
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::output;
use crate::paging;
use crate::progress::Progress;
use crate::table::Outcome;

const PAUSE: Duration = Duration::from_millis(200);
const PAGE: usize = 500;

/// The exit code of an execution that was cancelled.
const CANCELLED: u8 = 3;

/// The exit code after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// Which of the two can be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Execution,
    Group,
}

/// How to follow.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) source: Source,
    pub(crate) look: Look,
    pub(crate) has_logs: bool,
    pub(crate) has_debug: bool,
    pub(crate) has_workers: bool,
    pub(crate) timeout: Option<Duration>,
    /// More conditions for the events.
    pub(crate) filter: Vec<(&'static str, String)>,
}

/// How the events look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// A line of text each.
    Lines,
    /// A line of JSON each, as the original prints it.
    Json,
    /// Not at all.
    Silent,
}

impl Watch {
    /// As the options of the command say.
    pub(crate) fn of(call: &Call) -> Self {
        let seconds = call.integer("timeout").and_then(|seconds| u64::try_from(seconds).ok());
        Self {
            source: Source::Execution,
            look: if call.flag("json-output") || call.print.is_data() { Look::Json } else { Look::Lines },
            has_logs: call.toggle("include-logs").unwrap_or(true),
            has_debug: call.settings.verbosity > 1,
            has_workers: call.toggle("with-worker-names").unwrap_or_default(),
            timeout: seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs),
            filter: Vec::new(),
        }
    }

    pub(crate) fn without_timeout(self) -> Self {
        Self { timeout: None, ..self }
    }

    fn filter<'a>(&'a self, id: &'a str) -> Vec<(&'a str, &'a str)> {
        let key = if self.source == Source::Group { "execution_group_id" } else { "execution_id" };
        let mut filter: Vec<(&str, &str)> = if id.is_empty() { Vec::new() } else { vec![(key, id)] };
        filter.push(("type", "cloudify_event"));
        filter.extend(self.has_logs.then_some(("type", "cloudify_log")));
        filter.extend(self.filter.iter().map(|(key, value)| (*key, value.as_str())));
        filter
    }
}

/// How following ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With this execution or group.
    With(Value),
    /// Time was up before.
    TimeUp,
    /// Whoever watched had enough.
    Left,
}

/// Prints events until the execution or group has ended.
pub(crate) async fn until_end(call: &Call, id: &str, watch: &Watch) -> anyhow::Result<Ended> {
    let client = call.client()?;
    let path = if watch.source == Source::Group { "execution-groups" } else { "executions" };
    let deadline = watch.timeout.map(|timeout| Instant::now() + timeout);
    let progress = Progress::start(call, watch, id);
    let mut printer = Printer { client: &client, filter: watch.filter(id), watch, seen: HashSet::new(), progress };
    loop {
        let found = call.get(&[path, id], &[]).await?;
        let status = found["status"].as_str().and_then(ExecutionStatus::parse);
        // Asked after the status, so that an ended execution's last events are among them.
        printer.print_new().await?;
        if matches!(status, Some(ExecutionStatus::Terminated | ExecutionStatus::Cancelled | ExecutionStatus::Failed)) {
            printer.progress.finish();
            return Ok(Ended::With(found));
        }
        printer.progress.look(call, &found).await;
        if deadline.is_some_and(|deadline| Instant::now() > deadline) {
            printer.progress.finish();
            return Ok(Ended::TimeUp);
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = tokio::signal::ctrl_c() => {
                printer.progress.finish();
                return Ok(Ended::Left);
            }
        }
    }
}

/// Follows, says how it ended, and gives the exit code.
pub(crate) async fn to_the_end(call: &Call, id: &str, watch: &Watch) -> Outcome {
    match until_end(call, id, watch).await? {
        Ended::With(execution) => conclude(call, &execution),
        other => not_to_the_end(call, id, watch, &other),
    }
}

/// Says that an execution or a group goes on that is not followed any more.
pub(crate) fn not_to_the_end(call: &Call, id: &str, watch: &Watch, ended: &Ended) -> Outcome {
    if matches!(ended, Ended::Left) {
        let program = crate::connection::program(&call.settings);
        output::note(format!(
            "Execution {id} goes on: `{program} executions follow {id}` shows it, `{program} executions cancel {id}` stops it"
        ))?;
        return Ok(ExitCode::from(INTERRUPTED));
    }
    say_time_is_up(call, id, watch)?;
    Ok(ExitCode::FAILURE)
}

fn say_time_is_up(call: &Call, id: &str, watch: &Watch) -> anyhow::Result<()> {
    let seconds = watch.timeout.unwrap_or_default().as_secs();
    let program = crate::connection::program(&call.settings);
    complain(
        call,
        &format!(
            "Execution {id} has not ended within {seconds} s; it goes on. `{program} executions get {id}` shows where it is, \
         `{program} executions cancel {id}` stops it"
        ),
    )
}

/// Says how an execution ended; the exit code tells it as well.
pub(crate) fn conclude(call: &Call, execution: &Value) -> Outcome {
    let id = output::text(&execution["id"]);
    let status = execution["status"].as_str().and_then(ExecutionStatus::parse);
    let error = output::text(&execution["error"]);
    let program = crate::connection::program(&call.settings);
    match status {
        Some(ExecutionStatus::Cancelled) => {
            complain(call, &format!("Execution {id} was cancelled"))?;
            // The original takes it for a success unless there is an error.
            let is_fine = call.settings.is_strict && error.is_empty();
            let code = if call.settings.is_strict { ExitCode::FAILURE } else { ExitCode::from(CANCELLED) };
            Ok(if is_fine { ExitCode::SUCCESS } else { code })
        }
        Some(ExecutionStatus::Failed) => {
            complain(call, &format!("Execution {id} failed: {error}"))?;
            complain(call, &format!("`{program} executions why {id}` says what can be done"))?;
            Ok(ExitCode::FAILURE)
        }
        _ => {
            let workflow = output::text(&execution["workflow_id"]);
            let on = execution["deployment_id"].as_str().map(|id| format!(" on deployment {id}")).unwrap_or_default();
            call.print.say(format!("{workflow}{on} succeeded (execution {id})"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What went wrong is said in any format.
pub(crate) fn complain(call: &Call, text: &str) -> anyhow::Result<()> {
    if call.settings.is_cfy && !call.print.is_data() { output::line(text) } else { output::note(text) }
}

/// Prints all events that match, oldest first.
pub(crate) async fn all(call: &Call, filter: Vec<(&str, &str)>, watch: &Watch) -> anyhow::Result<()> {
    let client = call.client()?;
    let mut printer = Printer { client: &client, filter, watch, seen: HashSet::new(), progress: Progress::none() };
    printer.print_new().await
}

/// Prints events from `offset` on, so many at most, as they come; gives their number and that of all.
pub(crate) async fn some(call: &Call, id: &str, watch: &Watch, offset: u64, size: u64) -> anyhow::Result<(u64, u64)> {
    let client = call.client()?;
    let mut seen = 0;
    loop {
        let asked = paging::PAGE.min(size.saturating_sub(seen));
        let (from, number) = ((offset + seen).to_string(), asked.to_string());
        let mut query = watch.filter(id);
        query.extend([("_offset", from.as_str()), ("_size", number.as_str()), ("_sort", "reported_timestamp")]);
        let page = client.events().list(&query).await?;
        for event in &page.items {
            watch.print(event)?;
        }
        let came = u64::try_from(page.items.len())?;
        seen += came;
        if came < asked || seen >= size {
            return Ok((seen, page.total()));
        }
    }
}

/// Prints each event once, although new ones may sort before those that were seen: whoever reports
/// an event stamps it before it is stored.
struct Printer<'a> {
    client: &'a Client,
    filter: Vec<(&'a str, &'a str)>,
    watch: &'a Watch,
    seen: HashSet<(String, i64)>,
    progress: Progress,
}

impl Printer<'_> {
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
                    self.progress.aside(|| self.watch.print(event))?;
                }
            }
            if page.items.len() < PAGE {
                return Ok(usize::try_from(page.total())?);
            }
            offset += PAGE;
        }
    }
}

impl Watch {
    pub(crate) fn print(&self, event: &Value) -> anyhow::Result<()> {
        match self.look {
            Look::Lines if event["level"] == "debug" && !self.has_debug => Ok(()),
            Look::Lines => output::line(describe(event, self.has_workers)),
            Look::Json => output::line(nested(event).to_string()),
            Look::Silent => Ok(()),
        }
    }
}

/// One line for people; causes of failed tasks stand below it.
pub(crate) fn describe(event: &Value, has_workers: bool) -> String {
    let time = output::text(&event["reported_timestamp"]).replace('T', " ").replace('Z', "");
    let kind =
        event["level"].as_str().map_or_else(|| "CFY".to_owned(), |level| format!("LOG {}", level.to_uppercase()));
    let operation = event["operation"].as_str().and_then(|operation| operation.rsplit('.').next());
    let place = match (event["node_instance_id"].as_str().or_else(|| event["source_id"].as_str()), operation) {
        (Some(instance), Some(operation)) => format!("[{instance}.{operation}] "),
        (Some(instance), None) => format!("[{instance}] "),
        (None, _) => String::new(),
    };
    let worker = ["manager_name", "agent_name"].iter().find_map(|key| event[*key].as_str());
    let worker = worker.filter(|_| has_workers).map(|name| format!("{{{name}}} ")).unwrap_or_default();
    let mut line = format!(
        "{time}  {kind} <{}> {worker}{place}{}",
        output::text(&event["deployment_id"]),
        output::text(&event["message"])
    );
    for cause in event["error_causes"].as_array().into_iter().flatten() {
        let traceback = output::text(&cause["traceback"]);
        if !traceback.trim().is_empty() {
            line.push('\n');
            line.push_str(traceback.trim_end());
        }
    }
    line
}

/// An event as the original prints it: where it came from in an object of its own, and so the message.
fn nested(event: &Value) -> Value {
    let mut made = event.as_object().cloned().unwrap_or_default();
    let mut context = Map::new();
    for key in ["deployment_id", "execution_id", "node_name", "operation", "workflow_id"] {
        context.insert(key.to_owned(), made.shift_remove(key).unwrap_or_default());
    }
    context.insert("node_id".to_owned(), made.shift_remove("node_instance_id").unwrap_or_default());
    for key in ["source_id", "target_id"] {
        if let Some(value) = made.get(key) {
            context.insert(key.to_owned(), value.clone());
        }
    }
    context.insert("task_error_causes".to_owned(), made.shift_remove("error_causes").unwrap_or_default());
    let text = made.shift_remove("message").unwrap_or_default();
    made.insert("context".to_owned(), Value::Object(context));
    made.insert("message".to_owned(), json!({"arguments": null, "text": text}));
    Value::Object(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_when_where_and_what() {
        let event = json!({
            "reported_timestamp": "2026-01-02T03:04:05.678Z", "deployment_id": "shop", "level": "info",
            "node_instance_id": "web_1", "operation": "cloudify.interfaces.lifecycle.start", "message": "up",
        });
        assert_eq!(describe(&event, false), "2026-01-02 03:04:05.678  LOG INFO <shop> [web_1.start] up");
        assert_eq!(nested(&event)["context"]["node_id"], "web_1");
        assert_eq!(nested(&event)["message"], json!({"arguments": null, "text": "up"}));
    }
}
