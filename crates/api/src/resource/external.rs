//! Who vouches for users: this manager, a directory, an identity provider.

use axum::extract::State;
use nephele_manager::auth::directory_settings;
use nephele_model::Result;
use serde_json::{Map, Value};

use super::ok;
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;

pub(crate) async fn get(State(app): State<App>) -> Answer {
    Ok(ok(&app.manager.identity_provider().await?))
}

pub(crate) async fn ldap(State(app): State<App>) -> Answer {
    Ok(ok(&app.manager.ldap_status().await?))
}

pub(crate) async fn set_ldap(
    State(app): State<App>,
    caller: Caller,
    Body(Directory(settings)): Body<Directory>,
) -> Answer {
    Ok(ok(&app.manager.set_ldap(caller.ctx(), settings).await?))
}

/// How a directory is reached; the use case says what of it must be there.
pub(crate) struct Directory(Map<String, Value>);

impl FromBody for Directory {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self(body.keep(&directory_settings().collect::<Vec<_>>())))
    }
}
