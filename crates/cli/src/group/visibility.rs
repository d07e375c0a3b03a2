//! `... set-visibility`, `... set-global`, `... set-owner`.

use std::process::ExitCode;

use anyhow::bail;
use nephele_client::{Method, Request};
use serde_json::json;

use crate::act::forgive;
use crate::call::Call;
use crate::output;
use crate::table::Outcome;

/// What the original takes for no failure.
const FORGIVEN: &[u16] = &[400, 403, 404];

/// Makes one thing seen by more.
pub(super) async fn set(call: &Call, path: &str, id: &str, visibility: &str) -> Outcome {
    if !matches!(visibility, "tenant" | "global") {
        bail!("`{visibility}` is no visibility that can be set; it can be tenant or global");
    }
    let body = json!({"visibility": visibility});
    let path = [path, id, "set-visibility"];
    let request = Request { method: Method::PATCH, path: &path, query: &[], body: Some(&body) };
    if forgive(call, FORGIVEN, call.client()?.ask(&request).await)?.is_some() {
        call.print.say(format!("{id} is set to {visibility}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Gives one thing to another user.
pub(super) async fn give(call: &Call, path: &str, id: &str) -> Outcome {
    let owner = json!({"creator": call.needed("username")});
    let changed = call.send(Method::PATCH, &[path, id], &owner).await?;
    call.print.say(format!("{id} belongs to {} now", output::text(&changed["created_by"])))?;
    Ok(ExitCode::SUCCESS)
}
