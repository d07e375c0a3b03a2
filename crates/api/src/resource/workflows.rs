//! What deployments can run.

use axum::extract::State;
use nephele_manager::Narrowing;
use nephele_model::Result;
use nephele_model::page::ListQuery;

use super::deployments;
use crate::auth::Caller;
use crate::error::Answer;
use crate::query::{FromQuery, Pairs, Query};
use crate::{App, page};

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query((Wanted(mut list), by)): Query<(Wanted, Narrowing)>,
) -> Answer {
    list.rules = app.manager.deployment_rules(caller.ctx(), by).await?;
    Ok(page::plain(&app.manager.list_workflows(caller.ctx(), &list).await?))
}

/// Whose workflows.
pub(crate) struct Wanted(ListQuery);

impl FromQuery for Wanted {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self(deployments::named(query, query.list(&[])?)))
    }
}
