//! `Authentication-Token` and `Execution-Token`.

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

fn secret(headers: &HeaderMap, name: &str) -> Option<Secret> {
    let text = headers.get(name)?.to_str().ok()?;
    (!text.is_empty()).then(|| Secret::new(text.to_owned()))
}
