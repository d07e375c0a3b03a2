//! Secrets.

use axum::extract::{Path, State};
use nephele_manager::{SecretValues, kind};
use nephele_model::Result;

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

fn values(body: &mut Arguments) -> Result<SecretValues> {
    Ok(SecretValues {
        value: body.take("value"),
        schema: body.object("schema")?,
        provider_name: body.text("provider_name")?,
        is_hidden_value: body.optional_flag("is_hidden_value")?,
        visibility: body.text("visibility")?,
    })
}
