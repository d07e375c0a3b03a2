//! Licences and the registration of the original's free edition.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::{nothing, ok};
use crate::App;
use crate::auth::Caller;
use crate::body::{Body, TextBody};
use crate::error::Answer;
use crate::query::Query;

/// Every edition is complete and free: there is nothing to check.
pub(crate) async fn check() -> Response {
    ok(&"OK")
}

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_licenses(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn put(State(app): State<App>, caller: Caller, TextBody(text): TextBody) -> Answer {
    Ok(ok(&app.manager.upload_license(caller.ctx(), &text).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    Ok(ok(&app.manager.register_customer(caller.ctx(), body.required_text("customer_id")?).await?))
}

pub(crate) async fn delete(State(app): State<App>) -> Answer {
    app.manager.remove_license().await?;
    Ok(nothing())
}

pub(crate) async fn register(State(app): State<App>, Body(mut body): Body) -> Answer {
    let (first, last) = (body.required_text("first_name")?, body.required_text("last_name")?);
    let email = body.required_text("email")?;
    body.text("phone")?;
    let customer_id = app.manager.register_contact(&first, &last, &email, body.flag("is_eula")?)?;
    Ok(ok(&json!({"customer_id": customer_id})))
}
