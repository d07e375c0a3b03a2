//! The page at `/console`: what this is, and where to go from here.
//!
//! Invariant: it loads nothing from anywhere and runs no script, which its policy states.

use axum::http::header;
use axum::response::{Html, IntoResponse, Redirect, Response};

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers `GET /console`.
pub(crate) async fn page() -> Response {
    let page = include_str!("console.html").replace("{{version}}", env!("CARGO_PKG_VERSION"));
    (
        [
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "same-origin"),
        ],
        Html(page),
    )
        .into_response()
}

/// Answers `GET /`.
pub(crate) async fn home() -> Redirect {
    Redirect::temporary("/console")
}
