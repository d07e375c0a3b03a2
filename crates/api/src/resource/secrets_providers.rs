//! Places where values of secrets are kept.

use axum::extract::{Path, State};
use nephele_manager::ProviderValues;
use nephele_model::Result;
use nephele_model::page::ListQuery;

use super::{nothing, ok};
use crate::App;
use crate::arguments::{Arguments, missing};
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list_providers(caller.ctx(), &list).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    Ok(ok(&app.manager.get_provider(caller.ctx(), &name).await?))
}

/// Makes one; or, with `test`, only tries whether it can be reached.
pub(crate) async fn put(State(app): State<App>, caller: Caller, Body(new): Body<New>) -> Answer {
    if new.only_test {
        app.manager.check_provider(caller.ctx(), &new.name, new.values).await?;
        return Ok(nothing());
    }
    Ok(ok(&app.manager.create_provider(caller.ctx(), &new.name, new.values).await?))
}

/// A provider to make, or only to try.
pub(crate) struct New {
    name: String,
    only_test: bool,
    values: ProviderValues,
}

impl FromBody for New {
    fn read(body: &mut Arguments) -> Result<Self> {
        let (only_test, name) = (body.flag("test")?, body.text("name")?);
        let values = ProviderValues::read(body)?;
        if name.is_none() && !only_test {
            return Err(missing("name"));
        }
        Ok(Self { name: name.unwrap_or_default(), only_test, values })
    }
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(values): Body<ProviderValues>,
) -> Answer {
    Ok(ok(&app.manager.update_provider(caller.ctx(), &name, values).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    app.manager.delete_provider(caller.ctx(), &name).await?;
    Ok(nothing())
}

impl FromBody for ProviderValues {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            kind: body.text("type")?,
            connection_parameters: body.object("connection_parameters")?,
            visibility: body.visibility()?,
            created_by: body.text("created_by")?,
            created_at: body.time("created_at")?,
        })
    }
}
