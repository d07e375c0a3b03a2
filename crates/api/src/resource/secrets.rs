//! Secrets.

use axum::extract::{Path, State};
use nephele_manager::{SecretExport, SecretImport, SecretValues, kind};
use nephele_model::{Code, Error, Result};

use super::{nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list(caller.ctx(), &kind::SECRETS, &query.list(&[])?).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(key): Path<String>, query: Query) -> Answer {
    Ok(ok(&app.manager.get_secret(caller.ctx(), &key, query.flag("_skip_value")?).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let update_if_exists = body.flag("update_if_exists")?;
    Ok(ok(&app.manager.put_secret(caller.ctx(), &key, values(&mut body)?, update_if_exists).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    Body(mut body): Body,
) -> Answer {
    if body.0.is_empty() {
        let message = "Update a secret request must include at least one parameter to update";
        return Err(Error::new(Code::IllegalAction, message).into());
    }
    Ok(ok(&app.manager.update_secret(caller.ctx(), &key, values(&mut body)?).await?))
}

pub(crate) async fn set_visibility(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let visibility = Some(body.required_text("visibility")?);
    let values = SecretValues { visibility, ..SecretValues::default() };
    Ok(ok(&app.manager.update_secret(caller.ctx(), &key, values).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(key): Path<String>) -> Answer {
    app.manager.delete_secret(caller.ctx(), &key).await?;
    Ok(nothing())
}

pub(crate) async fn export(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let how = SecretExport {
        passphrase: query.get("_passphrase").filter(|text| !text.is_empty()).map(str::to_owned),
        include_metadata: query.present("_include_metadata"),
    };
    Ok(ok(&app.manager.export_secrets(caller.ctx(), &query.list(&[])?, how).await?))
}

pub(crate) async fn import(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let missing = |key: &str| Error::bad_parameters(format!("Missing {key} in json request body"));
    let import = SecretImport {
        secrets: body.list("secrets_list")?.ok_or_else(|| missing("secrets_list"))?,
        override_collisions: body.required_flag("override_collisions")?,
        tenant_map: body.object("tenant_map")?.unwrap_or_default(),
        passphrase: body.text("passphrase")?.filter(|text| !text.is_empty()),
    };
    Ok(ok(&app.manager.import_secrets(caller.ctx(), import).await?))
}

fn values(body: &mut Arguments) -> Result<SecretValues> {
    Ok(SecretValues {
        value: body.take("value"),
        schema: body.object("schema")?,
        provider_name: body.text("provider_name")?,
        provider_options: body.object("provider_options")?,
        creator: body.text("creator")?,
        is_hidden_value: body.optional_flag("is_hidden_value")?,
        visibility: body.text("visibility")?,
    })
}
