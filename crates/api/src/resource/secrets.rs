//! Secrets.

use axum::extract::{Path, State};
use nephele_manager::{SecretExport, SecretImport, SecretValues, kind};
use nephele_model::Result;
use nephele_model::page::ListQuery;

use super::{Seen, nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;
use crate::query::{FromQuery, Pairs, Query};

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list(caller.ctx(), &kind::SECRETS, &list).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    Query(SkipValue(skip)): Query<SkipValue>,
) -> Answer {
    Ok(ok(&app.manager.get_secret(caller.ctx(), &key, skip).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    Body(new): Body<New>,
) -> Answer {
    Ok(ok(&app.manager.put_secret(caller.ctx(), &key, new.values, new.update_if_exists).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    Body(Changed(values)): Body<Changed>,
) -> Answer {
    Ok(ok(&app.manager.update_secret(caller.ctx(), &key, values).await?))
}

pub(crate) async fn set_visibility(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    Body(Seen(wanted)): Body<Seen>,
) -> Answer {
    let values = SecretValues { visibility: Some(wanted), ..SecretValues::default() };
    Ok(ok(&app.manager.update_secret(caller.ctx(), &key, values).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(key): Path<String>) -> Answer {
    app.manager.delete_secret(caller.ctx(), &key).await?;
    Ok(nothing())
}

pub(crate) async fn export(
    State(app): State<App>,
    caller: Caller,
    Query((list, how)): Query<(ListQuery, SecretExport)>,
) -> Answer {
    Ok(ok(&app.manager.export_secrets(caller.ctx(), &list, how).await?))
}

pub(crate) async fn import(State(app): State<App>, caller: Caller, Body(import): Body<SecretImport>) -> Answer {
    Ok(ok(&app.manager.import_secrets(caller.ctx(), import).await?))
}

/// Whether the value is left out.
pub(crate) struct SkipValue(bool);

impl FromQuery for SkipValue {
    fn read(query: &Pairs) -> Result<Self> {
        query.flag("_skip_value").map(Self)
    }
}

/// A secret to make, or to change if it is there.
pub(crate) struct New {
    values: SecretValues,
    update_if_exists: bool,
}

impl FromBody for New {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self { update_if_exists: body.flag("update_if_exists")?, values: values(body)? })
    }
}

/// What of a secret is to change.
pub(crate) struct Changed(SecretValues);

impl FromBody for Changed {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.demand_something("Update a secret request must include at least one parameter to update")?;
        values(body).map(Self)
    }
}

impl FromQuery for SecretExport {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self {
            passphrase: query.filled("_passphrase").map(str::to_owned),
            include_metadata: query.present("_include_metadata"),
        })
    }
}

impl FromBody for SecretImport {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            secrets: body.required_list("secrets_list")?,
            override_collisions: body.required_flag("override_collisions")?,
            tenant_map: body.object("tenant_map")?.unwrap_or_default(),
            passphrase: body.filled("passphrase")?,
        })
    }
}

fn values(body: &mut Arguments) -> Result<SecretValues> {
    Ok(SecretValues {
        value: body.take("value"),
        schema: body.object("schema")?,
        provider_name: body.text("provider_name")?,
        provider_options: body.object("provider_options")?,
        creator: body.text("creator")?,
        is_hidden_value: body.optional_flag("is_hidden_value")?,
        visibility: body.visibility()?,
    })
}
