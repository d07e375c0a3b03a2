//! Places where values of secrets are kept.

use axum::extract::{Path, State};
use nephele_manager::ProviderValues;
use nephele_model::Result;

use super::{nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_providers(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    Ok(ok(&app.manager.get_provider(caller.ctx(), &name).await?))
}

/// Makes one; or, with `test`, only tries whether it can be reached.
pub(crate) async fn put(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    if body.flag("test")? {
        let name = body.text("name")?.unwrap_or_default();
        app.manager.check_provider(caller.ctx(), &name, values(&mut body)?).await?;
        return Ok(nothing());
    }
    let name = body.required_text("name")?;
    Ok(ok(&app.manager.create_provider(caller.ctx(), &name, values(&mut body)?).await?))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(mut body): Body,
) -> Answer {
    Ok(ok(&app.manager.update_provider(caller.ctx(), &name, values(&mut body)?).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    app.manager.delete_provider(caller.ctx(), &name).await?;
    Ok(nothing())
}

fn values(body: &mut Arguments) -> Result<ProviderValues> {
    Ok(ProviderValues {
        kind: body.text("type")?,
        connection_parameters: body.object("connection_parameters")?,
        visibility: body.text("visibility")?,
        created_by: body.text("created_by")?,
        created_at: body.time("created_at")?,
    })
}
