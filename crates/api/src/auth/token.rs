//! `Authentication-Token`, `Execution-Token` and `Authorization: Bearer`.

use axum::http::HeaderMap;
use nephele_model::Secret;

/// The token of an execution, named as such.
pub(super) fn execution(headers: &HeaderMap) -> Option<Secret> {
    secret(headers, "execution-token")
}

/// An API token; agents also put execution tokens here.
pub(super) fn authentication(headers: &HeaderMap) -> Option<Secret> {
    secret(headers, "authentication-token")
}

/// What an identity provider gave out.
pub(super) fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let text = headers.get(axum::http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| Secret::new(token.trim().to_owned()))
}

fn secret(headers: &HeaderMap, name: &str) -> Option<Secret> {
    let text = headers.get(name)?.to_str().ok()?;
    (!text.is_empty()).then(|| Secret::new(text.to_owned()))
}
