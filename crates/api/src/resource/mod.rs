//! Handlers, one file per resource: extract, call one use case, shape its result.

pub(crate) mod agents;
pub(crate) mod attention;
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
pub(crate) mod leftovers;
pub(crate) mod licenses;
pub(crate) mod maintenance;
pub(crate) mod managers;
pub(crate) mod measures;
pub(crate) mod nodes;
pub(crate) mod operations;
pub(crate) mod permissions;
pub(crate) mod plugins;
pub(crate) mod plugins_updates;
pub(crate) mod preferences;
pub(crate) mod rabbitmq_brokers;
pub(crate) mod search;
pub(crate) mod searches;
pub(crate) mod secrets;
pub(crate) mod secrets_providers;
pub(crate) mod sessions;
pub(crate) mod sites;
pub(crate) mod status;
pub(crate) mod summaries;
pub(crate) mod tenants;
pub(crate) mod tokens;
pub(crate) mod usage;
pub(crate) mod users;
pub(crate) mod workflows;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use nephele_model::Result;
use serde::Serialize;

use crate::arguments::{Arguments, VISIBILITIES};
use crate::body::FromBody;
use crate::error::json_response;

/// What to do with the executions of a group.
pub(crate) struct Act(pub(crate) String);

impl FromBody for Act {
    fn read(body: &mut Arguments) -> Result<Self> {
        const ACTS: &[&str] = &["cancel", "force-cancel", "kill", "resume", "force-resume", "requeue"];
        body.required_word("action", ACTS).map(Self)
    }
}

/// The name of something to do.
pub(crate) struct Action(pub(crate) String);

impl FromBody for Action {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.required_text("action").map(Self)
    }
}

/// Who shall see something.
pub(crate) struct Seen(pub(crate) String);

impl FromBody for Seen {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.required_word("visibility", VISIBILITIES).map(Self)
    }
}

/// How something stands, with the reason of a failure.
pub(crate) struct NewStatus {
    pub(crate) status: String,
    pub(crate) error: String,
}

impl FromBody for NewStatus {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self { status: body.required_text("status")?, error: body.text("error")?.unwrap_or_default() })
    }
}

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
