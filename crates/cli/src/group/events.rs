//! `events ...`: what executions told.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::error::ErrorKind;
use nephele_client::{Method, Request};

use super::command;
use crate::call::Call;
use crate::follow::{self, Source, Watch};
use crate::output;
use crate::paging;
use crate::table::Act::Own;
use crate::table::{Command, Outcome};
use crate::times;

pub(super) static COMMANDS: &[Command] = &[
    command(
        "list",
        "[EXECUTION_ID] -e,--execution-id= -g,--execution-group= -d,--deployment-id= \
        -w,--with-worker-names/--without-worker-names WATCH --tail --follow --from= --to= --before= --node= --operation= PAGES",
        "List events and logs, the oldest first",
        Own(|call| Box::pin(list(call))),
    ),
    command(
        "delete",
        "DEPLOYMENT_ID --include-logs/--no-logs --from= --to= --before= --store-before -o,--output-path=",
        "Delete events and logs of a deployment",
        Own(|call| Box::pin(delete(call))),
    ),
];

/// The bounds of time as the manager takes them.
fn range(call: &Call) -> anyhow::Result<Option<String>> {
    let bound = |id: &str| call.text(id).map(times::bound).transpose();
    let (from, to) = (bound("from")?, bound("before")?.or(bound("to")?));
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    Ok(Some(format!("@timestamp,{},{}", from.unwrap_or_default(), to.unwrap_or_default())))
}

fn wrong_usage(text: &str) -> anyhow::Error {
    clap::Error::raw(ErrorKind::MissingRequiredArgument, format!("{text}\n")).into()
}

async fn list(call: &Call) -> Outcome {
    let execution = match (call.text("EXECUTION_ID"), call.text("execution-id")) {
        (Some(_), Some(_)) => return Err(wrong_usage("the execution is given twice")),
        (one, other) => one.or(other),
    };
    let (group, deployment) = (call.text("execution-group"), call.text("deployment-id"));
    let mut watch = Watch::of(call).without_timeout();
    watch.filter.extend(range(call)?.map(|range| ("_range", range)));
    watch.filter.extend(call.text("node").map(|node| ("node_id", node.to_owned())));
    watch.filter.extend(call.text("operation").map(|operation| ("operation", operation.to_owned())));
    let id = match (execution, group, deployment) {
        (Some(id), None, None) => {
            call.get(&["executions", id], &[("_include", "id")]).await.with_context(|| format!("execution {id}"))?;
            id
        }
        (None, Some(id), None) => {
            watch.source = Source::Group;
            call.get(&["execution-groups", id], &[]).await.with_context(|| format!("execution group {id}"))?;
            id
        }
        (None, None, Some(deployment)) => {
            watch.filter.push(("deployment_id", deployment.to_owned()));
            let filter: Vec<(&str, &str)> = watch.filter.iter().map(|(key, value)| (*key, value.as_str())).collect();
            follow::all(call, filter, &watch).await?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {
            return Err(wrong_usage(
                "of what? Give an execution, --execution-group or --deployment-id, and only one of them",
            ));
        }
    };
    if call.flag("tail") || call.flag("follow") {
        return follow::to_the_end(call, id, &watch).await;
    }
    let number = |id: &str| {
        let given = call.integer(id).and_then(|number| u64::try_from(number).ok());
        given.with_context(|| format!("--{id} is a number of events, 0 or more"))
    };
    let (offset, size) = (number("pagination-offset")?, number("pagination-size")?);
    let size = paging::wanted(call).unwrap_or(size);
    let (shown, total) = follow::some(call, id, &watch, offset, size).await?;
    call.print.say(format!("Showing {shown} of {total} events"))?;
    if !watch.has_debug && !call.flag("json-output") {
        call.print.say("Debug messages are shown with -vv")?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn delete(call: &Call) -> Outcome {
    let id = call.needed("DEPLOYMENT_ID");
    let has_logs = call.toggle("include-logs").unwrap_or(true);
    call.get(&["deployments", id], &[("_include", "id")]).await?;
    let mut query = vec![("deployment_id".to_owned(), id.to_owned()), ("type".to_owned(), "cloudify_event".to_owned())];
    if has_logs {
        query.push(("type".to_owned(), "cloudify_log".to_owned()));
    }
    query.extend(range(call)?.map(|range| ("_range".to_owned(), range)));
    match (call.flag("store-before"), call.text("output-path")) {
        (true, None) => query.push(("store_before".to_owned(), "true".to_owned())),
        (true, Some(file)) => keep(call, &query, file).await?,
        (false, Some(_)) => bail!("--output-path keeps events only with --store-before"),
        (false, None) => {}
    }
    let path = ["events"];
    let deleted =
        call.client()?.ask(&Request { method: Method::DELETE, path: &path, query: &query, body: None }).await?;
    match deleted["items"][0].as_u64() {
        None | Some(0) => call.print.say("There were no events to delete")?,
        Some(number) => call.print.say(format!("Deleted {number} events"))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the events into a file before they go.
async fn keep(call: &Call, query: &[(String, String)], file: &str) -> anyhow::Result<()> {
    let mut text = String::new();
    let mut offset = 0;
    loop {
        let from = offset.to_string();
        let mut query: Vec<(&str, &str)> = query.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        query.extend([("_offset", from.as_str()), ("_size", "1000"), ("_sort", "reported_timestamp")]);
        let page = call.client()?.events().list(&query).await?;
        for event in &page.items {
            text.push_str(&follow::describe(event, false));
            text.push('\n');
        }
        offset += page.items.len();
        if page.items.is_empty() || u64::try_from(offset)? >= page.total() {
            break;
        }
    }
    std::fs::write(file, text).with_context(|| format!("{file} cannot be written"))?;
    output::note(format!("The events are kept in {file}"))
}
