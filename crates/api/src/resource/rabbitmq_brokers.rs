//! The message brokers of the installation.

use axum::extract::{Path, State};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result};
use serde_json::{Map, Value};

use super::ok;
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::declared::Shape;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list_brokers(caller.ctx(), &list).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(new): Body<NewBroker>) -> Answer {
    let NewBroker { name, address, port, networks } = new;
    Ok(ok(&app.manager.add_broker(caller.ctx(), &name, &address, port, networks).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(Networks(networks)): Body<Networks>,
) -> Answer {
    Ok(ok(&app.manager.update_broker(caller.ctx(), &name, networks).await?))
}

/// A broker to tell about.
pub(crate) struct NewBroker {
    name: String,
    address: String,
    port: Option<i64>,
    networks: Option<Map<String, Value>>,
}

impl FromBody for NewBroker {
    fn read(body: &mut Arguments) -> Result<Self> {
        let (name, address) = (body.required_text("name")?, body.required_text("address")?);
        let (port, networks) = (body.take_as("port", Shape::Integer), body.object("networks")?);
        let checked = |port: Value| {
            let number = port.as_i64().filter(|port| (1..=65535).contains(port));
            number.ok_or_else(|| Error::bad_parameters(format!("{port} is not a port")))
        };
        Ok(Self { name, address, port: port.map(checked).transpose()?, networks })
    }
}

/// The addresses of a broker by network.
pub(crate) struct Networks(Map<String, Value>);

impl FromBody for Networks {
    fn read(body: &mut Arguments) -> Result<Self> {
        let networks = body.object("networks")?;
        networks.map(Self).ok_or_else(|| Error::bad_parameters("`networks` not provided"))
    }
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    Ok(ok(&app.manager.remove_broker(caller.ctx(), &name).await?))
}
