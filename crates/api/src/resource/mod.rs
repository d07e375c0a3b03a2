//! Handlers, one file per resource: extract, call one use case, shape its result.

pub(crate) mod agents;
pub(crate) mod audit_log;
pub(crate) mod blueprints;
pub(crate) mod config;
pub(crate) mod db_nodes;
pub(crate) mod dependencies;
pub(crate) mod deployment_groups;
pub(crate) mod deployment_modifications;
pub(crate) mod deployment_updates;
pub(crate) mod deployments;
pub(crate) mod evaluate;
pub(crate) mod events;
pub(crate) mod execution_groups;
pub(crate) mod execution_schedules;
pub(crate) mod executions;
pub(crate) mod exports;
pub(crate) mod external;
pub(crate) mod file_server;
pub(crate) mod filters;
pub(crate) mod groups;
pub(crate) mod instances;
pub(crate) mod labels;
pub(crate) mod licenses;
pub(crate) mod maintenance;
pub(crate) mod managers;
pub(crate) mod nodes;
pub(crate) mod operations;
pub(crate) mod permissions;
pub(crate) mod plugins;
pub(crate) mod plugins_updates;
pub(crate) mod rabbitmq_brokers;
pub(crate) mod searches;
pub(crate) mod secrets;
pub(crate) mod secrets_providers;
pub(crate) mod sites;
pub(crate) mod status;
pub(crate) mod summaries;
pub(crate) mod tenants;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod workflows;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::json_response;

/// 200 with a JSON body.
pub(crate) fn ok(body: &impl Serialize) -> Response {
    json_response(StatusCode::OK, body)
}

/// 201 with a JSON body.
pub(crate) fn created(body: &impl Serialize) -> Response {
    json_response(StatusCode::CREATED, body)
}

/// 204.
pub(crate) fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// 201 with `null` for something that was stored, 204 when there was nothing to store.
pub(crate) fn stored(count: usize) -> Response {
    if count == 0 { nothing() } else { created(&()) }
}
