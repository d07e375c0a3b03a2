//! `auditlog ...`.

use std::process::ExitCode;

use nephele_client::{Method, Request};
use serde_json::Value;

use super::command;
use crate::call::Call;
use crate::paging::{self, Asked};
use crate::table::Act::Own;
use crate::table::{self, Columns, Command, Outcome};
use crate::{output, times};

const SHOWN: Columns = Columns::of(&["operation", "ref_object", "creator_name", "execution_id", "created_at"]);
const FOR_PROGRAMS: Columns = Columns::of(&[
    "id",
    "ref_table",
    "ref_id",
    "ref_identifier",
    "operation",
    "creator_name",
    "execution_id",
    "created_at",
]);

pub(super) static COMMANDS: &[Command] = &[
    command(
        "list",
        "-c,--creator-name= -e,--execution-id= -i,--since= -f,--follow --timeout=int(300) SORT(created_at) PAGES",
        "List who did what",
        Own(|call| Box::pin(list(call))),
    ),
    command(
        "truncate",
        "-b,--before=! -c,--creator-name= -e,--execution-id=",
        "Forget what was long ago",
        Own(|call| Box::pin(truncate(call))),
    ),
];

fn who(call: &Call) -> Vec<(String, String)> {
    let mut query = Vec::new();
    for (id, key) in [("creator-name", "creator_name"), ("execution-id", "execution_id")] {
        query.extend(call.text(id).map(|value| (key.to_owned(), value.to_owned())));
    }
    query
}

async fn list(call: &Call) -> Outcome {
    let mut query = who(call);
    if let Some(since) = call.text("since") {
        query.push(("since".to_owned(), times::audited(since)?));
    }
    if call.flag("follow") {
        return follow(call, &query).await;
    }
    for (id, key) in [("pagination-offset", "offset"), ("pagination-size", "size"), ("sort-by", "order_by")] {
        query.extend(call.text(id).map(|value| (key.to_owned(), value.to_owned())));
    }
    query.push(("desc".to_owned(), call.flag("descending").to_string()));
    let columns = if call.print.is_data() { FOR_PROGRAMS } else { SHOWN };
    let keys = call.print.keys(&columns);
    let asked = Asked::under("audit", query, ["offset", "size"]);
    let listing = table::list("audit", "audit log entries", columns);
    paging::show_asked(asked, &listing, call, &keys, |entry| Some(named(&entry))).await
}

/// An entry with a name for what it is about.
fn named(entry: &Value) -> Value {
    let mut entry = entry.clone();
    let table = output::text(&entry["ref_table"]);
    let of = &entry["ref_identifier"];
    if of.is_object() {
        let tenant = of["tenant_name"].as_str().map(|tenant| format!("{tenant}:")).unwrap_or_default();
        let keys = ["storage_id", "username", "manager_id", "id"];
        let name = keys.iter().find(|key| !of[**key].is_null()).map(|key| output::text(&of[*key]));
        entry["ref_object"] = match name {
            Some(name) => format!("{tenant}{table}:{name}").into(),
            None => format!("{table}:{}", output::text(&entry["ref_id"])).into(),
        };
    }
    entry
}

async fn follow(call: &Call, query: &[(String, String)]) -> Outcome {
    let client = call.client()?;
    let is_data = call.print.is_data();
    let seconds = u64::try_from(call.integer("timeout").unwrap_or(300)).unwrap_or_default();
    let path = ["audit", "stream"];
    let request = Request { query, ..Request::get(&path) };
    let mut failed = None;
    let stream = client.lines(&request, |line| {
        let Ok(entry) = serde_json::from_str::<Value>(line) else { return true };
        let printed = if is_data { output::line(line) } else { output::line(described(&entry)) };
        failed = printed.err();
        failed.is_none()
    });
    // Time being up is how it ends when nobody stops it.
    if let Ok(ended) = tokio::time::timeout(std::time::Duration::from_secs(seconds), stream).await {
        ended?;
    }
    failed.map_or(Ok(ExitCode::SUCCESS), Err)
}

fn described(entry: &Value) -> String {
    let text = |key: &str| output::text(&entry[key]);
    let who = entry["creator_name"].as_str().map(|name| format!(" user {name}")).unwrap_or_default();
    let run = entry["execution_id"].as_str().map(|id| format!(" execution {id}")).unwrap_or_default();
    format!("[{}]{who}{run} {}d {} {}", text("created_at"), text("operation"), text("ref_table"), text("ref_id"))
}

async fn truncate(call: &Call) -> Outcome {
    let mut query = who(call);
    query.push(("before".to_owned(), times::audited(call.needed("before"))?));
    let request = Request { method: Method::DELETE, path: &["audit"], query: &query, body: None };
    let answer = call.client()?.ask(&request).await?;
    call.print.say(format!("{} entries are forgotten", output::text(&answer["deleted"])))?;
    Ok(ExitCode::SUCCESS)
}
