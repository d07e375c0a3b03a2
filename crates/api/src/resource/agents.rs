//! Host agents.

use axum::extract::{Path, State};
use nephele_manager::{AgentUpdate, NewAgent};
use nephele_model::Error;
use serde_json::{Map, Value, json};

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

/// The fields of an agent, for the answer to one that was there already.
const FIELDS: [&str; 26] = [
    "created_at",
    "id",
    "visibility",
    "ip",
    "name",
    "install_method",
    "system",
    "version",
    "state",
    "rabbitmq_username",
    "rabbitmq_password",
    "rabbitmq_exchange",
    "updated_at",
    "node_instance_id",
    "host_id",
    "node_id",
    "deployment_id",
    "node",
    "deployment",
    "node_ids",
    "node_instance_ids",
    "install_methods",
    "tenant_name",
    "created_by",
    "resource_availability",
    "private_resource",
];

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    let get_data = query.flag("_get_data")?;
    Ok(caller.page(&app.manager.list_agents(caller.ctx(), &query.list(&[])?, get_data).await?))
}

pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    Ok(ok(&app.manager.get_agent(caller.ctx(), &name).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let new = NewAgent {
        name,
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
        visibility: body.text("visibility")?,
        created_by: body.text("created_by")?,
        created_at: body.time("created_at")?,
    };
    let created = app.manager.create_agent(caller.ctx(), new).await?;
    let empty = || FIELDS.iter().map(|name| ((*name).to_owned(), Value::Null)).collect::<Map<_, _>>().into();
    Ok(ok(&created.unwrap_or_else(empty)))
}

pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(mut body): Body,
) -> Answer {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let update = AgentUpdate {
        state: given(body.text("state")?),
        system: given(body.text("system")?),
        version: given(body.text("version")?),
    };
    Ok(ok(&app.manager.update_agent(caller.ctx(), &name, update).await?))
}

pub(crate) async fn replace_certificates(State(app): State<App>, Body(mut body): Body) -> Answer {
    let bundle = body.required_flag("bundle")?;
    let (broker, manager) = (body.text("broker_ca_cert")?, body.text("manager_ca_cert")?);
    if broker.is_none() && manager.is_none() {
        return Err(Error::bad_parameters("Give a `broker_ca_cert`, a `manager_ca_cert`, or both").into());
    }
    let count = app.manager.replace_agent_certificates(bundle, broker, manager).await?;
    Ok(ok(&json!({"number_of_updated_agents": count})))
}
