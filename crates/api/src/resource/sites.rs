//! Sites.

use axum::extract::{Path, State};
use nephele_manager::{NewSite, kind};

use super::{nothing, ok};
use crate::App;
use crate::auth::Caller;
use crate::body::OptionalBody;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list(caller.ctx(), &kind::SITES, &query.list(&[])?).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>, query: Query) -> Answer {
    Ok(ok(&app.manager.get(caller.ctx(), &kind::SITES, &name, query.include().as_deref()).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    OptionalBody(mut body): OptionalBody,
) -> Answer {
    let new = NewSite { name, location: body.text("location")?, visibility: body.text("visibility")? };
    Ok(ok(&app.manager.create_site(caller.ctx(), new).await?))
}

pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    OptionalBody(mut body): OptionalBody,
) -> Answer {
    let (new_name, place, wanted) = (body.text("new_name")?, body.text("location")?, body.text("visibility")?);
    let site = app.manager.update_site(caller.ctx(), &name, new_name, place.as_deref(), wanted.as_deref()).await?;
    Ok(ok(&site))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    app.manager.delete_site(caller.ctx(), &name).await?;
    Ok(nothing())
}
