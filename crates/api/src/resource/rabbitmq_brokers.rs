//! The message brokers of the installation.

use axum::extract::{Path, State};
use nephele_model::Error;

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_brokers(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let (name, address) = (body.required_text("name")?, body.required_text("address")?);
    let port = match body.take("port") {
        None => None,
        Some(port) => Some(
            port.as_i64()
                .filter(|port| (1..=65535).contains(port))
                .ok_or_else(|| Error::bad_parameters(format!("{port} is not a port")))?,
        ),
    };
    let networks = body.object("networks")?;
    Ok(ok(&app.manager.add_broker(caller.ctx(), &name, &address, port, networks).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let networks = body.object("networks")?.ok_or_else(|| Error::bad_parameters("`networks` not provided"))?;
    Ok(ok(&app.manager.update_broker(caller.ctx(), &name, networks).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    Ok(ok(&app.manager.remove_broker(caller.ctx(), &name).await?))
}
