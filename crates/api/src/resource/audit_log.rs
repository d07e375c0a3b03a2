//! The audit log. Its errors have a shape of their own, `{"detail": ...}`, as ever
//! (spec rest-api.md section 2.14).

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use nephele_manager::audit_log::{Cut, Selection};
use nephele_model::Timestamp;
use serde_json::json;

use super::{nothing, ok};
use crate::App;
use crate::auth::Caller;
use crate::body::ListBody;
use crate::declared::Shape;
use crate::error::{Answer, Failure, json_response};
use crate::query::{FromQuery, Pairs, Query};

/// Entries of a page when the client does not say.
const PAGE: u64 = 100;

pub(crate) async fn list(State(app): State<App>, Query(Listing(wanted)): Query<Listing>) -> Answer {
    let (selection, cut) = match wanted {
        Ok(parameters) => parameters,
        Err(problem) => return Ok(refused(&problem)),
    };
    let (items, total) = match app.manager.list_audit_log(&selection, &cut).await {
        Err(error) if error.code().status() == 400 => return Ok(refused(error.message())),
        listed => listed?,
    };
    let size = if cut.size == 0 { total } else { cut.size };
    let pagination = json!({"offset": cut.offset, "size": size, "total": total});
    Ok(ok(&json!({"items": items, "metadata": {"pagination": pagination}})))
}

/// One entry and an empty line after the other, as long as the client listens.
pub(crate) async fn stream(State(app): State<App>, Query(Selected(wanted)): Query<Selected>) -> Answer {
    let selection = match wanted {
        Ok(selection) => selection,
        Err(problem) => return Ok(refused(&problem)),
    };
    let following = app.manager.follow_audit_log(selection).await?;
    let pieces = stream::unfold(following, |mut following| async move {
        let entries = match following.next().await? {
            Ok(entries) => entries,
            Err(error) => {
                tracing::error!(?error, "the audit log cannot be followed");
                return None;
            }
        };
        let mut text = String::new();
        for entry in &entries {
            text.push_str(&entry.to_string());
            text.push_str("\n\n");
        }
        Some((Ok::<_, std::convert::Infallible>(text), following))
    });
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

pub(crate) async fn inject(State(app): State<App>, ListBody(logs): ListBody) -> Answer {
    match app.manager.inject_audit_log(logs).await {
        Err(error) if error.code().status() == 400 => Ok(refused(error.message())),
        injected => injected.map(|()| nothing()).map_err(Failure::from),
    }
}

pub(crate) async fn truncate(
    State(app): State<App>,
    caller: Caller,
    Query(Selected(wanted)): Query<Selected>,
) -> Answer {
    let selection = match wanted {
        Ok(selection) if selection.before.is_some() => selection,
        Ok(_) => return Ok(refused("Mandatory parameter not provided: `before`")),
        Err(problem) => return Ok(refused(&problem)),
    };
    Ok(ok(&json!({"deleted": app.manager.truncate_audit_log(caller.ctx(), &selection).await?})))
}

fn refused(detail: &str) -> Response {
    json_response(StatusCode::UNPROCESSABLE_ENTITY, &json!({"detail": detail}))
}

/// Which entries, or why not.
pub(crate) struct Selected(Result<Selection, String>);

impl FromQuery for Selected {
    fn read(query: &Pairs) -> nephele_model::Result<Self> {
        Ok(Self(selection(query)))
    }
}

/// Which entries in which order, or why not.
pub(crate) struct Listing(Result<(Selection, Cut), String>);

impl FromQuery for Listing {
    fn read(query: &Pairs) -> nephele_model::Result<Self> {
        let (selection, cut) = (selection(query), cut(query));
        Ok(Self(selection.and_then(|selection| Ok((selection, cut?)))))
    }
}

fn selection(query: &Pairs) -> Result<Selection, String> {
    let text = |key: &str| query.filled(key).map(str::to_owned);
    let (creator_name, execution_id) = (text("creator_name"), text("execution_id"));
    let (since, before) = (instant(query, "since")?, instant(query, "before")?);
    if since.is_some() && before.is_some() {
        return Err("Both parameters cannot be used: `since` and `before`".to_owned());
    }
    Ok(Selection { creator_name, execution_id, since, before })
}

fn cut(query: &Pairs) -> Result<Cut, String> {
    let order_by = query.get_as("order_by", Shape::Fields).filter(|text| !text.is_empty());
    let order_by = order_by.map(|list| list.split(',').map(str::to_owned).collect()).unwrap_or_default();
    let (offset, size) = (number(query, "offset", 0), number(query, "size", PAGE));
    let descending = match query.get_as("desc", Shape::Switch).map(str::to_ascii_lowercase).as_deref() {
        None | Some("false" | "0" | "off" | "no" | "f" | "n") => false,
        Some("true" | "1" | "on" | "yes" | "t" | "y") => true,
        Some(other) => return Err(format!("desc: `{other}` is not a truth value")),
    };
    Ok(Cut { order_by, descending, offset: offset?, size: size? })
}

fn number(query: &Pairs, key: &str, default: u64) -> Result<u64, String> {
    let Some(text) = query.get_as(key, Shape::Count).filter(|text| !text.is_empty()) else { return Ok(default) };
    text.parse().map_err(|_| format!("{key}: `{text}` is not a number from 0"))
}

/// A date with or without time and zone, or seconds since 1970.
fn instant(query: &Pairs, key: &str) -> Result<Option<Timestamp>, String> {
    let Some(text) = query.get_as(key, Shape::Time).filter(|text| !text.is_empty()) else { return Ok(None) };
    let seconds = || text.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000_000));
    let read = Timestamp::parse(text).or_else(|| seconds().map(Timestamp::from_micros));
    // A plus sign that was not escaped arrives as a space.
    let read = read.or_else(|| Timestamp::parse(&text.replace(' ', "+")));
    read.map(Some).ok_or_else(|| format!("{key}: `{text}` is not an instant"))
}
