//! Filters of blueprints and of deployments.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nephele_manager::{FilterValues, Filtered};
use nephele_model::{Code, Error, Result};

use super::nothing;
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::page;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, Path(kind): Path<String>, query: Query) -> Answer {
    let mut wanted = query.list(&[])?;
    // The original reads no filters here.
    wanted.filters.clear();
    Ok(caller.page(&app.manager.list_filters(caller.ctx(), filtered(&kind)?, &wanted).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    query: Query,
) -> Answer {
    let found = app.manager.get_filter(caller.ctx(), filtered(&kind)?, &id, query.include().as_deref()).await?;
    Ok(page::record(StatusCode::OK, &found))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    Body(mut body): Body,
) -> Answer {
    let rules = Some(body.required_list("filter_rules")?);
    let values = FilterValues { rules, ..values(&mut body)? };
    let made = app.manager.create_filter(caller.ctx(), filtered(&kind)?, &id, values).await?;
    Ok(page::record(StatusCode::OK, &made))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    Body(mut body): Body,
) -> Answer {
    body.demand_something("Update a filter request must include at least one parameter to update")?;
    let changed = app.manager.update_filter(caller.ctx(), filtered(&kind)?, &id, values(&mut body)?).await?;
    Ok(page::record(StatusCode::OK, &changed))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path((kind, id)): Path<(String, String)>) -> Answer {
    app.manager.delete_filter(caller.ctx(), filtered(&kind)?, &id).await?;
    Ok(nothing())
}

fn values(body: &mut Arguments) -> Result<FilterValues> {
    Ok(FilterValues {
        rules: body.list("filter_rules")?,
        visibility: body.text("visibility")?,
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
