//! Who vouches for users: this manager, a directory, an identity provider.

use axum::extract::State;

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;

pub(crate) async fn get(State(app): State<App>) -> Answer {
    Ok(ok(&app.manager.identity_provider().await?))
}

pub(crate) async fn ldap(State(app): State<App>) -> Answer {
    Ok(ok(&app.manager.ldap_status().await?))
}

pub(crate) async fn set_ldap(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    Ok(ok(&app.manager.set_ldap(caller.ctx(), body.0).await?))
}
