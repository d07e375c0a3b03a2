//! One search over everything that has a name.

use axum::extract::State;
use nephele_model::Result;

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::query::{FromQuery, Pairs, Query};

pub(crate) async fn everything(State(app): State<App>, caller: Caller, Query(Text(text)): Query<Text>) -> Answer {
    Ok(ok(&app.manager.search(caller.ctx(), &text).await?))
}

/// A part of a name.
pub(crate) struct Text(String);

impl FromQuery for Text {
    fn read(query: &Pairs) -> Result<Self> {
        query.required("q", "`q` is missing: it is what is searched for, a part of a name").map(Self)
    }
}
