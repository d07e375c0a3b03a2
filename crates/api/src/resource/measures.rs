//! Health for whoever starts and balances managers, numbers for whoever watches them.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use nephele_model::Error;
use serde_json::json;

use super::ok;
use crate::App;
use crate::error::{Answer, json_response};

/// The process answers.
pub(crate) async fn alive() -> Response {
    ok(&json!({"status": "alive"}))
}

/// Whether requests may come here, else why not.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let reasons = app.manager.hindrances().await;
    let (status, word) =
        if reasons.is_empty() { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    json_response(status, &json!({"status": word, "reasons": reasons}))
}

pub(crate) async fn metrics(State(app): State<App>) -> Answer {
    let measures = app.manager.measures().await?;
    let text = app.requests.text(&measures).map_err(Error::internal)?;
    Ok(([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response())
}
