//! Licences and the registration of the original's free edition.

use axum::extract::State;
use axum::response::Response;
use nephele_model::Result;
use nephele_model::page::ListQuery;
use serde_json::json;

use super::{nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody, TextBody};
use crate::error::Answer;
use crate::query::Query;

/// Every edition is complete and free: there is nothing to check.
pub(crate) async fn check() -> Response {
    ok(&"OK")
}

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list_licenses(caller.ctx(), &list).await?))
}

pub(crate) async fn put(State(app): State<App>, caller: Caller, TextBody(text): TextBody) -> Answer {
    Ok(ok(&app.manager.upload_license(caller.ctx(), &text).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(Customer(id)): Body<Customer>) -> Answer {
    Ok(ok(&app.manager.register_customer(caller.ctx(), id).await?))
}

pub(crate) async fn delete(State(app): State<App>) -> Answer {
    app.manager.remove_license().await?;
    Ok(nothing())
}

pub(crate) async fn register(State(app): State<App>, Body(contact): Body<Contact>) -> Answer {
    let Contact { first, last, email, agreed } = contact;
    Ok(ok(&json!({"customer_id": app.manager.register_contact(&first, &last, &email, agreed)?})))
}

/// Who was registered.
pub(crate) struct Customer(String);

impl FromBody for Customer {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.required_text("customer_id").map(Self)
    }
}

/// Who registers.
pub(crate) struct Contact {
    first: String,
    last: String,
    email: String,
    agreed: bool,
}

impl FromBody for Contact {
    fn read(body: &mut Arguments) -> Result<Self> {
        let (first, last) = (body.required_text("first_name")?, body.required_text("last_name")?);
        let email = body.required_text("email")?;
        body.text("phone")?;
        Ok(Self { first, last, email, agreed: body.flag("is_eula")? })
    }
}
