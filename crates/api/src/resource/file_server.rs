//! What a proxy in front of the file server asks.

use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::json;

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::error::Answer;

pub(crate) async fn auth(State(app): State<App>, caller: Caller, headers: HeaderMap) -> Answer {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (uri, method) = (text("x-original-uri"), text("x-original-method"));
    app.manager.file_server_auth(caller.ctx(), &uri, &method).await?;
    Ok(ok(&json!({"resource_id": null})))
}
