//! Carries out the commands that are data: lists (of any length, see `paging`), single things, changes.

use std::process::ExitCode;

use nephele_client::{Error, Request};
use serde_json::Value;

use crate::call::Call;
use crate::table::{Act, Outcome, Sending, Showing};
use crate::{fields, paging};

/// Does what the command's row of the table says.
pub(crate) async fn perform(act: &Act, call: &Call) -> Outcome {
    match act {
        Act::List(listing) => paging::show(listing, call).await,
        Act::Show(showing) => show(showing, call).await,
        Act::Send(sending) => send(sending, call).await,
        Act::Own(run) => run(call).await,
    }
}

async fn show(showing: &Showing, call: &Call) -> Outcome {
    let path = fields::path(call, showing.path);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let query = fields::query(call, showing.query)?;
    let asked = call.client()?.ask(&Request { query: &query, ..Request::get(&path) }).await;
    let Some(mut found) = forgive(call, showing.forgives, asked)? else { return Ok(ExitCode::SUCCESS) };
    (showing.shape)(call, &mut found);
    match &showing.columns {
        Some(columns) => call.print.row(columns, found)?,
        None => call.print.details(&found)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn send(sending: &Sending, call: &Call) -> Outcome {
    let path = fields::path(call, sending.path);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let query = fields::query(call, sending.query)?;
    let body = if sending.body.is_empty() { None } else { Some(fields::object(call, sending.body)?) };
    let request = Request { method: sending.verb.into(), path: &path, query: &query, body: body.as_ref() };
    let asked = call.client()?.ask(&request).await;
    if forgive(call, sending.forgives, asked)?.is_some() {
        call.print.say(fields::sentence(call, sending.said))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The original takes some refusals for no failure; we do so only when asked to be like it.
pub(crate) fn forgive(call: &Call, forgives: &[u16], asked: Result<Value, Error>) -> anyhow::Result<Option<Value>> {
    match asked {
        Err(error) if call.settings.is_strict && error.status().is_some_and(|status| forgives.contains(&status)) => {
            call.print.say(error.to_string())?;
            Ok(None)
        }
        other => Ok(Some(other?)),
    }
}
