//! `blueprints filters ...` and `deployments filters ...`: stored rules.

use std::process::ExitCode;

use nephele_client::Method;
use serde_json::{Map, Value};

use super::command;
use crate::act::forgive;
use crate::call::Call;
use crate::rules;
use crate::table::Act::{List, Own, Send, Show};
use crate::table::{Columns, Command, Outcome, Verb, details, list, send};

const COLUMNS: Columns = Columns::of(&[
    "id",
    "labels_filter_rules",
    "attrs_filter_rules",
    "created_at",
    "updated_at",
    "visibility",
    "tenant_name",
    "created_by",
]);
const CREATE: &str = "FILTER_ID RULES VISIBILITY";
const UPDATE: &str = "FILTER_ID RULES -l,--visibility=";
const LIST: &str = "SORT(id) ALL_TENANTS SEARCH PAGES";

pub(super) static OF_BLUEPRINTS: &[Command] = &[
    command("filters create", CREATE, "Store a filter", Own(|call| Box::pin(store(call, Method::PUT, "blueprints")))),
    command(
        "filters delete",
        "FILTER_ID",
        "Delete a filter",
        Send(send(Verb::Delete, "filters/blueprints/{FILTER_ID}", "Filter {FILTER_ID} is deleted").forgives(&[404])),
    ),
    command(
        "filters get",
        "FILTER_ID",
        "Show a filter",
        Show(details("filters/blueprints/{FILTER_ID}").shape(rules::in_details).forgives(&[404])),
    ),
    command(
        "filters list",
        LIST,
        "List filters",
        List(list("filters/blueprints", "filters", COLUMNS).shape(rules::in_row)),
    ),
    command(
        "filters update",
        UPDATE,
        "Change a filter",
        Own(|call| Box::pin(store(call, Method::PATCH, "blueprints"))),
    ),
];

pub(super) static OF_DEPLOYMENTS: &[Command] = &[
    command("filters create", CREATE, "Store a filter", Own(|call| Box::pin(store(call, Method::PUT, "deployments")))),
    command(
        "filters delete",
        "FILTER_ID",
        "Delete a filter",
        Send(send(Verb::Delete, "filters/deployments/{FILTER_ID}", "Filter {FILTER_ID} is deleted").forgives(&[404])),
    ),
    command(
        "filters get",
        "FILTER_ID",
        "Show a filter",
        Show(details("filters/deployments/{FILTER_ID}").shape(rules::in_details).forgives(&[404])),
    ),
    command(
        "filters list",
        LIST,
        "List filters",
        List(list("filters/deployments", "filters", COLUMNS).shape(rules::in_row)),
    ),
    command(
        "filters update",
        UPDATE,
        "Change a filter",
        Own(|call| Box::pin(store(call, Method::PATCH, "deployments"))),
    ),
];

async fn store(call: &Call, method: Method, of: &str) -> Outcome {
    let id = call.needed("FILTER_ID");
    let rules = rules::of(call)?;
    let mut body = Map::new();
    if method == Method::PUT || !rules.is_empty() {
        body.insert("filter_rules".to_owned(), rules.into());
    }
    if let Some(visibility) = call.text("visibility") {
        body.insert("visibility".to_owned(), visibility.into());
    }
    if body.is_empty() {
        anyhow::bail!("nothing to change: give rules with -lr or -ar, or --visibility");
    }
    let (body, path) = (Value::Object(body), ["filters", of, id]);
    let forgives: &[u16] = if method == Method::PATCH { &[404] } else { &[] };
    let said = if method == Method::PATCH { "updated" } else { "created" };
    let request = nephele_client::Request { method, path: &path, query: &[], body: Some(&body) };
    if forgive(call, forgives, call.client()?.ask(&request).await)?.is_some() {
        call.print.say(format!("Filter {id} is {said}"))?;
    }
    Ok(ExitCode::SUCCESS)
}
