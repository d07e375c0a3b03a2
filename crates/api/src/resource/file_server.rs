//! What a proxy in front of the file server asks.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use nephele_model::Secret;
use serde_json::json;

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::error::Answer;

/// May whoever shows this cookie look at the monitoring? The only place where a cookie logs in: it
/// reads, and changes nothing.
pub(crate) async fn monitoring(State(app): State<App>, headers: HeaderMap) -> Answer {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let token = pairs.find(|(name, _)| *name == "XSRF-TOKEN").map(|(_, token)| Secret::new(token.to_owned()));
    app.manager.monitoring_auth(token.as_ref()).await?;
    Ok(ok(&""))
}

pub(crate) async fn auth(State(app): State<App>, caller: Caller, headers: HeaderMap) -> Answer {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (uri, method) = (text("x-original-uri"), text("x-original-method"));
    app.manager.file_server_auth(caller.ctx(), &uri, &method).await?;
    Ok(ok(&json!({"resource_id": null})))
}
