//! Host agents.

use axum::extract::{Path, State};
use nephele_manager::{AgentUpdate, NewAgent, kind};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result};
use serde_json::{Map, Value, json};

use super::ok;
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;
use crate::query::{GetData, Query};

/// What lists leave out.
pub(crate) const NOT_LISTED: &[&str] = &[
    "deployment_id",
    "install_methods",
    "name",
    "node_id",
    "node_ids",
    "node_instance_ids",
    "private_resource",
    "resource_availability",
    "state",
    "updated_at",
];

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query((list, GetData(get_data))): Query<(ListQuery, GetData)>,
) -> Answer {
    Ok(caller.page(&app.manager.list_agents(caller.ctx(), &list, get_data).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    Ok(ok(&app.manager.get_agent(caller.ctx(), &name).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(new): Body<NewAgent>,
) -> Answer {
    let created = app.manager.create_agent(caller.ctx(), NewAgent { name, ..new }).await?;
    let names = kind::AGENTS.fields_without(&[]);
    let empty = || names.into_iter().map(|name| (name, Value::Null)).collect::<Map<_, _>>().into();
    Ok(ok(&created.unwrap_or_else(empty)))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(update): Body<AgentUpdate>,
) -> Answer {
    Ok(ok(&app.manager.update_agent(caller.ctx(), &name, update).await?))
}

pub(crate) async fn replace_certificates(State(app): State<App>, Body(sent): Body<Certificates>) -> Answer {
    let count = app.manager.replace_agent_certificates(sent.bundle, sent.broker, sent.manager).await?;
    Ok(ok(&json!({"number_of_updated_agents": count})))
}

impl FromBody for NewAgent {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            name: String::new(),
            node_instance_id: body.required_text("node_instance_id")?,
            state: body.required_text("state")?,
            with_credentials: body.required_flag("create_rabbitmq_user")?,
            ip: body.text("ip")?,
            install_method: body.required_text("install_method")?,
            system: body.text("system")?,
            version: body.text("version")?,
            username: body.text("rabbitmq_username")?,
            password: body.text("rabbitmq_password")?,
            exchange: body.text("rabbitmq_exchange")?,
            visibility: body.visibility()?,
            created_by: body.text("created_by")?,
            created_at: body.time("created_at")?,
        })
    }
}

impl FromBody for AgentUpdate {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self { state: body.filled("state")?, system: body.filled("system")?, version: body.filled("version")? })
    }
}

/// Certificates that agents are to trust from now on.
pub(crate) struct Certificates {
    bundle: bool,
    broker: Option<String>,
    manager: Option<String>,
}

impl FromBody for Certificates {
    fn read(body: &mut Arguments) -> Result<Self> {
        let bundle = body.required_flag("bundle")?;
        let (broker, manager) = (body.text("broker_ca_cert")?, body.text("manager_ca_cert")?);
        if broker.is_none() && manager.is_none() {
            return Err(Error::bad_parameters("Give a `broker_ca_cert`, a `manager_ca_cert`, or both"));
        }
        Ok(Self { bundle, broker, manager })
    }
}
