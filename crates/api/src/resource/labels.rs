//! Labels in use.

use axum::extract::{Path, State};
use nephele_manager::Labeled;
use nephele_model::page::ListQuery;
use nephele_model::{Code, Error, Result};

use crate::auth::Caller;
use crate::error::Answer;
use crate::query::{Query, Reserved};
use crate::{App, page};

pub(crate) async fn keys(
    State(app): State<App>,
    caller: Caller,
    Path(kind): Path<String>,
    Query((list, reserved)): Query<(ListQuery, Reserved)>,
) -> Answer {
    if reserved.0 {
        return Ok(page::plain(&app.manager.reserved_label_keys()));
    }
    let labeled = labeled(&kind)?;
    Ok(caller.page(&app.manager.list_label_keys(caller.ctx(), labeled, &list).await?))
}

pub(crate) async fn values(
    State(app): State<App>,
    caller: Caller,
    Path((kind, key)): Path<(String, String)>,
    Query(list): Query<ListQuery>,
) -> Answer {
    let labeled = labeled(&kind)?;
    Ok(caller.page(&app.manager.list_label_values(caller.ctx(), labeled, &key, &list).await?))
}

fn labeled(kind: &str) -> Result<Labeled> {
    match kind {
        "deployments" => Ok(Labeled::Deployment),
        "blueprints" => Ok(Labeled::Blueprint),
        other => Err(Error::new(Code::NotFound, format!("There are no labels of {other}"))),
    }
}
