//! Filters of blueprints and of deployments.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{FilterValues, Filtered};
use nephele_model::page::ListQuery;
use nephele_model::{Code, Error, Result};

use super::nothing;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;
use crate::query::{FromQuery, Include, Pairs, Query};
use crate::{App, page};

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(kind): Path<String>,
    Query(Unfiltered(list)): Query<Unfiltered>,
) -> Answer {
    Ok(caller.page(&app.manager.list_filters(caller.ctx(), filtered(&kind)?, &list).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    Query(Include(include)): Query<Include>,
) -> Answer {
    let found = app.manager.get_filter(caller.ctx(), filtered(&kind)?, &id, include.as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    Body(New(values)): Body<New>,
) -> Answer {
    let made = app.manager.create_filter(caller.ctx(), filtered(&kind)?, &id, values).await?;
    Ok(page::record(StatusCode::OK, &made))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    Body(Changed(values)): Body<Changed>,
) -> Answer {
    let changed = app.manager.update_filter(caller.ctx(), filtered(&kind)?, &id, values).await?;
    Ok(page::record(StatusCode::OK, &changed))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path((kind, id)): Path<(String, String)>) -> Answer {
    app.manager.delete_filter(caller.ctx(), filtered(&kind)?, &id).await?;
    Ok(nothing())
}

/// A page where other keys mean nothing: the original reads no filters here.
pub(crate) struct Unfiltered(ListQuery);

impl FromQuery for Unfiltered {
    fn read(query: &Pairs) -> Result<Self> {
        query.page().map(Self)
    }
}

/// A filter to make.
pub(crate) struct New(FilterValues);

impl FromBody for New {
    fn read(body: &mut Arguments) -> Result<Self> {
        let rules = Some(body.required_list("filter_rules")?);
        Ok(Self(FilterValues { rules, ..values(body)? }))
    }
}

/// What of a filter is to change.
pub(crate) struct Changed(FilterValues);

impl FromBody for Changed {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.demand_something("Update a filter request must include at least one parameter to update")?;
        values(body).map(Self)
    }
}

fn values(body: &mut Arguments) -> Result<FilterValues> {
    Ok(FilterValues {
        rules: body.list("filter_rules")?,
        visibility: body.visibility()?,
        created_at: body.text("created_at")?,
        created_by: body.text("created_by")?,
    })
}

fn filtered(kind: &str) -> Result<Filtered> {
    match kind {
        "deployments" => Ok(Filtered::Deployment),
        "blueprints" => Ok(Filtered::Blueprint),
        other => Err(Error::new(Code::NotFound, format!("There are no filters of {other}"))),
    }
}
