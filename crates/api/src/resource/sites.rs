//! Sites.

use axum::extract::{Path, State};
use nephele_manager::{NewSite, kind};
use nephele_model::Result;
use nephele_model::page::ListQuery;

use super::{nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{FromBody, OptionalBody};
use crate::error::Answer;
use crate::query::{Include, Query};

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list(caller.ctx(), &kind::SITES, &list).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Query(Include(include)): Query<Include>,
) -> Answer {
    Ok(ok(&app.manager.get(caller.ctx(), &kind::SITES, &name, include.as_deref()).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    OptionalBody(new): OptionalBody<NewSite>,
) -> Answer {
    Ok(ok(&app.manager.create_site(caller.ctx(), NewSite { name, ..new }).await?))
}

pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    OptionalBody(change): OptionalBody<Change>,
) -> Answer {
    let (place, wanted) = (change.location.as_deref(), change.visibility.as_deref());
    Ok(ok(&app.manager.update_site(caller.ctx(), &name, change.new_name, place, wanted).await?))
}

impl FromBody for NewSite {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            name: String::new(),
            location: body.text("location")?,
            visibility: body.visibility()?,
            created_by: body.text("created_by")?,
            created_at: body.text("created_at")?,
        })
    }
}

/// What of a site is to change.
pub(crate) struct Change {
    new_name: Option<String>,
    location: Option<String>,
    visibility: Option<String>,
}

impl FromBody for Change {
    fn read(body: &mut Arguments) -> Result<Self> {
        let (new_name, location) = (body.text("new_name")?, body.text("location")?);
        Ok(Self { new_name, location, visibility: body.visibility()? })
    }
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    app.manager.delete_site(caller.ctx(), &name).await?;
    Ok(nothing())
}
