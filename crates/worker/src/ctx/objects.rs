//! The objects that `ctx` offers, and their attributes.

use serde_json::{Value, json};

use super::calls::Call;
use super::mapping::Method;
use super::raised::Raised;
use super::session::{Session, State};
use super::subject::Side;

/// What the arguments have led to so far.
pub(super) enum Current {
    Object(Object),
    /// Runtime properties, which may be changed.
    RuntimeProperties(Side),
    /// A node's properties, which may not.
    Properties(Value),
    /// A mere value.
    Value(Value),
    Call(Call),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Context,
    Instance(Side),
    Node(Side),
    /// An end of a relationship.
    Subject(Side),
    Operation,
    Logger,
    Blueprint,
    Deployment,
    Plugin,
    Capabilities,
}

impl Object {
    /// The class name in messages about objects that are no values.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Context => "CloudifyContext",
            Self::Instance(_) => "NodeInstanceContext",
            Self::Node(_) => "NodeContext",
            Self::Subject(_) => "RelationshipSubjectContext",
            Self::Operation => "OperationContext",
            Self::Logger => "Logger",
            Self::Blueprint => "BlueprintContext",
            Self::Deployment => "DeploymentContext",
            Self::Plugin => "PluginContext",
            Self::Capabilities => "ContextCapabilities",
        }
    }
}

/// The attribute `name`, in Python's spelling; `None` if there is none.
pub(super) async fn attribute(
    session: &Session,
    state: &mut State,
    object: Object,
    name: &str,
) -> Result<Option<Current>, Raised> {
    match object {
        Object::Context => of_context(session, state, name).await,
        Object::Subject(side) => Ok(match name {
            "instance" => Some(Current::Object(Object::Instance(side))),
            "node" => Some(Current::Object(Object::Node(side))),
            _ => None,
        }),
        Object::Instance(side) => of_instance(session, state, side, name).await,
        Object::Node(side) => of_node(session, state, side, name).await,
        Object::Logger => Ok(Call::logging(name).map(Current::Call)),
        Object::Capabilities => Ok((name == "get_all").then_some(Current::Call(Call::AllCapabilities))),
        Object::Operation | Object::Blueprint | Object::Deployment | Object::Plugin => {
            Ok(of_message(session, object, name))
        }
    }
}

/// Attributes that the operation's message holds.
fn of_message(session: &Session, object: Object, name: &str) -> Option<Current> {
    let context = session.context();
    let (operation, plugin) = (&context.operation, &context.plugin);
    let value = match (object, name) {
        (Object::Operation, "retry") => return Some(Current::Call(Call::OperationRetry)),
        (Object::Operation, "name") => json!(operation.name),
        (Object::Operation, "retry_number") => json!(operation.retry_number),
        (Object::Operation, "max_retries") => json!(operation.max_retries),
        (Object::Operation, "relationship") => json!(operation.relationship),
        (Object::Blueprint, "id") => json!(context.blueprint_id),
        (Object::Deployment, "id") => json!(context.deployment_id),
        (Object::Deployment, "display_name") => json!(context.deployment_display_name),
        (Object::Deployment, "creator") => json!(context.deployment_creator),
        (Object::Deployment, "tenant_name") => json!(context.tenant.name),
        (Object::Deployment, "resource_tags") => json!(context.deployment_resource_tags),
        (Object::Deployment, "runtime_only_evaluation") => json!(false),
        (Object::Plugin, "name") => json!(plugin.name),
        (Object::Plugin, "package_name") => json!(plugin.package_name),
        (Object::Plugin, "package_version") => json!(plugin.package_version),
        (Object::Plugin, "source") => json!(plugin.source),
        (Object::Plugin, "properties") => json!(plugin.properties),
        _ => return None,
    };
    Some(Current::Value(value))
}

async fn of_context(session: &Session, state: &State, name: &str) -> Result<Option<Current>, Raised> {
    let context = session.context();
    let manager = || session.operation.client.manager();
    let kind = kind(state);
    let value = match name {
        "instance" | "node" | "agent" if kind != NODE => {
            return Err(Raised::fatal(format!(
                "ctx.node/ctx.instance can only be used in a {NODE} context but used in a {kind} context."
            )));
        }
        "source" | "target" if kind != RELATIONSHIP => {
            return Err(Raised::fatal(format!(
                "ctx.source/ctx.target can only be used in a {RELATIONSHIP} context but used in a {kind} context."
            )));
        }
        "capabilities" if kind == DEPLOYMENT => {
            return Err(Raised::fatal(format!(
                "capabilities can only be used in a {NODE}/{RELATIONSHIP} context but used in a {kind} context."
            )));
        }
        "instance" => return object(Object::Instance(Side::Own)),
        "node" => return object(Object::Node(Side::Own)),
        "source" => return object(Object::Subject(Side::Source)),
        "target" => return object(Object::Subject(Side::Target)),
        "operation" => return object(Object::Operation),
        "logger" => return object(Object::Logger),
        "blueprint" => return object(Object::Blueprint),
        "deployment" => return object(Object::Deployment),
        "plugin" => return object(Object::Plugin),
        "capabilities" => return object(Object::Capabilities),
        "type" => json!(kind),
        "task_type" => json!(context.kind),
        "task_id" => json!(context.task_id),
        "task_name" => json!(context.task_name),
        "task_queue" => json!(context.task_queue),
        "task_target" => json!(context.task_target),
        "execution_id" => json!(context.execution_id),
        "workflow_id" => json!(context.workflow_id),
        "workflow_parameters" => json!(context.workflow_parameters),
        "execution_creator_username" => json!(context.execution_creator_username),
        "execution_env" => json!(context.execution_env),
        "execution_token" => json!(context.execution_token),
        "rest_token" => json!(context.rest_token),
        "rest_host" => json!(context.rest_host),
        "rest_port" => json!(context.rest_port),
        "bypass_maintenance" => json!(context.bypass_maintenance),
        "timeout" => json!(context.timeout),
        "timeout_recoverable" => json!(context.timeout_recoverable),
        "resume" => json!(context.resume),
        "tenant_name" => json!(context.tenant.name),
        "tenant" => manager().tenant(&context.tenant.name).await?,
        "provider_context" => manager().provider_context().await?["context"].take(),
        _ => return Ok(Call::of_context(name).map(Current::Call)),
    };
    Ok(Some(Current::Value(value)))
}

const NODE: &str = "node-instance";
const RELATIONSHIP: &str = "relationship-instance";
const DEPLOYMENT: &str = "deployment";

fn kind(state: &State) -> &'static str {
    match state.subjects.first() {
        Some((Side::Own, _)) => NODE,
        Some(_) => RELATIONSHIP,
        None => DEPLOYMENT,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of what `of_context` returns early")]
const fn object(object: Object) -> Result<Option<Current>, Raised> {
    Ok(Some(Current::Object(object)))
}

async fn of_instance(session: &Session, state: &mut State, side: Side, name: &str) -> Result<Option<Current>, Raised> {
    let client = &session.operation.client;
    let subject = state.subject(side)?;
    let value = match name {
        "id" => json!(subject.id),
        "node" => return Ok(Some(Current::Object(Object::Node(side)))),
        "runtime_properties" => return Ok(Some(Current::RuntimeProperties(side))),
        "update" => return Ok(Some(Current::Call(Call::Update(side)))),
        "refresh" => return Ok(Some(Current::Call(Call::Refresh(side)))),
        "host_ip" => subject.host_ip(client, session.context()).await?,
        "index" | "relationships" | "scaling_groups" => subject.instance(client).await?.fields[name].clone(),
        "drift" => {
            let drift = &subject.instance(client).await?.fields["system_properties"]["configuration_drift"];
            if drift["ok"] == true { drift["result"].clone() } else { Value::Null }
        }
        _ => return Ok(None),
    };
    Ok(Some(Current::Value(value)))
}

async fn of_node(session: &Session, state: &mut State, side: Side, name: &str) -> Result<Option<Current>, Raised> {
    let subject = state.subject(side)?;
    if matches!(name, "id" | "name") {
        return Ok(Some(Current::Value(json!(subject.node_name))));
    }
    if !matches!(name, "properties" | "type" | "type_hierarchy" | "number_of_instances") {
        return Ok(None);
    }
    let value = subject.node(&session.operation.client, session.context()).await?[name].clone();
    Ok(Some(if name == "properties" { Current::Properties(value) } else { Current::Value(value) }))
}

/// A method of a mapping, if `current` is one.
pub(super) fn method(current: &Current, name: &str) -> Option<Call> {
    let method = Method::named(name)?;
    match current {
        Current::RuntimeProperties(side) => Some(Call::OfRuntimeProperties(*side, method)),
        Current::Properties(Value::Object(fields)) => Some(Call::OfProperties(fields.clone(), method)),
        Current::Value(Value::Object(fields)) => Some(Call::OfValue(fields.clone(), method)),
        _ => None,
    }
}
