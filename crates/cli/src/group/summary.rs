//! `... summary FIELD [FIELD]`: how many there are of each kind.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::call::Call;
use crate::table::Outcome;

pub(super) const TAKES: &str = "TARGET_FIELD [SUB_FIELD] ALL_TENANTS";

/// Counts the things at `summary/<what>`; `counted` is the key of the numbers.
pub(super) async fn count(call: &Call, what: &str, counted: &str, group: Option<&str>) -> Outcome {
    let target = call.needed("TARGET_FIELD");
    count_by(call, what, counted, group, target, call.text("SUB_FIELD")).await
}

pub(super) async fn count_by(
    call: &Call,
    what: &str,
    counted: &str,
    group: Option<&str>,
    target: &str,
    sub: Option<&str>,
) -> Outcome {
    let mut query = vec![("_target_field", target)];
    query.extend(sub.map(|sub| ("_sub_field", sub)));
    query.extend(call.flag("all-tenants").then_some(("_all_tenants", "true")));
    query.extend(group.and_then(|key| Some((key, call.text("group-id")?))));
    let found = call.list(&["summary", what], &query).await?.items;
    let Some(sub) = sub else {
        call.print.rows_of(&[target, counted], &[], found)?;
        return Ok(ExitCode::SUCCESS);
    };
    let total = if call.print.is_data() { Value::Null } else { "TOTAL".into() };
    let mut rows = Vec::new();
    for one in found {
        for inner in one[&format!("by {sub}")].as_array().into_iter().flatten() {
            rows.push(json!({target: one[target], sub: inner[sub], counted: inner[counted]}));
        }
        rows.push(json!({target: one[target], sub: total, counted: one[counted]}));
    }
    call.print.rows_of(&[target, sub, counted], &[], rows)?;
    Ok(ExitCode::SUCCESS)
}
