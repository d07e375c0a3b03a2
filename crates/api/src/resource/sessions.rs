//! Sessions of the console: a token of limited time, in a cookie.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use nephele_model::Error;
use serde_json::json;

use super::{nothing, ok};
use crate::App;
use crate::auth::{Caller, session};
use crate::body::OptionalBody;
use crate::error::Answer;

/// A working day.
const LASTS: &str = "+12h";

pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    OptionalBody(()): OptionalBody<()>,
) -> Answer {
    let token = app.manager.create_token(caller.ctx(), Some("Console".to_owned()), Some(LASTS)).await?;
    let cookie = session::cookie(token["value"].as_str(), &headers).ok_or_else(unset)?;
    let mut answer = ok(&json!({"username": token["username"], "expires_at": token["expiration_date"]}));
    answer.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(answer)
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, headers: HeaderMap) -> Answer {
    let token = session::read(&headers);
    if let Some(id) = token.as_ref().and_then(|token| token.expose().split('-').nth(1)) {
        app.manager.delete_token(caller.ctx(), id).await?;
    }
    let mut answer = nothing();
    answer.headers_mut().insert(header::SET_COOKIE, session::cookie(None, &headers).ok_or_else(unset)?);
    Ok(answer)
}

fn unset() -> Error {
    Error::internal("a token that is no text of a header")
}
