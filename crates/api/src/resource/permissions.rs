//! Which role holds which permission.

use axum::extract::{Path, State};
use nephele_model::page::ListQuery;

use super::{nothing, ok};
use crate::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list_permissions(caller.ctx(), None, list).await?))
}

pub(crate) async fn of_role(
    State(app): State<App>,
    caller: Caller,
    Path(role): Path<String>,
    Query(list): Query<ListQuery>,
) -> Answer {
    Ok(caller.page(&app.manager.list_permissions(caller.ctx(), Some(&role), list).await?))
}

pub(crate) async fn allow(
    State(app): State<App>,
    caller: Caller,
    Path((role, permission)): Path<(String, String)>,
) -> Answer {
    Ok(ok(&app.manager.allow(caller.ctx(), &role, &permission).await?))
}

pub(crate) async fn disallow(
    State(app): State<App>,
    caller: Caller,
    Path((role, permission)): Path<(String, String)>,
) -> Answer {
    app.manager.disallow(caller.ctx(), &role, &permission).await?;
    Ok(nothing())
}
